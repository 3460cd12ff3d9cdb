"""stackmend: declarative, reproducible restoration of FIB-SEM image stacks.

``stackmend.api`` has the functions behind the commands.
"""
