"""The compiled loop over the voxels of a volume that is turned."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._loops import compiled

Volume = NDArray[np.float32]
Numbers = NDArray[np.float64]

HALF = 0.5 + 1e-6  # voxels beyond the centre of the last one that are still of the volume


@compiled
def spline(at: float, count: int, places: NDArray[np.intp], weights: Numbers) -> None:
    """Places and weights of the four coefficients of a cubic spline, mirrored at both ends."""
    low = int(np.floor(at))
    far = at - low
    near = 1.0 - far
    weights[0] = near * near * near / 6
    weights[1] = (4 - 3 * far * far * (2 - far)) / 6
    weights[2] = (4 - 3 * near * near * (2 - near)) / 6
    weights[3] = far * far * far / 6
    for k in range(4):
        place = low - 1 + k
        if count == 1:
            place = 0
        elif place < 0:
            place = -place
        elif place >= count:
            place = 2 * (count - 1) - place
        places[k] = min(max(place, 0), count - 1)


@compiled
def find(
    voxel: Numbers, matrix: Numbers, first: Numbers, size: Numbers, edge: bool, at: Numbers
) -> bool:
    """Set `at` to where in a block a voxel lies; returns whether that is in the volume.

    With `edge` it is brought to the nearest place that is.
    """
    inside = True
    for axis in range(3):
        row, last = matrix[axis], size[axis] - 1
        place = row[0] * voxel[0] + row[1] * voxel[1] + row[2] * voxel[2] + row[3]
        if edge:
            place = min(max(place, 0.0), last)
        elif place < -HALF or place > last + HALF:
            inside = False
        at[axis] = place - first[axis]
    return inside


@compiled
def value(coefficients: Volume, at: Numbers, places: NDArray[np.intp], weights: Numbers) -> float:
    """The spline of a block at a place."""
    for axis in range(3):
        spline(at[axis], coefficients.shape[axis], places[axis], weights[axis])
    total = 0.0
    for a in range(4):
        for b in range(4):
            line = coefficients[places[0, a], places[1, b]]
            along = 0.0
            for c in range(4):
                along += weights[2, c] * line[places[2, c]]
            total += weights[0, a] * weights[1, b] * along
    return total


@compiled
def sample(
    coefficients: Volume,
    first: Numbers,
    size: Numbers,
    matrix: Numbers,
    corner: Numbers,
    edge: bool,
    fill: float,
    out: Volume,
) -> None:
    """Fill `out` with the spline of a block at ``matrix @ (z, y, x, 1)``.

    ``corner`` are the coordinates (z, y, x) of the first voxel of `out`. ``first`` is where the
    block lies in a volume of some ``size``; half a voxel beyond that, `fill` begins, or the nearest
    voxel of its `edge`.
    """
    places, weights = np.empty((3, 4), np.intp), np.empty((3, 4))
    at, voxel = np.empty(3), np.empty(3)
    for i in range(out.shape[0]):
        voxel[0] = corner[0] + i
        for j in range(out.shape[1]):
            voxel[1] = corner[1] + j
            for k in range(out.shape[2]):
                voxel[2] = corner[2] + k
                if find(voxel, matrix, first, size, edge, at):
                    out[i, j, k] = value(coefficients, at, places, weights)
                else:
                    out[i, j, k] = fill
