"""The command line: its verbs, a module each, and what becomes of errors and signals.

Results go to standard output, messages and progress to standard error; no prompts, ever. A verb
is a module of this folder with ``HELP``, ``add_arguments`` and ``main``. It imports what is heavy
where it needs it, so that ``--help`` and a mistyped option answer at once.

Exit status: 0 done; 2 usage; 3 protocol; 4 input data; 5 a step failed; 6 a quality gate failed
(nothing found); 7 verify found a difference; 8 the result cannot be written; 9 a worker was ended
by the system; 10 parts of a run are missing; 130 interrupted.
"""

from __future__ import annotations

import argparse
import atexit
import gc
import logging
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from keyword import iskeyword
from typing import Any, NoReturn

import stackmend
from stackmend import interrupts
from stackmend.cli.options import Options
from stackmend.cli.problems import problems_text
from stackmend.cli.terminal.streams import flush, make_ready, message_line, say
from stackmend.errors import INTERRUPTED, ProtocolError, StackmendError
from stackmend.words import command_text, printable

VERBS = (
    "run",
    "tune",
    "finish",
    "show",
    "check",
    "plan",
    "verify",
    "replay",
    "diff",
    "explain",
    "freeze",
    "bundle",
    "try",
    "report",
    "figures",
    "steps",
    "new-step",
    "schema",
    "init",
    "configs",
    "import",
    "migrate",
    "crate",
)
"""The modules that are verbs, in the order of the help."""

_BROKEN = 1
"""Exit status where the installation is broken, as of a defect."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    make_ready()
    # Nothing is imported from the working folder, by no process that is started from here on; nor
    # does numba load compiled code from where a file in that folder says.
    os.environ["PYTHONSAFEPATH"] = "1"
    os.environ.setdefault("NUMBA_CACHE_DIR", "")
    # What tifffile logs about damaged files is said in our own messages.
    logging.getLogger("tifffile").setLevel(logging.CRITICAL + 1)
    atexit.register(_end)
    given = list(sys.argv[1:] if arguments is None else arguments)
    with interrupts.listening() as signals:
        try:
            status = _outcome(given, signals)
            signals.ignore()
        except KeyboardInterrupt as interrupt:  # while an error was told
            status = _report_failure(interrupt)
        finally:
            flush()
    return status


def _end() -> None:
    """Leave what is alive at the end to the process: a last search for cycles takes 0.3 s."""
    # But what HDF5 has handed out, and an error has kept, crashes Python if freed any later.
    if "h5py" in sys.modules:
        gc.collect()
    gc.freeze()


def _outcome(given: Sequence[str], signals: interrupts.Interrupts) -> int:
    try:
        signals.allow()
        options = make_parser().parse_args(
            given, Options(command=command_text("stackmend", *given))
        )
        verb = module_of(options.verb)
        with interrupts.as_interruption():
            status: int = verb.main(options)
        return status
    except (StackmendError, KeyboardInterrupt) as error:
        return _report_failure(error)
    except ImportError as error:
        what = f"stackmend cannot be loaded as it is installed ({error})"
        say(message_line(f"{what}; install it again, with its packages"), sys.stderr)
        return _BROKEN


def make_parser() -> argparse.ArgumentParser:
    """What reads the command line, with the arguments of every verb."""
    parser = _Parser(
        prog="stackmend",
        description="Restore FIB-SEM image stacks as a YAML protocol says.",
        epilog="Exit status: 0 done, 2 usage, 3 protocol, 4 input data, 5 a step failed, "
        "6 nothing found or another quality gate, 7 a difference was found, 8 result cannot be "
        "written, 9 a worker was ended by the system, 10 parts of a run are missing, "
        "130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=f"stackmend {stackmend.__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="COMMAND", required=True)
    for name in VERBS:
        verb = module_of(name)
        verb.add_arguments(verbs.add_parser(name, help=verb.HELP))
    return parser


def module_of(verb: str) -> Any:
    """The module of a verb, named as Python can: with _ for -, and behind a word of Python."""
    name = f"{verb}_" if iskeyword(verb) else verb.replace("-", "_")
    return import_module(f"{__name__}.{name}")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        super().error(printable(message))


def _report_failure(error: StackmendError | KeyboardInterrupt) -> int:
    """Say what went wrong and how to go on; the exit status."""
    notes = getattr(error, "__notes__", [])
    if isinstance(error, KeyboardInterrupt):
        say(message_line("; ".join(["interrupted", *notes])), sys.stderr)
        return INTERRUPTED
    if isinstance(error, ProtocolError):
        say(problems_text(error.name, error.problems, ran=False), sys.stderr)
        return error.exit_status
    for line in (str(error), *notes):
        say(message_line(line), sys.stderr)
    return error.exit_status
