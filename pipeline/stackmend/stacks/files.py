"""Files that are there completely or not at all, and how files begin."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from io import BufferedWriter, FileIO, UnsupportedOperation
from pathlib import Path
from typing import IO

_LONGEST_NAME = 255
"""Bytes of a name that file systems take."""


class _OnlyWrite(FileIO):
    """A file that hides its descriptor.

    NumPy writes to a descriptor by itself, and then says neither why that failed nor whether the
    last bytes got there.
    """

    def fileno(self) -> int:
        raise UnsupportedOperation("fileno")


@contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that is written under a temporary name, then gets its own and replaces what had it."""
    temporary = path.with_name(f".{path.name}.part")
    # A name may be as long as names can be.
    if len(os.fsencode(temporary.name)) > _LONGEST_NAME:
        temporary = path.with_name(f".{sha256(os.fsencode(path.name)).hexdigest()}.part")
    with BufferedWriter(_OnlyWrite(temporary, "wb")) as file:
        yield file
    temporary.replace(path)


def write_file(path: Path, content: bytes | memoryview) -> None:
    """Write such a file."""
    with new_file(path) as file:
        file.write(content)


def beginning_of(path: Path) -> bytes:
    """The first bytes of a file, by which formats are told apart; none of what cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(4096)
    # Of a folder; and why a file cannot be opened is said by the reader that tries to.
    except OSError:
        return b""
