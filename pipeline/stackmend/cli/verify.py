"""``stackmend verify``: whether a result is what its record says."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from stackmend import words
from stackmend.addresses import as_path
from stackmend.cli.options import Options, add_format, add_result, add_workers, grey_levels
from stackmend.cli.terminal.streams import answer, json_text

if TYPE_CHECKING:
    from stackmend.api import Verification

HELP = "hold a result against its record: every file, and the pixels of every slice"

DIFFERENT = 7
"""Exit status where the result is not what its record says."""

_SHOWN = 40
"""Findings that are printed at the most."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the verb takes."""
    add_result(parser)
    parser.add_argument(
        "--input", type=as_path, metavar="PATH", help="the stack it was made from, to be looked at"
    )
    parser.add_argument(
        "--output-of",
        type=Path,
        metavar="OTHER",
        help="the result of another run, whose stack is held against the record instead",
    )
    parser.add_argument(
        "--tolerance",
        type=grey_levels,
        metavar="LEVELS",
        help="grey levels by which pixels may differ (default: 0; with --output-of 1, for float32 "
        "a 10000th of the spread of a slice)",
    )
    add_workers(parser)
    add_format(parser)


def main(options: Options) -> int:
    """Print what was found."""
    from stackmend import api

    found = api.verify(
        options.run,
        input=options.input,
        output_of=options.output_of,
        tolerance=options.tolerance,
        workers=options.workers,
    )
    status = DIFFERENT if found.different else 0
    if options.format == "json":
        answer(json_text({**found.to_json(), "status": status}, indent=2))
    else:
        answer("\n".join(verification_lines(found)))
    return status


def verification_lines(found: Verification) -> Iterator[str]:
    """The outcome, and what is found, the most important things of it."""
    slices = words.counted(found.slices, "slice")
    yield f"{words.short_path(found.stack)}: {found.outcome} ({slices} looked at)"
    for finding in found.findings[:_SHOWN]:
        yield f"  {'note: ' if finding.kind == 'note' else ''}{finding}"
    more = len(found.findings) - _SHOWN
    if more > 0:
        yield f"  and {more} more, all in --format json"
    first, worst = found.first, found.worst
    if first and worst and len(found.findings) > 1:
        yield f"  first: slice {first.slice}; most: slice {worst.slice}"
    if found.hash:
        yield f"  hash of the record: {found.hash}"
