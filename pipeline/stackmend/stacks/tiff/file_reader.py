"""A stack in one multi-page TIFF file: plain, ImageJ, OME, BigTIFF, compressed or not."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from stackmend.errors import BadSlice
from stackmend.stacks.axes import channels_of, stated_axes
from stackmend.stacks.interface import Pixels, Reader, Slice, Tags
from stackmend.stacks.pixels import check_finite, read_plane, slice_names
from stackmend.stacks.tiff.conventions import described
from stackmend.stacks.tiff.pages import (
    PageInfo,
    header_at,
    open_header,
    open_tiff,
    palette_note,
    pixels_of,
)
from stackmend.stacks.tiff.planes import pages_of, planes_of
from stackmend.stacks.tiff.tags import kept_tags


@dataclass(frozen=True, kw_only=True)
class TiffFileReader(Reader):
    """Reads the pages of one channel of a TIFF file.

    Attributes
    ----------
    numbers
        Of the planes that are the slices.
    info
        What holds for every page.
    starts
        Where the pixels of each plane begin, -1 if they do not lie there as they are.
    headers
        Where the header of each page lies: to follow the chain of pages to the last one takes
        longer than to read it. Pages beyond the last header have none.
    tagged
        Whether each of these may have tags that are kept.
    bad
        What is wrong with pages that cannot be used.
    """

    file: Path
    numbers: Sequence[int]
    info: PageInfo
    byteorder: Literal["<", ">"] = "<"
    starts: Sequence[int] = ()
    headers: tuple[int, ...] = ()
    tagged: tuple[bool, ...] = ()
    bad: Mapping[int, str] = field(default_factory=dict)

    def read(self, index: int) -> Pixels:
        """The pixels of one page."""
        number = self.numbers[index]
        if number in self.bad:
            raise BadSlice(self.bad[number])
        if self.starts[number] < 0:
            return self.read_slice(index).pixels
        where = f"{self.label} page {number}"
        stored = self.dtype.newbyteorder(self.byteorder)
        pixels = read_plane(self.file, self.starts[number], self.info.shape, stored, where)
        return check_finite(pixels, where)

    def read_slice(self, index: int) -> Slice:
        """Pixels and tags of one page, from one look at it unless the pixels lie as they are."""
        number = self.numbers[index]
        if number in self.bad or self.starts[number] >= 0:
            return Slice(self.read(index), self.tags(index))
        with open_tiff(self.file) as tif:
            header = header_at(tif, self.headers[number], number)
            pixels = pixels_of(tif, header, f"{self.label} page {number}", self.info)
            return Slice(pixels, kept_tags(header))

    def tags(self, index: int) -> Tags:
        """Those of the slice's own page, if it has any."""
        number = self.numbers[index]
        # A large ImageJ file has one page only, whatever the number of its slices.
        if number in self.bad or number >= len(self.headers) or not self.tagged[number]:
            return ()
        with open_header(self.file, self.headers[number], number) as header:
            return kept_tags(header)


def recognises(path: Path) -> bool:
    """Whether a path is a file, which may then be TIFF."""
    return path.is_file()


def open_channels(
    file: Path, *, axes: str | None = None, tolerant: bool = False
) -> tuple[TiffFileReader, ...]:
    """Readers for the channels of a multi-page TIFF file, after a look at its pages.

    Raises
    ------
    InputError
        If it is not a stack of greyscale slices.
    """
    readers = channels_in(file, axes=axes, tolerant=tolerant)
    # A missing codec shows here rather than in the middle of a run.
    if not tolerant:
        readers[0].read(0)
    return readers


def channels_in(
    file: Path, *, axes: str | None = None, tolerant: bool = False
) -> tuple[TiffFileReader, ...]:
    """The same, without a look at the pixels."""
    with open_tiff(file) as tif:
        pages = pages_of(tif, file, tolerant=tolerant)
        header = header_at(tif, pages.offsets[0])
        said = described(header, file, file.name)
        planes = planes_of(tif, header, file, pages)
        byteorder: Literal["<", ">"] = ">" if header.source.order == ">" else "<"
    stem = re.sub(r"(\.ome)?\.tiff?$", "", file.name, flags=re.IGNORECASE)
    info = pages.info
    letters, sizes = stated_axes(file.name, planes.axes, planes.sizes, axes)
    bad = {place: pages.bad[page] for place, page in enumerate(planes.order) if page in pages.bad}
    own = [page for page in planes.order if page < len(pages.offsets)]
    palette = (palette_note(file.name),) if info.palette else ()
    readers = []
    for numbers, notes in channels_of(file.name, letters, sizes):
        reader = TiffFileReader(
            label=file.name,
            shape=(len(numbers), *info.shape),
            dtype=info.dtype,
            names=slice_names(stem, len(numbers)),
            notes=(*notes, *palette, *pages.notes, *said.notes),
            photometric=info.photometric,
            metadata=said.metadata,
            bar=said.bar,
            file=file,
            numbers=numbers,
            info=info,
            byteorder=byteorder,
            starts=planes.starts,
            headers=tuple(pages.offsets[page] for page in own),
            tagged=tuple(pages.tagged[page] for page in own),
            bad=bad,
        )
        readers.append(reader)
    return tuple(readers)
