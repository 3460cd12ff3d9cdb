"""The compiled loops of fields that vary slowly over a slice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._loops import compiled

Numbers = NDArray[np.float64]


@compiled
def add_products(
    basis: Numbers, weights: Numbers, values: Numbers, products: Numbers, right: Numbers
) -> None:
    """Add the weighted normal equations of ``basis @ coefficients = values``, in a fixed order."""
    terms = basis.shape[1]
    for n in range(basis.shape[0]):
        for i in range(terms):
            weighted = weights[n] * basis[n, i]
            right[i] += weighted * values[n]
            for j in range(terms):
                products[i, j] += weighted * basis[n, j]


@compiled
def divide_out(
    image: NDArray[np.float32],
    mean: Numbers,
    spread: Numbers,
    least: float,
    scale: float,
    level: float,
    out: NDArray[np.float32],
) -> None:
    """Set `out` to ``(image - mean) / max(spread, least) * scale + level``.

    Of both polynomials ``[i, j]`` is the coefficient of ``y**i * x**j``, from -1 to 1 each.
    """
    height, width = image.shape
    terms = mean.shape[0]
    along_mean, along_spread = np.empty(terms), np.empty(terms)
    for row in range(height):
        y = 2.0 * row / max(height - 1, 1) - 1.0
        for j in range(terms):
            along_mean[j] = along_spread[j] = 0.0
            for i in range(terms - 1, -1, -1):
                along_mean[j] = along_mean[j] * y + mean[i, j]
                along_spread[j] = along_spread[j] * y + spread[i, j]
        for column in range(width):
            x = 2.0 * column / max(width - 1, 1) - 1.0
            here = width_here = 0.0
            for j in range(terms - 1, -1, -1):
                here = here * x + along_mean[j]
                width_here = width_here * x + along_spread[j]
            out[row, column] = (image[row, column] - here) / max(width_here, least) * scale + level
