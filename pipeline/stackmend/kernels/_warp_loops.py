"""The compiled loops that read splines of any order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._loops import compiled

Image = NDArray[np.float32]
Pixels = NDArray[np.float64]
Matrix = NDArray[np.float64]


@compiled
def weights_of(order: int, f: float, out: Pixels) -> None:
    """Set the weights of a B-spline at a fraction of a pixel past the middle one's left pixel."""
    g = 1 - f
    if order == 0:
        out[0] = 1.0
    elif order == 1:
        out[0], out[1] = g, f
    elif order == 3:
        out[0], out[3] = g * g * g / 6, f * f * f / 6
        out[1], out[2] = 2 / 3 - f * f * (2 - f) / 2, 2 / 3 - g * g * (2 - g) / 2
    else:
        p, q = f * f, g * g
        out[0], out[5] = q * q * g / 120, p * p * f / 120
        out[2] = 11 / 20 - p / 2 + p * p / 4 - p * p * f / 12
        out[3] = 11 / 20 - q / 2 + q * q / 4 - q * q * g / 12
        out[1] = 17 / 40 + 5 / 8 * (1 + f) - 7 / 4 * (1 + f) ** 2 + 5 / 4 * (1 + f) ** 3
        out[1] += -3 / 8 * (1 + f) ** 4 + (1 + f) ** 5 / 24
        out[4] = 17 / 40 + 5 / 8 * (1 + g) - 7 / 4 * (1 + g) ** 2 + 5 / 4 * (1 + g) ** 3
        out[4] += -3 / 8 * (1 + g) ** 4 + (1 + g) ** 5 / 24


@compiled
def warp(pixels: Pixels, margin: int, matrix: Matrix, order: int, out: Image) -> None:
    """Read coefficients that have a margin around them; what lies outside, at the edge."""
    taps = order + 1
    down, along = np.empty(taps, np.float64), np.empty(taps, np.float64)
    last_y = pixels.shape[0] - 2 * margin - 1.0
    last_x = pixels.shape[1] - 2 * margin - 1.0
    half = 0.5 if order == 0 else 0.0
    first = margin - order // 2
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            at_y = matrix[0, 0] * i + matrix[0, 1] * j + matrix[0, 2]
            at_x = matrix[1, 0] * i + matrix[1, 1] * j + matrix[1, 2]
            at_y = min(max(at_y, 0.0), last_y) + half
            at_x = min(max(at_x, 0.0), last_x) + half
            row, column = int(at_y), int(at_x)
            weights_of(order, at_y - row, down)
            weights_of(order, at_x - column, along)
            row, column = row + first, column + first
            total = 0.0
            for k in range(taps):
                part = 0.0
                for m in range(taps):
                    part += along[m] * pixels[row + k, column + m]
                total += down[k] * part
            out[i, j] = total


@compiled
def outside(matrix: Matrix, rows: int, columns: int, fill: float, out: Image) -> None:
    """Set what is read farther than half a pixel outside of a slice."""
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            at_y = matrix[0, 0] * i + matrix[0, 1] * j + matrix[0, 2]
            at_x = matrix[1, 0] * i + matrix[1, 1] * j + matrix[1, 2]
            if not (-0.5 <= at_y < rows - 0.5 and -0.5 <= at_x < columns - 0.5):
                out[i, j] = fill
