"""What the TIFF readers share: a file opened, one page examined, one page's pixels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from stackmend.errors import BadSlice, InputError
from stackmend.stacks.extras import command_for
from stackmend.stacks.interface import Pixels
from stackmend.stacks.pixels import check_finite, to_native, usable_type

SUFFIXES = (".tif", ".tiff")

_GREY = {0: "miniswhite", 1: "minisblack"}
_COLOUR = {2: "a colour image (RGB)", 3: "a palette image"}


@dataclass(frozen=True)
class PageInfo:
    """What must be the same in every slice of a stack."""

    shape: tuple[int, int]
    dtype: np.dtype[Any]
    photometric: str
    palette: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        return f"{self.shape[0]} x {self.shape[1]} {self.dtype}, {self.photometric}"


@contextmanager
def open_tiff(path: Path) -> Iterator[tifffile.TiffFile]:
    """A TIFF file, open for as long as it is looked at.

    Raises
    ------
    BadSlice
        If it is not one, or turns out damaged.
    """
    try:
        with tifffile.TiffFile(path) as tif:
            yield tif
    except InputError:
        raise
    except OSError as error:
        what = f"cannot be read ({error.strerror or error})"
        raise BadSlice(f"{path.name}: {what}; check the file") from error
    # Damaged files make the library raise whatever it trips over; to the user it is one thing.
    except Exception as error:
        what = f"is not a TIFF file that can be read ({error})"
        if path.is_file() and path.stat().st_size == 0:
            what = "is empty (0 bytes)"
        raise BadSlice(f"{path.name}: {what}; remove or replace it") from error


def examine(page: Any, where: str, size: int) -> PageInfo:
    """What a page of a TIFF file of ``size`` bytes holds, from its header alone.

    Raises
    ------
    InputError
        If it is not one complete greyscale image of a supported type.
    """
    # One greyscale image.
    shape, photometric = tuple(page.shape), int(page.photometric)
    palette = photometric == 3 and _is_mostly_grey(page.colormap)
    photometric = 1 if palette else photometric
    if photometric not in _GREY or len(shape) != 2:
        what = _COLOUR.get(photometric) or f"an image of shape {' x '.join(map(str, shape))}"
        raise InputError(
            f"{where}: expected a greyscale image, got {what}; convert it to greyscale"
        )
    dtype = usable_type(page.dtype, where)

    # All of it: where it is compressed, nobody knows how long it should be.
    parts = zip(page.dataoffsets, page.databytecounts, strict=False)
    ends = [offset + count for offset, count in parts]
    expected = page.nbytes if int(page.compression) == 1 else 1
    if not ends or max(ends) > size or sum(page.databytecounts) < expected:
        what = "the file is truncated, pixels are missing"
        raise InputError(f"{where}: {what}; copy it again from its source")
    return PageInfo(shape, dtype, _GREY[photometric], palette)


def palette_note(label: str) -> str:
    """What to say of slices stored with a palette of greys, as Zeiss microscopes do."""
    return (
        f"{label}: the palette is one of greys, its numbers are the grey levels; "
        "colours of annotations are lost"
    )


def _is_mostly_grey(colours: Any) -> bool:
    """Whether a palette has each number as its grey level, but for some colours to draw with."""
    if colours is None or colours.shape != (3, 256):
        return False
    grey = (colours >> 8 == np.arange(256)).all(axis=0)
    return int(np.count_nonzero(grey)) >= 192


def count_pages(tif: tifffile.TiffFile, where: str) -> int:
    """How many pages a file has.

    Raises
    ------
    InputError
        If the chain of pages leads beyond the end of the file, which the library passes over in
        silence.
    """
    count, after_last = len(tif.pages), tif.pages.next_page_offset
    tif.filehandle.seek(after_last or 0)
    link = tif.filehandle.read(tif.tiff.offsetsize)
    if after_last is None or len(link) < tif.tiff.offsetsize or any(link):
        what = f"the file is truncated after page {count - 1}"
        raise InputError(f"{where}: {what}; copy it again from its source")
    return count


def page_at(tif: tifffile.TiffFile, offset: int, number: int) -> tifffile.TiffPage:
    """A page whose place is known; the library would follow the chain from the first one."""
    tif.filehandle.seek(offset)
    return tifffile.TiffPage(tif, number)


def pixels_of(page: Any, where: str, expected: PageInfo) -> Pixels:
    """The pixels of a page, in native byte order and checked to be finite.

    Raises
    ------
    BadSlice
        If they cannot be decoded, or are not as expected.
    """
    pixels = decode(page, where)
    if pixels.shape != expected.shape or pixels.dtype != expected.dtype:
        got = f"{' x '.join(map(str, pixels.shape))} {pixels.dtype}"
        what = f"has changed since it was opened, expected {expected}, got {got}"
        raise BadSlice(f"{where}: {what}; run again")
    return check_finite(pixels, where)


def decode(page: Any, where: str) -> Pixels:
    """The pixels of a page, in native byte order.

    Raises
    ------
    BadSlice
        If they cannot be decoded.
    InputError
        If the package that decodes them is not there.
    """
    try:
        pixels = np.asarray(page.asarray())
    # Decoders raise whatever they trip over, too.
    except Exception as error:
        if isinstance(error, ValueError) and "imagecodecs" in str(error):
            what = "is compressed in a way that needs one more package"
            raise InputError(f"{where}: {what}; run: {command_for('imagecodecs')}") from error
        what = f"its pixels cannot be decoded ({error})"
        raise BadSlice(f"{where}: {what}; copy it again from its source") from error
    return to_native(pixels)


def difference_text(info: PageInfo, usual: PageInfo) -> str:
    """What is wrong with a slice that is not like the others."""
    return f"is {info}, the others are {usual}; replace it"


def difference_error(
    first_name: str, first: PageInfo, others: list[tuple[str, PageInfo]]
) -> InputError:
    """The error that names the slices which are not like the first."""
    some = ", ".join(f"{name} is {info}" for name, info in others[:5])
    more = f" and {len(others) - 5} more" if len(others) > 5 else ""
    return InputError(
        f"slices differ: {first_name} is {first}, but {some}{more}; "
        "a stack needs slices of one shape and type: move the odd ones away"
    )
