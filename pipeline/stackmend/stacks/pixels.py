"""What holds for the pixels of every format: their types, and that they are numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from stackmend.errors import BadSlice, InputError
from stackmend.stacks.interface import DTYPES, Pixels

MOST_SLICES = 1_000_000


def usable_type(dtype: Any, where: str) -> np.dtype[Any]:
    """A pixel type that stacks may have, in native byte order.

    Raises
    ------
    InputError
        If it is another type.
    """
    name = "an unknown type" if dtype is None else str(np.dtype(dtype).newbyteorder("="))
    if name not in DTYPES:
        what = f"pixels must be {', '.join(DTYPES)}, got {name}"
        raise InputError(f"{where}: {what}; convert the stack")
    return np.dtype(name)


def to_native(pixels: Pixels) -> Pixels:
    """The same pixels in native byte order."""
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def check_finite(pixels: Pixels, where: str) -> Pixels:
    """The pixels themselves, if all of them are numbers.

    Raises
    ------
    BadSlice
        If some are NaN or infinite, or so far apart that their difference is.
    """
    if pixels.dtype.kind == "f":
        low, high = float(pixels.min()), float(pixels.max())
        # Not a number, where any of them is not.
        if high - low <= float(np.finfo(pixels.dtype).max):
            return pixels
        bad = np.argwhere(~np.isfinite(pixels))
        if len(bad):
            y, x = bad[0].tolist()
            what = f"{len(bad)} pixels are NaN or infinite, first at y {y}, x {x}"
            raise BadSlice(f"{where}: {what}; replace them before the stack is restored", pixels)
        what = f"grey levels from {low:g} to {high:g} are further apart than {pixels.dtype} can say"
        raise BadSlice(f"{where}: {what}; scale them before the stack is restored", pixels)
    return pixels


def read_plane(
    file: Path, start: int, shape: tuple[int, int], stored: np.dtype[Any], where: str
) -> Pixels:
    """The pixels of a slice that lie in a file as they are, in native byte order.

    Parameters
    ----------
    start
        Where they begin, in bytes.
    stored
        Their type in the file.

    Raises
    ------
    BadSlice
        If the file cannot be read or ends before they do.
    """
    count = shape[0] * shape[1]
    try:
        if start + count * stored.itemsize > file.stat().st_size:
            what = "the file ends before it does"
            raise BadSlice(f"{where}: {what}; copy it again from its source")
        with file.open("rb") as opened:
            opened.seek(start)
            pixels = np.empty(count, stored)
            length = opened.readinto(pixels.view(np.uint8).data)
    except OSError as error:
        what = f"cannot be read ({error.strerror or error})"
        raise BadSlice(f"{where}: {what}; check the file") from error
    if length != pixels.nbytes:
        raise BadSlice(f"{where}: the file ends before it does; copy it again from its source")
    return to_native(pixels).reshape(shape)


def slice_names(stem: str, count: int) -> tuple[str, ...]:
    """Names for the slices of one file as separate files.

    Raises
    ------
    InputError
        If there are more than any stack has: a damaged number could fill the memory with names.
    """
    if count > MOST_SLICES:
        what = f"states {count} slices, more than {MOST_SLICES}"
        raise InputError(f"{stem}: {what}; check the file")
    digits = max(4, len(str(count - 1)))
    return tuple(f"{stem}_{index:0{digits}d}.tif" for index in range(count))
