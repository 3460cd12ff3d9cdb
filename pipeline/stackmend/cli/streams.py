"""Printing to somebody who may no longer be there."""

from __future__ import annotations

import os
from typing import TextIO

from stackmend.words import printable


def say(text: str, stream: TextIO) -> None:
    """Print lines at once, with nothing in them that a terminal would obey.

    That the reader of a pipe has gone is no reason to stop.
    """
    try:
        print(*map(printable, text.split("\n")), sep="\n", file=stream, flush=True)
    except BrokenPipeError:
        discard_output(stream)


def discard_output(stream: TextIO) -> None:
    """Let a stream whose reader has gone lead nowhere: neither later lines nor Python's end fail."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
