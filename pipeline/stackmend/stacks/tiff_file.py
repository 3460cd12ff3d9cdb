"""A stack as one multi-page TIFF file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tifffile

from stackmend.errors import InputError, OutputError
from stackmend.stacks import Layout, Pixels
from stackmend.stacks.axes import channels_of
from stackmend.stacks.metadata import NOTHING, Metadata, metadata_of, tiff_options
from stackmend.stacks.tiff_pages import (
    SOFTWARE,
    PageInfo,
    count_pages,
    examine,
    finite,
    mixed,
    opened,
    palette_note,
    pixels_of,
)

_CLASSIC_LIMIT = 2**32 - 2**25
"""Bytes of pixels that a file with 32-bit offsets can surely hold beside its headers."""


@dataclass(frozen=True)
class TiffFileReader:
    """Reads the pages of one channel of a TIFF file; ``offset`` is where contiguous pixels begin."""

    file: Path
    numbers: Sequence[int]
    info: PageInfo
    byteorder: Literal["<", ">"] = "<"
    offset: int | None = None
    notes: tuple[str, ...] = ()
    metadata: Metadata = NOTHING

    @property
    def label(self) -> str:
        """Name of the file."""
        return self.file.name

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(Z, Y, X)``."""
        return (len(self.numbers), *self.info.shape)

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
        count = len(self.numbers)
        digits = max(4, len(str(count - 1)))
        return tuple(f"{stem}_{index:0{digits}d}.tif" for index in range(count))

    def read(self, index: int) -> Pixels:
        """One page."""
        number = self.numbers[index]
        where = f"{self.label} page {number}"
        if self.offset is not None:
            return finite(self._contiguous(number, self.offset, where), where)
        with opened(self.file) as tif:
            return pixels_of(tif.pages[number], where, self.info)

    def metadata_of(self, index: int) -> Metadata:
        """That of the file; the microscope's tags are those of the slice's own page, if it has any."""
        number = self.numbers[index]
        if not self.metadata.tags or number == 0:
            return self.metadata
        with opened(self.file) as tif:
            try:
                page = tif.pages[number]
            except IndexError:  # a large ImageJ file has one page only, whatever the number of its slices
                return replace(self.metadata, tags=())
            return replace(self.metadata, tags=metadata_of(page).tags)

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


def open_file(file: Path) -> tuple[TiffFileReader, ...]:
    """Readers for the channels of a multi-page TIFF file, after a look at its pages.

    Raises
    ------
    InputError
        If it is not a stack of greyscale slices.
    """
    with opened(file) as tif:
        size = file.stat().st_size
        first = examine(tif.pages[0], f"{file.name} page 0", size)
        count = count_pages(tif, file.name)
        metadata = metadata_of(tif.pages[0])
        series: Any = tif.series[0]
        start = None
        _refuse_several_images(file, tif)
        if len(tif.series) == 1 and series.dataoffset is not None and tuple(series.shape)[-2:] == first.shape:
            start = _contiguous_start(file, series, first, size)
            channels = channels_of(file.name, series.axes, series.shape)
            order: Sequence[int] = range(int(np.prod(tuple(series.shape)[:-2], dtype=int)))
        else:
            _examine_all(file, first, size)
            axes, shape, order = _stated(file, tif, count, first)
            channels = channels_of(file.name, axes, shape)
        palette = (palette_note(file.name),) if first.palette else ()
        readers = tuple(
            TiffFileReader(
                file,
                tuple(order[number] for number in planes.numbers),
                first,
                tif.byteorder,
                start,
                (*planes.notes, *palette),
                metadata,
            )
            for planes in channels
        )
    readers[0].read(0)  # a missing codec shows here rather than in the middle of a run
    return readers


def _contiguous_start(file: Path, series: Any, first: PageInfo, size: int) -> int:
    """Where the pixels begin that lie in one block, whether or not each page has a header (large ImageJ files)."""
    start, count = int(series.dataoffset or 0), int(np.prod(tuple(series.shape)[:-2], dtype=int))
    end = start + count * first.shape[0] * first.shape[1] * np.dtype(first.dtype).itemsize
    if end > size:
        raise InputError(f"{file.name}: the file is truncated, slices are missing; copy it again from its source")
    return start


