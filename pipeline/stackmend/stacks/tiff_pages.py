"""What the TIFF formats share: one page examined, one page's pixels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from stackmend.errors import InputError
from stackmend.stacks import DTYPES, Pixels

SOFTWARE = "stackmend"

_GREY = {0: "miniswhite", 1: "minisblack"}


@dataclass(frozen=True)
class PageInfo:
    """What must be the same in every slice of a stack."""

    shape: tuple[int, int]
    dtype: str
    photometric: str

    def __str__(self) -> str:
        return f"{self.shape[0]} x {self.shape[1]} {self.dtype}"


def examine(page: Any, where: str, size: int) -> PageInfo:
    """What a page of a TIFF file of ``size`` bytes holds, from its header alone.

    Raises
    ------
    InputError
        If it is not one complete greyscale image of a supported type.
    """
    shape, photometric = tuple(page.shape), int(page.photometric)
    if photometric not in _GREY or len(shape) != 2:
        kind = "a colour image (RGB)" if photometric == 2 else "a palette image" if photometric == 3 else None
        what = kind or f"an image of shape {' x '.join(map(str, shape))}"
        raise InputError(f"{where}: expected a greyscale image, got {what}; convert it to greyscale")
    dtype = str(np.dtype(page.dtype).newbyteorder("="))
    if dtype not in DTYPES:
        raise InputError(f"{where}: pixels must be {', '.join(DTYPES)}, got {dtype}; convert the stack")
    ends = [offset + count for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False)]
    expected = page.nbytes if int(page.compression) == 1 else 1
    if not ends or max(ends) > size or sum(page.databytecounts) < expected:
        raise InputError(f"{where}: the file is truncated, pixels are missing; copy it again from its source")
    return PageInfo(shape, dtype, _GREY[photometric])


def open_tiff(path: Path) -> tifffile.TiffFile:
    """Open a TIFF file.

    Raises
    ------
    InputError
        If it is not one.
    """
    try:
        return tifffile.TiffFile(path)
    except (tifffile.TiffFileError, ValueError, IndexError, KeyError, EOFError) as error:
        raise InputError(f"{path.name}: is not a TIFF file that can be read ({error}); remove or replace it") from error
    except OSError as error:
        raise InputError(f"{path.name}: cannot be read ({error.strerror or error}); check the file") from error


def pixels_of(page: Any, where: str, expected: PageInfo) -> Pixels:
    """The pixels of a page, in native byte order and checked to be finite.

    Raises
    ------
    InputError
        If they cannot be decoded, or are not as expected.
    """
    try:
        pixels = np.asarray(page.asarray())
    except ValueError as error:
        if "imagecodecs" in str(error):
            how = "pip install 'stackmend[codecs]'"
            raise InputError(f"{where}: is compressed in a way that needs one more package; run: {how}") from error
        raise InputError(f"{where}: its pixels cannot be decoded ({error}); copy it again from its source") from error
    # Decoders of damaged files raise whatever they trip over; to the user it is one thing, a damaged file.
    except Exception as error:
        raise InputError(f"{where}: its pixels cannot be decoded ({error}); copy it again from its source") from error
    pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    if pixels.shape != expected.shape or str(pixels.dtype) != expected.dtype:
        got = f"{' x '.join(map(str, pixels.shape))} {pixels.dtype}"
        raise InputError(f"{where}: has changed since it was opened, expected {expected}, got {got}; run again")
    return finite(pixels, where)


def finite(pixels: Pixels, where: str) -> Pixels:
    """The pixels themselves, if all of them are numbers.

    Raises
    ------
    InputError
        If some are NaN or infinite.
    """
    if pixels.dtype.kind == "f":
        bad = np.argwhere(~np.isfinite(pixels))
        if len(bad):
            y, x = bad[0].tolist()
            what = f"{len(bad)} pixels are NaN or infinite, first at y {y}, x {x}"
            raise InputError(f"{where}: {what}; replace them before the stack is restored")
    return pixels


def mixed(first_name: str, first: PageInfo, others: list[tuple[str, PageInfo]]) -> InputError:
    """The error that names the slices which are not like the first."""
    shown = ", ".join(f"{name} is {info}" for name, info in others[:5])
    more = f" and {len(others) - 5} more" if len(others) > 5 else ""
    return InputError(
        f"slices differ: {first_name} is {first}, but {shown}{more}; "
        "a stack needs slices of one shape and type: move the odd ones away"
    )
