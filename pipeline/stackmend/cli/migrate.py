"""``stackmend migrate``: a protocol of an earlier format, written in the newest one."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path

from stackmend.cli.new_file import add_new_file, refuse_existing, write_new
from stackmend.cli.options import Options
from stackmend.cli.problems import problems_text
from stackmend.cli.terminal.streams import answer, message_line, say
from stackmend.errors import ProtocolError
from stackmend.words import printable

HELP = "write a protocol of an earlier format in the newest one, beside it"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument("protocol", type=Path, metavar="PROTOCOL", help="a YAML file")
    add_new_file(parser, "a new file (default: NAME.migrated.yaml beside it)")


def main(options: Options) -> int:
    """Write the protocol, and say what was changed; nothing if it is of the newest format."""
    from stackmend import api

    given = options.protocol
    target = options.output or given.with_name(f"{given.stem}.migrated{given.suffix}")
    refuse_existing(options.output)
    found = api.migrate(given, output=target)
    if not found.said:
        answer(f"{printable(str(given))}: is of the newest format already ({found.before})")
        return 0
    write_new(found.text, target)
    for what in found.said:
        say(message_line(f"format {found.before}: {what}"), sys.stderr)
    if found.problems:
        say(problems_text(target.name, found.problems, ran=None), sys.stderr)
    wrong = any(problem.severity == "error" for problem in found.problems)
    return ProtocolError.exit_status if wrong else 0
