"""``stackmend show``: what a run did, once more."""

from __future__ import annotations

from argparse import ArgumentParser

from stackmend.cli.options import Options, add_result
from stackmend.cli.terminal.streams import answer

HELP = "print the summary of a run again"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the verb takes."""
    add_result(parser)


def main(options: Options) -> int:
    """Print the summary."""
    from stackmend.cli.summary import summary_of

    answer(summary_of(options.run))
    return 0
