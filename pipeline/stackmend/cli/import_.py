"""``stackmend import``: a protocol of another program, as one of this."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path

from stackmend.cli.new_file import add_new_file, refuse_existing, write_new
from stackmend.cli.options import Options
from stackmend.cli.problems import problems_text
from stackmend.cli.terminal.streams import message_line, say
from stackmend.errors import ProtocolError

HELP = "take over a pipeline of bmiptools or PyStack3D"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="the .json of bmiptools or the .toml of PyStack3D"
    )
    add_new_file(parser)


def main(options: Options) -> int:
    """Print or write the protocol, and say what has no equal."""
    from stackmend import api

    refuse_existing(options.output)
    found = api.import_protocol(options.file)
    write_new(found.text, options.output)
    for what in found.left_out:
        say(message_line(f"no equal: {what}"), sys.stderr)
    if found.problems:
        name = str(options.output or "the protocol")
        say(problems_text(name, found.problems, ran=False), sys.stderr)
        return ProtocolError.exit_status
    return 0
