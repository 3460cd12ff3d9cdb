"""Options that several verbs have, and how their values are read."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from math import inf
from pathlib import Path
from typing import Any, Literal

from stackmend.addresses import as_path

Follow = Literal["normal", "quiet", "verbose", "json"]
"""What is shown of a run while it is at work."""


class Options(Namespace):
    """What a verb is given: of these, what its arguments declare.

    ``command`` is the whole command line, as a shell takes it.
    """

    verb: str
    command: str
    protocol: Path
    input: Path | None
    output: Path | None
    set: list[tuple[str, str]]
    workers: int | None
    memory: str | None
    backend: str
    scheduler: str | None
    shard: str | None
    follow: Follow
    format: str
    dpi: int
    run: Path
    stack: Path | None
    name: str | None
    into: Path
    loss: bool
    subject: Path
    port: int
    browser: bool
    search_again: bool
    slice: str | None
    output_of: Path | None
    other: Path
    tolerance: float | None
    file: Path
    license: str
    author: str
    phantom: bool
    units: str
    size: int

    @property
    def given(self) -> dict[str, Any]:
        """The protocol and what replaces values in it, as arguments of the functions in ``api``."""
        paths = {"protocol": self.protocol, "input": self.input, "output": self.output}
        return {**paths, "set": dict(self.set)}

    def command_for(self, verb: str, *more: str) -> str:
        """A command for the same protocol, stack and result, as a shell takes it."""
        from stackmend.result import same_command

        given = {"file": self.protocol, "input": self.input, "output": self.output}
        return same_command(verb, {**given, "set": dict(self.set)}, *more)


def add_protocol(parser: ArgumentParser) -> None:
    """Add the protocol, and what replaces values in it."""
    parser.add_argument("protocol", type=Path, metavar="PROTOCOL", help="a YAML file")
    add_replacements(parser)
    parser.add_argument(
        "--output", type=Path, metavar="PATH", help="the result folder, instead of output.path"
    )


def add_replacements(parser: ArgumentParser) -> None:
    """Add the stack, and single values, that replace those of a protocol."""
    parser.add_argument(
        "--input", type=as_path, metavar="PATH", help="the stack, instead of input.path"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        type=assignment,
        metavar="KEY=VALUE",
        help="replace a value of the protocol, for instance find_charging.gf1_sigma=40 "
        "(may be repeated)",
    )


def add_workers(parser: ArgumentParser) -> None:
    """Add the number of workers."""
    parser.add_argument(
        "--workers",
        type=whole_number,
        metavar="N",
        help="parallel workers (default: one for each core)",
    )


def add_memory(
    parser: ArgumentParser,
    help: str = "what all workers may take together, for instance 8GB",
) -> None:
    """Add the memory that may be taken."""
    parser.add_argument("--memory", metavar="SIZE", help=help)


def add_format(parser: ArgumentParser) -> None:
    """Add the choice between an answer for people and one for programs."""
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="how the answer is printed"
    )


def add_follow(parser: ArgumentParser) -> None:
    """Add what is shown of a run while it is at work."""
    group = parser.add_mutually_exclusive_group()
    for how, text in (
        ("quiet", "print errors only"),
        ("verbose", "print every slice and every step of the search"),
        ("json", "print events as lines of JSON on standard output, the result last"),
    ):
        group.add_argument(
            f"--{how}", dest="follow", action="store_const", const=how, default="normal", help=text
        )


def add_result(parser: ArgumentParser) -> None:
    """Add the result of a run."""
    parser.add_argument(
        "run", type=Path, metavar="RUN", help="a result folder, or the run.json in it"
    )


def whole_number(text: str) -> int:
    """A number of things, at least one."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise ArgumentTypeError(f"must be a whole number, 1 or more, got {text}")
    return number


def add_tolerance(parser: ArgumentParser) -> None:
    """Add the grey levels by which pixels of another run may differ."""
    parser.add_argument(
        "--tolerance",
        type=grey_levels,
        metavar="LEVELS",
        help="grey levels by which pixels may differ (default: 1; for float32 a 10000th of the "
        "spread of a slice)",
    )


def grey_levels(text: str) -> float:
    """A number of grey levels, 0 or more."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < inf:
        raise ArgumentTypeError(f"must be a number of grey levels, 0 or more, got {text}")
    return number


def assignment(text: str) -> tuple[str, str]:
    """A key and its new value."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ArgumentTypeError(f"must be KEY=VALUE, got {text}")
    return key.strip(), value
