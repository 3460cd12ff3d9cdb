"""Where the pixels of a TIFF page lie, in strips or tiles, and whether all of them are there."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.errors import BadSlice, InputError
from stackmend.stacks.extras import is_missing
from stackmend.stacks.interface import Pixels
from stackmend.stacks.tiff.headers import STRIPS, Header

LARGE = 2**28
"""Bytes above which it is asked whether an image can be as large as its header says."""

MOST_SHRUNK = 250
"""How many times smaller the compressed pixels of a large image can be."""

_ZLIB, _FACTOR = (8, 32946), 1032
"""The numbers of zlib, and how many times larger than before what it decodes can be."""

_STEP = 2**22


@dataclass(frozen=True)
class Segments:
    """The strips or tiles of a page.

    Attributes
    ----------
    offsets, counts
        Where each begins and how long it is, in bytes.
    compression
        Its number; 1 is none.
    reversed
        Whether the first bit of a byte is its lowest.
    row
        Bytes of a row of the image where it lies in strips, of a row of a tile else.
    height
        Rows of the image.
    tiled
        Whether these are tiles.
    bits
        Of a pixel.
    """

    offsets: NDArray[Any]
    counts: NDArray[Any]
    compression: int
    reversed: bool
    row: int
    height: int
    tiled: bool
    bits: int

    @property
    def packed(self) -> bool:
        """Whether these are rows of pixels of other than whole bytes."""
        return self.bits not in (8, 16, 32) and self.compression == 1 and not self.tiled

    @property
    def start(self) -> int | None:
        """Where the pixels begin, if they lie in one piece as they are."""
        plain = self.compression == 1 and not self.tiled and not self.reversed
        follow = self.offsets[1:] == self.offsets[:-1] + self.counts[:-1]
        if not plain or self.bits not in (8, 16, 32) or not bool(np.all(follow)):
            return None
        return int(self.offsets[0])

    def stored(self, header: Header) -> Pixels:
        """The bytes of the image, ``(Y, row)``, first bits highest."""
        parts = []
        for offset, count in zip(self.offsets.tolist(), self.counts.tolist(), strict=True):
            part = header.source.read(offset, count)
            parts.append(part[: len(part) // self.row * self.row])
        rows = np.frombuffer(b"".join(parts), np.uint8)[: self.height * self.row]
        rows = rows.reshape(self.height, self.row)
        if self.reversed:
            rows = np.packbits(np.unpackbits(rows, axis=1, bitorder="little"), axis=1)
        return rows


def segments_of(header: Header, shape: tuple[int, int], bits: int, where: str) -> Segments:
    """The segments of a page of a given size.

    Raises
    ------
    InputError
        If some are missing, were never written, or cannot hold so many pixels.
    """
    height, width = shape
    tiled = 322 in header
    offsets = header.numbers(324 if 324 in header else STRIPS)
    counts = header.numbers(325 if 325 in header else 279)
    compression = header.number_of(259, 1)

    # How many there must be, and how many bytes they come to.
    if tiled:
        long, wide = max(header.number_of(323, 1), 1), max(header.number_of(322, 1), 1)
        number = -(-height // long) * -(-width // wide)
        row = -(-wide * bits // 8)
        expected = number * long * row
    else:
        long = min(header.number_of(278, height), height) or height
        number, row = -(-height // long), -(-width * bits // 8)
        expected = height * row
    if compression == 1 and number == 1 and len(offsets) == 1 and not len(counts):
        counts = np.array([expected], np.int64)
    if min(len(offsets), len(counts)) < number:
        raise _truncated(where)
    offsets, counts = offsets[:number].astype(np.int64), counts[:number].astype(np.int64)

    # All of them written, and within the file; how long compressed ones should be, nobody knows.
    gone = int(np.count_nonzero((offsets <= 0) | (counts <= 0)))
    if gone:
        what = f"{gone} of {number} parts of the image were never written"
        raise BadSlice(f"{where}: {what}; acquire or copy it again")
    size = header.source.size
    if max(offsets.max(), counts.max()) > size or (offsets + counts).max() > size:
        raise _truncated(where)
    stored = int(counts.sum())
    if compression == 1 and stored < expected:
        raise _truncated(where)
    if expected > LARGE and expected > stored * MOST_SHRUNK:
        what = f"states {height} x {width} pixels, but has only {stored} bytes of them"
        raise BadSlice(f"{where}: {what}; copy it again from its source")
    turned = header.number_of(266, 1) == 2
    return Segments(offsets, counts, compression, turned, row, height, tiled, bits)


def _truncated(where: str) -> InputError:
    what = "the file is truncated, pixels are missing"
    return InputError(f"{where}: {what}; copy it again from its source")


def refuse_bombs(segments: Segments, header: Header, where: str) -> None:
    """Look first whether segments come to more than they should, where the decoder does not.

    Raises
    ------
    BadSlice
        If they do.
    """
    if segments.compression not in _ZLIB or not is_missing("imagecodecs"):
        return
    for offset, count in zip(segments.offsets.tolist(), segments.counts.tolist(), strict=True):
        if count * _FACTOR > LARGE:
            _count(header.source.read(offset, count), segments, where)


def _count(content: bytes, segments: Segments, where: str) -> None:
    length, left, decoder = 0, content, zlib.decompressobj()
    while left and not decoder.eof:
        try:
            length += len(decoder.decompress(left, _STEP))
        # What is damaged is found again, and said, when it is decoded.
        except zlib.error:
            return
        left = decoder.unconsumed_tail
        if length > segments.row * segments.height + LARGE:
            what = "its pixels come to more than the image has room for"
            raise BadSlice(f"{where}: {what}; copy it again from its source")
