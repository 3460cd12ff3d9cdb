"""What holds for the pixels of every format: their types, and that they are numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from stackmend.errors import BadSlice, InputError
from stackmend.stacks import DTYPES, Pixels


def usable_type(dtype: Any, where: str) -> str:
    """The name of a pixel type that stacks may have, whatever its byte order.

    Raises
    ------
    InputError
        If it is another type.
    """
    name = "an unknown type" if dtype is None else str(np.dtype(dtype).newbyteorder("="))
    if name not in DTYPES:
        raise InputError(
            f"{where}: pixels must be {', '.join(DTYPES)}, got {name}; convert the stack"
        )
    return name


def native(pixels: Pixels) -> Pixels:
    """The same pixels in native byte order."""
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def finite(pixels: Pixels, where: str) -> Pixels:
    """The pixels themselves, if all of them are numbers.

    Raises
    ------
    BadSlice
        If some are NaN or infinite.
    """
    if pixels.dtype.kind == "f":
        bad = np.argwhere(~np.isfinite(pixels))
        if len(bad):
            y, x = bad[0].tolist()
            what = f"{len(bad)} pixels are NaN or infinite, first at y {y}, x {x}"
            raise BadSlice(f"{where}: {what}; replace them before the stack is restored", pixels)
    return pixels


def slice_names(stem: str, count: int) -> tuple[str, ...]:
    """Names for the slices of one file as separate files."""
    digits = max(4, len(str(count - 1)))
    return tuple(f"{stem}_{index:0{digits}d}.tif" for index in range(count))
