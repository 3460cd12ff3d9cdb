"""A stack in one multi-page TIFF file: plain, ImageJ, OME, BigTIFF, compressed or not."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any, Literal

import tifffile

from stackmend.errors import BadSlice, InputError
from stackmend.stacks.axes import channels_of
from stackmend.stacks.interface import Pixels, Reader, Slice, Tags
from stackmend.stacks.pixels import check_finite, read_plane, slice_names
from stackmend.stacks.tiff.conventions import metadata_of, vendor_tags
from stackmend.stacks.tiff.pages import (
    PageInfo,
    count_pages,
    difference_error,
    difference_text,
    examine,
    open_tiff,
    page_at,
    palette_note,
    pixels_of,
)


@dataclass(frozen=True, kw_only=True)
class TiffFileReader(Reader):
    """Reads the pages of one channel of a TIFF file.

    Attributes
    ----------
    numbers
        Of the planes that are the slices.
    info
        What holds for every page.
    block
        Where the pixels begin, if those of all planes lie in one block.
    headers
        Where the header of each page lies, where it is needed: to follow the chain of pages to the
        last one takes longer than to read it.
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

    def read(self, index: int) -> Pixels:
        """The pixels of one page."""
        if self.block is None:
            return self.read_slice(index).pixels
        number = self.numbers[index]
        where = f"{self.label} page {number}"
        stored = self.dtype.newbyteorder(self.byteorder)
        start = self.block + number * prod(self.info.shape) * stored.itemsize
        return check_finite(read_plane(self.file, start, self.info.shape, stored, where), where)

    def read_slice(self, index: int) -> Slice:
        """Pixels and tags of one page, from one look at it unless the pixels lie in one block."""
        if self.block is not None:
            return Slice(self.read(index), self.tags(index))
        number = self.numbers[index]
        if number in self.bad:
            raise BadSlice(self.bad[number])
        with open_tiff(self.file) as tif:
            page = page_at(tif, self.headers[number], number)
            pixels = pixels_of(page, f"{self.label} page {number}", self.info)
            return Slice(pixels, vendor_tags(page))

    def tags(self, index: int) -> Tags:
        """Those of the slice's own page, if it has any."""
        number = self.numbers[index]
        # A large ImageJ file has one page only, whatever the number of its slices.
        if number in self.bad or number >= len(self.headers):
            return ()
        with open_tiff(self.file) as tif:
            return vendor_tags(page_at(tif, self.headers[number], number))


def recognises(path: Path) -> bool:
    """Whether a path is a file, which may then be TIFF."""
    return path.is_file()


def open_channels(file: Path, *, tolerant: bool = False) -> tuple[TiffFileReader, ...]:
    """Readers for the channels of a multi-page TIFF file, after a look at its pages.

    Raises
    ------
    InputError
        If it is not a stack of greyscale slices.
    """
    with open_tiff(file) as tif:
        info = examine(tif.pages[0], f"{file.name} page 0", file.stat().st_size)
        count = count_pages(tif, file.name)
        metadata = metadata_of(tif.pages[0], vendor_tags(tif.pages[0]))
        _refuse_several_images(file, tif)
        block, headers, bad = _find_pages(file, tif, info, tolerant=tolerant)
        in_block = block is not None
        axes, shape, order = _stated_axes(file, tif, info, count, in_block=in_block)
        byteorder = tif.byteorder
    stem = re.sub(r"(\.ome)?\.tiff?$", "", file.name, flags=re.IGNORECASE)
    readers = []
    for planes, notes in channels_of(file.name, axes, shape):
        reader = TiffFileReader(
            label=file.name,
            shape=(len(planes), *info.shape),
            dtype=info.dtype,
            names=slice_names(stem, len(planes)),
            notes=(*notes, *([palette_note(file.name)] if info.palette else [])),
            photometric=info.photometric,
            metadata=metadata,
            file=file,
            numbers=tuple(order[number] for number in planes),
            info=info,
            byteorder=byteorder,
            block=block,
            headers=headers,
            bad=bad,
        )
        readers.append(reader)
    # A missing codec shows here rather than in the middle of a run.
    if not tolerant:
        readers[0].read(0)
    return tuple(readers)


_Pages = tuple[int | None, tuple[int, ...], Mapping[int, str]]
"""Where the pixels begin that lie in one block, where headers lie, and what is wrong with pages."""


def _find_pages(file: Path, tif: tifffile.TiffFile, first: PageInfo, *, tolerant: bool) -> _Pages:
    """The pages by the block in which they lie, or each by itself."""
    series: Any = tif.series[0]
    one_block = len(tif.series) == 1 and series.dataoffset is not None
    if not one_block or tuple(series.shape)[-2:] != first.shape:
        return _look_at_pages(file, first, tolerant=tolerant)
    start = _start_of_block(file, series, first)
    tagged = bool(vendor_tags(tif.pages[0]))
    return start, tuple(int(page.offset) for page in tif.pages) if tagged else (), {}


def _start_of_block(file: Path, series: Any, first: PageInfo) -> int:
    """Where the pixels begin that lie in one block.

    Large ImageJ files have no headers but the first.
    """
    start = int(series.dataoffset or 0)
    end = start + prod((*series.shape[:-2], *first.shape)) * first.dtype.itemsize
    if end > file.stat().st_size:
        what = "the file is truncated, slices are missing"
        raise InputError(f"{file.name}: {what}; copy it again from its source")
    return start


def _look_at_pages(file: Path, first: PageInfo, *, tolerant: bool) -> _Pages:
    """Every page looked at by itself.

    Raises
    ------
    InputError
        If some cannot be used; if ``tolerant``, these are bad slices.
    """
    headers, bad, different = [], {}, []
    size = file.stat().st_size
    # Opened once more: where the library has looked for series, pages lack their tags.
    with open_tiff(file) as tif:
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
                bad[number] = f"{file.name} page {number}: {difference_text(info, first)}"
    if different and not tolerant:
        raise difference_error(f"{file.name} page 0", first, different)
    return None, tuple(headers), bad


def _refuse_several_images(file: Path, tif: tifffile.TiffFile) -> None:
    """An OME-TIFF may hold several images, or parts of one whose other parts are elsewhere."""
    series = tif.series[0]
    if series.kind.casefold() != "ome":
        return
    if len(tif.series) > 1:
        what = f"expected one image, got {len(tif.series)} (OME)"
        raise InputError(f"{file.name}: {what}; save one of them as a stack")
    if any(page is None or page.parent is not tif for page in series.pages):
        what = "expected a whole stack, got one file of several (OME)"
        raise InputError(f"{file.name}: {what}; save them as one file, or as a folder of slices")


def _stated_axes(
    file: Path, tif: tifffile.TiffFile, first: PageInfo, count: int, *, in_block: bool
) -> tuple[str, Sequence[int], Sequence[int]]:
    """Axes and shape as the file states them, and the number of the page that holds each plane."""
    series: Any = tif.series[0]
    if in_block:
        return series.axes, series.shape, range(prod(series.shape[:-2]))
    # Pages that were written one by one.
    if len(tif.series) > 1:
        return "IYX", (count, *first.shape), range(count)
    order: Sequence[int] = range(count)
    if series.kind.casefold() == "ome":
        order = [_number_of(page) for page in series.pages]
    planes = prod(series.shape[:-2])
    if planes != len(order):
        what = f"states {planes} planes, got {len(order)} pages"
        raise InputError(f"{file.name}: {what}; copy it again from its source")
    return series.axes, series.shape, order


def _number_of(page: Any) -> int:
    number = page.index
    return number if isinstance(number, int) else int(number[0])
