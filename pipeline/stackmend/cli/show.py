"""``stackmend show``: what a run did, once more."""

from __future__ import annotations

import sys
from argparse import ArgumentParser

from stackmend.cli.options import Options, add_result
from stackmend.cli.terminal.streams import say

HELP = "print the summary of a run again"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the verb takes."""
    add_result(parser)


def main(options: Options) -> int:
    """Print the summary."""
    from stackmend.cli.summary import summary_of

    say(summary_of(options.run), sys.stdout)
    return 0
