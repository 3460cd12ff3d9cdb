"""What every format has in common: slices, readers, writers, and what is known of a stack.

A reader is one channel of a stack; a file with several channels opens as several readers. A writer
takes all channels. Both are plain values that can be sent to another process; they open files only
while they use them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stackmend.errors import BadSlice

Pixels = NDArray[Any]
"""One slice, ``(Y, X)``, of the stack's own type."""

DTYPES = ("uint8", "uint16", "int16", "float32")
"""Pixel types that stacks may have."""

Size = tuple[float | None, float | None, float | None]
UNKNOWN: Size = (None, None, None)


class Tag(NamedTuple):
    """A tag of the microscope, as it stands in a TIFF file."""

    code: int
    dtype: int
    length: int
    value: bytes


Tags = tuple[Tag, ...]


class Slice(NamedTuple):
    """The pixels of a slice, its own tags, and the rows below that show no specimen, if any."""

    pixels: Pixels
    tags: Tags = ()
    below: Pixels | None = None


@dataclass(frozen=True)
class Metadata:
    """Pixel size in nm, ``(z, y, x)`` with ``None`` where it is unknown, and who says so.

    ``unit`` is ``nm``, ``um`` or ``cm``, in which it was given.
    """

    pixel_size: Size = UNKNOWN
    source: str | None = None
    unit: str = field(default="nm", compare=False)

    def __str__(self) -> str:
        known = [f"{size:g}" for size in self.pixel_size if size is not None]
        return f"{' x '.join(known)} nm" if known else "of unknown pixel size"

    @property
    def text(self) -> str:
        """The size of a pixel in words, and who says so; or that it is not known."""
        sizes = zip("zyx", self.pixel_size, strict=True)
        known = [f"{axis} {size:.4g}" for axis, size in sizes if size is not None]
        if not known:
            return "pixel size unknown"
        return f"pixel size {', '.join(known)} nm ({self.source})"


@dataclass(frozen=True)
class Facts:
    """What a person says of a stack, over what its files say.

    Attributes
    ----------
    pixel_size, spacing
        ``(y, x)``, and along z, in nm.
    unit
        In which they were given.
    flip
        Whether the last row of each slice is the first.
    data_bar
        Rows at the bottom of each page that show no specimen; ``None`` for what the files say.
    """

    pixel_size: tuple[float, float] | None = None
    spacing: float | None = None
    unit: str | None = None
    flip: bool = False
    data_bar: int | None = None


NOTHING = Metadata()
"""What is known of a stack that says nothing."""


@dataclass(frozen=True, kw_only=True)
class Reader(ABC):
    """One channel of a stack, that can be read one slice at a time.

    Attributes
    ----------
    label
        Short name for messages.
    shape : tuple[int, int, int]
        ``(Z, Y, X)``.
    dtype
        Of the pixels, in native byte order.
    names
        A file name for each slice.
    notes
        What a person should know, for instance files that were passed over.
    photometric : {'minisblack', 'miniswhite'}
        To be kept in the output.
    metadata
        Of the first slice.
    bar
        How many rows at the bottom show no specimen, as far as the files say. Where a person's
        facts have been put over the stack, they are set apart and lie below those of ``shape``.
    """

    label: str
    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()
    photometric: str = "minisblack"
    metadata: Metadata = NOTHING
    bar: int = 0

    @abstractmethod
    def read(self, index: int) -> Pixels:
        """The pixels of one slice.

        Raises
        ------
        BadSlice
            If it cannot be read, is not as announced, or has NaN or infinite pixels.
        """

    def page(self, index: int) -> Pixels:
        """The same with the rows that show no specimen, if there are any."""
        return self.read(index)

    def read_slice(self, index: int) -> Slice:
        """The same with the microscope's tags."""
        return Slice(self.read(index), self.tags(index))

    def tags(self, index: int) -> Tags:
        """The microscope's tags of one slice, without its pixels.

        Raises
        ------
        BadSlice
            If its file cannot be read.
        """
        return ()

    def metadata_of(self, index: int) -> Metadata:
        """Pixel size of one slice, as it was found when the stack was opened."""
        return self.metadata

    def truth(self, index: int) -> Pixels | None:
        """The slice as it should come out, where that is known (synthetic stacks), or ``None``."""
        return None


