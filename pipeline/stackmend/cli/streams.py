"""Printing to somebody who may no longer be there."""

from __future__ import annotations

import os
from typing import TextIO


def say(text: str, stream: TextIO) -> None:
    """Print a line at once; that the reader of a pipe has gone is no reason to stop."""
    try:
        print(text, file=stream, flush=True)
    except BrokenPipeError:
        abandon(stream)


def abandon(stream: TextIO) -> None:
    """Let a stream whose reader has gone lead nowhere, so that neither later lines nor the end of Python fail."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
