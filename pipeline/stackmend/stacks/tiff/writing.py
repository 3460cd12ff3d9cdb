"""What is written into a TIFF file: headers with the tags of each page, and pixels in strips.

tifffile adds to tags that it is given and cannot give each page of a block its own; so the headers
are put together here. Numbers are little-endian.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import IO, Any

import numpy as np

from stackmend.stacks.extras import require
from stackmend.stacks.interface import Layout, Metadata, Slice, Tag, Tags
from stackmend.stacks.tiff.headers import ASCII, LONG, LONG8, RATIONAL, STRIPS
from stackmend.stacks.tiff.tags import (
    DESCRIPTION,
    DIRECTORIES,
    OURS,
    RESOLUTION,
    SOFTWARE,
    UNIT,
    X_RESOLUTION,
    Y_RESOLUTION,
    tags_inside,
)

CLASSIC_LIMIT = 2**32 - 2**25
"""Bytes that a file with 32-bit offsets can surely hold beside its headers."""

_SHORT, _COUNTS, _STRIP = 3, 279, 2**18
_PLACE, _PLACE8 = 13, 18
_COMPRESSIONS = {"none": 1, "zlib": 8, "zstd": 50000}
_ZLIB_LEVEL = 6
_LENGTHS = {"nm": 1.0, "um": 1e3, "cm": 1e7}
_NO_UNIT, _CENTIMETRES = 1, 3


def slice_tags(
    metadata: Metadata, kept: Tags, *, count: int = 1, channels: int = 1, block: bool = True
) -> Tags:
    """The tags of a page beside those of its layout: those kept, and the size of a pixel.

    Parameters
    ----------
    count, channels
        Of the slices in the file, if this is its first page; 0 for the pages behind it.
    block
        Whether the pixels of all slices lie in one block. ImageJ takes that for granted where the
        number of images is given, and otherwise looks at the header of each page.

    Sizes are written in the unit in which they were found, as ImageJ does it: so many pixels a
    unit, which stands in the description.
    """
    z, y, x = metadata.pixel_size
    unit = _LENGTHS[metadata.unit]
    tags = list(kept)
    known = y is not None or x is not None
    if known:
        tags = [tag for tag in tags if tag.code not in RESOLUTION]
        tags += [_resolution(X_RESOLUTION, x, unit), _resolution(Y_RESOLUTION, y, unit)]
        tags.append(_short(UNIT, _CENTIMETRES if metadata.unit == "cm" else _NO_UNIT))
    if not any(tag.code == SOFTWARE for tag in tags):
        tags.append(Tag(SOFTWARE, ASCII, len(OURS), OURS))

    # What ImageJ is told: how many images there are, and how far they lie apart.
    lines = ["ImageJ=1.11a"]
    if count * channels > 1 and block:
        lines.append(f"images={count * channels}")
    if channels > 1 and count:
        lines += [f"channels={channels}", "hyperstack=true", "mode=grayscale"]
    if count > 1:
        lines.append(f"slices={count}")
    if z is not None or (known and (metadata.unit != "cm" or count > 1)):
        lines.append(f"unit={metadata.unit}")
        if z is not None:
            lines.append(f"spacing={z / unit!r}")
    if len(lines) > 1 and count:
        text = "\n".join([*lines, "loop=false", "\0"]).encode()
        tags.append(Tag(DESCRIPTION, ASCII, len(text), text))
    return tuple(tags)


def _resolution(code: int, size: float | None, unit: float) -> Tag:
    """So many pixels a unit; none at all says that it is not known."""
    if size is None:
        return Tag(code, RATIONAL, 1, struct.pack("<II", 0, 1))
    length = Fraction(size / unit)
    most = (2**32 - 1) // max(1, -(-length.numerator // length.denominator))
    length = length.limit_denominator(most)
    return Tag(code, RATIONAL, 1, struct.pack("<II", length.denominator, length.numerator))


def _short(code: int, value: int) -> Tag:
    return Tag(code, _SHORT, 1, struct.pack("<H", value))


def _long(code: int, *values: int, big: bool = False) -> Tag:
    form = "Q" if big else "I"
    packed = struct.pack(f"<{len(values)}{form}", *values)
    return Tag(code, LONG8 if big else LONG, len(values), packed)


def picture_tags(layout: Layout, rows: int) -> Tags:
    """The tags that lay out a page, but for the places of its strips of so many rows each."""
    kind = {"u": 1, "i": 2, "f": 3}[layout.dtype.kind]
    return (
        _long(254, 0),
        _long(256, layout.shape[2]),
        _long(257, layout.shape[1]),
        _short(258, layout.dtype.itemsize * 8),
        _short(259, _COMPRESSIONS[layout.compression]),
        _short(262, 0 if layout.photometric == "miniswhite" else 1),
        _short(277, 1),
        _long(278, rows),
        _short(284, 1),
        _short(339, kind),
    )


def offset(value: int, *, big: bool) -> bytes:
    """A place in a file."""
    return struct.pack("<Q" if big else "<I", value)


def beginning(*, big: bool) -> bytes:
    """The first bytes of a file whose first header follows them."""
    return (
        struct.pack("<2sHHHQ", b"II", 43, 8, 0, 16) if big else struct.pack("<2sHI", b"II", 42, 8)
    )


def header(
    tags: Iterable[Tag], strips: Sequence[int], counts: Sequence[int], place: int, *, big: bool
) -> tuple[bytes, int]:
    """The header of a page.

    Parameters
    ----------
    strips, counts
        Where the strips begin, and how long they are, in bytes.
    place
        Where the header is to stand in the file.

    Returns
    -------
    content : bytes
        Of an even length.
    link : int
        Where in the file the link to the next header stands.
    """
    every = [*tags, _long(STRIPS, *strips, big=big), _long(_COUNTS, *counts, big=big)]
    return _directory(every, place, big=big)


def _directory(every: Sequence[Tag], place: int, *, big: bool) -> tuple[bytes, int]:
    """Tags as they stand in a file from a place on, and where the link behind them stands."""
    room, head, each = (8, 8, 20) if big else (4, 2, 12)
    behind = place + head + len(every) * each + room
    entries, values = [], b""
    # In the order of their numbers; what is too long for its entry stands behind the header.
    for tag in sorted(every, key=lambda tag: tag.code):
        inline = tag.value.ljust(room, b"\0")
        long = tag.value
        if tag.code in DIRECTORIES:
            long, _ = _directory(tags_inside(tag.value), behind + len(values), big=big)
        if len(long) > room:
            inline = offset(behind + len(values), big=big)
            values += long + bytes(len(long) % 2)
        dtype = _place_type(big=big) if tag.code in DIRECTORIES else tag.dtype
        form = "<HHQ" if big else "<HHI"
        entries.append(struct.pack(form, tag.code, dtype, tag.length) + inline)
    count = struct.pack("<Q" if big else "<H", len(every))
    link = place + len(count) + len(entries) * each
    return count + b"".join(entries) + offset(0, big=big) + values, link


def _place_type(*, big: bool) -> int:
    """The type of a tag that holds a place in the file."""
    return _PLACE8 if big else _PLACE


def encoded(new: Slice, layout: Layout) -> tuple[list[Any], int]:
    """The strips of a slice as they are to stand in the file, and the rows of each."""
    stored = np.ascontiguousarray(new.pixels, dtype=layout.dtype.newbyteorder("<"))
    if layout.compression == "none":
        return [stored.data.cast("B")], stored.shape[0]
    rows = max(1, min(stored.shape[0], _STRIP // max(1, stored.strides[0])))
    parts = [stored[first : first + rows].tobytes() for first in range(0, len(stored), rows)]
    if layout.compression == "zlib":
        return [zlib.compress(part, _ZLIB_LEVEL) for part in parts], rows
    codecs = require("imagecodecs", "zstd")
    return [codecs.zstd_encode(part) for part in parts], rows


def write_page(file: IO[bytes], new: Slice, layout: Layout, metadata: Metadata) -> None:
    """A file of one page."""
    strips, rows = encoded(new, layout)
    counts = [len(strip) for strip in strips]
    big = sum(counts) > CLASSIC_LIMIT
    tags = (*picture_tags(layout, rows), *slice_tags(metadata, new.tags))

    # The pixels follow the header, whose length does not depend on where they begin.
    first = beginning(big=big)
    length = len(header(tags, counts, counts, len(first), big=big)[0])
    starts = [len(first) + length]
    for count in counts[:-1]:
        starts.append(starts[-1] + count)
    file.write(first + header(tags, starts, counts, len(first), big=big)[0])
    for strip in strips:
        file.write(strip)
