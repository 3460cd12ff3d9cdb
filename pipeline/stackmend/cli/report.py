"""``stackmend report``: the page of a result once more."""

from __future__ import annotations

import sys
from argparse import ArgumentParser

from stackmend import words
from stackmend.cli.options import Options, add_result
from stackmend.cli.terminal.streams import say

HELP = "make the page of a result again from its record; compute nothing"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the verb takes."""
    add_result(parser)


def main(options: Options) -> int:
    """Make the page and print where it is."""
    from stackmend import api

    say(words.short_path(api.report(options.run)), sys.stdout)
    return 0
