"""A stack as a folder of PNG files, ordered by the numbers in their names, or one such file."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from stackmend.errors import BadSlice, InputError
from stackmend.stacks.axes import refuse_axes
from stackmend.stacks.files import beginning_of
from stackmend.stacks.folders import SlicesReader, has_files, slice_files
from stackmend.stacks.interface import Pixels
from stackmend.stacks.pixels import usable_type

SUFFIXES = (".png",)

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _PALETTE = 0, 3
_COLOUR = {2: "a colour image (RGB)", 4: "grey with transparency", 6: "a colour image (RGBA)"}
_MOST_SHRUNK = 1032
"""How many times smaller deflate makes anything."""
_LARGE = 2**28
"""Bytes of pixels above which it is asked whether a file can hold them."""


@dataclass(frozen=True)
class _Info:
    """What must be the same in every slice; ``bits`` are those of a stored pixel."""

    shape: tuple[int, int]
    dtype: np.dtype[Any]
    palette: bool = field(default=False, compare=False)
    bits: int = field(default=8, compare=False)

    def __str__(self) -> str:
        return f"{self.shape[0]} x {self.shape[1]} {self.dtype}"


class _Header(NamedTuple):
    info: _Info
    resolution: bool


@dataclass(frozen=True, kw_only=True)
class PngReader(SlicesReader):
    """Reads PNG slices."""

    def read(self, index: int) -> Pixels:
        """One slice, whose header is looked at again."""
        name = self.files[index]
        where, info = self.looked_at_again(name, lambda path: _look(path).info)
        return _decode(self.folder / name, where, info)


def recognises(path: Path) -> bool:
    """Whether a file is PNG, or a folder has PNG files and no TIFF files."""
    if path.is_file():
        return beginning_of(path).startswith(_SIGNATURE)
    return has_files(path, SUFFIXES) and not has_files(path, (".tif", ".tiff"))


def open_channels(
    path: Path, *, axes: str | None = None, tolerant: bool = False
) -> tuple[PngReader]:
    """The reader for the PNG files of a folder, which is one channel.

    Raises
    ------
    InputError
        If some are no greyscale images of one size and type (all of these are named).
    """
    refuse_axes(path.name, "a folder of slices", axes)
    found = slice_files(path, SUFFIXES, _look, tolerant=tolerant)
    info = found.first.info
    notes = list(found.notes)
    if any(header.info.palette for header in found.headers.values()):
        what = "the palette is one of greys, its numbers are the grey levels"
        notes.append(f"{found.label}: {what}; colours of annotations are lost")
    if any(header.resolution for header in found.headers.values()):
        what = "the resolution in PNG files is one for print and is not taken for a pixel size"
        notes.append(f"{found.label}: {what}; say input.pixel_size")
    reader = PngReader(
        label=found.label,
        shape=(len(found.files), *info.shape),
        dtype=info.dtype,
        names=found.names(),
        notes=tuple(notes),
        folder=found.folder,
        files=found.files,
        info=info,
        bad=found.bad,
    )
    return (reader,)


def _look(file: Path) -> _Header:
    """What the header of a file says.

    Raises
    ------
    InputError
        If it is not one greyscale image, or its file is too short for it.
    """
    start = beginning_of(file)
    if not start.startswith(_SIGNATURE) or start[12:16] != b"IHDR" or len(start) < 33:
        what = "is not a PNG file that can be read" if start else "is empty or cannot be opened"
        raise BadSlice(f"{file.name}: {what}; remove it, or copy it again from its source")
    width, height, bits, kind = struct.unpack(">IIBB", start[16:26])
    if not width or not height:
        raise BadSlice(f"{file.name}: has no pixels ({height} x {width}); remove it")
    palette = kind == _PALETTE and bits == 8 and _is_mostly_grey(start)
    if kind != _GREY and not palette:
        what = f"expected a greyscale image, got {_COLOUR.get(kind, 'a palette image')}"
        raise InputError(f"{file.name}: {what}; convert it to greyscale")
    dtype = usable_type("bool" if bits == 1 else f"uint{max(bits, 8)}", file.name)
    size, length = file.stat().st_size, width * height * dtype.itemsize
    if length > _LARGE and length > size * _MOST_SHRUNK * (8 // min(bits, 8)):
        what = f"states {height} x {width} pixels, but has only {size} bytes"
        raise BadSlice(f"{file.name}: {what}; copy it again from its source")
    head = start.partition(b"IDAT")[0]
    return _Header(_Info((height, width), dtype, palette, bits), b"pHYs" in head)


def _is_mostly_grey(start: bytes) -> bool:
    """Whether a palette has each number as its grey level, but for some colours to draw with."""
    before, mark, rest = start.partition(b"PLTE")
    length = int.from_bytes(before[-4:], "big")
    if not mark or length != 3 * 256 or len(rest) < length:
        return False
    colours = np.frombuffer(rest[:length], np.uint8).reshape(256, 3)
    grey = (colours == np.arange(256)[:, np.newaxis]).all(axis=1)
    return int(np.count_nonzero(grey)) >= 192


def _decode(file: Path, where: str, info: _Info) -> Pixels:
    # Not by Image.open, whose limit on pixels is below the size of large slices.
    from PIL.PngImagePlugin import PngImageFile

    try:
        with file.open("rb") as opened, PngImageFile(opened) as image:
            pixels = np.asarray(image)
    except InputError:
        raise
    # Damaged files make the library raise anything; to the user it is one thing.
    except Exception as error:
        what = f"its pixels cannot be decoded ({error})"
        raise BadSlice(f"{where}: {what}; copy it again from its source") from error
    if info.bits < 8:  # the library spreads them over 0 to 255
        pixels = pixels // (255 // (2**info.bits - 1))
    return pixels.astype(info.dtype)
