"""Printing: the one place where texts go out, made safe for a terminal that would obey them."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
from contextlib import suppress
from typing import Any, TextIO

from stackmend.errors import OutputError
from stackmend.words import printable


def make_ready() -> None:
    """Let standard streams that are closed lead nowhere, and the others take any text.

    A file of ours would get the number of a closed one, and what a library says go into it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8"))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def say(text: str, stream: TextIO) -> None:
    """Print lines at once, with nothing in them that a terminal would obey.

    That they cannot be printed is no reason to stop: what a run does is in its files.
    """
    with suppress(OSError):
        _write(text, stream)


def answer(text: str) -> None:
    """Print what was asked for.

    That the reader of a pipe has enough of it is no error.

    Raises
    ------
    OutputError
        If it cannot be printed.
    """
    try:
        _write(text, sys.stdout)
    except BrokenPipeError:
        return
    except OSError as error:
        what = f"standard output: cannot be written to ({error.strerror or error})"
        raise OutputError(f"{what}; make room, or send it elsewhere") from error


def flush() -> None:
    """Leave nothing for the end of the process, where it could no longer fail quietly."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            _discard(stream)


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


def _write(text: str, stream: TextIO) -> None:
    lines = "\n".join(map(printable, text.split("\n")))
    try:
        # In one piece: an interrupt between a text and its end would leave half a line.
        stream.write(f"{lines}\n")
        stream.flush()
    except OSError:
        _discard(stream)
        raise


def _discard(stream: TextIO) -> None:
    """Let a stream lead nowhere, so that nothing said to it later fails."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    with suppress(OSError):
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
