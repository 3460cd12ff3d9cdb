"""The headers of a TIFF file as they stand in it: which tags there are, of which type, and where.

A value is read only when it is asked for, and only where the file has room for it. So a header
costs little, and no number in a damaged one can make anything large.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stackmend.errors import BadSlice, InputError

ASCII, LONG, RATIONAL, LONG8 = 2, 4, 5, 16
STRIPS = 273
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
SIZES |= {16: 8, 17: 8, 18: 8}
"""Bytes of a value, by its type."""

UNITS = {5: 4, 10: 4} | {dtype: size for dtype, size in SIZES.items() if dtype not in (5, 10)}
"""Bytes that stand in the byte order of the file together: a rational number is two of four."""

_WHOLE = {1: "u1", 3: "u2", 4: "u4", 6: "i1", 8: "i2", 9: "i4", 13: "u4", 16: "u8", 17: "i8"}
_WHOLE[18] = "u8"
_REAL = {11: "f4", 12: "f8"}
_MOST_TAGS, _MOST_PAGES = 4096, 1_000_000
_USUAL = 512
"""Bytes that most headers fit into."""


class Entry(NamedTuple):
    """A tag: the type and the number of its values, and where in the file they stand."""

    dtype: int
    length: int
    place: int


class Source:
    """An open TIFF file: its size, the order of its bytes, whether its offsets have 64 bits."""

    def __init__(self, file: Any) -> None:
        self.file, self.size = file, int(file.seek(0, os.SEEK_END))
        mark = self.read(0, 4)
        self.order = ">" if mark[:2] == b"MM" else "<"
        self.big = self.whole(mark[2:]) == 43
        self.room = 8 if self.big else 4
        self.head, self.form = (8, self.order + "HHQQ") if self.big else (2, self.order + "HHII")
        self.each = struct.calcsize(self.form)
        one_strip = struct.pack(self.form[:-1], STRIPS, LONG8 if self.big else LONG, 1)
        self.one_strip: bytes = one_strip

    def read(self, place: int, length: int) -> bytes:
        """Some bytes, fewer at the end of the file."""
        self.file.seek(place)
        found: bytes = self.file.read(length)
        return found

    def whole(self, raw: bytes) -> int:
        """A whole number in the order of the file."""
        return int.from_bytes(raw, "little" if self.order == "<" else "big")

    def first(self) -> int:
        """Where the first header stands."""
        return self.whole(self.read(self.room, self.room))


class Header:
    """A header, and the open file in which it stands.

    Attributes
    ----------
    offset, number
        Where it stands, and which page it is of.
    link
        Where the next header stands, 0 where there is none.

    Raises
    ------
    BadSlice
        If the file ends before it does.
    """

    def __init__(self, source: Source, offset: int, *, number: int = 0) -> None:
        self.source, self.offset, self.number = source, offset, number
        block = source.read(offset, _USUAL)
        count = source.whole(block[: source.head])
        length = source.head + count * source.each + source.room
        if not 0 < count <= _MOST_TAGS:
            raise self.damaged("its header has no tags")
        if len(block) < length <= source.size:
            block = source.read(offset, length)
        if len(block) < length:
            raise self.damaged("the file ends within a header")
        self.link = source.whole(block[length - source.room : length])
        self.block = block[source.head : length - source.room]

    @cached_property
    def entries(self) -> dict[int, list[Entry]]:
        """Those of each tag, by its number; more than one where a tag stands there twice."""
        source = self.source
        found: dict[int, list[Entry]] = {}
        # Short values stand in the entry itself.
        place = self.offset + source.head + source.each - source.room
        for code, dtype, count, where in struct.iter_unpack(source.form, self.block):
            inline = SIZES.get(dtype, 1) * count <= source.room
            entry = Entry(dtype, count, place if inline else where)
            found.setdefault(code, []).append(entry)
            place += source.each
        return found

    @cached_property
    def likeness(self) -> tuple[bytes, int | None]:
        """What two headers have in common whose pixels lie in one strip each, and where that is.

        Without such a strip, all of the header.
        """
        place = self.block.find(self.source.one_strip)
        if place < 0 or place % self.source.each:
            return self.block, None
        place += len(self.source.one_strip)
        end = place + self.source.room
        return self.block[:place] + self.block[end:], self.source.whole(self.block[place:end])

    def damaged(self, what: str) -> BadSlice:
        """The error that says that a file is not as it was written."""
        where = f"{Path(str(self.source.file.name)).name} page {self.number}"
        return BadSlice(f"{where}: {what}; copy it again from its source")

    def raw(self, entry: Entry) -> bytes:
        """The values of a tag as they stand in the file.

        Raises
        ------
        BadSlice
            If the file has no room for them.
        """
        length = SIZES.get(entry.dtype, 1) * entry.length
        if entry.place + length > self.source.size:
            raise self.damaged("the file is truncated, tags are missing")
        return self.source.read(entry.place, length)

    def numbers(self, code: int) -> NDArray[Any]:
        """The whole numbers of a tag, none where there is no such tag or it has others."""
        for entry in self.entries.get(code, ()):
            if entry.dtype in _WHOLE:
                return np.frombuffer(self.raw(entry), self.source.order + _WHOLE[entry.dtype])
        return np.zeros(0, np.int64)

    def number_of(self, code: int, default: int) -> int:
        """The first number of a tag."""
        found = self.numbers(code)
        return int(found[0]) if len(found) else default

    def texts(self, code: int) -> list[str]:
        """What stands in a tag as text, once for each time that it is there."""
        found = []
        for entry in self.entries.get(code, ()):
            if UNITS.get(entry.dtype) == 1:
                raw = self.raw(entry).rstrip(b"\0")
                try:
                    found.append(raw.decode("utf-8"))
                except UnicodeDecodeError:
                    found.append(raw.decode("latin-1"))
        return found

    def fraction(self, code: int) -> tuple[int, int] | None:
        """A rational number."""
        for entry in self.entries.get(code, ()):
            if entry.dtype == RATIONAL and entry.length:
                above, below = struct.unpack(self.source.order + "II", self.raw(entry)[:8])
                return above, below
        return None

    def real(self, code: int) -> float | None:
        """A number of any type, or one that is written as text."""
        for entry in self.entries.get(code, ()):
            if entry.dtype in _REAL and entry.length:
                form = self.source.order + _REAL[entry.dtype]
                return float(np.frombuffer(self.raw(entry), form)[0])
        found = self.numbers(code)
        if len(found):
            return float(found[0])
        try:
            return float("".join(self.texts(code)))
        except ValueError:
            return None

    def __contains__(self, code: int) -> bool:
        return code in self.entries


def headers_of(file: Any, name: str) -> Iterator[Header]:
    """Every header of a file, in the order of its chain.

    Raises
    ------
    InputError
        If the chain leads out of the file or back into itself, or has no end.
    """
    source = Source(file)
    offset, number = source.first(), 0
    seen: set[int] = set()
    while offset:
        after = f"after page {number - 1}" if number else "before the first page"
        if offset in seen or number >= _MOST_PAGES:
            what = "the chain of pages leads back into itself"
            if offset not in seen:
                what = f"it has more than {_MOST_PAGES} pages"
            raise InputError(f"{name}: {what}; save it again from its source")
        seen.add(offset)
        try:
            header = Header(source, offset, number=number)
        except BadSlice as error:
            what = f"the file is truncated {after}"
            raise InputError(f"{name}: {what}; copy it again from its source") from error
        yield header
        offset, number = header.link, number + 1
