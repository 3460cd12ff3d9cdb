"""``stackmend try``: a bundle proved on this machine."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path

from stackmend import words
from stackmend.cli.options import Options, add_tolerance
from stackmend.cli.terminal.streams import answer, message_line, say
from stackmend.cli.verify import DIFFERENT

HELP = "run the test of a bundle, and hold its pixels against what was expected"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument("file", type=Path, metavar="BUNDLE", help="a file that bundle has made")
    add_tolerance(parser)


def main(options: Options) -> int:
    """Run the test, and say whether the pixels are the same."""
    from stackmend import api

    proof = api.prove(options.file, tolerance=options.tolerance)
    for note in proof.notes:
        say(message_line(note), sys.stderr)
    found = proof.verification
    where = words.printable(str(options.file))
    answer(f"{where}: {found.outcome} ({words.counted(found.slices, 'slice')} restored here)")
    for finding in proof.findings:
        answer(f"  {words.printable(str(finding))}")
    return DIFFERENT if found.different else 0
