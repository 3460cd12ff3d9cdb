"""``stackmend schema``: the JSON Schema of protocols."""

from __future__ import annotations

from argparse import ArgumentParser

from stackmend.cli.options import Options
from stackmend.cli.terminal.streams import answer, json_text

HELP = "print the JSON Schema of protocols, for editors"


def add_arguments(_: ArgumentParser) -> None:
    """Declare what the verb takes: nothing."""


def main(_: Options) -> int:
    """Print the schema."""
    from stackmend import api

    answer(json_text(api.schema(), indent=2))
    return 0
