"""The files in a zip archive, read where they lie: nothing is unpacked."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from zipfile import BadZipFile, ZipFile, is_zipfile

from stackmend.elsewhere import Elsewhere, Entry
from stackmend.errors import BadSlice, InputError

SUFFIXES = (".zip", ".ozx")


def is_zipped(path: Path) -> bool:
    """Whether a file is a zip archive by its name and its content."""
    return path.name.casefold().endswith(SUFFIXES) and is_zipfile(path)


class InZip(Elsewhere):
    """A file or folder in a zip archive; its path is that of the archive and what follows."""

    def size(self) -> int | None:
        _, contents, name = self._found()
        if name in contents.sizes:
            return contents.sizes[name]
        if name in contents.folders:
            return None
        raise FileNotFoundError(f"{self} is not there")

    def part(self, first: int, stop: int) -> bytes:
        archive, _, name = self._found()
        try:
            with archive.open(name) as file:
                file.seek(first)
                content = file.read(stop - first)
        # Damaged, encrypted, or compressed in a way that is not known.
        except (BadZipFile, EOFError, NotImplementedError, OSError, RuntimeError) as error:
            what = f"cannot be unpacked ({error})"
            raise BadSlice(f"{self.name}: {what}; copy the archive again") from error
        if len(content) != stop - first:
            raise BadSlice(f"{self.name}: the archive ends before it does; copy it again")
        return content

    def entries(self) -> list[Entry]:
        _, contents, name = self._found()
        return [
            Entry(each, f"{name}/{each}".lstrip("/") in contents.folders)
            for each in sorted(contents.folders.get(name, ()))
        ]

    def sizes(self) -> Iterator[tuple[str, int]]:
        _, contents, name = self._found()
        start = f"{name}/" if name else ""
        for each, size in contents.sizes.items():
            if each.startswith(start):
                yield each.removeprefix(start), size

    def _found(self) -> tuple[ZipFile, _Contents, str]:
        """The archive, what is in it, and the name of this place there."""
        for number in range(1, len(self.parts) + 1):
            file = Path(*self.parts[:number])
            if file.name.casefold().endswith(SUFFIXES) and file.is_file():
                known = file.stat()
                archive, contents = _open(str(file), known.st_mtime_ns, known.st_size)
                return archive, contents, "/".join(self.parts[number:])
        raise FileNotFoundError(f"{self} is not there")


class _Contents:
    """The files of an archive with their sizes, and its folders with what lies in each."""

    def __init__(self, archive: ZipFile) -> None:
        self.sizes: dict[str, int] = {}
        self.folders: dict[str, set[str]] = {"": set()}
        for info in archive.infolist():
            name = info.filename.strip("/")
            if not info.is_dir():
                self.sizes[name] = info.file_size
            elif name:
                self.folders.setdefault(name, set())
            while name:
                above, _, last = name.rpartition("/")
                known = last in self.folders.setdefault(above, set())
                self.folders[above].add(last)
                name = "" if known else above


# When it was changed and its size tell the versions of a file apart.
@lru_cache(maxsize=4)
def _open(file: str, changed: int, size: int) -> tuple[ZipFile, _Contents]:  # noqa: ARG001 - see above
    """An archive, kept open: to find its contents takes longer than to read one of them."""
    try:
        archive = ZipFile(file)
    except (BadZipFile, OSError, ValueError) as error:
        what = f"is not a zip archive that can be read ({error})"
        raise InputError(f"{Path(file).name}: {what}; copy it again from its source") from error
    return archive, _Contents(archive)
