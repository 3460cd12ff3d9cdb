"""``stackmend crate``: a result folder described as an RO-Crate."""

from __future__ import annotations

from argparse import ArgumentParser

from stackmend.cli.options import Options, add_result
from stackmend.cli.terminal.streams import answer

HELP = "describe a result as an RO-Crate (Process Run Crate)"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the verb takes."""
    add_result(parser)
    parser.add_argument(
        "--license", default="", metavar="URL", help="under which the data are given on"
    )
    parser.add_argument("--author", default="", metavar="NAME", help="who has restored them")


def main(options: Options) -> int:
    """Write the metadata and print where they are."""
    from stackmend import api

    answer(str(api.crate(options.run, license=options.license, author=options.author)))
    return 0
