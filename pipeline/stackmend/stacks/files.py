"""Files that are there completely or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedWriter, FileIO, UnsupportedOperation
from pathlib import Path
from typing import IO


class _OnlyWrite(FileIO):
    """A file that hides its descriptor.

    NumPy writes to a descriptor by itself, and then says neither why that failed nor whether the last bytes got there.
    """

    def fileno(self) -> int:
        raise UnsupportedOperation("fileno")


@contextmanager
def published(path: Path) -> Iterator[IO[bytes]]:
    """A file to be written under a temporary name, which then gets its own and replaces what had it before."""
    temporary = path.with_name(f".{path.name}.part")
    with BufferedWriter(_OnlyWrite(temporary, "wb")) as file:
        yield file
    temporary.replace(path)


def publish(path: Path, content: bytes | memoryview) -> None:
    """Write such a file."""
    with published(path) as file:
        file.write(content)
