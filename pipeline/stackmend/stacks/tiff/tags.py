"""The tags of a page that pass into the output: all that do not lay the picture out."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

from stackmend.errors import BadSlice
from stackmend.stacks.interface import Tag, Tags
from stackmend.stacks.tiff.descriptions import lays_out
from stackmend.stacks.tiff.headers import SIZES, UNITS, Entry, Header

DESCRIPTION, SOFTWARE, X_RESOLUTION, Y_RESOLUTION, UNIT = 270, 305, 282, 283, 296
OURS = b"stackmend\0"
"""Our own mark as the software."""

RESOLUTION = (X_RESOLUTION, Y_RESOLUTION, UNIT)

_LAYOUT = {
    *(254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266),  # kind, size, type, compression
    *(273, 277, 278, 279, 280, 281, 284, 288, 289, 290, 291, 292, 293),  # strips, grey levels
    *(297, 300, 301, 317, 318, 319, 320, 321, 322, 323, 324, 325, 326, 327, 328, 330),
    *(332, 333, 334, 336, 337, 338, 339, 340, 341, 342, 343, 346, 347, 351),  # inks, samples
    *(400, 401, 402, 403, 404, 433, 434, 435, *range(512, 522), 529, 530, 531, 532, 559),  # JPEG
    *(32995, 32996, 32997, 32998),  # depth
    *(33628, 33629, 33630, 33631, 34361, 34362, 34412, 37393, 40965),
}
"""Tags that lay out the picture or the file, and those that hold places of others in it.

The last line has series of MetaMorph, FluoView and LSM.
"""

DIRECTORIES = (34665, 34853)
"""Tags that hold the place of a header of more tags, which goes with them: Exif and GPS."""


def may_keep(header: Header) -> bool:
    """Whether a page may have tags that are kept, by their numbers alone."""
    return not _LAYOUT.issuperset(set(header.entries).difference(RESOLUTION)) or (
        UNIT in header and header.number_of(UNIT, 2) in (2, 3)
    )


def kept_tags(header: Header) -> Tags:
    """The tags of a page that are kept, with their types, numbers in little-endian order.

    Raises
    ------
    BadSlice
        If the file has no room for one of them.
    """
    found: list[Tag] = []
    density = header.number_of(UNIT, 2) in (2, 3)
    for code, entries in header.entries.items():
        if code in _LAYOUT or (code in RESOLUTION and not density):
            continue
        for entry in entries:
            if code in DIRECTORIES:
                found += _directory(header, code, entry)
            elif entry.dtype in SIZES:
                tag = _tag(header, code, entry)
                described = code == DESCRIPTION and lays_out(tag.value)
                if not described and (code, tag.value) != (SOFTWARE, OURS):
                    found.append(tag)
    return tuple(found)


def _tag(header: Header, code: int, entry: Entry) -> Tag:
    value, each = header.raw(entry), UNITS[entry.dtype]
    if header.source.order == ">" and each > 1:
        value = np.frombuffer(value, np.uint8).reshape(-1, each)[:, ::-1].tobytes()
    return Tag(code, entry.dtype, entry.length, value)


def _directory(header: Header, code: int, entry: Entry) -> Iterator[Tag]:
    """A tag that holds the place of more tags, with these as its value."""
    try:
        place = header.source.whole(header.raw(entry)) if entry.length == 1 else 0
        inner = Header(header.source, place, number=header.number)
        tags = []
        for name, entries in inner.entries.items():
            tags += [_tag(inner, name, each) for each in entries if each.dtype in SIZES]
    # What stands there is no picture: without it, the slice is what it was.
    except BadSlice:
        return
    packed = [
        struct.pack("<HHI", *tag[:3]) + tag.value for tag in tags if tag[0] not in DIRECTORIES
    ]
    lengths = struct.pack(f"<{len(packed) + 1}I", len(packed), *map(len, packed))
    yield Tag(code, entry.dtype, 1, lengths + b"".join(packed))


def tags_inside(value: bytes) -> Tags:
    """The tags that are the value of another."""
    (count,) = struct.unpack_from("<I", value)
    lengths = struct.unpack_from(f"<{count}I", value, 4)
    place, found = 4 + 4 * count, []
    for length in lengths:
        code, dtype, values = struct.unpack_from("<HHI", value, place)
        found.append(Tag(code, dtype, values, value[place + 8 : place + length]))
        place += length
    return tuple(found)
