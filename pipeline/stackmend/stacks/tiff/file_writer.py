"""A stack as one multi-page TIFF file, in ImageJ's convention; BigTIFF where it must be."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from itertools import product
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
import tifffile

from stackmend.disk import part_of, remedy
from stackmend.errors import InputError, OutputError
from stackmend.stacks.files import new_file
from stackmend.stacks.interface import Layout, Pixels, Slice, Writer
from stackmend.stacks.pixels import slice_names
from stackmend.stacks.tiff.conventions import vendor_tags
from stackmend.stacks.tiff.folder import TiffFolderWriter
from stackmend.stacks.tiff.pages import decode, open_tiff
from stackmend.stacks.tiff.writing import PageHeader, extra_tags, tiff_options

CLASSIC_LIMIT = 2**32 - 2**25
"""Bytes that a file with 32-bit offsets can surely hold beside its headers."""


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
        except (OSError, ValueError, tifffile.TiffFileError):
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
        with tifffile.TiffFile(self.path) as tif:
            return int(tif.pages[0].dataoffsets[0])

    def _place(self, position: int, channel: int) -> int:
        """Where a page begins, in bytes."""
        return self._start + (position * self.layout.channels + channel) * self._page_size

    def _create(self, path: Path, *, bigtiff: bool) -> None:
        layout = self.layout

        # The first page, and its header as the model of the others.
        options = tiff_options(
            layout.metadata_at(0),
            layout.tags_at(0),
            count=layout.shape[0],
            channels=layout.channels,
        )
        options |= {"shape": layout.shape[1:], "dtype": layout.dtype}
        with tifffile.TiffWriter(path, bigtiff=bigtiff) as tif:
            tif.write(None, photometric=layout.photometric, **options)
        with tifffile.TiffFile(path) as tif:
            header = PageHeader.first_of(tif)
            start, link = int(tif.pages[0].dataoffsets[0]), tif.pages.next_page_offset

        # Room for all pixels, and behind them the headers, each linked to the next.
        with path.open("r+b") as file:
            end = start + self._count * self._page_size
            file.truncate(end)
            for number in range(1, self._count):
                end += end % 2
                tags = layout.tags_at(*divmod(number, layout.channels))
                file.seek(link or 0)
                file.write(header.offset(end))
                content, link = header.page(end, start + number * self._page_size, tags)
                file.seek(end)
                file.write(content)
                end += len(content)


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
        try:
            with open_tiff(self.path) as tif:
                page = tif.pages[position * self.layout.channels + channel]
                return decode(page, self.path.name)
        except InputError:
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
        size = sum(part.stat().st_size for part in parts if part.exists())

        # A file that says how many images it has is read by ImageJ as one block of pixels.
        options = tiff_options(
            layout.metadata_at(0), (), count=layout.shape[0], channels=layout.channels, block=False
        )
        options |= {"shape": layout.shape[1:], "dtype": layout.dtype}
        options |= {"photometric": layout.photometric, "compression": layout.compression}
        with tifffile.TiffWriter(file, bigtiff=size > CLASSIC_LIMIT) as tif:
            for page in self._pages():
                options["extratags"] = extra_tags(vendor_tags(page))
                tif.write(_segments(page), rowsperstrip=page.rowsperstrip, **options)
                options.pop("description", None)

    def _pages(self) -> Iterator[Any]:
        """The page of each slice, in order."""
        with ExitStack() as stack:
            whole = stack.enter_context(open_tiff(self.path)) if self.path.exists() else None
            places = product(range(self.layout.shape[0]), range(self.layout.channels))
            for number, (position, channel) in enumerate(places):
                own = self._slices.file_of(position, channel)
                if own.exists():
                    with open_tiff(own) as tif:
                        yield tif.pages[0]
                elif whole is not None:
                    yield whole.pages[number]
                else:
                    what = f"slice {position} has not been written"
                    raise OutputError(f"{self.path}: {what}; run again")


def _are_pages_of(layout: Layout, tif: tifffile.TiffFile) -> bool:
    """Whether a file has as many pages as a stack, and the first and the last one fit."""
    ends = (tif.pages[0], tif.pages[-1])
    count = layout.shape[0] * layout.channels
    alike = all(page.shape == layout.shape[1:] and page.dtype == layout.dtype for page in ends)
    return alike and len(tif.pages) == count


def _segments(page: Any) -> Iterator[bytes]:
    """The encoded pixels of a page, strip by strip."""
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
        page.parent.filehandle.seek(offset)
        yield page.parent.filehandle.read(count)
