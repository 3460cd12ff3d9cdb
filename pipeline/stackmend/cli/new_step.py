"""``stackmend new-step``: a package of one's own begun."""

from __future__ import annotations

import shlex
from argparse import ArgumentParser, BooleanOptionalAction
from pathlib import Path

from stackmend.cli.options import Options
from stackmend.cli.terminal.streams import answer
from stackmend.words import printable

HELP = "begin a package with a step of your own"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument("name", metavar="NAME", help="of the step, as protocols will have it")
    parser.add_argument(
        "--into",
        type=Path,
        default=Path(),
        metavar="FOLDER",
        help="where the folder stackmend-NAME is made (default: here)",
    )
    parser.add_argument(
        "--loss",
        action=BooleanOptionalAction,
        default=True,
        help="with a loss, NAME_loss, beside the step (default: with one)",
    )


def main(options: Options) -> int:
    """Write the package and say how to go on."""
    from stackmend import api

    assert options.name is not None
    folder = api.new_step(options.name, into=options.into, loss=options.loss)
    shown = printable(str(folder))
    lines = [f"wrote {shown}; go on with:", f"  cd {shlex.quote(shown)}"]
    lines += ["  pip install -e '.[test]'", "  pytest"]
    answer("\n".join(lines))
    return 0
