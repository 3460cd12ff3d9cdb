"""Writes .dat files of Janelia's FIB-SEMs, with what a reader looks at and nothing else."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def write_dat(
    path: Path,
    image: NDArray[Any],
    *,
    version: int = 8,
    pixel: float = 8.0,
    footer: bytes = b"",
    **fields: int,
) -> Path:
    """Write one slice, ``(C, Y, X)`` uint8 or int16; ``fields`` replace what is stated."""
    channels, height, width = image.shape
    header = bytearray(1024)
    header[:4] = b"\xd3\xed\xf5\xf2"
    struct.pack_into(">HH", header, 4, version, 1)
    header[8:18] = b"01/02/2020"
    header[32] = fields.get("channels", channels)
    header[33] = image.dtype == np.uint8
    stated = fields.get("width", width), fields.get("height", height)
    struct.pack_into(">II", header, 100, *stated)
    form, place = (">d", 416) if version < 3 else (">f", 464)
    struct.pack_into(form, header, place, pixel)
    pixels = np.moveaxis(image, 0, -1).astype(image.dtype.newbyteorder(">"))
    struct.pack_into(">q", header, 1000, 1024 + pixels.nbytes)
    path.write_bytes(bytes(header) + pixels.tobytes() + footer)
    return path
