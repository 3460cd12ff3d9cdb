"""Printing: the one place where texts go out, made safe for a terminal that would obey them."""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import Any, TextIO

from stackmend.words import printable


def say(text: str, stream: TextIO) -> None:
    """Print lines at once, with nothing in them that a terminal would obey.

    That the reader of a pipe has gone is no reason to stop.
    """
    lines = "\n".join(map(printable, text.split("\n")))
    try:
        # In one piece: an interrupt between a text and its end would leave half a line.
        stream.write(f"{lines}\n")
        stream.flush()
    except BrokenPipeError:
        discard_output(stream)


def message_line(text: str) -> str:
    """A message as one line, with the name of the program."""
    return f"stackmend: {printable(text)}"


def json_text(value: Any, indent: int | None = None) -> str:
    """A value as JSON."""
    from stackmend.result.encoding import plain

    return escape(json.dumps(value, indent=indent, default=plain, ensure_ascii=False))


def escape(text: str) -> str:
    """A text with escapes of JSON in place of what is not printable, line breaks apart."""
    return "".join(
        each if each.isprintable() or each == "\n" else json.dumps(each)[1:-1] for each in text
    )


def text_width() -> int:
    """Columns of a text for standard output."""
    return shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 100


def discard_output(stream: TextIO) -> None:
    """Let a stream whose reader has gone lead nowhere, so that nothing said to it later fails."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
