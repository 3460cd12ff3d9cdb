"""A stack in an MRC file."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from stackmend.errors import InputError
from stackmend.stacks.axes import refuse_axes
from stackmend.stacks.extras import require
from stackmend.stacks.files import beginning_of
from stackmend.stacks.interface import DTYPES, NOTHING, Metadata, Pixels, Reader
from stackmend.stacks.metadata import accepted
from stackmend.stacks.pixels import check_finite, read_plane, slice_names

_SUFFIXES = (".mrc", ".mrcs", ".map", ".rec", ".st", ".ali", ".preali")
_HEADER = 1024
_MARK_AT = 208
_VOLUMES = 401
"""From this space group on, a file holds several volumes."""
_MODES = {1: "int16", 2: "float32", 6: "uint16"}
_ROW_ORDER = (
    "rows are kept in the order of the file, which viewers of MRC show from the bottom and those "
    "of TIFF from the top; input.flip: y turns them as mrc2tif does"
)
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


def open_channels(
    path: Path, *, axes: str | None = None, tolerant: bool = False
) -> tuple[MrcReader]:
    """The reader for an MRC file; sections lie along z.

    Raises
    ------
    InputError
        If it is not one, is damaged, or has pixels that stacks cannot have.
    """
    refuse_axes(path.name, "MRC", axes)
    header = _header(path)
    metadata, notes = _metadata(path, header)
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
        notes=(f"{path.name}: {_ROW_ORDER}", *notes),
        metadata=metadata,
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


def _header(path: Path) -> Any:
    """The header, without the extended one behind it, which may be as long as it likes."""
    dtypes = require("mrcfile", path.name).dtypes
    try:
        with path.open("rb") as file:
            content = file.read(_HEADER)
    except OSError as error:
        what = f"cannot be read ({error.strerror or error})"
        raise InputError(f"{path.name}: {what}; check the file") from error
    if len(content) < _HEADER:
        raise _no_mrc(path, f"it has {len(content)} bytes, a header alone has {_HEADER}")
    if content[_MARK_AT : _MARK_AT + 3] != b"MAP" and any(content[_MARK_AT : _MARK_AT + 4]):
        raise _no_mrc(path, "its header has not the mark MAP")

    # In the order in which the mode is a small number; the stamp for it is often wrong.
    for order in "<>":
        header = np.frombuffer(content, dtypes.HEADER_DTYPE.newbyteorder(order))[0]
        if 0 <= int(header["mode"]) < 2**16 and int(header["nsymbt"]) >= 0:
            return np.rec.array(header)
    raise _no_mrc(path, "its header has no mode")


def _no_mrc(path: Path, why: str) -> InputError:
    what = f"is not MRC that can be read ({why})"
    return InputError(f"{path.name}: {what}; copy it again from its source")


def _metadata(path: Path, header: Any) -> tuple[Metadata, tuple[str, ...]]:
    """The size of a pixel, from that of the cell in angstrom, and what is to be said of it.

    Programs that do not know it leave 0 or 1.
    """
    sizes: list[float | None] = []
    for axis in "zyx":
        length, count = float(header["cella"][axis]), int(header[f"m{axis}"])
        known = count > 0 and length != 0
        sizes.append(float(f"{length / count / 10:.7g}") if known else None)
    if set(sizes) <= {None, 0.1}:
        return NOTHING, ()
    return accepted(sizes, "MRC", path.name)
