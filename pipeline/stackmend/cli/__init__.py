"""The command line. Results go to standard output, messages and progress to standard error; no prompts, ever.

Exit status: 0 done; 2 usage; 3 protocol; 4 input data; 5 a step failed; 6 a quality gate failed (nothing found);
7 verify found a difference; 8 the result cannot be written; 130 interrupted.
"""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import NoReturn

from stackmend.cli import commands
from stackmend.cli.streams import discard_output, say
from stackmend.errors import INTERRUPTED, ProtocolError, StackmendError
from stackmend.words import printable


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(words)
    options.again = printable(shlex.join(["stackmend", *words]))
    _terminate_like_ctrl_c()
    try:
        status: int = options.command(options)
        sys.stdout.flush()
        return status
    except (StackmendError, KeyboardInterrupt) as error:
        return _failed(error, options)
    except BrokenPipeError:
        discard_output(
            sys.stdout
        )  # the reader of a pipe has gone: nothing is left to say to anyone
        return 0


def _failed(error: StackmendError | KeyboardInterrupt, options: argparse.Namespace) -> int:
    """Say what went wrong, and how to go on; the exit status."""
    status = INTERRUPTED if isinstance(error, KeyboardInterrupt) else error.exit_status
    going_on = f"; continue with: {options.again}" if hasattr(options, "show") else ""
    message = f"interrupted{going_on}" if isinstance(error, KeyboardInterrupt) else str(error)
    if getattr(options, "show", "") == "json":
        from stackmend.cli.progress import say_event

        problems = (
            {"problems": [asdict(each) for each in error.problems]}
            if isinstance(error, ProtocolError)
            else {}
        )
        say_event(
            "error",
            {"status": status, "class": type(error).__name__, "message": message, **problems},
        )
    if isinstance(error, ProtocolError):
        from stackmend.cli.messages import framed

        say(framed(error.name, error.problems, ran=False), sys.stderr)
        return status
    for line in (message, *getattr(error, "__notes__", [])):
        say(f"stackmend: {printable(line)}", sys.stderr)
    return status


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
    parser.add_argument(
        "--version", action="version", version=f"stackmend {metadata.version('stackmend')}"
    )
    verbs = parser.add_subparsers(metavar="COMMAND", required=True)

    run = verbs.add_parser(
        "run", help="check, choose parameters, restore the stack, leave record and results"
    )
    _add_protocol(run)
    run.add_argument(
        "--workers", type=_count, metavar="N", help="parallel workers (default: one for each core)"
    )
    run.add_argument(
        "--backend",
        choices=("loky", "dask"),
        default="loky",
        help="processes here, or a Dask cluster",
    )
    run.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="of the Dask cluster, for instance tcp://127.0.0.1:8786",
    )
    run.add_argument(
        "--memory", metavar="SIZE", help="what all workers may take together, for instance 8GB"
    )
    run.add_argument(
        "--shard", metavar="I/N", help="restore only the I-th of N parts; 'finish' joins them"
    )
    _add_telling(run)
    run.set_defaults(command=commands.run)

    finish = verbs.add_parser(
        "finish", help="join what the shards of a run have made; compute nothing"
    )
    _add_protocol(finish)
    finish.add_argument(
        "--workers", type=_count, metavar="N", help="parallel workers (default: one for each core)"
    )
    _add_telling(finish)
    finish.set_defaults(command=commands.finish)

    show = verbs.add_parser("show", help="print the summary of a run again")
    show.add_argument(
        "run", type=Path, metavar="RUN", help="a result folder, or the run.json in it"
    )
    show.set_defaults(command=commands.show)

    check = verbs.add_parser(
        "check", help="report every problem of a protocol and its stack; compute nothing"
    )
    _add_protocol(check)
    check.add_argument(
        "--format", choices=("text", "json"), default="text", help="how problems are printed"
    )
    check.set_defaults(command=commands.check)

    plan = verbs.add_parser(
        "plan", help="say what a run would do, find done, and need; write nothing"
    )
    _add_protocol(plan)
    plan.add_argument(
        "--workers", type=_count, metavar="N", help="parallel workers (default: one for each core)"
    )
    plan.add_argument(
        "--memory", metavar="SIZE", help="what all workers may take together, for instance 8GB"
    )
    plan.add_argument(
        "--format", choices=("text", "json"), default="text", help="how it is printed"
    )
    plan.set_defaults(command=commands.plan)

    report = verbs.add_parser(
        "report", help="make the page of a result again from its record; compute nothing"
    )
    report.add_argument("run", type=Path, metavar="RUN", help="a result folder")
    report.set_defaults(command=commands.report)

    figures = verbs.add_parser("figures", help="write the plots and pictures of a result as files")
    figures.add_argument("run", type=Path, metavar="RUN", help="a result folder")
    figures.add_argument(
        "--format", choices=("png", "svg", "pdf"), default="png", help="kind of file (default: png)"
    )
    figures.add_argument(
        "--dpi", type=_count, default=300, metavar="N", help="pixels an inch (default: 300)"
    )
    figures.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="where to (default: figures in the result folder)",
    )
    figures.set_defaults(command=commands.figures)

    steps = verbs.add_parser("steps", help="list installed steps, or explain one")
    steps.add_argument("name", nargs="?", metavar="NAME", help="a step or loss to explain")
    steps.set_defaults(command=commands.steps)

    schema = verbs.add_parser("schema", help="print the JSON Schema of protocols, for editors")
    schema.set_defaults(command=commands.schema)

    init = verbs.add_parser("init", help="print a commented starting protocol")
    init.add_argument("--for", dest="stack", type=Path, metavar="STACK", help="the stack it is for")
    init.set_defaults(command=commands.init)
    return parser


def _add_telling(parser: argparse.ArgumentParser) -> None:
    group = parser.add_mutually_exclusive_group()
    for how, text in (
        ("quiet", "print errors only"),
        ("verbose", "print every slice and every step of the search"),
        ("json", "print events as lines of JSON on standard output, the result last"),
    ):
        group.add_argument(
            f"--{how}", dest="show", action="store_const", const=how, default="normal", help=text
        )


def _add_protocol(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("protocol", type=Path, metavar="PROTOCOL", help="a YAML file")
    parser.add_argument(
        "--input", type=Path, metavar="PATH", help="the stack, instead of input.path"
    )
    parser.add_argument(
        "--output", type=Path, metavar="PATH", help="the result folder, instead of output.path"
    )
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
