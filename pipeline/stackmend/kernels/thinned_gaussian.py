"""Gaussian blur of which only every n-th pixel is wanted, at the cost of these."""

from __future__ import annotations

from functools import lru_cache
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._arrays import plain_image, readonly
from stackmend.kernels._sampling import Index, fold, kernel_of, radius

Image = NDArray[np.float32]

TILE = 64  # rows transposed at a time
LEAST_WIDTH = 0.5


def thinned_gaussian(image: Image, sigma: float, step: int) -> Image:
    """Every `step`-th pixel in y and x of a blurred image, from the first one on.

    Parameters
    ----------
    image : ndarray of float32, shape (Y, X)
        Any grey levels, all finite; at least one pixel.
    sigma : float
        Standard deviation in pixels, not negative; truncated and mirrored as by `gaussian`.
    step : int
        At least 1.

    Returns
    -------
    ndarray of float32, shape (ceil(Y / step), ceil(X / step))
        Within 1e-6 of the greatest grey level of ``gaussian(image, sigma)[::step, ::step]``; a new
        array.

    Raises
    ------
    ValueError
        If the image is not two-dimensional or is empty, sigma is negative or not finite, or the
        step is below 1.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.zeros((5, 7), dtype=np.float32)
    >>> image[2, 4] = 1
    >>> thinned_gaussian(image, 1.0, 2).shape
    (3, 4)
    >>> round(float(thinned_gaussian(image, 1.0, 2)[1, 2]), 3)
    0.159
    """
    if not (isfinite(sigma) and sigma >= 0 and step >= 1):
        raise ValueError(f"expected a sigma >= 0 and a step >= 1, got {sigma!r} and {step!r}")
    plain = plain_image(image)
    if radius(sigma) == 0:
        return plain[::step, ::step].copy()
    rows = _along_y(plain, sigma, step)
    out = np.empty((rows.shape[0], -(-rows.shape[1] // step)), dtype=np.float32)
    for start in range(0, rows.shape[0], TILE):
        stop = start + TILE
        out[start:stop] = _along_y(rows[start:stop].T, sigma, step).T
    return out


def thinned_gaussian_at(
    image: Image, matrix: NDArray[np.float64], sigma: float, step: int
) -> Image:
    """The same at other places: where every `step`-th pixel of a plane comes from.

    A Gaussian knows no grid, so nothing is interpolated: its weights are those of the place.

    Parameters
    ----------
    image : ndarray of float32, shape (Y, X)
        As for `thinned_gaussian`.
    matrix : (2, 3) float64
        From (y, x) on the plane to those in the image.
    sigma : float
        As for `thinned_gaussian`; below 0.5 it is 0.5, as there may be no pixel where one is
        wanted.
    step : int
        At least 1.

    Returns
    -------
    ndarray of float32, shape (ceil(Y / step), ceil(X / step))
        Not a number where a place is beyond the image.
    """
    from stackmend.kernels import _balance_loops

    plain, width = plain_image(image), max(sigma, LEAST_WIDTH)
    out = np.empty([-(-side // step) for side in plain.shape], dtype=np.float32)
    where = readonly(np.ascontiguousarray(matrix, dtype=np.float64))
    _balance_loops.blurred_at(plain, where, width, radius(width), step, out)
    return out


def _along_y(image: Image, sigma: float, step: int) -> Image:
    from stackmend.kernels import _loops

    first, weights = _band(image.shape[0], sigma, step)
    rows = np.ascontiguousarray(image)
    if rows.shape[0] < weights.shape[1]:
        rows = np.pad(rows, ((0, weights.shape[1] - rows.shape[0]), (0, 0)))
    out = np.zeros((first.size, rows.shape[1]), dtype=np.float32)
    _loops.combine(readonly(rows), readonly(first), readonly(weights), out)
    return out


@lru_cache(maxsize=16)
def _band(size: int, sigma: float, step: int) -> tuple[Index, Image]:
    """For every row that is wanted, the first of those it is made of, and their weights."""
    kernel, reach = kernel_of(sigma), radius(sigma)
    places = np.arange(0, size, step)
    width = -(-min(2 * reach + 1, size) // 4) * 4
    first = np.clip(places - reach, 0, max(size - width, 0))
    columns = fold(places[:, None] + np.arange(-reach, reach + 1), size) - first[:, None]
    weights = np.zeros((places.size, width))
    np.add.at(weights, (np.arange(places.size)[:, None], columns), kernel)
    return first.astype(np.intp), weights.astype(np.float32)
