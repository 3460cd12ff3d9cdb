"""A stack as one multi-page TIFF file, in ImageJ's convention; BigTIFF where it must be."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from itertools import islice, product
from math import prod
from pathlib import Path
from typing import IO

import numpy as np
import tifffile

from stackmend.disk import part_of, remedy
from stackmend.errors import InputError, OutputError
from stackmend.stacks.files import new_file
from stackmend.stacks.interface import Layout, Pixels, Slice, Tags, Writer
from stackmend.stacks.pixels import slice_names
from stackmend.stacks.tiff.folder_writer import TiffFolderWriter
from stackmend.stacks.tiff.headers import STRIPS, Header, headers_of
from stackmend.stacks.tiff.pages import decode, examine, open_tiff
from stackmend.stacks.tiff.tags import kept_tags
from stackmend.stacks.tiff.writing import (
    CLASSIC_LIMIT,
    beginning,
    header,
    offset,
    picture_tags,
    slice_tags,
)


def tiff_file_writer(path: Path, layout: Layout) -> Writer:
    """The writer for a file that is compressed or not."""
    compressed = layout.compression != "none"
    return CompressedTiffWriter(path, layout) if compressed else PlainTiffWriter(path, layout)


class PlainTiffWriter(Writer):
    """Writes the pages of an uncompressed file whose room is reserved at the start.

    The pixels of all pages lie in one block, as ImageJ expects them. The headers of all pages but
    the first follow the block, each with the tags of its own slice, which are therefore asked for
    before the slices are written.
    """

    def create(self) -> None:
        """Write the headers and reserve room for all pages, unless that is done."""
        if self.opens():
            return
        file = part_of(self.path)
        try:
            try:
                self._create(file, bigtiff=self._page_size * self._count > CLASSIC_LIMIT)
            # With the tags it does not fit.
            except struct.error:
                self._create(file, bigtiff=True)
            file.replace(self.path)
        except OSError as error:
            what = f"cannot be made ({error.strerror or error})"
            raise OutputError(f"{self.path}: {what}; {remedy(error)}") from error

    def opens(self) -> bool:
        """Whether all headers are there, and room for all pages."""
        end = self._count * self._page_size
        try:
            with open_tiff(self.path) as tif:
                first, last = tif.pages[0], tif.pages[-1]
                end += first.dataoffsets[0]
                alike = _are_pages_of(self.layout, tif)
                return alike and last.dataoffsets[0] + self._page_size == end <= tif.filehandle.size
        except InputError:
            return False

    def write(self, position: int, new: Slice, channel: int = 0) -> None:
        """Write one page in its place."""
        contiguous = np.ascontiguousarray(new.pixels, dtype=self.layout.dtype)
        with self.path.open("r+b") as file:
            file.seek(self._place(position, channel))
            file.write(contiguous.data)

    def read_back(self, position: int, channel: int = 0) -> Pixels | None:
        """One page as it stands in the file."""
        shape = self.layout.shape[1:]
        try:
            place = self._place(position, channel)
            pixels = np.fromfile(self.path, self.layout.dtype, prod(shape), offset=place)
            return pixels.reshape(shape)
        except (OSError, ValueError, IndexError, StopIteration, InputError):
            return None

    @property
    def _count(self) -> int:
        return self.layout.shape[0] * self.layout.channels

    @property
    def _page_size(self) -> int:
        return prod(self.layout.shape[1:]) * self.layout.dtype.itemsize

    @cached_property
    def _start(self) -> int:
        """Where the pixels begin, in bytes."""
        with self.path.open("rb") as file:
            return int(next(headers_of(file, self.path.name)).numbers(STRIPS)[0])

    def _place(self, position: int, channel: int) -> int:
        """Where a page begins, in bytes."""
        return self._start + (position * self.layout.channels + channel) * self._page_size

    def _create(self, path: Path, *, bigtiff: bool) -> None:
        layout, count = self.layout, self._count
        picture = picture_tags(layout, layout.shape[1])
        size = [self._page_size]
        first = beginning(big=bigtiff)
        with path.open("w+b") as file:
            # The first header, which says how many slices there are; the pixels follow it.
            tags = (*picture, *self._tags(0, count=layout.shape[0], channels=layout.channels))
            content, link = header(tags, [0], size, len(first), big=bigtiff)
            start = len(first) + len(content)
            content, link = header(tags, [start], size, len(first), big=bigtiff)
            file.write(first + content)

            # Room for all pixels, and behind them the headers, each linked to the next.
            end = start + count * self._page_size
            file.truncate(end)
            for number in range(1, count):
                end += end % 2
                file.seek(link)
                file.write(offset(end, big=bigtiff))
                tags = (*picture, *self._tags(number, count=0, channels=0))
                place = start + number * self._page_size
                content, link = header(tags, [place], size, end, big=bigtiff)
                file.seek(end)
                file.write(content)
                end += len(content)

    def _tags(self, number: int, *, count: int, channels: int) -> Tags:
        position, channel = divmod(number, self.layout.channels)
        kept = self.layout.tags_at(position, channel)
        return slice_tags(self.layout.metadata_at(position), kept, count=count, channels=channels)


class CompressedTiffWriter(Writer):
    """Writes a compressed file.

    Slices are written into files of their own first, whose encoded pixels are then put together.
    """

    def create(self) -> None:
        """Make the folder of the slices; a whole file that does not open is of no use."""
        if self.path.exists() and not self.opens():
            self.path.unlink()
        self._slices.create()

    def opens(self) -> bool:
        """Whether there is the whole file with all its pages, or the folder of the slices."""
        if not self.path.exists():
            return self._slices.opens()
        try:
            with open_tiff(self.path) as tif:
                return _are_pages_of(self.layout, tif)
        except InputError:
            return False

    def write(self, position: int, new: Slice, channel: int = 0) -> None:
        """Write one slice into a file of its own."""
        self._slices.create()  # gone where the whole file is complete already
        self._slices.write(position, new, channel)

    def read_back(self, position: int, channel: int = 0) -> Pixels | None:
        """One slice, from its own file or from the whole one."""
        if self._slices.file_of(position, channel).exists() or not self.path.exists():
            return self._slices.read_back(position, channel)
        number = position * self.layout.channels + channel
        try:
            with open_tiff(self.path) as tif:
                page = next(islice(headers_of(tif.filehandle, self.path.name), number, None))
                return decode(tif, page, self.path.name, examine(page, self.path.name))
        except (InputError, StopIteration):
            return None

    def finish(self) -> None:
        """Put the slices together.

        One that has no file of its own any more is taken from the whole one.
        """
        if not self._slices.path.exists():
            return
        if any(self._slices.path.iterdir()):
            with new_file(self.path) as file:
                self._assemble(file)
        shutil.rmtree(self._slices.path)

    @cached_property
    def _slices(self) -> TiffFolderWriter:
        """The writer of the slices, whose names need not be told apart from any others."""
        names = slice_names("slice", self.layout.shape[0])
        return TiffFolderWriter(self.path.with_suffix(""), replace(self.layout, names=names))

    def _assemble(self, file: IO[bytes]) -> None:
        layout = self.layout
        parts = (self.path, *self._slices.path.iterdir())
        big = sum(part.stat().st_size for part in parts if part.exists()) > CLASSIC_LIMIT
        file.write(beginning(big=big))

        # A file that says how many images it has is read by ImageJ as one block of pixels.
        link, count, channels = (8 if big else 4), layout.shape[0], layout.channels
        for number, page in enumerate(self._pages()):
            kept, metadata = kept_tags(page), layout.metadata_at(number // layout.channels)
            own = slice_tags(metadata, kept, count=count, channels=channels, block=False)
            tags = (*picture_tags(layout, page.number_of(278, 1)), *own)
            strips, place = _segments(page), file.tell()
            counts = [len(strip) for strip in strips]
            starts = [place + sum(counts[:index]) for index in range(len(counts))]
            file.write(b"".join(strips))
            file.write(bytes(file.tell() % 2))
            end = file.tell()
            content, next_link = header(tags, starts, counts, end, big=big)
            file.write(content)
            file.seek(link)
            file.write(offset(end, big=big))
            file.seek(end + len(content))
            link, count, channels = next_link, 0, 0

    def _pages(self) -> Iterator[Header]:
        """The page of each slice, in order."""
        with ExitStack() as opened:
            whole: Iterator[Header] | None = None
            if self.path.exists():
                file = opened.enter_context(self.path.open("rb"))
                whole = headers_of(file, self.path.name)
            for position, channel in product(
                range(self.layout.shape[0]), range(self.layout.channels)
            ):
                page = next(whole, None) if whole else None
                own = self._slices.file_of(position, channel)
                if own.exists():
                    with own.open("rb") as file:
                        yield next(headers_of(file, own.name))
                elif page is not None:
                    yield page
                else:
                    what = f"slice {position} has not been written"
                    raise OutputError(f"{self.path}: {what}; run again")


def _are_pages_of(layout: Layout, tif: tifffile.TiffFile) -> bool:
    """Whether a file has as many pages as a stack, and the first and the last one fit."""
    ends = (tif.pages[0], tif.pages[-1])
    count = layout.shape[0] * layout.channels
    alike = all(page.shape == layout.shape[1:] and page.dtype == layout.dtype for page in ends)
    return alike and len(tif.pages) == count


def _segments(page: Header) -> list[bytes]:
    """The encoded pixels of a page, strip by strip."""
    places = zip(page.numbers(STRIPS).tolist(), page.numbers(279).tolist(), strict=True)
    return [page.source.read(start, count) for start, count in places]
