"""Stacks that lie in a file as one array of several axes: which part of it is which slice."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import numpy as np

from stackmend.errors import BadSlice, InputError
from stackmend.stacks.axes import channels_of
from stackmend.stacks.interface import Pixels, Reader
from stackmend.stacks.pixels import check_finite, slice_names, to_native
from stackmend.stacks.slabs import slice_of

LARGE = 2**28
"""Bytes above which it is asked whether an array can be as large as it says."""

MOST_SHRUNK = 250
"""How many times smaller what is stored of a large array can be."""

_ENDING = re.compile(r"(\.ome)?(\.zarr(\.zip)?|\.ozx|\.[^.]*)$", re.IGNORECASE)
"""What the name of a file has behind that of the stack."""


@dataclass(frozen=True, kw_only=True)
class ArrayReader(Reader):
    """Reads one channel of an array.

    Attributes
    ----------
    file
        The file or folder that holds the array.
    place
        Where the array is in it.
    axes, sizes
        One letter and one size for each axis, as they are stored.
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
    chunks: tuple[int, ...]
    planes: Sequence[int]
    opened: str = field(default_factory=lambda: uuid4().hex)

    @classmethod
    def channels(
        cls,
        *,
        file: Path,
        place: str,
        axes: str,
        sizes: tuple[int, ...],
        notes: tuple[str, ...] = (),
        **more: Any,
    ) -> tuple[Self, ...]:
        """A reader for each channel; ``more`` are its other fields.

        Raises
        ------
        InputError
            If there are axes besides slices and channels.
        """
        # An array with rows and columns, and nothing twice.
        if not {"Y", "X"} <= set(axes) or len(set(axes)) != len(axes):
            what = f"expected axes z, y, x (and c), got {', '.join(axes).lower()}"
            raise InputError(f"{file.name}: {what}; state them in the file, or save it as TIFF")
        if 0 in sizes:
            what = f"{place} is empty"
            raise InputError(f"{file.name}: {what}; give the file that holds the slices")

        # Planes are counted along the other axes.
        others, counts = _without_plane(axes, sizes)
        shape = (sizes[axes.index("Y")], sizes[axes.index("X")])
        stem = _ENDING.sub("", file.name) or file.name
        more |= {"label": file.name, "file": file, "place": place, "axes": axes, "sizes": sizes}
        readers = []
        for planes, renamed in channels_of(file.name, f"{others}YX", (*counts, *shape)):
            count = len(planes)
            reader = cls(
                shape=(count, *shape),
                names=slice_names(stem, count),
                notes=(*notes, *renamed),
                planes=planes,
                **more,
            )
            readers.append(reader)
        return tuple(readers)

    def read(self, index: int) -> Pixels:
        """One slice."""
        where = f"{self.label} slice {index}"
        size = self.shape[1] * self.shape[2] * self.dtype.itemsize
        try:
            pixels = slice_of(self.opened, index, self._depth, size, self._load_slices)
        except InputError:
            raise
        # What is damaged makes the libraries raise anything; to the user it is one thing.
        except Exception as error:
            raise BadSlice(f"{where}: {_cause(error)}") from error
        return check_finite(pixels, where)

    @abstractmethod
    def _load(self, index: tuple[int | slice, ...]) -> Pixels:
        """A part of the array."""

    def _position(self, number: int) -> dict[str, int]:
        """Where a slice lies along the other axes."""
        axes, sizes = _without_plane(self.axes, self.sizes)
        place = np.unravel_index(self.planes[number], sizes) if axes else ()
        return dict(zip(axes, map(int, place), strict=True))

    @cached_property
    def _depth(self) -> int:
        """How many slices are stored together."""
        if len(self.planes) == 1:
            return 1
        first, second = self._position(0), self._position(1)
        along = next(axis for axis in first if first[axis] != second[axis])
        return self.chunks[self.axes.index(along)]

    def _load_slices(self, first: int, stop: int) -> Pixels:
        """Some slices that follow each other, ``(n, Y, X)``."""
        begin = self._position(first)
        end = self._position(min(stop, len(self.planes)) - 1)

        # Which part of each axis; one place alone leaves no axis.
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

        # Slices first, then rows and columns.
        block = self._load(tuple(index))
        order = sorted(range(len(kept)), key=lambda number: "YX".find(kept[number]))
        block = block.transpose(order)
        return to_native(block if block.ndim == 3 else block[np.newaxis])


def _without_plane(axes: str, sizes: Sequence[int]) -> tuple[str, tuple[int, ...]]:
    """The axes besides y and x, and their sizes."""
    found = [(axis, size) for axis, size in zip(axes, sizes, strict=True) if axis not in "YX"]
    return "".join(axis for axis, _ in found), tuple(size for _, size in found)


_CAUSES = {
    "codec not available": "install the package of this codec, or save it with zlib or zstd",
    "Unknown codec": "install the package of this codec, or save it with zlib or zstd",
    "required filter": "install the plugin of this filter, or save it with gzip",
    "Permission denied": "check its permissions",
    "unable to lock": "another program has it open; close that first",
    "No such file": "check whether it was moved, and run again",
}
"""What is known to keep a sound slice from being read, by its words, and what to do."""


def _cause(error: Exception) -> str:
    said = str(error) or type(error).__name__
    how = next((how for words, how in _CAUSES.items() if words in said), "")
    return f"cannot be read ({said}); {how or 'copy it again from its source'}"


def refuse_shrunk(
    sizes: Sequence[int],
    chunks: Sequence[int] | None,
    axes: str,
    itemsize: int,
    stored: int,
    name: str,
) -> None:
    """Refuse an array of which far less is stored than one slice or one chunk would take.

    Raises
    ------
    InputError
        If that is so: what a few bytes announce could fill the memory.
    """
    plane = [size for axis, size in zip(axes, sizes, strict=False) if axis in "YX"]
    largest = max(prod(plane), prod(chunks or (1,))) * itemsize
    if largest > LARGE and largest > stored * MOST_SHRUNK:
        extent = " x ".join(map(str, sizes))
        what = f"states {extent} pixels, but has only {stored} bytes of them"
        raise InputError(f"{name}: {what}; copy it again from its source")
