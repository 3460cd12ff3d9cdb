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
import shlex
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

import stackmend
from stackmend.cli.options import Options
from stackmend.cli.problems import problems_text
from stackmend.cli.terminal.streams import discard_output, message_line, say
from stackmend.errors import INTERRUPTED, ProtocolError, StackmendError
from stackmend.words import printable

VERBS = (
    "run",
    "finish",
    "show",
    "check",
    "plan",
    "report",
    "figures",
    "steps",
    "schema",
    "init",
)
"""The modules that are verbs, in the order of the help."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    given = list(sys.argv[1:] if arguments is None else arguments)
    command = shlex.join(["stackmend", *given])
    options = make_parser().parse_args(given, Options(command=command))
    verb = import_module(f"{__name__}.{options.verb}")

    # What tifffile logs about damaged files is said in our own messages.
    logging.getLogger("tifffile").setLevel(logging.CRITICAL + 1)
    signal.signal(signal.SIGTERM, _interrupt)
    # What is alive at the end goes with the process: a last search for cycles takes 0.3 s.
    atexit.register(gc.freeze)
    try:
        status: int = verb.main(options)
        sys.stdout.flush()
        return status
    except (StackmendError, KeyboardInterrupt) as error:
        return _report_failure(error)
    except BrokenPipeError:
        discard_output(sys.stdout)  # whoever read our output has gone: nothing is left to say
        return 0


def make_parser() -> argparse.ArgumentParser:
    """What reads the command line, with the arguments of every verb."""
    parser = _Parser(
        prog="stackmend",
        description="Restore FIB-SEM image stacks as a YAML protocol says.",
        epilog="Exit status: 0 done, 2 usage, 3 protocol, 4 input data, 5 a step failed, "
        "6 nothing found or another quality gate, 8 result cannot be written, 9 a worker was ended "
        "by the system, 10 parts of a run are missing, 130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=f"stackmend {stackmend.__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="COMMAND", required=True)
    for name in VERBS:
        verb = import_module(f"{__name__}.{name}")
        verb.add_arguments(verbs.add_parser(name, help=verb.HELP))
    return parser


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        super().error(printable(message))


def _interrupt(*_: object) -> NoReturn:
    """Take a signal to terminate as Ctrl-C."""
    raise KeyboardInterrupt


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
