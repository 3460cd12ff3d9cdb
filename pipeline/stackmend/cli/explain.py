"""``stackmend explain``: where everything in a run came from."""

from __future__ import annotations

from argparse import ArgumentParser
from textwrap import TextWrapper

from stackmend.cli.options import Options, add_format, add_result
from stackmend.cli.terminal.streams import answer, json_text, text_width
from stackmend.words import printable

HELP = "say where every value of a run came from, or what happened to a slice"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the verb takes."""
    add_result(parser)
    parser.add_argument(
        "slice", nargs="?", metavar="SLICE", help="a slice, by its number or its name"
    )
    add_format(parser)


def main(options: Options) -> int:
    """Print what is told."""
    from stackmend import api

    told = api.explain(options.run, options.slice)
    if options.format == "json":
        answer(json_text([each._asdict() for each in told], indent=2))
        return 0
    wrapper = TextWrapper(text_width(), subsequent_indent="    ", break_long_words=False)
    lines = [wrapper.fill(printable(f"{each.about}: {each.text}")) for each in told]
    answer("\n".join(lines))
    return 0
