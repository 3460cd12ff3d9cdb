"""A stack as a folder of single-page TIFF files, ordered by the numbers in their names."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from stackmend.errors import InputError
from stackmend.stacks import Pixels
from stackmend.stacks.tiff_pages import SOFTWARE, PageInfo, examine, mixed, open_tiff, pixels_of

_SUFFIXES = (".tif", ".tiff")


def natural_key(name: str) -> tuple[Any, ...]:
    """Sort key by which slice2.tif comes before slice10.tif."""
    parts = re.split(r"(\d+)", name.casefold())
    return (*((int(part), "") if part.isdecimal() else (-1, part) for part in parts), name)


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
        with open_tiff(self.folder / name) as tif:
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
    try:
        files = sorted((entry.name for entry in os.scandir(folder) if entry.is_file()), key=natural_key)
    except OSError as error:
        raise InputError(f"{folder}: cannot be listed ({error.strerror}); check its permissions") from error
    names = [name for name in files if name.casefold().endswith(_SUFFIXES) and not name.startswith(".")]
    skipped = [name for name in files if name not in set(names)]
    if not names:
        found = f"only {', '.join(skipped[:5])}" if skipped else "it is empty"
        raise InputError(f"{folder}: there are no .tif or .tiff files ({found}); give the folder that holds the slices")
    infos = _examined(folder, names)
    different = [(name, info) for name, info in zip(names, infos, strict=True) if info != infos[0]]
    if different:
        raise mixed(names[0], infos[0], different)
    notes = (f"skipped {len(skipped)} other files: {', '.join(skipped[:10])}",) if skipped else ()
    reader = TiffFolderReader(folder, tuple(names), infos[0], notes)
    reader.read(0)  # a missing codec shows here rather than in the middle of a run
    return reader


def _examined(folder: Path, names: list[str]) -> list[PageInfo]:
    infos, failures = [], []
    for name in names:
        try:
            with open_tiff(folder / name) as tif:
                if len(tif.pages) != 1:
                    what = f"holds {len(tif.pages)} pages, a slice is one"
                    raise InputError(f"{name}: {what}; give the file itself as input.path, or split it")
                infos.append(examine(tif.pages[0], name, (folder / name).stat().st_size))
        except InputError as error:
            failures.append(str(error))
    if failures:
        more = [f"and {len(failures) - 10} more files"] if len(failures) > 10 else []
        raise InputError("\n".join([*failures[:10], *more]))
    return infos


@dataclass(frozen=True)
class TiffFolderWriter:
    """Writes a folder of TIFF slices; a slice is there completely or not at all."""

    path: Path
    names: tuple[str, ...]
    photometric: str = "minisblack"
    software: str = field(default=SOFTWARE)

    def create(self) -> None:
        """Make the folder."""
        self.path.mkdir(parents=True, exist_ok=True)

    def write(self, position: int, pixels: Pixels) -> None:
        """Write one slice under a temporary name, then give it its own."""
        target = self.path / self.names[position]
        temporary = target.with_name(f".{target.name}.part")
        tifffile.imwrite(temporary, pixels, photometric=self.photometric, software=self.software, metadata=None)
        temporary.replace(target)
