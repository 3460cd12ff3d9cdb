"""What is written into a TIFF file beside the pixels: its tags, and the headers of its pages.

tifffile can repeat a tag on every page, but it cannot give each page its own and keep the pixels of
all pages in one block, as ImageJ wants them. So the headers of all pages but the first are put
together here, from the first one.
"""

from __future__ import annotations

import struct
from typing import Any

import tifffile

from stackmend.stacks.interface import Metadata, Tags
from stackmend.stacks.tiff.conventions import VENDOR_TAGS

SOFTWARE = "stackmend"

_OWN_OF_THE_FIRST = (270, 305)  # description and software
_STRIP_OFFSETS, _LONG, _LONG8 = 273, 4, 16


def tiff_options(
    metadata: Metadata, tags: Tags, *, count: int = 1, channels: int = 1, block: bool = True
) -> dict[str, Any]:
    """Arguments of tifffile's writers, for ``count`` slices of some channels in one file.

    Parameters
    ----------
    block
        Whether the pixels of all slices lie in one block. ImageJ takes that for granted where the
        number of images is given, and otherwise looks at the header of each page.

    Sizes are written per cm, and the description, in ImageJ's convention, says cm as well: so all
    readers agree.
    """
    z, y, x = metadata.pixel_size
    options: dict[str, Any] = {
        "metadata": None,
        "software": SOFTWARE,
        "extratags": extra_tags(tags),
    }

    # The size of a pixel, as resolution.
    known = [size for size in (y, x) if size is not None and size > 0.01]
    if known:
        options["resolution"] = (1e7 / (x or known[0]), 1e7 / (y or known[0]))
        options["resolutionunit"] = 3

    # What ImageJ is told: how many images there are, and how far they lie apart.
    lines = ["ImageJ=1.11a"]
    if count * channels > 1 and block:
        lines.append(f"images={count * channels}")
    if channels > 1:
        lines += [f"channels={channels}", "hyperstack=true", "mode=grayscale"]
    if count > 1:
        lines.append(f"slices={count}")
    if known:
        lines.append("unit=cm")
        if z is not None:
            lines.append(f"spacing={z / 1e7!r}")
    if len(lines) > (2 if known else 1):
        options["description"] = "\n".join([*lines, "loop=false", ""])
    return options


def extra_tags(tags: Tags) -> list[tuple[int, int, int, bytes, bool]]:
    """The microscope's tags as tifffile takes them, on each page."""
    return [(*tag, True) for tag in tags]


class PageHeader:
    """The header of a file's first page, from which those of the others are made.

    Parameters
    ----------
    entries
        What all pages have in common: each tag as it stands in the file, by its number.
    big
        Whether offsets have 64 bits.
    """

    def __init__(self, entries: dict[int, bytes], *, big: bool) -> None:
        self.entries, self.big = entries, big

    @classmethod
    def first_of(cls, tif: tifffile.TiffFile) -> PageHeader:
        """The header of the first page of a file, without what is that page's own."""
        entries = {}
        for tag in tif.pages.first.tags:
            if tag.code not in (*_OWN_OF_THE_FIRST, *VENDOR_TAGS):
                tif.filehandle.seek(tag.offset)
                entries[int(tag.code)] = tif.filehandle.read(tif.tiff.tagsize)
        return cls(entries, big=bool(tif.is_bigtiff))

    def offset(self, value: int) -> bytes:
        """An offset as the file has it."""
        return struct.pack("<Q" if self.big else "<I", value)

    def page(self, place: int, pixels: int, tags: Tags) -> tuple[bytes, int]:
        """The header of another page.

        Parameters
        ----------
        place, pixels
            Where the header is to stand in the file, and where its pixels begin.
        tags
            The microscope's tags of this page.

        Returns
        -------
        content : bytes
        link : int
            Where in the file the link to the next header stands.
        """
        room = 8 if self.big else 4
        strips = self._entry(_STRIP_OFFSETS, _LONG8 if self.big else _LONG, 1, pixels)
        entries = self.entries | {_STRIP_OFFSETS: strips}

        # Values that are too long for their entry stand behind the header.
        head, each = (8, 20) if self.big else (2, 12)
        behind = place + head + (len(entries) + len(tags)) * each + room
        values = b""
        for tag in tags:
            if len(tag.value) <= room:
                value = int.from_bytes(tag.value, "little")
            else:
                value = behind + len(values)
                values += tag.value + bytes(len(tag.value) % 2)
            entries[tag.code] = self._entry(tag.code, tag.dtype, tag.length, value)

        # Entries stand in the order of their numbers.
        count = struct.pack("<Q" if self.big else "<H", len(entries))
        content = count + b"".join(entries[code] for code in sorted(entries))
        return content + self.offset(0) + values, place + len(content)

    def _entry(self, code: int, dtype: int, length: int, value: int) -> bytes:
        return struct.pack("<HHQQ" if self.big else "<HHII", code, dtype, length, value)
