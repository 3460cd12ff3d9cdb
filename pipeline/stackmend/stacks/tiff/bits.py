"""Pixels of other than whole bytes, which lie packed in a row: 2 to 7 and 9 to 15 bits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.stacks.interface import Pixels


def unpacked(
    rows: NDArray[np.uint8], shape: tuple[int, int], bits: int, dtype: np.dtype[Any]
) -> Pixels:
    """The pixels of an image whose rows each begin with a new byte, first bits highest.

    Parameters
    ----------
    rows
        The bytes, ``(Y, ceil(X * bits / 8))``.
    shape : tuple[int, int]
        ``(Y, X)``.
    """
    image = np.empty(shape, dtype)
    weights = (1 << np.arange(bits)[::-1]).astype(np.uint16)
    # Row by row, since each bit takes a byte meanwhile.
    for row, packed in zip(image, rows, strict=True):
        row[:] = np.unpackbits(packed, count=row.size * bits).reshape(row.size, bits) @ weights
    return image
