"""A stack in an MRC file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from stackmend.errors import BadSlice, InputError
from stackmend.stacks import DTYPES, Pixels
from stackmend.stacks.extras import needed
from stackmend.stacks.files import beginning_of
from stackmend.stacks.metadata import NOTHING, Metadata
from stackmend.stacks.pixels import finite, native, slice_names

_SUFFIXES = (".mrc", ".mrcs", ".map", ".rec", ".st", ".ali", ".preali")
_HEADER = 1024
_MARK_AT = 208
_VOLUMES = 401
"""From this space group on, a file holds several volumes."""
_MODES = {1: "int16", 2: "float32", 6: "uint16"}
_STAMP_AT, _IMOD, _SIGNED = 40, 1146047817, 1
"""The number that IMOD leaves in a header, where that is in its free part, and the mark that bytes are signed."""


def is_mrc(path: Path) -> bool:
    """Whether a file is MRC, by its mark or, for old ones that have none, by its suffix."""
    return beginning_of(path)[_MARK_AT:].startswith(b"MAP") or path.suffix.casefold() in _SUFFIXES


@dataclass(frozen=True)
class MrcReader:
    """Reads the sections of an MRC file, whose pixels begin at ``start``."""

    file: Path
    shape: tuple[int, int, int]
    stored: np.dtype[Any]
    start: int
    metadata: Metadata = NOTHING
    notes: tuple[str, ...] = ()
    photometric: str = "minisblack"

    @property
    def label(self) -> str:
        """Name of the file."""
        return self.file.name

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels."""
        return self.stored.newbyteorder("=")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names for the slices as separate files."""
        return slice_names(self.file.stem, self.shape[0])

    def read(self, index: int) -> Pixels:
        """One section."""
        where = f"{self.label} slice {index}"
        count = prod(self.shape[1:])
        try:
            pixels = np.fromfile(
                self.file,
                self.stored,
                count,
                offset=self.start + index * count * self.stored.itemsize,
            )
        except OSError as error:
            raise BadSlice(
                f"{where}: cannot be read ({error.strerror or error}); check the file"
            ) from error
        if pixels.size != count:
            raise BadSlice(f"{where}: the file ends before it does; copy it again from its source")
        return finite(native(pixels).reshape(self.shape[1:]), where)

    def metadata_of(self, index: int) -> Metadata:
        """That of the file."""
        return self.metadata

    def truth(self, index: int) -> None:
        """``None``: of a real stack nobody knows it."""


def open_file(path: Path, *, tolerant: bool = False) -> tuple[MrcReader]:
    """The reader for an MRC file; sections lie along z.

    Raises
    ------
    InputError
        If it is not one, is damaged, or has pixels that stacks cannot have.
    """
    needed("mrcfile", path.name)
    from mrcfile.mrcfile import MrcFile

    try:
        with MrcFile(path, header_only=True) as mrc:
            header, voxel = mrc.header, mrc.voxel_size
    except (ValueError, OSError) as error:
        raise InputError(
            f"{path.name}: is not MRC that can be read ({error}); copy it again from its source"
        ) from error
    volumes = int(header.ispg) >= _VOLUMES and int(header.nz) > int(header.mz)
    shape = (int(header.nz), int(header.ny), int(header.nx))
    order = (int(header.mapc), int(header.mapr), int(header.maps))
    if min(shape) < 1 or int(header.nsymbt) < 0:
        raise InputError(
            f"{path.name}: the header is damaged, states {shape} pixels; copy it again from its source"
        )
    if volumes or order not in ((1, 2, 3), (0, 0, 0)):
        what = "several volumes" if volumes else f"columns, rows and sections along axes {order}"
        raise InputError(
            f"{path.name}: expected sections along z, got {what}; save one volume with sections along z"
        )
    stored = _type(path, header)
    start = _HEADER + int(header.nsymbt)
    if start + prod(shape) * stored.itemsize > path.stat().st_size and not tolerant:
        raise InputError(
            f"{path.name}: the file is truncated, slices are missing; copy it again from its source"
        )
    return (MrcReader(path, shape, stored, start, _metadata(voxel)),)


def _type(path: Path, header: Any) -> np.dtype[Any]:
    """The type of the pixels as they are stored."""
    order = header.mode.dtype.byteorder
    mode = int(header.mode)
    if mode in _MODES:
        return np.dtype(_MODES[mode]).newbyteorder(order)
    stamp, flags = np.frombuffer(
        header.extra2.tobytes(), np.dtype("i4").newbyteorder(order), 2, offset=_STAMP_AT
    )
    if mode == 0 and stamp == _IMOD and not flags & _SIGNED:
        return np.dtype("uint8")
    got = "signed bytes (mode 0)" if mode == 0 else f"mode {mode}"
    raise InputError(
        f"{path.name}: pixels must be {', '.join(DTYPES)}, got {got}; convert the stack"
    )


def _metadata(voxel: Any) -> Metadata:
    """The size of a pixel, from one in angstrom; programs that do not know it leave 0 or 1."""
    z, y, x = (
        float(f"{float(size) / 10:.7g}") if size > 0 else None
        for size in (voxel.z, voxel.y, voxel.x)
    )
    if {z, y, x} <= {None, 0.1}:
        return NOTHING
    return Metadata((z, y, x), "MRC")
