"""The program: ``stackmend``, and ``python -m stackmend``.

Nothing is imported before the working folder is off the path: a protocol from somebody else comes
in a folder, and what lies there must not be taken for a part of this program.
"""

import sys


def start() -> int:
    """Run the command line as a program of its own; the exit status."""
    from stackmend.errors import INTERRUPTED
    from stackmend.interrupts import leave, listening

    # Before the command line listens, signals wait for it; when it has ended, they mean nothing.
    with listening(ignored_later=True):
        from stackmend.cli import main

        status = main()
        if status == INTERRUPTED:  # nothing is waited for, and no thread with what it computes
            leave()
    return status


def leave_working_folder() -> None:
    """Take the working folder off the path, where ``python -m`` has put it first.

    It stays where the program itself lies there. A folder that PYTHONPATH names stays, too.
    """
    home = __file__.replace("\\", "/").rpartition("/stackmend/")[0]
    if not sys.flags.safe_path and sys.path[0].replace("\\", "/") != home:
        del sys.path[0]


if __name__ == "__main__":
    leave_working_folder()
    raise SystemExit(start())
