"""A stack as a folder of single-page TIFF files, ordered by the numbers in their names."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tifffile

from stackmend.errors import InputError, OutputError
from stackmend.stacks import Pixels, Selected
from stackmend.stacks.metadata import NOTHING, Metadata, metadata_of, tiff_options
from stackmend.stacks.tiff_pages import (
    SOFTWARE,
    SUFFIXES,
    PageInfo,
    count_pages,
    examine,
    mixed,
    opened,
    palette_note,
    pixels_of,
)


def natural_key(name: str) -> tuple[Any, ...]:
    """Sort key by which slice2.tif comes before slice10.tif."""
    parts = re.split(r"(\d+)", name.casefold())
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts), name


@dataclass(frozen=True)
class TiffFolderReader:
    """Reads a folder of TIFF slices."""

    folder: Path
    names: tuple[str, ...]
    info: PageInfo
    notes: tuple[str, ...] = ()
    metadata: Metadata = NOTHING
    alike: bool = True

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
        with opened(self.folder / name) as tif:
            return pixels_of(tif.pages[0], f"{self.label}/{name}", self.info)

    def metadata_of(self, index: int) -> Metadata:
        """That of one slice, read from its file unless all slices say the same."""
        if self.alike:
            return self.metadata
        name = self.names[index]
        with opened(self.folder / name) as tif:
            return metadata_of(tif.pages[0])

    def truth(self, index: int) -> None:
        """``None``: of a real stack nobody knows it."""


def open_folder(folder: Path, channel: int | None = None) -> TiffFolderReader:
    """A reader for the TIFF files of a folder, after a look at the header of each.

    Raises
    ------
    InputError
        If there are none, or some cannot be used; all of these are named.
    """
    if channel:
        raise InputError(f"{folder.name}: a folder of slices has 1 channel, got input.channel {channel}; leave it out")
    names, skipped = _listed(folder)
    shown = ", ".join(skipped[:10]) + (", ..." if len(skipped) > 10 else "")
    if not names:
        found = f"only {shown}" if skipped else "it is empty"
        raise InputError(f"{folder}: there are no .tif or .tiff files ({found}); give the folder that holds the slices")
    headers = _examined(folder, names)
    infos = [header.info for header in headers]
    different = [(name, info) for name, info in zip(names, infos, strict=True) if info != infos[0]]
    if different:
        raise mixed(names[0], infos[0], different)
    notes = [f"{folder.name}: skipped what is no slice: {shown}"] if skipped else []
    if any(info.palette for info in infos):
        notes.append(palette_note(folder.name))
    said = [header.said for header in headers]
    odd = [f"{name} is {each}" for name, each in zip(names, said, strict=True) if each.pixel_size != said[0].pixel_size]
    if odd:
        more = f" and {len(odd) - 1} more" if len(odd) > 1 else ""
        notes.append(f"{folder.name}: slices differ in pixel size: {names[0]} is {said[0]}, but {odd[0]}{more}")
    alike = not any(header.tagged or header.said != said[0] for header in headers)
    reader = TiffFolderReader(folder, tuple(names), infos[0], tuple(notes), said[0], alike)
    reader = replace(reader, metadata=reader.metadata_of(0))
    reader.read(0)  # a missing codec shows here rather than in the middle of a run
    return reader


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
        raise InputError(f"{folder}: cannot be listed ({error.strerror}); check its permissions") from error
    return sorted(names, key=natural_key), sorted(skipped, key=natural_key)


class _Header(NamedTuple):
    """What is kept of a slice's file: not the microscope's tags, which may be long, but whether there are any."""

    info: PageInfo
    said: Metadata
    tagged: bool


def _examined(folder: Path, names: list[str]) -> list[_Header]:
    headers, failures = [], []
    for name in names:
        try:
            headers.append(_header(folder / name))
        except InputError as error:
            failures.append(str(error))
    if failures:
        more = [f"and {len(failures) - 10} more files"] if len(failures) > 10 else []
        raise InputError("\n".join([*failures[:10], *more]))
    return headers


def _header(file: Path) -> _Header:
    with opened(file) as tif:
        count = count_pages(tif, file.name)
        if count != 1:
            what = f"holds {count} pages, a slice is one"
            raise InputError(f"{file.name}: {what}; give the file itself as input.path, or split it")
        info = examine(tif.pages[0], file.name, file.stat().st_size)
        metadata = metadata_of(tif.pages[0])
        return _Header(info, replace(metadata, tags=()), bool(metadata.tags))


@dataclass(frozen=True)
class TiffFolderWriter:
    """Writes a folder of TIFF slices; a slice is there completely or not at all."""

    path: Path
    names: tuple[str, ...]
    photometric: str = "minisblack"
    metadata: Selected | None = None
    compression: str = "none"

    def create(self) -> None:
        """Make the folder."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be made ({error.strerror}); choose another folder") from error

    def write(self, position: int, pixels: Pixels) -> None:
        """Write one slice under a temporary name, then give it its own."""
        target = self.path / self.names[position]
        temporary = target.with_name(f".{target.name}.part")
        # By way of memory: when a disk is full, only the system's own error says so.
        content = BytesIO()
        options = tiff_options(self.metadata.metadata_at(position) if self.metadata else NOTHING)
        if self.compression != "none":
            options["compression"] = self.compression
        tifffile.imwrite(content, pixels, photometric=self.photometric, software=SOFTWARE, **options)
        with content.getbuffer() as encoded:
            temporary.write_bytes(encoded)
        temporary.replace(target)
