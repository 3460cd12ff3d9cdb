"""Arrays as stacks: slices are taken from an array, one at a time, and no format is involved."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np

from stackmend.errors import InputError
from stackmend.stacks.interface import DTYPES, Pixels, Reader
from stackmend.stacks.pixels import check_finite, to_native

LABEL = "array"
"""What messages call a stack that has no file."""


LIMIT = 64 * 2**20
"""Bytes of an array that are taken together, at the most."""

KEPT = 4
"""Parts of an array that are kept, as several threads may be at work in different ones."""


class _Parts:
    """The parts of one array that were taken last, where slices are stored together.

    Of Dask, a part may be computed by other readers of ours in other threads; so an array has a
    lock of its own.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[int, Pixels] = OrderedDict()
        self._lock = Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return _Parts, ()

    def slice_of(self, array: Any, index: int, depth: int) -> Pixels:
        """One slice of an array of which so many are taken together."""
        first = index // depth * depth
        with self._lock:
            part = self._kept.pop(first, None)
            if part is None:
                part = np.asarray(array[first : first + depth])
            self._kept[first] = part
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        chosen: Pixels = part[index - first]
        return chosen


@dataclass(frozen=True, kw_only=True)
class ArrayReader(Reader):
    """Takes the slices of an array that is indexed along z, such as one of NumPy, Dask or HDF5.

    ``array`` may be a part of the stack: ``first`` is the number of its first slice. ``depth`` says
    how many slices are best taken together.
    """

    array: Any
    first: int = 0
    depth: int = 1
    parts: _Parts = field(default_factory=_Parts, compare=False, repr=False)

    def read(self, index: int) -> Pixels:
        """One slice, read-only: it may lie in the memory of whoever gave the array."""
        place = index - self.first
        if self.depth > 1:
            pixels = self.parts.slice_of(self.array, place, self.depth)
        else:
            pixels = np.asarray(self.array[place])
        view = np.ascontiguousarray(to_native(pixels)).view()
        view.flags.writeable = False
        return check_finite(view, f"{self.label}, slice {index}")


def open_array(
    array: Any, shape: Sequence[int], dtype: Any, *, first: int = 0, label: str = LABEL
) -> ArrayReader:
    """A reader for a stack of that ``(Z, Y, X)`` shape, of which the array holds all or a part.

    Raises
    ------
    InputError
        If its pixels are of another type than stacks have, or there are none.
    """
    depth, height, width = (int(size) for size in shape)
    extent = f"{depth} x {height} x {width}"
    if not depth * height * width:
        raise InputError(f"{label}: has no pixels, got {extent}; give a slice or a stack")
    given = np.dtype(dtype)
    native = given.newbyteorder("=")
    if native.name not in DTYPES:
        what = f"pixels must be {', '.join(DTYPES)}, got {given}"
        raise InputError(f"{label}: {what}; convert them, for instance with astype('float32')")
    return ArrayReader(
        label=label,
        shape=(depth, height, width),
        dtype=native,
        names=tuple(f"{label}[{number}]" for number in range(depth)),
        array=array,
        first=first,
        depth=max(1, min(_stored_together(array), LIMIT // (height * width * native.itemsize))),
    )


def _stored_together(array: Any) -> int:
    """How many slices of an array lie in one chunk, as arrays of Dask, HDF5 and zarr say it."""
    chunks = getattr(array, "chunks", None)
    along_z = chunks[0] if isinstance(chunks, tuple) and chunks else 1
    return int(along_z[0] if isinstance(along_z, tuple) else along_z)
