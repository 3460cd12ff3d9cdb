"""A stack as a folder of single-page TIFF files, ordered by the numbers in their names."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from stackmend.errors import InputError, OutputError
from stackmend.stacks import Pixels
from stackmend.stacks.tiff_pages import SOFTWARE, SUFFIXES, PageInfo, count_pages, examine, mixed, opened, pixels_of


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

    def truth(self, index: int) -> None:
        """``None``: of a real stack nobody knows it."""


def open_folder(folder: Path) -> TiffFolderReader:
    """A reader for the TIFF files of a folder, after a look at the header of each.

    Raises
    ------
    InputError
        If there are none, or some cannot be used; all of these are named.
    """
    names, skipped = _listed(folder)
    shown = ", ".join(skipped[:10]) + (", ..." if len(skipped) > 10 else "")
    if not names:
        found = f"only {shown}" if skipped else "it is empty"
        raise InputError(f"{folder}: there are no .tif or .tiff files ({found}); give the folder that holds the slices")
    infos = _examined(folder, names)
    different = [(name, info) for name, info in zip(names, infos, strict=True) if info != infos[0]]
    if different:
        raise mixed(names[0], infos[0], different)
    notes = (f"{folder.name}: skipped what is no slice: {shown}",) if skipped else ()
    reader = TiffFolderReader(folder, tuple(names), infos[0], notes)
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


def _examined(folder: Path, names: list[str]) -> list[PageInfo]:
    infos, failures = [], []
    for name in names:
        try:
            infos.append(_slice_info(folder / name))
        except InputError as error:
            failures.append(str(error))
    if failures:
        more = [f"and {len(failures) - 10} more files"] if len(failures) > 10 else []
        raise InputError("\n".join([*failures[:10], *more]))
    return infos


def _slice_info(file: Path) -> PageInfo:
    with opened(file) as tif:
        count = count_pages(tif, file.name)
        if count != 1:
            what = f"holds {count} pages, a slice is one"
            raise InputError(f"{file.name}: {what}; give the file itself as input.path, or split it")
        return examine(tif.pages[0], file.name, file.stat().st_size)


@dataclass(frozen=True)
class TiffFolderWriter:
    """Writes a folder of TIFF slices; a slice is there completely or not at all."""

    path: Path
    names: tuple[str, ...]
    photometric: str = "minisblack"

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
        tifffile.imwrite(content, pixels, photometric=self.photometric, software=SOFTWARE, metadata=None)
        with content.getbuffer() as encoded:
            temporary.write_bytes(encoded)
        temporary.replace(target)
