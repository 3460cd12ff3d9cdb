"""``stackmend freeze``: the protocol of a run with the values that it has chosen."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path

from stackmend.cli.options import Options, add_result
from stackmend.cli.terminal.streams import answer, message_line, say

HELP = "print the protocol of a run with the values that its search has chosen"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the verb takes."""
    add_result(parser)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="a new file to write it to, not the terminal",
    )


def main(options: Options) -> int:
    """Print or write the protocol."""
    from stackmend import api

    file: Path | None = options.output
    text = api.freeze(options.run, output=file)
    if file is None:
        answer(text.removesuffix("\n"))
    else:
        say(message_line(f"wrote {file}"), sys.stderr)
    return 0
