"""What the TIFF readers share: a file opened, one page examined, one page's pixels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from stackmend.elsewhere import Elsewhere
from stackmend.errors import BadSlice, InputError, NotReached
from stackmend.stacks.extras import command_for
from stackmend.stacks.interface import Pixels
from stackmend.stacks.pixels import check_finite, to_native, usable_type
from stackmend.stacks.tiff.bits import unpacked
from stackmend.stacks.tiff.headers import Header, Source
from stackmend.stacks.tiff.segments import Segments, refuse_bombs, segments_of

SUFFIXES = (".tif", ".tiff")

_GREY = {0: "miniswhite", 1: "minisblack"}
_COLOUR = {2: "a colour image (RGB)", 3: "a palette image", 4: "a mask", 5: "a colour image (CMYK)"}
_KINDS = {1: "uint", 2: "int", 3: "float", 4: "uint", 5: "complex int", 6: "complex"}
_PACKED = range(2, 17)
"""Bits of a whole number that fits into uint8 or uint16."""


@dataclass(frozen=True)
class PageInfo:
    """What must be the same in every slice of a stack; ``bits`` are those of a stored pixel."""

    shape: tuple[int, int]
    dtype: np.dtype[Any]
    photometric: str
    palette: bool = field(default=False, compare=False)
    bits: int = field(default=8, compare=False)

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
        with ExitStack() as stack:
            elsewhere = isinstance(path, Elsewhere)
            file = stack.enter_context(path.open("rb")) if elsewhere else path
            yield stack.enter_context(tifffile.TiffFile(file))
    except InputError:
        raise
    except OSError as error:
        what = f"cannot be read ({error.strerror or error})"
        raise BadSlice(f"{path.name}: {what}; check the file") from error
    # Damaged files make the library raise whatever it trips over; to the user it is one thing.
    except Exception as error:
        what = f"is not a TIFF file that can be read ({error or type(error).__name__})"
        if path.is_file() and path.stat().st_size == 0:
            what = "is empty (0 bytes)"
        raise BadSlice(f"{path.name}: {what}; remove or replace it") from error


@contextmanager
def open_header(path: Path, offset: int, number: int) -> Iterator[Header]:
    """A header whose place is known, in a file that is open for as long as it is looked at.

    Raises
    ------
    BadSlice
        If the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            yield Header(Source(file), offset, number=number)
    except OSError as error:
        what = f"cannot be read ({error.strerror or error})"
        raise BadSlice(f"{path.name}: {what}; check the file") from error


def header_at(tif: tifffile.TiffFile, offset: int | None = None, number: int = 0) -> Header:
    """A header whose place is known, by default the first one."""
    source = Source(tif.filehandle)
    return Header(source, source.first() if offset is None else offset, number=number)


def examine(header: Header, where: str) -> PageInfo:
    """What a page holds, from its header alone.

    Raises
    ------
    InputError
        If it is not one complete greyscale image of a supported type.
    """
    # One greyscale image that has pixels.
    height, width = header.number_of(257, 0), header.number_of(256, 0)
    samples, depth = header.number_of(277, 1), header.number_of(32997, 1)
    if height < 1 or width < 1:
        what = f"has no pixels ({max(height, 0)} x {max(width, 0)})"
        raise InputError(f"{where}: {what}; remove it, or copy it again from its source")
    photometric = header.number_of(262, 0)
    palette = photometric == 3 and _is_mostly_grey(header.numbers(320))
    photometric = 1 if palette else photometric
    if photometric not in _GREY or samples != 1 or depth != 1:
        shape = [each for each in (depth, height, width, samples) if each != 1]
        what = _COLOUR.get(photometric) or f"an image of shape {' x '.join(map(str, shape))}"
        raise InputError(
            f"{where}: expected a greyscale image, got {what}; convert it to greyscale"
        )
    dtype, bits = _type(header, where)

    # All of it.
    segments_of(header, (height, width), bits, where)
    return PageInfo((height, width), dtype, _GREY[photometric], palette, bits)


