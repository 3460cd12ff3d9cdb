"""``stackmend show``: what a run did, once more."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path

from stackmend.cli import options as common
from stackmend.cli.terminal.streams import say

HELP = "print the summary of a run again"


@dataclass(frozen=True)
class Options(common.Options):
    """The result that is shown."""

    run: Path


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the verb takes."""
    common.add_result(parser)


def main(options: Options) -> int:
    """Print the summary."""
    from stackmend.cli.summary import summary_of

    say(summary_of(options.run), sys.stdout)
    return 0
