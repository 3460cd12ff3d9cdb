"""A stack as a folder of .dat files of the FIB-SEMs built at Janelia, or one such file.

A header of 1024 bytes, numbers with the highest byte first; then the rows, in each the pixels, in
each the channels; what a program adds behind is passed over. The places of the fields are those of
the readers of the format that are public (fibsem-tools, the specification by C. L. Barnes).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from stackmend.errors import BadSlice, InputError
from stackmend.stacks.axes import refuse_axes
from stackmend.stacks.files import beginning_of
from stackmend.stacks.folders import SlicesReader, has_files, list_folder, odd_sizes, slice_files
from stackmend.stacks.interface import Metadata, Pixels
from stackmend.stacks.metadata import accepted
from stackmend.stacks.pixels import read_plane

SUFFIXES = (".dat",)

_MAGIC = b"\xd3\xed\xf5\xf2"
_HEADER = 1024
_VERSIONS = range(1, 10)
_MOST_CHANNELS = 4
_SIZE_AT = {1: (">d", 416), 2: (">d", 416)}
"""Where the size of a pixel stands in nm, in old versions; ``>f`` at 464 in the others."""


@dataclass(frozen=True)
class _Info:
    """What must be the same in every slice."""

    channels: int
    shape: tuple[int, int]
    dtype: np.dtype[Any]

    def __str__(self) -> str:
        count = f", {self.channels} channels" if self.channels > 1 else ""
        return f"{self.shape[0]} x {self.shape[1]} {self.dtype}{count}"


class _Header(NamedTuple):
    info: _Info
    metadata: Metadata
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class DatReader(SlicesReader):
    """Reads one channel of .dat files.

    Attributes
    ----------
    odd
        The pixel size of slices that have another one than the first, by name.
    """

    channel: int
    odd: Mapping[str, Metadata]

    def read(self, index: int) -> Pixels:
        """One slice, whose header is looked at again."""
        name = self.files[index]
        where, info = self.looked_at_again(name, lambda path: _look(path).info)
        rows = (info.shape[0], info.shape[1] * info.channels)
        stored = info.dtype.newbyteorder(">")
        every = read_plane(self.folder / name, _HEADER, rows, stored, where)
        return np.ascontiguousarray(every[:, self.channel :: info.channels])

    def metadata_of(self, index: int) -> Metadata:
        """The pixel size of one slice."""
        return self.odd.get(self.files[index], self.metadata)


def recognises(path: Path) -> bool:
    """Whether a file begins as .dat does, or the first .dat file of a folder without TIFF."""
    if path.is_file():
        return beginning_of(path).startswith(_MAGIC)
    if not path.is_dir() or has_files(path, (".tif", ".tiff")):
        return False
    names, _ = list_folder(path, SUFFIXES)
    return any(beginning_of(path / name).startswith(_MAGIC) for name in names)


def open_channels(
    path: Path, *, axes: str | None = None, tolerant: bool = False
) -> tuple[DatReader, ...]:
    """Readers for the channels of the .dat files of a folder.

    Raises
    ------
    InputError
        If some cannot be used, or are not alike (all of these are named).
    """
    refuse_axes(path.name, "a folder of slices", axes)
    found = slice_files(path, SUFFIXES, _look, tolerant=tolerant)
    first = found.first
    sizes = {name: header.metadata for name, header in found.headers.items()}
    odd, differ = odd_sizes(found.label, sizes)
    readers = []
    for channel in range(first.info.channels):
        reader = DatReader(
            label=found.label,
            shape=(len(found.files), *first.info.shape),
            dtype=first.info.dtype,
            names=found.names(),
            notes=(*found.notes, *first.notes, *differ),
            metadata=first.metadata,
            folder=found.folder,
            files=found.files,
            info=first.info,
            channel=channel,
            bad=found.bad,
            odd=odd,
        )
        readers.append(reader)
    return tuple(readers)


def _look(file: Path) -> _Header:
    """What the header of a file says.

    Raises
    ------
    InputError
        If it is of no known version, or states what cannot be.
    """
    start = beginning_of(file)[:_HEADER]
    if not start.startswith(_MAGIC) or len(start) < _HEADER:
        what = f"is not .dat of a FIB-SEM that can be read ({len(start)} bytes of header)"
        raise BadSlice(f"{file.name}: {what}; remove it, or copy it again from its source")
    (version,) = struct.unpack_from(">H", start, 4)
    if version not in _VERSIONS:
        what = f"has version {version} of .dat, known are 1 to {_VERSIONS[-1]}"
        raise InputError(f"{file.name}: {what}; convert it to TIFF or HDF5")
    channels, one_byte = start[32], start[33] == 1
    width, height = struct.unpack_from(">II", start, 100)
    if not width or not height or not 1 <= channels <= _MOST_CHANNELS:
        what = f"states {height} x {width} pixels in {channels} channels"
        raise BadSlice(f"{file.name}: {what}; copy it again from its source")
    info = _Info(channels, (height, width), np.dtype(np.uint8 if one_byte else np.int16))

    # All of it.
    needed = _HEADER + width * height * channels * info.dtype.itemsize
    size = file.stat().st_size
    if size < needed:
        what = f"is truncated: it states {info}, which take {needed} bytes, and has {size}"
        raise BadSlice(f"{file.name}: {what}; copy it again from its source")
    form, place = _SIZE_AT.get(version, (">f", 464))
    (pixel,) = struct.unpack_from(form, start, place)
    stated = [None, pixel, pixel] if pixel else [None] * 3
    metadata, notes = accepted(stated, "FIB-SEM .dat", file.name)
    return _Header(info, metadata, notes)
