"""``stackmend schema``: the JSON Schema of protocols."""

from __future__ import annotations

import sys
from argparse import ArgumentParser

from stackmend.cli.options import Options
from stackmend.cli.terminal.streams import json_text, say

HELP = "print the JSON Schema of protocols, for editors"


def add_arguments(_: ArgumentParser) -> None:
    """Declare what the verb takes: nothing."""


def main(_: Options) -> int:
    """Print the schema."""
    from stackmend import api

    say(json_text(api.schema(), indent=2), sys.stdout)
    return 0
