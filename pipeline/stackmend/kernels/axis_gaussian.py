"""Gaussian blur with a width of its own along each axis."""

from __future__ import annotations

from functools import lru_cache
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._arrays import plain_image, readonly
from stackmend.kernels._sampling import fold

Image = NDArray[np.float32]
Index = NDArray[np.intp]

TRUNCATE = 3.0


def axis_gaussian(image: Image, sigma_y: float, sigma_x: float) -> Image:
    """Blur an image by a kernel that may be narrow along one axis and wide along the other.

    Parameters
    ----------
    image : ndarray of float32, shape (Y, X)
        Any grey levels, all finite; at least one pixel.
    sigma_y, sigma_x : float
        Standard deviations in pixels, not negative; 0 leaves an axis as it is. The kernels end at
        ``int(3 * sigma + 0.5)`` pixels and sum to 1; the image is mirrored at the centre of its
        edge pixels.

    Returns
    -------
    ndarray of float32, shape (Y, X)
        Within 1e-5 of the grey range of `scipy.ndimage.gaussian_filter1d` along either axis with
        ``mode="mirror"`` and ``truncate=3``; a new array.

    Raises
    ------
    ValueError
        If the image is not two-dimensional or is empty, or a sigma is negative or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.zeros((5, 5), dtype=np.float32)
    >>> image[2, 2] = 1
    >>> axis_gaussian(image, 0, 1)[:, 2].round(2).tolist()
    [0.0, 0.0, 0.4000000059604645, 0.0, 0.0]
    """
    if not all(isfinite(sigma) and sigma >= 0 for sigma in (sigma_y, sigma_x)):
        raise ValueError(f"sigma: expected numbers of pixels >= 0, got {sigma_y!r} and {sigma_x!r}")
    from stackmend.kernels import _loops

    result = plain_image(image)
    if reach := radius(sigma_y):
        index = _mirrored(-reach, result.shape[0] + 2 * reach, result.shape[0])
        rows, taps = result, readonly(np.pad(_taps(sigma_y), 3))
        result = np.zeros_like(rows)
        _loops.slide(readonly(rows), index, taps, result)
    if reach := radius(sigma_x):
        taps = _taps(sigma_x)
        taps = readonly(np.pad(taps, (0, -taps.size % 4)))
        index = _mirrored(-reach, result.shape[1] + taps.size - 1, result.shape[1])
        rows, result = result, np.zeros_like(result)
        work = np.empty(index.size, dtype=np.float32)
        _loops.slide_along(readonly(rows), index, taps, work, result)
    return result if result.flags.writeable else result.copy()


def radius(sigma: float) -> int:
    """The last offset of the truncated kernel."""
    return int(TRUNCATE * sigma + 0.5)


@lru_cache(maxsize=64)
def _taps(sigma: float) -> NDArray[np.float32]:
    reach = radius(sigma)
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    result: NDArray[np.float32] = (taps / taps.sum()).astype(np.float32)
    return result


def _mirrored(first: int, count: int, size: int) -> Index:
    return readonly(fold(np.arange(first, first + count), size))
