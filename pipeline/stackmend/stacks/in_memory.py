"""Arrays as stacks: slices are taken from an array, one at a time, and no format is involved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stackmend.errors import InputError
from stackmend.stacks.interface import DTYPES, Pixels, Reader
from stackmend.stacks.pixels import check_finite, to_native

LABEL = "array"
"""What messages call a stack that has no file."""


@dataclass(frozen=True, kw_only=True)
class ArrayReader(Reader):
    """Takes the slices of an array that is indexed along z, such as one of NumPy, Dask or HDF5.

    ``array`` may be a part of the stack: ``first`` is the number of its first slice.
    """

    array: Any
    first: int = 0

    def read(self, index: int) -> Pixels:
        """One slice, read-only: it may lie in the memory of whoever gave the array."""
        pixels = to_native(np.asarray(self.array[index - self.first]))
        view = np.ascontiguousarray(pixels).view()
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
    )
