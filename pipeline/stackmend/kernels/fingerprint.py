"""A short description of a slice by which nearly equal pixels are told from others."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEVELS = (0.0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0)
"""Shares of the pixels below the quantiles that are taken."""

TILES = 8
"""Tiles along each side of a slice, at the most."""

_SAMPLED = 128
"""Rows and columns, at the most, whose pixels the quantiles are taken of."""


_ROWS = 32
"""Rows that are added up at a time."""


def fingerprint(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """Quantiles and tile means of a slice.

    Parameters
    ----------
    pixels
        ``(Y, X)``, whole numbers of 16 bits at most or float32, in grey levels. What is no finite
        number counts as 0.

    Returns
    -------
    ndarray
        ``(len(LEVELS) + rows * columns,)`` float32, in grey levels: the quantiles at ``LEVELS`` of
        the pixels on a regular grid of at most 128 x 128 places, then the means of all pixels of
        each tile, row by row.

    Notes
    -----
    If no pixel of two slices differs by more than ``d``, no number of their fingerprints does: a
    quantile is an order statistic, which moves no further than the pixels do. So a difference of
    fingerprints is a lower bound of the largest difference of the pixels.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        found = _numbers_of(pixels)
    if np.isfinite(found).all():
        return found
    return _numbers_of(np.where(np.isfinite(pixels), pixels, 0).astype(np.float64))


def _numbers_of(pixels: NDArray[Any]) -> NDArray[np.float32]:
    height, width = pixels.shape
    sampled = pixels[:: -(-height // _SAMPLED), :: -(-width // _SAMPLED)].ravel()
    ordered = np.sort(sampled, kind="stable" if pixels.dtype.kind in "iu" else "quicksort")
    places = [round(level * (ordered.size - 1)) for level in LEVELS]
    return np.concatenate([ordered[places], _tile_means(pixels).ravel()]).astype(np.float32)


def tiles_of(shape: tuple[int, ...]) -> tuple[list[int], list[int]]:
    """Where the rows and the columns of the tiles of a slice begin, and end with the slice."""
    rows, columns = (min(TILES, side) for side in shape)
    height, width = shape
    return (
        [height * row // rows for row in range(rows + 1)],
        [width * column // columns for column in range(columns + 1)],
    )


def _tile_means(pixels: NDArray[Any]) -> NDArray[np.float64]:
    """Mean of each tile; those of whole numbers come from exact sums."""
    rows, columns = tiles_of(pixels.shape)
    narrow = {"u": np.uint32, "i": np.int32}.get(pixels.dtype.kind, pixels.dtype)
    wide = {"u": np.uint64, "i": np.int64}.get(pixels.dtype.kind, np.float64)
    bands = []
    for top, end in pairwise(rows):
        # Few rows at a time in the narrow type: neither overflows nor loses digits that count.
        starts = range(0, end - top, _ROWS)
        parts = [pixels[top + at : min(top + at + _ROWS, end)].sum(0, narrow) for at in starts]
        bands.append(np.stack(parts).sum(axis=0, dtype=wide))
    sums = np.add.reduceat(np.stack(bands), columns[:-1], axis=1, dtype=wide)
    means: NDArray[np.float64] = sums / np.outer(np.diff(rows), np.diff(columns))
    return means
