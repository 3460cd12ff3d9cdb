"""A stack as one multi-page TIFF file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tifffile

from stackmend.errors import InputError
from stackmend.stacks import Pixels
from stackmend.stacks.tiff_pages import SOFTWARE, PageInfo, examine, finite, mixed, open_tiff, pixels_of

_CLASSIC_LIMIT = 2**32 - 2**25


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

    @property
    def names(self) -> tuple[str, ...]:
        """Names for the slices as separate files."""
        digits = max(4, len(str(self.count - 1)))
        return tuple(f"{self.file.name.split('.')[0]}_{index:0{digits}d}.tif" for index in range(self.count))

    def read(self, index: int) -> Pixels:
        """One page."""
        where = f"{self.label} page {index}"
        if self.offset is None:
            with open_tiff(self.file) as tif:
                return pixels_of(tif.pages[index], where, self.info)
        stored = self.dtype.newbyteorder(self.byteorder)
        size = stored.itemsize * self.info.shape[0] * self.info.shape[1]
        pixels = np.fromfile(
            self.file, stored, self.info.shape[0] * self.info.shape[1], offset=self.offset + index * size
        )
        if pixels.size * stored.itemsize != size:
            raise InputError(f"{where}: the file has become shorter since it was opened; run again")
        return finite(pixels.astype(self.dtype, copy=False).reshape(self.info.shape), where)

    def truth(self, index: int) -> None:
        """``None``: of a real stack nobody knows it."""


def open_file(file: Path) -> TiffFileReader:
    """A reader for a multi-page TIFF file, after a look at its pages.

    Raises
    ------
    InputError
        If it is not a stack of greyscale slices.
    """
    size = file.stat().st_size
    with open_tiff(file) as tif:
        first = examine(tif.pages[0], f"{file.name} page 0", size)
        series = tif.series[0]
        shape = tuple(series.shape)
        contiguous = series.dataoffset
        if len(tif.series) == 1 and contiguous is not None and shape[-2:] == first.shape:
            count = int(np.prod(shape[:-2], dtype=int))
            _refuse_channels(file, series.axes, shape)
            if contiguous + count * int(np.prod(first.shape)) * np.dtype(first.dtype).itemsize > size:
                raise InputError(
                    f"{file.name}: the file is truncated, slices are missing; copy it again from its source"
                )
            return TiffFileReader(file, count, first, tif.byteorder, contiguous)
        infos = [
            (f"page {index}", examine(page, f"{file.name} page {index}", size)) for index, page in enumerate(tif.pages)
        ]
        different = [(name, info) for name, info in infos if info != first]
        if different:
            raise mixed(f"{file.name} page 0", first, different)
        _refuse_channels(file, series.axes, shape)
        reader = TiffFileReader(file, len(infos), first, tif.byteorder)
    reader.read(0)  # a missing codec shows here rather than in the middle of a run
    return reader


def _refuse_channels(file: Path, axes: str, shape: tuple[int, ...]) -> None:
    long = [(axis, size) for axis, size in zip(axes[:-2], shape[:-2], strict=True) if size > 1]
    if len(long) > 1 or any(axis in "CS" for axis, _ in long):
        what = " x ".join(f"{size} ({axis})" for axis, size in zip(axes, shape, strict=True))
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
        tifffile.memmap(
            self.path,
            shape=self.shape,
            dtype=self.dtype,
            bigtiff=size > _CLASSIC_LIMIT,
            photometric=self.photometric,
            software=SOFTWARE,
            metadata={"axes": "ZYX"},
        )

    def write(self, position: int, pixels: Pixels) -> None:
        """Write one page in its place."""
        with tifffile.TiffFile(self.path) as tif:
            start = tif.series[0].dataoffset
        assert start is not None
        contiguous = np.ascontiguousarray(pixels, dtype=self.dtype)
        with self.path.open("r+b") as file:
            file.seek(start + position * contiguous.nbytes)
            file.write(contiguous.data)
