"""A stack in an MRC file."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from stackmend.errors import InputError
from stackmend.stacks.extras import require
from stackmend.stacks.files import beginning_of
from stackmend.stacks.interface import DTYPES, NOTHING, Metadata, Pixels, Reader
from stackmend.stacks.pixels import check_finite, read_plane, slice_names

_SUFFIXES = (".mrc", ".mrcs", ".map", ".rec", ".st", ".ali", ".preali")
_HEADER = 1024
_MARK_AT = 208
_VOLUMES = 401
"""From this space group on, a file holds several volumes."""
_MODES = {1: "int16", 2: "float32", 6: "uint16"}
_STAMP_AT, _IMOD, _SIGNED = 40, 1146047817, 1
"""The number that IMOD leaves in a header, where that is in its free part, and the mark that bytes
are signed."""


def recognises(path: Path) -> bool:
    """Whether a file is MRC, by its mark or, for old ones that have none, by its suffix."""
    return beginning_of(path)[_MARK_AT:].startswith(b"MAP") or path.suffix.casefold() in _SUFFIXES


@dataclass(frozen=True, kw_only=True)
class MrcReader(Reader):
    """Reads the sections of an MRC file.

    Attributes
    ----------
    stored
        Type of the pixels in the file.
    start
        Where they begin, in bytes.
    """

    file: Path
    stored: np.dtype[Any]
    start: int

    def read(self, index: int) -> Pixels:
        """One section."""
        where, shape = f"{self.label} slice {index}", self.shape[1:]
        start = self.start + index * prod(shape) * self.stored.itemsize
        return check_finite(read_plane(self.file, start, shape, self.stored, where), where)


def open_channels(path: Path, *, tolerant: bool = False) -> tuple[MrcReader]:
    """The reader for an MRC file; sections lie along z.

    Raises
    ------
    InputError
        If it is not one, is damaged, or has pixels that stacks cannot have.
    """
    require("mrcfile", path.name)
    from mrcfile.mrcfile import MrcFile

    try:
        with MrcFile(path, header_only=True) as mrc:
            header, voxel = mrc.header, mrc.voxel_size
    except (ValueError, OSError) as error:
        what = f"is not MRC that can be read ({error})"
        raise InputError(f"{path.name}: {what}; copy it again from its source") from error
    shape, stored = _shape(path, header), _type(path, header)
    start = _HEADER + int(header.nsymbt)
    if start + prod(shape) * stored.itemsize > path.stat().st_size and not tolerant:
        what = "the file is truncated, slices are missing"
        raise InputError(f"{path.name}: {what}; copy it again from its source")
    reader = MrcReader(
        label=path.name,
        shape=shape,
        dtype=stored.newbyteorder("="),
        names=slice_names(path.stem, shape[0]),
        metadata=_metadata(voxel),
        file=path,
        stored=stored,
        start=start,
    )
    return (reader,)


def _shape(path: Path, header: Any) -> tuple[int, int, int]:
    """``(Z, Y, X)`` of one volume whose sections lie along z."""
    shape = (int(header.nz), int(header.ny), int(header.nx))
    if min(shape) < 1 or int(header.nsymbt) < 0:
        what = f"the header is damaged, states {shape} pixels"
        raise InputError(f"{path.name}: {what}; copy it again from its source")
    volumes = int(header.ispg) >= _VOLUMES and int(header.nz) > int(header.mz)
    order = (int(header.mapc), int(header.mapr), int(header.maps))
    if volumes or order not in ((1, 2, 3), (0, 0, 0)):
        got = "several volumes" if volumes else f"columns, rows and sections along axes {order}"
        what = f"expected sections along z, got {got}"
        raise InputError(f"{path.name}: {what}; save one volume with sections along z")
    return shape


def _type(path: Path, header: Any) -> np.dtype[Any]:
    """The type of the pixels as they are stored."""
    order = header.mode.dtype.byteorder
    mode = int(header.mode)
    if mode in _MODES:
        return np.dtype(_MODES[mode]).newbyteorder(order)
    integers = np.dtype("i4").newbyteorder(order)
    stamp, flags = np.frombuffer(header.extra2.tobytes(), integers, 2, offset=_STAMP_AT)
    if mode == 0 and stamp == _IMOD and not flags & _SIGNED:
        return np.dtype("uint8")
    got = "signed bytes (mode 0)" if mode == 0 else f"mode {mode}"
    what = f"pixels must be {', '.join(DTYPES)}, got {got}"
    raise InputError(f"{path.name}: {what}; convert the stack")


def _metadata(voxel: Any) -> Metadata:
    """The size of a pixel, from one in angstrom; programs that do not know it leave 0 or 1."""
    sizes = (float(size) for size in (voxel.z, voxel.y, voxel.x))
    z, y, x = (float(f"{size / 10:.7g}") if size > 0 else None for size in sizes)
    if {z, y, x} <= {None, 0.1}:
        return NOTHING
    return Metadata((z, y, x), "MRC")
