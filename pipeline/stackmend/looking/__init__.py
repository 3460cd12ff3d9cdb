"""A look at a stack: what it is made of, which charging model finds something, what protocol fits.

``look`` reads a few slices and asks the models with their defaults; ``protocol_for`` writes down
what was seen and what follows from it.
"""

from stackmend.looking.decision import Look, look
from stackmend.looking.writing import protocol_for

__all__ = ["Look", "look", "protocol_for"]
