"""PNG files of 8 bit, grey or coloured, as fast as a picture can be handed to a browser."""

from __future__ import annotations

import struct
import zlib
from math import prod

import numpy as np
from numpy.typing import NDArray

Levels = NDArray[np.uint8]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _COLOURS, _PALETTE = 0, 2, 3  # colour types of the format
_UNFILTERED = 0  # what stands before each row


def png(
    pixels: Levels, *, palette: Levels | None = None, alpha: Levels | None = None, level: int = 0
) -> bytes:
    """Pixels as a PNG file.

    Parameters
    ----------
    pixels : (Y, X) or (Y, X, 3) uint8
        Grey levels, places in the palette, or red, green and blue.
    palette : (256, 3) uint8
        Colours.
    alpha : (256,) uint8
        How opaque each colour is.
    level
        Of compression. 0 stores the pixels: noise takes ten times as long to compress as to send.
    """
    height, width, *colours = pixels.shape
    rows = np.empty((height, width * prod(colours) + 1), np.uint8)
    rows[:, 0] = _UNFILTERED
    rows[:, 1:] = pixels.reshape(height, -1)
    kind = _PALETTE if palette is not None else _GREY
    kind = _COLOURS if colours else kind
    parts = [_SIGNATURE, _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0))]
    if palette is not None:
        parts.append(_chunk(b"PLTE", palette.tobytes()))
    if alpha is not None:
        parts.append(_chunk(b"tRNS", alpha.tobytes()))
    parts += [_chunk(b"IDAT", zlib.compress(rows.data, level)), _chunk(b"IEND", b"")]
    return b"".join(parts)


def _chunk(kind: bytes, content: bytes) -> bytes:
    checked = kind + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))
