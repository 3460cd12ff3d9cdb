"""A text that goes to the terminal, or into a new file."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path

from stackmend.cli.terminal.streams import answer, message_line, say
from stackmend.errors import OutputError
from stackmend.result import atomic


def add_new_file(
    parser: ArgumentParser, help: str = "a new file to write it to, not the terminal"
) -> None:
    """Add the name of a new file."""
    parser.add_argument(
        "--output",
        "-o",
        type=Path,
        metavar="FILE",
        help=help,
    )


def refuse_existing(file: Path | None) -> None:
    """Say that a file is there already, before any work is done for it.

    Raises
    ------
    OutputError
        If it is.
    """
    if file is not None and file.exists():
        raise OutputError(f"{file}: there is such a file already; choose another name")


def write_new(text: str, file: Path | None) -> None:
    """Write a text into a new file, or print it where there is none.

    Raises
    ------
    OutputError
        If the file is there already, or cannot be written.
    """
    if file is None:
        answer(text.removesuffix("\n"))
        return
    atomic.write_new(file, text)
    say(message_line(f"wrote {file}"), sys.stderr)
