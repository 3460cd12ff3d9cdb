"""A stack in one multi-page TIFF file: plain, ImageJ, OME, BigTIFF, compressed or not."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import tifffile

from stackmend.errors import BadSlice, InputError
from stackmend.stacks import Pixels
from stackmend.stacks.axes import channels_of
from stackmend.stacks.metadata import NOTHING, Metadata, metadata_of, vendor_tags
from stackmend.stacks.pixels import finite, native, slice_names
from stackmend.stacks.tiff_pages import (
    PageInfo,
    count_pages,
    examine,
    mixed,
    opened,
    page_at,
    palette_note,
    pixels_of,
    unlike,
)


@dataclass(frozen=True)
class TiffFileReader:
    """Reads the pages of one channel of a TIFF file.

    Attributes
    ----------
    numbers
        Of the planes that are the slices.
    block
        Where the pixels begin, if those of all planes lie in one block.
    headers
        Where the header of each page lies, where it is needed: to follow the chain of pages to the last one takes
        longer than to read it.
    bad
        What is wrong with pages that cannot be used.
    """

    file: Path
    numbers: Sequence[int]
    info: PageInfo
    byteorder: Literal["<", ">"] = "<"
    block: int | None = None
    headers: tuple[int, ...] = ()
    bad: Mapping[int, str] = field(default_factory=dict)
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
        return slice_names(
            re.sub(r"(\.ome)?\.tiff?$", "", self.file.name, flags=re.IGNORECASE), len(self.numbers)
        )

    def read(self, index: int) -> Pixels:
        """One page."""
        number = self.numbers[index]
        where = f"{self.label} page {number}"
        if number in self.bad:
            raise BadSlice(self.bad[number])
        if self.block is not None:
            return finite(self._from_block(number, self.block, where), where)
        with opened(self.file) as tif:
            return pixels_of(page_at(tif, self.headers[number], number), where, self.info)

    def metadata_of(self, index: int) -> Metadata:
        """That of the file; the microscope's tags are those of the slice's own page, if it has any."""
        number = self.numbers[index]
        if not self.headers or number in self.bad:
            return replace(self.metadata, tags=())
        if number >= len(
            self.headers
        ):  # a large ImageJ file has one page only, whatever the number of its slices
            return replace(self.metadata, tags=())
        with opened(self.file) as tif:
            return replace(
                self.metadata, tags=vendor_tags(page_at(tif, self.headers[number], number))
            )

    def _from_block(self, number: int, start: int, where: str) -> Pixels:
        stored = self.dtype.newbyteorder(self.byteorder)
        count = self.info.shape[0] * self.info.shape[1]
        try:
            pixels = np.fromfile(
                self.file, stored, count, offset=start + number * count * stored.itemsize
            )
        except OSError as error:
            raise InputError(
                f"{where}: cannot be read ({error.strerror or error}); check the file"
            ) from error
        if pixels.size != count:
            raise BadSlice(f"{where}: the file ends before it does; copy it again from its source")
        return native(pixels).reshape(self.info.shape)

    def truth(self, index: int) -> None:
        """``None``: of a real stack nobody knows it."""


def open_file(file: Path, *, tolerant: bool = False) -> tuple[TiffFileReader, ...]:
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
        found = _Pages()
        start = None
        _refuse_several_images(file, tif)
        if (
            len(tif.series) == 1
            and series.dataoffset is not None
            and tuple(series.shape)[-2:] == first.shape
        ):
            start = _start_of_block(file, series, first, size)
            channels = channels_of(file.name, series.axes, series.shape)
            order: Sequence[int] = range(prod(series.shape[:-2]))
            if metadata.tags:
                found = _Pages(tuple(int(page.offset) for page in tif.pages))
        else:
            found = _all_pages(file, first, size, tolerant=tolerant)
            axes, shape, order = _stated(file, tif, count, first)
            channels = channels_of(file.name, axes, shape)
        palette = (palette_note(file.name),) if first.palette else ()
        readers = tuple(
            TiffFileReader(
                file, tuple(order[number] for number in planes.numbers), first, tif.byteorder, start, found.headers,
                found.bad, (*planes.notes, *palette), metadata,
            )
            for planes in channels
        )  # fmt: skip
    if not tolerant:
        readers[0].read(0)  # a missing codec shows here rather than in the middle of a run
    return readers


def _start_of_block(file: Path, series: Any, first: PageInfo, size: int) -> int:
    """Where the pixels begin that lie in one block, whether or not each page has a header (large ImageJ files)."""
    start = int(series.dataoffset or 0)
    end = start + prod((*series.shape[:-2], *first.shape)) * np.dtype(first.dtype).itemsize
    if end > size:
        raise InputError(
            f"{file.name}: the file is truncated, slices are missing; copy it again from its source"
        )
    return start


class _Pages(NamedTuple):
    """Where the headers of all pages lie, and what is wrong with those that cannot be used."""

    headers: tuple[int, ...] = ()
    bad: Mapping[int, str] = {}


def _all_pages(file: Path, first: PageInfo, size: int, *, tolerant: bool) -> _Pages:
    """Every page looked at by itself.

    Raises
    ------
    InputError
        If some cannot be used; if ``tolerant``, these are bad slices.
    """
    headers, bad, different = [], {}, []
    with opened(
        file
    ) as tif:  # once more: where the library has looked for series, pages lack their tags
        for number, page in enumerate(tif.pages):
            headers.append(int(page.offset))
            try:
                info = examine(page, f"{file.name} page {number}", size)
            except InputError as error:
                if not tolerant:
                    raise
                bad[number] = str(error)
                continue
            if info != first:
                different.append((f"page {number}", info))
                bad[number] = f"{file.name} page {number}: {unlike(info, first)}"
    if different and not tolerant:
        raise mixed(f"{file.name} page 0", first, different)
    return _Pages(tuple(headers), bad)


def _refuse_several_images(file: Path, tif: tifffile.TiffFile) -> None:
    """An OME-TIFF may hold several images, or parts of one whose other parts are elsewhere."""
    series = tif.series[0]
    if series.kind.casefold() != "ome":
        return
    if len(tif.series) > 1:
        raise InputError(
            f"{file.name}: expected one image, got {len(tif.series)} (OME); save one of them as a stack"
        )
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
    planes = prod(series.shape[:-2])
    order: Sequence[int] = range(count)
    if series.kind.casefold() == "ome":
        order = [
            page.index if isinstance(page.index, int) else page.index[0] for page in series.pages
        ]
    if planes != len(order):
        raise InputError(
            f"{file.name}: states {planes} planes, got {len(order)} pages; copy it again from its source"
        )
    return series.axes, series.shape, order
