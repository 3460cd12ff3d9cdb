"""What only the person who took a stack knows of it, put over what its files say."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from stackmend.errors import BadSlice, InputError
from stackmend.stacks.interface import Facts, Metadata, Pixels, Reader, Slice, Tags
from stackmend.stacks.metadata import can_be
from stackmend.stacks.units import is_micro, nanometres, unit_of

_SMALL, _LARGE = 4, 32
"""Pixels of a side that an image of a microscope hardly has, where another is as long as this."""


Length = float | str | None
"""A length as a protocol has it: nm, or text with its unit."""


def facts_from(
    pixel_size: Length | list[Length], spacing: Length, flip: str, data_bar: str | float
) -> Facts:
    """What a protocol says of a stack; lengths that cannot be are left out."""
    sizes = pixel_size if isinstance(pixel_size, list) else [pixel_size] * 2
    lengths = [_length(size) for size in (*sizes, spacing)]
    y, x, z = (length if can_be(length) else None for length in lengths)
    micro = any(is_micro(unit_of(size)) for size in (*sizes, spacing))
    return Facts(
        pixel_size=None if y is None or x is None else (y, x),
        spacing=z,
        unit="um" if micro else "nm",
        flip=flip == "y",
        data_bar=None if data_bar == "auto" else int(data_bar),
    )


def impossible_lengths(given: Length | list[Length]) -> list[float]:
    """Those in nm that no pixel has."""
    lengths = [_length(size) for size in (given if isinstance(given, list) else [given])]
    return [length for length in lengths if length is not None and not can_be(length)]


def _length(size: Length) -> float | None:
    """A length in nm."""
    if size is None:
        return None
    unit = unit_of(size)
    return float(str(size).removesuffix(unit)) * (nanometres(unit) or 1.0)


def as_given(readers: tuple[Reader, ...], facts: Facts) -> tuple[Reader, ...]:
    """The readers of a stack as a person has described it.

    Raises
    ------
    InputError
        If the rows of the data bar leave nothing of a slice.
    """
    return tuple(_as_given(reader, facts) for reader in readers)


def _as_given(reader: Reader, facts: Facts) -> Reader:
    bar = reader.bar if facts.data_bar is None else facts.data_bar
    depth, height, width = reader.shape
    if bar >= height:
        what = f"has {height} rows, got a data bar of {bar}"
        raise InputError(f"{reader.label}: {what}; check input.data_bar")
    notes = list(reader.notes)
    if facts.flip:
        notes = [note for note in notes if "input.flip" not in note]
        notes.append(f"{reader.label}: rows are turned, the last one first (input.flip)")
    if bar and facts.data_bar is None:
        what = f"the last {bar} rows are a data bar: they pass unchanged, and no step sees them"
        notes.append(f"{reader.label}: {what}; input.data_bar: 0 if they are specimen")
    if min(height - bar, width) <= _SMALL and max(reader.shape) >= _LARGE:
        extent = " x ".join(map(str, reader.shape))
        what = f"is {extent} (z, y, x), of which one side is hardly that of an image"
        notes.append(f"{reader.label}: {what}; say input.axes if these are others")
    metadata = _metadata(reader.metadata, facts)
    shape = (depth, height - bar, width)
    if not bar and not facts.flip and metadata == reader.metadata:
        return replace(reader, notes=tuple(notes), bar=0)
    return GivenReader(
        label=reader.label,
        shape=shape,
        notes=tuple(notes),
        metadata=metadata,
        bar=bar,
        dtype=reader.dtype,
        names=reader.names,
        photometric=reader.photometric,
        inner=reader,
        facts=facts,
    )


def _metadata(found: Metadata, facts: Facts) -> Metadata:
    """The pixel size as a person says it, and as it was found where nothing is said."""
    if facts.pixel_size is None and facts.spacing is None:
        return found
    z, y, x = found.pixel_size
    y, x = facts.pixel_size or (y, x)
    z = facts.spacing or z
    return Metadata((z, y, x), "the protocol", facts.unit or found.unit)


@dataclass(frozen=True, kw_only=True)
class GivenReader(Reader):
    """Reads a stack as a person has described it: its specimen alone, and which way up."""

    inner: Reader
    facts: Facts

    def read(self, index: int) -> Pixels:
        """The rows that show specimen."""
        return self.page(index)[: self.shape[1]]

    def page(self, index: int) -> Pixels:
        """All rows."""
        try:
            return self._turned(self.inner.read(index))
        except BadSlice as error:
            raise self._bad(error) from error

    def read_slice(self, index: int) -> Slice:
        """The same with the tags, and with the rows that show none."""
        try:
            pixels, tags, _ = self.inner.read_slice(index)
        except BadSlice as error:
            raise self._bad(error) from error
        page, rows = self._turned(pixels), self.shape[1]
        return Slice(page[:rows], tags, page[rows:] if self.bar else None)

    def tags(self, index: int) -> Tags:
        """Those of the file."""
        return self.inner.tags(index)

    def metadata_of(self, index: int) -> Metadata:
        """Of one slice."""
        return _metadata(self.inner.metadata_of(index), self.facts)

    def truth(self, index: int) -> Pixels | None:
        """The same part of it."""
        truth = self.inner.truth(index)
        return None if truth is None else self._turned(truth)[: self.shape[1]]

    def _turned(self, page: Pixels) -> Pixels:
        return np.ascontiguousarray(page[::-1]) if self.facts.flip else page

    def _bad(self, error: BadSlice) -> BadSlice:
        pixels = None if error.pixels is None else self._turned(error.pixels)
        return BadSlice(str(error), pixels)
