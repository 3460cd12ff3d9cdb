"""Files that are there completely or not at all, how they begin, and which lie in a stack."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedWriter, FileIO, UnsupportedOperation
from pathlib import Path
from typing import IO

from stackmend.disk import open_no_link, part_of
from stackmend.elsewhere import Elsewhere
from stackmend.errors import InputError

NOT_LISTED = "files at this address cannot be listed: parts that are not there go unnoticed"
"""What to say where nobody knows whether all is there."""


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
    temporary = part_of(path)
    with BufferedWriter(_OnlyWrite(temporary, "wb", opener=open_no_link)) as file:
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


def files_like(folder: Path, name: re.Pattern[str]) -> tuple[int, int] | None:
    """How many files below a folder have such a name, as seen from there, and their bytes.

    ``None`` where files cannot be listed.
    """
    files = folder.sizes() if isinstance(folder, Elsewhere) else _sizes(folder)
    if files is None:
        return None
    count = length = 0
    for file, size in files:
        if name.fullmatch(file):
            count += 1
            length += size
    return count, length


def _sizes(folder: Path) -> Iterator[tuple[str, int]]:
    """Names and sizes of all files below a folder."""
    for place, _, files in os.walk(folder):
        inside = os.path.relpath(place, folder).replace(os.sep, "/")
        for file in files:
            size = os.lstat(f"{place}/{file}").st_size
            yield file if inside == "." else f"{inside}/{file}", size


def within(folder: Path, root: Path, label: str) -> Path:
    """A folder or file, if it lies in the stack.

    Raises
    ------
    InputError
        If it does not.
    """
    if not folder.resolve().is_relative_to(root.resolve()):
        what = f"{folder} lies outside the stack, which is refused"
        raise InputError(f"{label}: {what}; put the images into the folder")
    return folder