def _type(header: Header, where: str) -> tuple[np.dtype[Any], int]:
    """The type of the pixels as a stack has them, and the bits of a stored one."""
    kind, bits = _KINDS.get(header.number_of(339, 1), "unknown"), header.number_of(258, 1)
    if kind == "uint" and bits in _PACKED:
        return np.dtype(np.uint8 if bits <= 8 else np.uint16), bits
    name = "bool" if (kind, bits) == ("uint", 1) else f"{kind}{bits}"
    return usable_type(name, where), bits


def palette_note(label: str) -> str:
    """What to say of slices stored with a palette of greys, as Zeiss microscopes do."""
    return (
        f"{label}: the palette is one of greys, its numbers are the grey levels; "
        "colours of annotations are lost"
    )


def _is_mostly_grey(colours: Any) -> bool:
    """Whether a palette has each number as its grey level, but for some colours to draw with."""
    if len(colours) != 3 * 256:
        return False
    grey = (colours.reshape(3, 256) >> 8 == np.arange(256)).all(axis=0)
    return int(np.count_nonzero(grey)) >= 192


def no_slice(header: Header) -> str:
    """What a page is that is no slice by its own account; empty for others."""
    kind = header.number_of(254, 0)
    if kind & 1 or header.number_of(255, 1) == 2:
        return "a smaller copy"
    return "a mask" if kind & 4 or header.number_of(262, 0) == 4 else ""


def pixels_of(tif: tifffile.TiffFile, header: Header, where: str, expected: PageInfo) -> Pixels:
    """The pixels of a page, in native byte order and checked to be finite.

    Raises
    ------
    BadSlice
        If they cannot be decoded, or are not as expected.
    """
    try:
        info = examine(header, where)
    except (BadSlice, NotReached):
        raise
    except InputError as error:
        raise BadSlice(str(error)) from error
    if info != expected:
        what = f"has changed since it was opened, expected {expected}, got {info}"
        raise BadSlice(f"{where}: {what}; run again")
    return check_finite(decode(tif, header, where, info), where)


def first_of(tif: tifffile.TiffFile, where: str) -> Pixels:
    """The pixels of the first page of a file."""
    header = header_at(tif)
    return decode(tif, header, where, examine(header, where))


def decode(tif: tifffile.TiffFile, header: Header, where: str, info: PageInfo) -> Pixels:
    """The pixels of a page that was examined, in native byte order.

    Raises
    ------
    BadSlice
        If they cannot be decoded.
    InputError
        If the package that decodes them is not there.
    """
    segments = segments_of(header, info.shape, info.bits, where)
    if segments.packed:
        return unpacked(segments.stored(header), info.shape, info.bits, info.dtype)
    refuse_bombs(segments, header, where)
    try:
        tif.filehandle.seek(header.offset)
        pixels = np.asarray(tifffile.TiffPage(tif, header.number).asarray())
    # Decoders raise whatever they trip over, too.
    except Exception as error:
        if isinstance(error, ValueError) and "imagecodecs" in str(error):
            what = "is compressed in a way that needs one more package"
            raise InputError(f"{where}: {what}; run: {command_for('imagecodecs')}") from error
        raise BadSlice(f"{where}: {_undecoded(segments, error)}") from error
    if pixels.shape != info.shape or pixels.dtype.newbyteorder("=") != info.dtype:
        got = f"{' x '.join(map(str, pixels.shape))} {pixels.dtype}"
        raise BadSlice(f"{where}: expected {info}, got {got}; save it again from its source")
    return to_native(pixels)


def _undecoded(segments: Segments, error: Exception) -> str:
    """What to say of pixels that a decoder has refused."""
    said = str(error) or type(error).__name__
    if isinstance(error, ValueError) and "COMPRESSION" in said.upper():
        how = f"its compression ({segments.compression}) is not one that can be read ({said})"
        return f"{how}; save it uncompressed"
    return f"its pixels cannot be decoded ({said}); copy it again from its source"
