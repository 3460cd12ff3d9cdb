"""Paths of files that are not on a file system: on the network, or inside of an archive.

Whoever takes a ``Path`` and opens, lists or measures it by its methods can take these as well.
"""

from __future__ import annotations

import io
import os
import posixpath
import stat
from abc import abstractmethod
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

if TYPE_CHECKING:
    _Local = Path
else:
    _Local = type(Path())  # only the kind of the system can be inherited from

_BUFFER = 2**17


class Entry(NamedTuple):
    """What lies in a folder; a link that leads nowhere counts as a file, a pipe does not."""

    name: str
    is_folder: bool
    is_file: bool = True


def entries_of(folder: Path) -> list[Entry]:
    """What lies in a folder, wherever that is."""
    if isinstance(folder, Elsewhere):
        return folder.entries()
    with os.scandir(folder) as entries:
        return [
            Entry(each.name, each.is_dir(), each.is_file() or each.is_symlink()) for each in entries
        ]


class Elsewhere(_Local):
    """A path whose files are asked for in another way; each kind says how."""

    @abstractmethod
    def size(self) -> int | None:
        """Bytes of a file, ``None`` for a folder.

        Raises
        ------
        FileNotFoundError
            If there is neither.
        """

    @abstractmethod
    def part(self, first: int, stop: int) -> bytes:
        """Some bytes of a file."""

    @abstractmethod
    def entries(self) -> list[Entry]:
        """What lies in a folder."""

    @abstractmethod
    def sizes(self) -> Iterator[tuple[str, int]] | None:
        """Names and sizes of all files below, or ``None`` where that cannot be had."""

    def is_file(self, **how: Any) -> bool:
        """Whether it is one."""
        try:
            return self.size() is not None
        except FileNotFoundError:
            return False

    def is_dir(self, **how: Any) -> bool:
        """Whether it is one."""
        try:
            return self.size() is None
        except FileNotFoundError:
            return False

    def exists(self, **how: Any) -> bool:
        """Whether it is either."""
        return self.is_file() or self.is_dir()

    def is_symlink(self) -> bool:
        """There are none."""
        return False

    def stat(self, **how: Any) -> os.stat_result:
        """Kind and size; all else is unknown."""
        size = self.size()
        kind = stat.S_IFDIR if size is None else stat.S_IFREG
        return os.stat_result((kind, 0, 0, 1, 0, 0, size or 0, 0, 0, 0))

    def lstat(self) -> os.stat_result:
        """The same."""
        return self.stat()

    def iterdir(self) -> Generator[Self, None, None]:
        """What lies in a folder."""
        for entry in self.entries():
            yield self / entry.name

    def open(self, *how: Any, **more: Any) -> Any:
        """A file to read from."""
        return io.BufferedReader(_Parts(self), _BUFFER)

    def expanduser(self) -> Self:
        """Itself."""
        return self

    def absolute(self) -> Self:
        """Itself."""
        return self

    def is_absolute(self) -> bool:
        """It is."""
        return True

    def resolve(self, strict: bool = False) -> Self:
        """The same without what leads up."""
        if ".." not in self.parts:
            return self
        return type(self)(posixpath.normpath(posixpath.join(*self.parts)))


class _Parts(io.RawIOBase):
    """A file that is read in parts."""

    def __init__(self, path: Elsewhere) -> None:
        length = path.size()
        if length is None:
            raise IsADirectoryError(f"{path} is a folder")
        self.name = str(path)
        self._path, self._length, self._place = path, length, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, place: int, whence: int = 0, /) -> int:
        self._place = max(0, place + (0, self._place, self._length)[whence])
        return self._place

    def readinto(self, room: Any, /) -> int:
        stop = min(self._place + len(room), self._length)
        if stop <= self._place:
            return 0
        content = self._path.part(self._place, stop)
        room[: len(content)] = content
        self._place = stop
        return len(content)
