"""``stackmend figures``: the plots and pictures of a result as files."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path

from stackmend import words
from stackmend.cli.options import Options, add_result, whole_number
from stackmend.cli.terminal.streams import say

HELP = "write the plots and pictures of a result as files"

_FINEST = 2400
"""Pixels an inch of printers; a multiple of it is more than there is memory for."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the verb takes."""
    add_result(parser)
    parser.add_argument(
        "--format", choices=("png", "svg", "pdf"), default="png", help="kind of file (default: png)"
    )
    parser.add_argument(
        "--dpi",
        type=_resolution,
        default=300,
        metavar="N",
        help=f"pixels an inch (default: 300; at the most {_FINEST})",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="where to (default: figures in the result folder)",
    )


def _resolution(text: str) -> int:
    """Pixels an inch, as many as anything prints."""
    number = whole_number(text)
    if number > _FINEST:
        raise ArgumentTypeError(f"must be {_FINEST} or less, got {text}")
    return number


def main(options: Options) -> int:
    """Write the files and print where they are."""
    from stackmend import api

    files = api.figures(options.run, format=options.format, dpi=options.dpi, output=options.output)
    for file in files:
        say(words.short_path(file), sys.stdout)
    return 0
