"""``stackmend init``: a protocol to start with."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path

from stackmend.cli.options import Options
from stackmend.cli.terminal.streams import escape, say

HELP = "print a commented starting protocol"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument(
        "--for", dest="stack", type=Path, metavar="STACK", help="the stack it is for"
    )


def main(options: Options) -> int:
    """Print the protocol."""
    from stackmend import api

    # The only thing foreign in it is a path, in double quotes, where YAML knows JSON's escapes.
    say(escape(api.init(options.stack).removesuffix("\n")), sys.stdout)
    return 0
