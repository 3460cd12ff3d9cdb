"""The command line. Results go to standard output, messages and progress to standard error; no prompts, ever.

Exit status: 0 done; 2 usage; 3 protocol; 4 input data; 5 a step failed; 6 a quality gate failed (nothing found);
7 verify found a difference; 8 the result cannot be written; 130 interrupted.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import NoReturn

from stackmend.cli import commands
from stackmend.errors import INTERRUPTED, ProtocolError, StackmendError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    options = _parser().parse_args(arguments)
    _terminate_like_ctrl_c()
    try:
        status: int = options.command(options)
        return status
    except ProtocolError as error:
        from stackmend.cli.messages import framed

        print(framed(error.name, error.problems, ran=False), file=sys.stderr)
        return error.exit_status
    except StackmendError as error:
        print("; ".join([f"stackmend: {error}", *getattr(error, "__notes__", [])]), file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        message = "stackmend: interrupted; earlier results are untouched, the same command goes on"
        print(message, file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # the reader of a pipe has gone: nothing is left to say to anyone
        return 0


def _terminate_like_ctrl_c() -> None:
    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="stackmend",
        description="Restore FIB-SEM image stacks as a YAML protocol says.",
        epilog="Exit status: 0 done, 2 usage, 3 protocol, 4 input data, 5 a step failed, 6 nothing found or another "
        "quality gate, 8 result cannot be written, 130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=f"stackmend {metadata.version('stackmend')}")
    verbs = parser.add_subparsers(metavar="COMMAND", required=True)

    run = verbs.add_parser("run", help="check, choose parameters, restore the stack, leave record and results")
    _add_protocol(run)
    run.add_argument("--workers", type=_count, metavar="N", help="parallel workers (default: one for each core)")
    run.add_argument("--memory", metavar="SIZE", help="what all workers may take together, for instance 8GB")
    run.add_argument("--shard", metavar="I/N", help="restore only the I-th of N parts; 'finish' joins them")
    run.add_argument("--quiet", action="store_true", help="print errors only")
    run.set_defaults(command=commands.run)

    check = verbs.add_parser("check", help="report every problem of a protocol and its stack; compute nothing")
    _add_protocol(check)
    check.add_argument("--format", choices=("text", "json"), default="text", help="how problems are printed")
    check.set_defaults(command=commands.check)

    plan = verbs.add_parser("plan", help="say what a run would do, find done, and need; write nothing")
    _add_protocol(plan)
    plan.add_argument("--workers", type=_count, metavar="N", help="parallel workers (default: one for each core)")
    plan.add_argument("--memory", metavar="SIZE", help="what all workers may take together, for instance 8GB")
    plan.add_argument("--format", choices=("text", "json"), default="text", help="how it is printed")
    plan.set_defaults(command=commands.plan)

    steps = verbs.add_parser("steps", help="list installed steps, or explain one")
    steps.add_argument("name", nargs="?", metavar="NAME", help="a step or loss to explain")
    steps.set_defaults(command=commands.steps)

    schema = verbs.add_parser("schema", help="print the JSON Schema of protocols, for editors")
    schema.set_defaults(command=commands.schema)

    init = verbs.add_parser("init", help="print a commented starting protocol")
    init.add_argument("--for", dest="stack", type=Path, metavar="STACK", help="the stack it is for")
    init.set_defaults(command=commands.init)
    return parser


def _add_protocol(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("protocol", type=Path, metavar="PROTOCOL", help="a YAML file")
    parser.add_argument("--input", type=Path, metavar="PATH", help="the stack, instead of input.path")
    parser.add_argument("--output", type=Path, metavar="PATH", help="the result folder, instead of output.path")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        type=_assignment,
        metavar="KEY=VALUE",
        help="replace a value of the protocol, for instance find_charging.gf1_sigma=40 (may be repeated)",
    )


def _count(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number, 1 or more, got {text}")
    return number


def _assignment(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise argparse.ArgumentTypeError(f"must be KEY=VALUE, got {text}")
    return key.strip(), value
