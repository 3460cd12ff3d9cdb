"""What can go wrong, told apart by what the user can do about it.

::

    StackmendError
    ├── UsageError       2  the command line is wrong: change the command
    ├── ProtocolError    3  the protocol is wrong: change the YAML file; carries every Problem found
    ├── InputError       4  the stack cannot be used: change or repair the images
    │   ├── BadSlice     4  one slice cannot; the protocol may say to go on without it
    │   └── NotReached   4  the network does not give it: run again
    ├── StepError        5  a step failed on a slice: report it, with the log
    ├── QualityError     6  everything worked and the outcome is not acceptable
    │   ├── NothingFound 6  no combination of the search finds anything
    │   └── Rejected     6  a measure exceeds the limit of a gate
    ├── OutputError      8  the result cannot be written: make room or choose another folder
    ├── WorkerLost       9  the system has ended a worker: give more memory, or take fewer of them
    └── Unfinished      10  parts of a run are not done: run them, then finish

Status 7 is that of ``verify`` where it finds a difference, 130 that of an interruption. Messages
read ``where: what, got VALUE; what to do``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


class StackmendError(Exception):
    """Base of every error that a user can do something about; never shown with a traceback."""

    exit_status = 1


class UsageError(StackmendError):
    """The command or the call is wrong."""

    exit_status = 2


@dataclass(frozen=True)
class Problem:
    """One thing wrong (or doubtful) in a protocol, with its place in the file.

    ``line`` and ``column`` count from 1; ``line`` is 0 for a value that came from the command line,
    whose text is then in ``source``. ``length`` is how many characters the place covers.
    """

    path: str
    message: str
    line: int = 0
    column: int = 0
    length: int = 1
    source: str = ""
    severity: str = "error"


class ProtocolError(StackmendError):
    """The protocol has problems; all that one pass can find are in ``problems``, in file order."""

    exit_status = 3

    def __init__(self, name: str, problems: Sequence[Problem]) -> None:
        self.name = name
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{p.path or name}: {p.message}" for p in self.problems))


class InputError(StackmendError):
    """The input stack cannot be read, or its pixels cannot be used."""

    exit_status = 4


class BadSlice(InputError):
    """One slice cannot be used; ``pixels`` holds what can be read of it, if anything."""

    def __init__(self, message: str, pixels: NDArray[Any] | None = None) -> None:
        super().__init__(message)
        self.pixels = pixels


class NotReached(InputError):
    """The network does not give what lies at an address: no slice is bad for that."""


class StepError(StackmendError):
    """A step failed while it computed a slice."""

    exit_status = 5


class QualityError(StackmendError):
    """The outcome does not pass a quality gate."""

    exit_status = 6


class NothingFound(QualityError):
    """No combination of the search finds anything in the optimization slices."""


class Rejected(QualityError):
    """A result exceeds limits of its protocol; it is kept in a folder of its own."""


class OutputError(StackmendError):
    """The result cannot be written."""

    exit_status = 8


class WorkerLost(StackmendError):
    """A worker was ended from outside, by the system or by a crash of its own."""

    exit_status = 9


class Unfinished(StackmendError):
    """What is to be joined is not all there."""

    exit_status = 10


INTERRUPTED = 130
"""Exit status after Ctrl-C or a termination signal."""
