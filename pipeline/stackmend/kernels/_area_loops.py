"""The compiled loop that makes a slice smaller."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._loops import compiled


@compiled
def average(image: NDArray[np.generic], step: float, out: NDArray[np.float32]) -> None:
    """The mean of the ``step`` by ``step`` pixels that each pixel of ``out`` covers.

    Pixels that are covered in part count in part. The last row and column cover what is left.
    """
    height, width = image.shape
    sums = np.empty(width, np.float32)
    for i in range(out.shape[0]):
        top, bottom = i * step, min((i + 1) * step, float(height))
        sums[:] = 0
        for y in range(int(top), min(int(np.ceil(bottom)), height)):
            weight = np.float32((min(bottom, y + 1.0) - max(top, float(y))) / (bottom - top))
            row = image[y]
            for x in range(width):
                sums[x] += weight * np.float32(row[x])
        for j in range(out.shape[1]):
            left, right = j * step, min((j + 1) * step, float(width))
            total = 0.0
            for x in range(int(left), min(int(np.ceil(right)), width)):
                total += (min(right, x + 1.0) - max(left, float(x))) * sums[x]
            out[i, j] = total / (right - left)
