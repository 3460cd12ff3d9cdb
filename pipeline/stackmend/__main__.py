"""The program: ``stackmend``, and ``python -m stackmend``.

Nothing is imported before the working folder is off the path: a protocol from somebody else comes
in a folder, and what lies there must not be taken for a part of this program.
"""

import sys


def start() -> int:
    """Run the command line as a program of its own; the exit status."""
    import signal

    from stackmend.errors import INTERRUPTED
    from stackmend.interrupts import SIGNALS, leave

    # Before the command line listens, and when it has ended, there is nothing to be told.
    heard = [each for each in SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]
    for each in heard:
        signal.signal(each, signal.SIG_DFL)
    from stackmend.cli import main

    status = main()
    if status == INTERRUPTED:  # nothing is waited for: not for threads, nor for what they compute
        leave()
    for each in heard:
        signal.signal(each, signal.SIG_IGN)
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
