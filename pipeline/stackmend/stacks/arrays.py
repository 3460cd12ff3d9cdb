"""Stacks that lie in a file as one array of several axes (OME-Zarr, HDF5): which part of it is which slice."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import numpy as np

from stackmend.errors import BadSlice, InputError
from stackmend.stacks import Pixels
from stackmend.stacks.axes import channels_of
from stackmend.stacks.metadata import NOTHING, Metadata
from stackmend.stacks.pixels import finite, native, slice_names
from stackmend.stacks.slabs import slice_of


@dataclass(frozen=True)
class ArrayReader:
    """Reads one channel of an array.

    Attributes
    ----------
    file
        The file or folder that holds the array.
    place
        Where the array is in it.
    axes, sizes
        One letter and one size for each axis, as they are stored.
    type
        Of the pixels.
    chunks
        How much is stored together, along each axis.
    planes
        The numbers of the planes that are the slices, in the order of the other axes.
    opened
        Tells this reader from those of another time, when the file may have been another.
    """

    file: Path
    place: str
    axes: str
    sizes: tuple[int, ...]
    type: str
    chunks: tuple[int, ...]
    planes: Sequence[int] = ()
    notes: tuple[str, ...] = ()
    metadata: Metadata = NOTHING
    photometric: str = "minisblack"
    opened: str = field(default_factory=lambda: uuid4().hex)

    @property
    def label(self) -> str:
        """Name of the file."""
        return self.file.name

    @cached_property
    def shape(self) -> tuple[int, int, int]:
        """``(Z, Y, X)``."""
        size = dict(zip(self.axes, self.sizes, strict=True))
        return (len(self.planes), size["Y"], size["X"])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels."""
        return np.dtype(self.type)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names for the slices as separate files."""
        return slice_names(self.file.stem.removesuffix(".ome"), len(self.planes))

    def read(self, index: int) -> Pixels:
        """One slice."""
        where = f"{self.label} slice {index}"
        try:
            size = self.shape[1] * self.shape[2] * self.dtype.itemsize
            pixels = slice_of(self, index, self._depth, size, self._slab)
        except InputError:
            raise
        # What is damaged makes the libraries raise whatever they trip over; to the user it is one thing.
        except Exception as error:
            raise BadSlice(
                f"{where}: cannot be read ({error}); copy it again from its source"
            ) from error
        return finite(pixels, where)

    def metadata_of(self, index: int) -> Metadata:
        """That of the file."""
        return self.metadata

    def truth(self, index: int) -> None:
        """``None``: of a real stack nobody knows it."""

    def channels(self) -> tuple[Self, ...]:
        """A reader for each channel.

        Raises
        ------
        InputError
            If there are axes besides slices and channels.
        """
        if sorted(set(self.axes) & {"Y", "X"}) != ["X", "Y"] or len(set(self.axes)) != len(
            self.axes
        ):
            what = f"expected axes z, y, x (and c), got {', '.join(self.axes).lower()}"
            raise InputError(f"{self.label}: {what}; state them in the file, or save it as TIFF")
        if 0 in self.sizes:
            raise InputError(
                f"{self.label}: {self.place} is empty; give the file that holds the slices"
            )
        axes, sizes = self._others
        found = channels_of(
            self.label, f"{axes}YX", (*sizes, *replace(self, planes=(0,)).shape[1:])
        )
        return tuple(
            replace(self, planes=each.numbers, notes=(*self.notes, *each.notes)) for each in found
        )

    @abstractmethod
    def _load(self, index: tuple[int | slice, ...]) -> Pixels:
        """A part of the array."""

    @property
    def _others(self) -> tuple[str, tuple[int, ...]]:
        """The axes besides y and x, and their sizes."""
        found = [
            (axis, size)
            for axis, size in zip(self.axes, self.sizes, strict=True)
            if axis not in "YX"
        ]
        return "".join(axis for axis, _ in found), tuple(size for _, size in found)

    def _at(self, slice_number: int) -> dict[str, int]:
        """Where a slice lies along the other axes."""
        axes, sizes = self._others
        place = np.unravel_index(self.planes[slice_number], sizes) if axes else ()
        return dict(zip(axes, map(int, place), strict=True))

    @cached_property
    def _depth(self) -> int:
        """How many slices are stored together."""
        if len(self.planes) == 1:
            return 1
        first, second = self._at(0), self._at(1)
        return next(
            self.chunks[self.axes.index(axis)] for axis in first if first[axis] != second[axis]
        )

    def _slab(self, first: int, stop: int) -> Pixels:
        """Some slices that follow each other, ``(n, Y, X)``."""
        begin, end = self._at(first), self._at(min(stop, len(self.planes)) - 1)
        index: list[int | slice] = []
        kept = ""
        for axis in self.axes:
            if axis in "YX":
                index.append(slice(None))
            elif begin[axis] == end[axis]:
                index.append(begin[axis])
                continue
            else:
                index.append(slice(begin[axis], end[axis] + 1))
            kept += axis
        block = self._load(tuple(index))
        block = block.transpose(
            sorted(range(len(kept)), key=lambda number: "YX".find(kept[number]))
        )
        return native(block if block.ndim == 3 else block[np.newaxis])
