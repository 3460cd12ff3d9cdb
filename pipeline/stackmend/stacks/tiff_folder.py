"""A stack as a folder of single-page TIFF files, ordered by the numbers in their names."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np
import tifffile

from stackmend import words
from stackmend.errors import BadSlice, InputError, OutputError
from stackmend.stacks import Layout, Pixels
from stackmend.stacks.files import published
from stackmend.stacks.metadata import NOTHING, Metadata, metadata_of, tiff_options, vendor_tags
from stackmend.stacks.tiff_pages import (
    SOFTWARE,
    SUFFIXES,
    PageInfo,
    count_pages,
    decoded,
    examine,
    mixed,
    opened,
    palette_note,
    pixels_of,
    unlike,
)


def natural_key(name: str) -> tuple[Any, ...]:
    """Sort key by which slice2.tif comes before slice10.tif."""
    parts = re.split(r"(\d+)", name.casefold())
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts), name


_LATELY: dict[tuple[str, int], Metadata] = {}
"""Metadata of slices that this process has read and not yet written."""
_AT_MOST = 32
_LOCK = Lock()


def _remember(key: tuple[str, int], metadata: Metadata) -> None:
    with _LOCK:
        while len(_LATELY) >= _AT_MOST:
            _LATELY.pop(next(iter(_LATELY)))
        _LATELY[key] = metadata


@dataclass(frozen=True)
class TiffFolderReader:
    """Reads a folder of TIFF slices.

    Attributes
    ----------
    alike
        Whether all slices say the same, and none has tags of a microscope.
    one_size
        Whether all say the same of the size of a pixel.
    bad
        What is wrong with slices that cannot be used.
    opened
        Tells this reader from those of another time, when the files may have been others.
    """

    folder: Path
    names: tuple[str, ...]
    info: PageInfo
    notes: tuple[str, ...] = ()
    metadata: Metadata = NOTHING
    alike: bool = True
    one_size: bool = False
    bad: Mapping[str, str] = field(default_factory=dict)
    opened: str = field(default_factory=lambda: uuid4().hex, compare=False)

    @property
    def label(self) -> str:
        """Name of the folder."""
        return self.folder.name or str(self.folder)

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(Z, Y, X)``."""
        return (len(self.names), *self.info.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels."""
        return np.dtype(self.info.dtype)

    @property
    def photometric(self) -> str:
        """Whether high values are bright."""
        return self.info.photometric

    def read(self, index: int) -> Pixels:
        """One slice, by its place in the natural order."""
        name = self.names[index]
        if name in self.bad:
            raise BadSlice(self.bad[name])
        with opened(self.folder / name) as tif:
            pixels = pixels_of(tif.pages[0], f"{self.label}/{name}", self.info)
            if not self.alike:
                _remember((self.opened, index), self._said_by(tif.pages[0]))
            return pixels

    def metadata_of(self, index: int) -> Metadata:
        """That of one slice, read from its file unless all slices say the same, or it was read with the pixels."""
        name = self.names[index]
        if self.alike or name in self.bad:
            return replace(self.metadata, tags=())
        with _LOCK:
            known = _LATELY.pop((self.opened, index), None)
        if known:
            return known
        with opened(self.folder / name) as tif:
            return self._said_by(tif.pages[0])

    def _said_by(self, page: Any) -> Metadata:
        """The metadata of a slice; where all have one pixel size, it need not be looked for again."""
        return (
            replace(self.metadata, tags=vendor_tags(page)) if self.one_size else metadata_of(page)
        )

    def truth(self, index: int) -> None:
        """``None``: of a real stack nobody knows it."""


def open_folder(folder: Path, *, tolerant: bool = False) -> tuple[TiffFolderReader]:
    """The reader for the TIFF files of a folder, after a look at the header of each; a folder is one channel.

    Raises
    ------
    InputError
        If there are none, or some cannot be used (all of these are named); if ``tolerant``, only where none can.
    """
    names, skipped = _listed(folder)
    shown = words.few(skipped)
    if not names:
        found = f"only {shown}" if skipped else "it is empty"
        raise InputError(
            f"{folder}: there are no .tif or .tiff files ({found}); give the folder that holds the slices"
        )
    headers, bad = _examined(folder, names)
    if bad and not (tolerant and headers):
        more = [f"and {len(bad) - 10} more files"] if len(bad) > 10 else []
        raise InputError("\n".join([*list(bad.values())[:10], *more]))
    infos = [header.info for header in headers.values()]
    usual = Counter(infos).most_common(1)[0][0] if tolerant else infos[0]
    different = [(name, header.info) for name, header in headers.items() if header.info != usual]
    if different and not tolerant:
        raise mixed(names[0], usual, different)
    for name, info in different:
        bad[name] = f"{name}: {unlike(info, usual)}"
        del headers[name]
    notes = [f"{folder.name}: skipped what is no slice: {shown}"] if skipped else []
    if any(header.info.palette for header in headers.values()):
        notes.append(palette_note(folder.name))
    said = {name: header.said for name, header in headers.items()}
    first = next(iter(said))
    notes += _different_sizes(folder, said)
    one_size = all(each == said[first] for each in said.values())
    alike = one_size and not any(header.tagged for header in headers.values())
    reader = TiffFolderReader(
        folder, tuple(names), usual, tuple(notes), said[first], alike, one_size, bad
    )
    reader = replace(reader, metadata=reader.metadata_of(names.index(first)))
    if not tolerant:
        reader.read(0)  # a missing codec shows here rather than in the middle of a run
    return (reader,)


def _different_sizes(folder: Path, said: Mapping[str, Metadata]) -> list[str]:
    """A note, if slices differ in pixel size."""
    first, usual = next(iter(said.items()))
    odd = [
        f"{name} is {each}" for name, each in said.items() if each.pixel_size != usual.pixel_size
    ]
    if not odd:
        return []
    but = words.few(odd, 1)
    return [f"{folder.name}: slices differ in pixel size: {first} is {usual}, but {but}"]


def _listed(folder: Path) -> tuple[list[str], list[str]]:
    """Names of the slices, and of everything else; a link that leads nowhere counts as a slice that is missing."""
    names, skipped = [], []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                tiff = entry.name.casefold().endswith(SUFFIXES) and not entry.name.startswith(".")
                if entry.is_dir():
                    skipped.append(f"{entry.name}/")
                elif tiff and (entry.is_file() or entry.is_symlink()):
                    names.append(entry.name)
                else:
                    skipped.append(entry.name)
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be listed ({error.strerror}); check its permissions"
        ) from error
    return sorted(names, key=natural_key), sorted(skipped, key=natural_key)


class _Header(NamedTuple):
    """What is kept of a slice's file: not the microscope's tags, which may be long, but whether there are any."""

    info: PageInfo
    said: Metadata
    tagged: bool


def _examined(folder: Path, names: list[str]) -> tuple[dict[str, _Header], dict[str, str]]:
    """The headers of the slices, and what is wrong with those that have none that can be used."""
    headers, bad = {}, {}
    for name in names:
        try:
            headers[name] = _header(folder / name)
        except InputError as error:
            bad[name] = str(error)
    return headers, bad


def _header(file: Path) -> _Header:
    with opened(file) as tif:
        count = count_pages(tif, file.name)
        if count != 1:
            what = f"holds {count} pages, a slice is one"
            raise InputError(
                f"{file.name}: {what}; give the file itself as input.path, or split it"
            )
        info = examine(tif.pages[0], file.name, file.stat().st_size)
        metadata = metadata_of(tif.pages[0])
        return _Header(info, replace(metadata, tags=()), bool(metadata.tags))


@dataclass(frozen=True)
class TiffFolderWriter:
    """Writes a folder of TIFF slices; a slice is there completely or not at all."""

    path: Path
    layout: Layout

    def create(self) -> None:
        """Make the folder."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"{self.path}: cannot be made ({error.strerror}); choose another folder"
            ) from error

    def write(self, position: int, pixels: Pixels, channel: int = 0) -> None:
        """Write one slice."""
        layout, options = self.layout, tiff_options(self.layout.metadata_at(position))
        options |= {"photometric": layout.photometric, "software": SOFTWARE}
        with published(self.file_of(position, channel)) as file:
            if layout.compression != "none":
                tifffile.imwrite(file, pixels, compression=layout.compression, **options)
                return
            # The library leaves room for the pixels, which are then written without a copy.
            stored = np.ascontiguousarray(pixels, dtype=layout.dtype)
            place = tifffile.imwrite(
                file, shape=stored.shape, dtype=stored.dtype, returnoffset=True, **options
            )
            assert place is not None  # as it would be for what is compressed
            file.seek(place[0])
            file.write(stored.data)

    def written(self, position: int, channel: int = 0) -> Pixels | None:
        """The pixels of a slice's file."""
        file = self.file_of(position, channel)
        try:
            with opened(file) as tif:
                return decoded(tif.pages[0], file.name)
        except InputError:
            return None

    def leave_out(self, position: int, channel: int = 0) -> None:
        """No file for this slice."""
        self.file_of(position, channel).unlink(missing_ok=True)

    def finish(self) -> None:
        """Nothing: every slice has its name."""

    def file_of(self, position: int, channel: int) -> Path:
        """The file of a slice; where there are several channels, the name says which."""
        name = Path(self.layout.names[position])
        return self.path / (
            f"{name.stem}_c{channel}{name.suffix}" if self.layout.channels > 1 else name.name
        )
