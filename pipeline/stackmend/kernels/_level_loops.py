"""The compiled loops over grey levels when a slice is written and counted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._loops import compiled


@compiled
def round_to(
    image: NDArray[np.floating], low: np.floating, high: np.floating, out: NDArray[np.generic]
) -> int:
    """Round to the nearest even whole number and saturate; return how many lay outside.

    Values that are no numbers count as well.
    """
    clipped = 0
    for y in range(image.shape[0]):
        row, target = image[y], out[y]
        outside = 0
        for x in range(row.shape[0]):
            value = np.rint(row[x])
            kept = value
            if not value >= low:
                kept = low
            elif value > high:
                kept = high
            outside += kept != value
            target[x] = kept
        clipped += outside
    return clipped


@compiled
def sums(pixels: NDArray[np.integer]) -> tuple[np.int64, np.int64]:
    """The sum of whole numbers of 16 bits at most, and that of their squares."""
    total, squares = np.int64(0), np.int64(0)
    for y in range(pixels.shape[0]):
        row = pixels[y]
        for x in range(row.shape[0]):
            value = np.int64(row[x])
            total += value
            squares += value * value
    return total, squares


@compiled
def difference_products(
    before: NDArray[np.float32], after: NDArray[np.float32]
) -> tuple[float, float, float]:
    """The sum of squared differences, and of their products with those below and to the right."""
    height, width = before.shape
    squares, below, right = 0.0, 0.0, 0.0
    for y in range(height):
        row, changed = before[y], after[y]
        next_row, next_changed = before[min(y + 1, height - 1)], after[min(y + 1, height - 1)]
        last = 0.0
        for x in range(width):
            difference = np.float64(row[x]) - np.float64(changed[x])
            squares += difference * difference
            right += last * difference
            last = difference
            if y + 1 < height:
                below += difference * (np.float64(next_row[x]) - np.float64(next_changed[x]))
    return squares, below, right