def _examine_all(file: Path, first: PageInfo, size: int) -> None:
    with opened(file) as tif:  # once more: where the library has looked for series, pages lack their tags
        infos = [examine(page, f"{file.name} page {index}", size) for index, page in enumerate(tif.pages)]
    different = [(f"page {index}", info) for index, info in enumerate(infos) if info != first]
    if different:
        raise mixed(f"{file.name} page 0", first, different)


def _refuse_several_images(file: Path, tif: tifffile.TiffFile) -> None:
    """An OME-TIFF may hold several images, or parts of one whose other parts are elsewhere."""
    series = tif.series[0]
    if series.kind.casefold() != "ome":
        return
    if len(tif.series) > 1:
        raise InputError(f"{file.name}: expected one image, got {len(tif.series)} (OME); save one of them as a stack")
    if any(page is None or page.parent is not tif for page in series.pages):
        what = "expected a whole stack, got one file of several (OME)"
        raise InputError(f"{file.name}: {what}; save them as one file, or as a folder of slices")


def _stated(
    file: Path, tif: tifffile.TiffFile, count: int, first: PageInfo
) -> tuple[str, Sequence[int], Sequence[int]]:
    """Axes and shape as the file states them, and the number of the page that holds each plane."""
    series: Any = tif.series[0]
    if len(tif.series) > 1:  # pages that were written one by one
        return "IYX", (count, *first.shape), range(count)
    planes = int(np.prod(tuple(series.shape)[:-2], dtype=int))
    order: Sequence[int] = range(count)
    if series.kind.casefold() == "ome":
        order = [page.index if isinstance(page.index, int) else page.index[0] for page in series.pages]
    if planes != len(order):
        raise InputError(f"{file.name}: states {planes} planes, got {len(order)} pages; copy it again from its source")
    return series.axes, series.shape, order


@dataclass(frozen=True)
class TiffFileWriter:
    """Writes the pages of an uncompressed TIFF file (BigTIFF where it must be) whose room is reserved at the start."""

    path: Path
    layout: Layout

    def create(self) -> None:
        """Write the headers and reserve room for all pages."""
        count, y, x = self.layout.shape
        shape = (count * self.layout.channels, y, x)
        size = int(np.prod(shape, dtype=np.int64)) * self.layout.dtype.itemsize
        try:
            tifffile.memmap(
                self.path,
                shape=shape,
                dtype=self.layout.dtype,
                bigtiff=size > _CLASSIC_LIMIT,
                photometric=self.layout.photometric,
                software=SOFTWARE,
                **tiff_options(self.layout.metadata_at(0), count=count, channels=self.layout.channels),
            )
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be made ({error.strerror or error}); make room") from error

    def write(self, position: int, pixels: Pixels, channel: int = 0) -> None:
        """Write one page in its place."""
        contiguous = np.ascontiguousarray(pixels, dtype=self.layout.dtype)
        with self.path.open("r+b") as file:
            file.seek(self._place(position, channel))
            file.write(contiguous.data)

    def written(self, position: int, channel: int = 0) -> Pixels | None:
        """One page as it stands in the file."""
        shape = self.layout.shape[1:]
        try:
            pixels = np.fromfile(
                self.path, self.layout.dtype, int(np.prod(shape)), offset=self._place(position, channel)
            )
            return pixels.reshape(shape)
        except (OSError, ValueError, tifffile.TiffFileError):
            return None

    def leave_out(self, position: int, channel: int = 0) -> None:
        """A blank page, so that the others keep their place."""
        self.write(position, np.zeros(self.layout.shape[1:], self.layout.dtype), channel)

    def finish(self) -> None:
        """Nothing: every page is where it belongs."""

    def _place(self, position: int, channel: int) -> int:
        """Where a page begins, in bytes."""
        with tifffile.TiffFile(self.path) as tif:
            start = int(tif.pages[0].dataoffsets[0])
        pages = position * self.layout.channels + channel
        return start + pages * int(np.prod(self.layout.shape[1:])) * self.layout.dtype.itemsize
