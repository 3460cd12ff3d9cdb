"""A stack as one multi-page TIFF file, in ImageJ's convention; BigTIFF where it must be."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
import tifffile

from stackmend.errors import InputError, OutputError
from stackmend.stacks import Layout, Pixels, Writer
from stackmend.stacks.files import published
from stackmend.stacks.metadata import VENDOR_TAGS, Tag, tiff_options, vendor_tags
from stackmend.stacks.pixels import slice_names
from stackmend.stacks.tiff_folder import TiffFolderWriter
from stackmend.stacks.tiff_pages import SOFTWARE, decoded, opened

CLASSIC_LIMIT = 2**32 - 2**25
"""Bytes that a file with 32-bit offsets can surely hold beside its headers."""

_OWN_OF_THE_FIRST = (270, 305)  # description and software
_STRIP_OFFSETS, _LONG, _LONG8 = 273, 4, 16


def tiff_file_writer(path: Path, layout: Layout) -> Writer:
    """The writer for a file that is compressed or not."""
    return (
        RoomyTiffWriter(path, layout)
        if layout.compression == "none"
        else AssembledTiffWriter(path, layout)
    )


@dataclass(frozen=True)
class RoomyTiffWriter:
    """Writes the pages of an uncompressed file whose room is reserved at the start.

    The pixels of all pages lie in one block, as ImageJ expects them. The headers of all pages but the first follow
    the block, each with the tags of its own slice.
    """

    path: Path
    layout: Layout

    def create(self) -> None:
        """Write the headers and reserve room for all pages."""
        try:
            self.path.unlink(missing_ok=True)
            try:
                self._create(bigtiff=self._page_size * self._count > CLASSIC_LIMIT)
            except struct.error:  # with the tags it does not fit
                self._create(bigtiff=True)
        except OSError as error:
            raise OutputError(
                f"{self.path}: cannot be made ({error.strerror or error}); make room"
            ) from error

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
            place = self._place(position, channel)
            return np.fromfile(self.path, self.layout.dtype, prod(shape), offset=place).reshape(
                shape
            )
        except (OSError, ValueError, tifffile.TiffFileError):
            return None

    def leave_out(self, position: int, channel: int = 0) -> None:
        """A blank page, so that the others keep their place."""
        self.write(position, np.zeros(self.layout.shape[1:], self.layout.dtype), channel)

    def finish(self) -> None:
        """Nothing: every page is where it belongs."""

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

    def _create(self, *, bigtiff: bool) -> None:
        first = self.layout.metadata_at(0)
        options = tiff_options(first, count=self.layout.shape[0], channels=self.layout.channels)
        with tifffile.TiffWriter(self.path, bigtiff=bigtiff) as tif:
            tif.write(
                None, shape=self.layout.shape[1:], dtype=self.layout.dtype, photometric=self.layout.photometric,
                software=SOFTWARE, **options,
            )  # fmt: skip
        with tifffile.TiffFile(self.path) as tif:
            header = _Header.of(tif)
            start, link = int(tif.pages[0].dataoffsets[0]), tif.pages.next_page_offset
        with self.path.open("r+b") as file:
            end = start + self._count * self._page_size
            file.truncate(end)
            for number in range(1, self._count):
                end += end % 2
                tags = self.layout.metadata_at(number // self.layout.channels).tags
                file.seek(link or 0)
                file.write(header.offset(end))
                content, link = header.page(end, start + number * self._page_size, tags)
                file.seek(end)
                file.write(content)
                end += len(content)


@dataclass(frozen=True)
class _Header:
    """The header of a file's first page, from which those of the others are made.

    Attributes
    ----------
    entries
        What all pages have in common: each tag as it stands in the file, by its number.
    big
        Whether offsets have 64 bits.
    """

    entries: dict[int, bytes]
    big: bool

    @classmethod
    def of(cls, tif: tifffile.TiffFile) -> _Header:
        entries = {}
        for tag in tif.pages.first.tags:
            if tag.code not in (*_OWN_OF_THE_FIRST, *VENDOR_TAGS):
                tif.filehandle.seek(tag.offset)
                entries[int(tag.code)] = tif.filehandle.read(tif.tiff.tagsize)
        return cls(entries, bool(tif.is_bigtiff))

    def offset(self, value: int) -> bytes:
        """An offset as the file has it."""
        return struct.pack("<Q" if self.big else "<I", value)

    def page(self, place: int, pixels: int, tags: tuple[Tag, ...]) -> tuple[bytes, int]:
        """The header of a page at some place in the file, with its tags; and where the link to the next one stands."""
        room = 8 if self.big else 4
        entries = self.entries | {
            _STRIP_OFFSETS: self._entry(_STRIP_OFFSETS, _LONG8 if self.big else _LONG, 1, pixels)
        }
        head = 8 if self.big else 2
        behind = place + head + (len(entries) + len(tags)) * (20 if self.big else 12) + room
        values = b""
        for tag in tags:
            inline = len(tag.value) <= room
            value = int.from_bytes(tag.value, "little") if inline else behind + len(values)
            entries[tag.code] = self._entry(tag.code, tag.dtype, tag.length, value)
            values += b"" if inline else tag.value + bytes(len(tag.value) % 2)
        count = struct.pack("<Q" if self.big else "<H", len(entries))
        content = count + b"".join(entries[code] for code in sorted(entries))
        return content + self.offset(0) + values, place + len(content)

    def _entry(self, code: int, dtype: int, length: int, value: int) -> bytes:
        return struct.pack("<HHQQ" if self.big else "<HHII", code, dtype, length, value)


@dataclass(frozen=True)
class AssembledTiffWriter:
    """Writes a compressed file: slices in files of their own first, whose encoded pixels are then put together."""

    path: Path
    layout: Layout

    def create(self) -> None:
        """Make the folder of the slices."""
        try:
            self.path.unlink(missing_ok=True)
            if self._slices.path.exists():
                shutil.rmtree(self._slices.path)
        except OSError as error:
            raise OutputError(
                f"{self.path}: cannot be made ({error.strerror or error}); make room"
            ) from error
        self._slices.create()

    def write(self, position: int, pixels: Pixels, channel: int = 0) -> None:
        """Write one slice into a file of its own."""
        self._slices.create()  # gone where the whole file is complete already
        self._slices.write(position, pixels, channel)

    def written(self, position: int, channel: int = 0) -> Pixels | None:
        """One slice, from its own file or from the whole one."""
        if self._slices.file_of(position, channel).exists() or not self.path.exists():
            return self._slices.written(position, channel)
        try:
            with opened(self.path) as tif:
                return decoded(tif.pages[position * self.layout.channels + channel], self.path.name)
        except InputError:
            return None

    def leave_out(self, position: int, channel: int = 0) -> None:
        """A blank page, so that the others keep their place."""
        self.write(position, np.zeros(self.layout.shape[1:], self.layout.dtype), channel)

    def finish(self) -> None:
        """Put the slices together; one that has no file of its own any more is taken from the whole one."""
        if not self._slices.path.exists():
            return
        if any(self._slices.path.iterdir()):
            with published(self.path) as file:
                self._assemble(file)
        shutil.rmtree(self._slices.path)

    @cached_property
    def _slices(self) -> TiffFolderWriter:
        """The writer of the slices, whose names need not be told apart from any others."""
        names = slice_names("slice", self.layout.shape[0])
        return TiffFolderWriter(self.path.with_suffix(""), replace(self.layout, names=names))

    def _assemble(self, file: IO[bytes]) -> None:
        layout = self.layout
        size = sum(
            each.stat().st_size
            for each in (self.path, *self._slices.path.iterdir())
            if each.exists()
        )
        first = layout.metadata_at(0)
        # A file that says how many images it has is read by ImageJ as one block of pixels.
        options = tiff_options(first, count=layout.shape[0], channels=layout.channels, block=False)
        with tifffile.TiffWriter(file, bigtiff=size > CLASSIC_LIMIT) as tif:
            for page in self._pages():
                options["extratags"] = [(*tag, True) for tag in vendor_tags(page)]
                tif.write(
                    _segments(page), shape=layout.shape[1:], dtype=layout.dtype, photometric=layout.photometric,
                    software=SOFTWARE, compression=layout.compression, rowsperstrip=page.rowsperstrip, **options,
                )  # fmt: skip
                options.pop("description", None)

    def _pages(self) -> Iterator[Any]:
        """The page of each slice, in order."""
        with ExitStack() as stack:
            whole = stack.enter_context(opened(self.path)) if self.path.exists() else None
            places = product(range(self.layout.shape[0]), range(self.layout.channels))
            for number, (position, channel) in enumerate(places):
                own = self._slices.file_of(position, channel)
                if own.exists():
                    with opened(own) as tif:
                        yield tif.pages[0]
                elif whole is not None:
                    yield whole.pages[number]
                else:
                    raise OutputError(
                        f"{self.path}: slice {position} has not been written; run again"
                    )


def _segments(page: Any) -> Iterator[bytes]:
    """The encoded pixels of a page, strip by strip."""
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
        page.parent.filehandle.seek(offset)
        yield page.parent.filehandle.read(count)
