"""A stack as one multi-page TIFF file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tifffile

from stackmend.errors import InputError, OutputError
from stackmend.stacks import Pixels
from stackmend.stacks.tiff_pages import SOFTWARE, PageInfo, count_pages, examine, finite, mixed, opened, pixels_of

_CLASSIC_LIMIT = 2**32 - 2**25
"""Bytes of pixels that a file with 32-bit offsets can surely hold beside its headers."""


@dataclass(frozen=True)
class TiffFileReader:
    """Reads the pages of a TIFF file; ``offset`` is where contiguous pixels begin, if they are."""

    file: Path
    count: int
    info: PageInfo
    byteorder: Literal["<", ">"] = "<"
    offset: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Name of the file."""
        return self.file.name

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(Z, Y, X)``."""
        return (self.count, *self.info.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels."""
        return np.dtype(self.info.dtype)

    @property
    def photometric(self) -> str:
        """Whether high values are bright."""
        return self.info.photometric

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names for the slices as separate files."""
        stem = re.sub(r"(\.ome)?\.tiff?$", "", self.file.name, flags=re.IGNORECASE)
        digits = max(4, len(str(self.count - 1)))
        return tuple(f"{stem}_{index:0{digits}d}.tif" for index in range(self.count))

    def read(self, index: int) -> Pixels:
        """One page."""
        where = f"{self.label} page {index}"
        if self.offset is not None:
            return finite(self._contiguous(index, self.offset, where), where)
        with opened(self.file) as tif:
            return pixels_of(tif.pages[index], where, self.info)

    def _contiguous(self, index: int, offset: int, where: str) -> Pixels:
        stored = self.dtype.newbyteorder(self.byteorder)
        count = self.info.shape[0] * self.info.shape[1]
        try:
            pixels = np.fromfile(self.file, stored, count, offset=offset + index * count * stored.itemsize)
        except OSError as error:
            raise InputError(f"{where}: cannot be read ({error.strerror or error}); check the file") from error
        if pixels.size != count:
            raise InputError(f"{where}: the file has become shorter since it was opened; run again")
        return pixels.astype(self.dtype, copy=False).reshape(self.info.shape)

    def truth(self, index: int) -> None:
        """``None``: of a real stack nobody knows it."""


def open_file(file: Path) -> TiffFileReader:
    """A reader for a multi-page TIFF file, after a look at its pages.

    Raises
    ------
    InputError
        If it is not a stack of greyscale slices.
    """
    with opened(file) as tif:
        size = file.stat().st_size
        first = examine(tif.pages[0], f"{file.name} page 0", size)
        count = count_pages(tif, file.name)
        series = tif.series[0]
        if len(tif.series) == 1 and series.dataoffset is not None and tuple(series.shape)[-2:] == first.shape:
            return _contiguous_reader(file, tif, first, size)
        infos = [examine(page, f"{file.name} page {index}", size) for index, page in enumerate(tif.pages)]
        different = [(f"page {index}", info) for index, info in enumerate(infos) if info != first]
        if different:
            raise mixed(f"{file.name} page 0", first, different)
        _refuse_channels(file, series)
        reader = TiffFileReader(file, count, first, tif.byteorder)
    reader.read(0)  # a missing codec shows here rather than in the middle of a run
    return reader


def _contiguous_reader(file: Path, tif: tifffile.TiffFile, first: PageInfo, size: int) -> TiffFileReader:
    """For pixels that lie in one block, whether or not each page has a header of its own (large ImageJ files)."""
    series = tif.series[0]
    _refuse_channels(file, series)
    start, count = int(series.dataoffset or 0), int(np.prod(tuple(series.shape)[:-2], dtype=int))
    end = start + count * first.shape[0] * first.shape[1] * np.dtype(first.dtype).itemsize
    if end > size:
        raise InputError(f"{file.name}: the file is truncated, slices are missing; copy it again from its source")
    return TiffFileReader(file, count, first, tif.byteorder, start)


def _refuse_channels(file: Path, series: Any) -> None:
    sizes = list(zip(series.axes, series.shape, strict=True))
    long = [axis for axis, size in sizes[:-2] if size > 1]
    if len(long) > 1 or any(axis in "CS" for axis in long):
        what = " x ".join(f"{size} ({axis})" for axis, size in sizes)
        raise InputError(f"{file.name}: expected one channel of slices, got {what}; save one channel as a stack")


@dataclass(frozen=True)
class TiffFileWriter:
    """Writes the pages of an uncompressed TIFF file (BigTIFF where it must be) whose room is reserved at the start."""

    path: Path
    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    photometric: str = "minisblack"

    def create(self) -> None:
        """Write the headers and reserve room for all pages."""
        size = int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize
        try:
            tifffile.memmap(
                self.path,
                shape=self.shape,
                dtype=self.dtype,
                bigtiff=size > _CLASSIC_LIMIT,
                photometric=self.photometric,
                software=SOFTWARE,
                metadata={"axes": "ZYX"},
            )
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be made ({error.strerror or error}); make room") from error

    def write(self, position: int, pixels: Pixels) -> None:
        """Write one page in its place."""
        with tifffile.TiffFile(self.path) as tif:
            start = tif.series[0].dataoffset
        assert start is not None
        contiguous = np.ascontiguousarray(pixels, dtype=self.dtype)
        with self.path.open("r+b") as file:
            file.seek(start + position * contiguous.nbytes)
            file.write(contiguous.data)
