"""``stackmend init``: a protocol to start with."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path

from stackmend.addresses import as_path
from stackmend.cli.new_file import add_new_file, refuse_existing, write_new
from stackmend.cli.options import Options
from stackmend.cli.terminal.streams import escape, message_line, say
from stackmend.errors import InputError

HELP = "print a commented starting protocol"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument(
        "--for", dest="stack", type=as_path, metavar="STACK", help="the stack it is for, looked at"
    )
    add_new_file(parser)


def main(options: Options) -> int:
    """Print or write the protocol."""
    from stackmend import api

    file: Path | None = options.output
    refuse_existing(file)  # before a minute of looking
    if options.stack is not None:
        check_name(options.stack)
    text = api.init(options.stack, folder=file and file.parent, progress=_say_progress)
    # The only thing foreign in it is a path, in double quotes, where YAML knows JSON's escapes.
    write_new(escape(text), file)
    return 0


def check_name(stack: Path) -> None:
    """See that a protocol can name a stack.

    Raises
    ------
    InputError
        If its name is not text, but bytes that an old computer took for letters.
    """
    try:
        str(stack).encode("utf-8")
    except UnicodeEncodeError as error:
        what = "a protocol is UTF-8 text, which cannot hold this name"
        raise InputError(f"{stack}: {what}; rename the stack") from error


def _say_progress(text: str) -> None:
    say(message_line(text), sys.stderr)