@dataclass(frozen=True)
class Selection:
    """The slices that are restored, of the channels that are."""

    readers: tuple[Reader, ...]
    slices: tuple[int, ...]

    def metadata_at(self, position: int) -> Metadata:
        """Pixel size at a position of the output.

        The spacing is that of the chosen slices, and unknown where it is not the same.
        """
        metadata = self.readers[0].metadata_of(self.slices[position])
        z, y, x = metadata.pixel_size
        if z is None or self._step == 1:
            return metadata
        return replace(metadata, pixel_size=(z * self._step if self._step else None, y, x))

    def tags_at(self, position: int, channel: int) -> Tags:
        """The microscope's tags at a position; none of a slice that cannot be read.

        What is wrong with that slice is said when its pixels are read.
        """
        try:
            return self.readers[channel].tags(self.slices[position])
        except BadSlice:
            return ()

    @cached_property
    def _step(self) -> int | None:
        """How far chosen slices lie apart, if always the same."""
        steps = {abs(after - before) for before, after in pairwise(self.slices)} or {1}
        return steps.pop() if len(steps) == 1 else None


@dataclass(frozen=True)
class Layout:
    """What is known of a stack before it is written.

    Attributes
    ----------
    shape : tuple[int, int, int]
        ``(Z, Y, X)`` of each channel.
    dtype
        Of the pixels.
    names
        A file name for each slice.
    channels
        How many there are.
    selection
        Where the slices come from, if from a stack.
    origin : tuple[int, int, int]
        Where the first pixel lies in the input, ``(z, y, x)`` in px.
    compression
        One that the format has.
    pyramid
        Whether smaller copies are written as well, where the format has a place for them.
    """

    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    names: tuple[str, ...]
    channels: int = 1
    photometric: str = "minisblack"
    selection: Selection | None = None
    origin: tuple[int, int, int] = (0, 0, 0)
    compression: str = "none"
    pyramid: bool = False

    def metadata_at(self, position: int) -> Metadata:
        """Pixel size of one slice."""
        return self.selection.metadata_at(position) if self.selection else NOTHING

    def tags_at(self, position: int, channel: int = 0) -> Tags:
        """The microscope's tags of one slice, where its pixels are not at hand."""
        return self.selection.tags_at(position, channel) if self.selection else ()


@dataclass(frozen=True)
class Writer(ABC):
    """A stack that is written one slice at a time, in any order and from several processes.

    Attributes
    ----------
    path
        Folder or file that holds the stack.
    layout
        What is known of it.
    """

    path: Path
    layout: Layout

    @abstractmethod
    def create(self) -> None:
        """Make what is missing of the folder or the file; slices that are there stay.

        Raises
        ------
        OutputError
            If that cannot be done.
        """

    @abstractmethod
    def opens(self) -> bool:
        """Whether the stack is there and opens as it is laid out, whatever is in its slices."""

    @abstractmethod
    def write(self, position: int, new: Slice, channel: int = 0) -> None:
        """Write the slice at that position of the output, replacing what is there."""

    @abstractmethod
    def read_back(self, position: int, channel: int = 0) -> Pixels | None:
        """A slice as it was written, or ``None`` where there is none that can be read."""

    def file_of(self, position: int, channel: int) -> Path:
        """The file in which a slice lies: one of its own, or that of the stack."""
        return self.path

    def leave_out(self, position: int, channel: int = 0) -> None:
        """There is no such slice: a blank, so that the others keep their place."""
        blank = np.zeros(self.layout.shape[1:], self.layout.dtype)
        self.write(position, Slice(blank, self.layout.tags_at(position, channel)), channel)

    def finish(self) -> None:  # noqa: B027 - most formats have nothing left to do
        """Bring what was written into its final form: once all is there, and again after a cut."""
