"""``stackmend bundle``: a protocol with what it needs and a test, as one file for others."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from stackmend.cli.options import Options
from stackmend.cli.terminal.streams import answer

HELP = "put the protocol of a run and a small test of it into one file for others"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument(
        "protocol", type=Path, metavar="PROTOCOL", help="that was run, or what freeze made of it"
    )
    parser.add_argument(
        "--from", dest="run", type=Path, required=True, metavar="RUN", help="its result folder"
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="a new file (default NAME.stackmend.zip)"
    )
    parser.add_argument("--license", default="", metavar="TEXT", help="of the protocol")
    parser.add_argument("--author", default="", metavar="NAME", help="who has made it")
    parser.add_argument(
        "--phantom", action="store_true", help="test on a synthetic stack: no data leave the lab"
    )
    parser.add_argument(
        "--size",
        type=int,
        default=512,
        metavar="PIXELS",
        help="rows and columns of the part of a slice that the test is on (default 512)",
    )


def main(options: Options) -> int:
    """Write the bundle and print where it is."""
    from stackmend import api

    made = api.bundle(
        options.protocol,
        options.run,
        output=options.output,
        license=options.license,
        author=options.author,
        phantom=options.phantom,
        size=options.size,
    )
    answer(str(made))
    return 0
