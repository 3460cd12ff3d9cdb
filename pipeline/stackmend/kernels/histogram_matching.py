"""Grey levels mapped so that their histogram becomes another one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._arrays import plain_image

Image = NDArray[np.float32]
Numbers = NDArray[np.float64]

MOST_LEVELS = 4096
"""Grey levels up to which all of a histogram is kept."""

KEPT_LEVELS = 2048
"""Grey levels that are kept of more, closer to each other in the tails of the histogram."""

_WHOLE = 65536


class Levels(NamedTuple):
    """Grey levels in ascending order, and the share of the pixels up to each, both ``(n,)``."""

    values: Image
    shares: Numbers


def levels_of(image: Image) -> Levels:
    """The histogram of an image, as a function that is linear between its levels.

    Parameters
    ----------
    image : ndarray of float32, shape (Y, X)
        Any grey levels, all finite.

    Returns
    -------
    Levels
        All of up to 4096 levels; of more, at most 2048, the lowest and the highest among them.

    Raises
    ------
    ValueError
        If the image is not two-dimensional or is empty.

    Examples
    --------
    >>> import numpy as np
    >>> levels = levels_of(np.array([[3, 1], [1, 7]], dtype=np.float32))
    >>> levels.values.tolist(), levels.shares.tolist()
    ([1.0, 3.0, 7.0], [0.5, 0.75, 1.0])
    """
    plain = plain_image(image)
    values, _, counts = _told_apart(plain)
    upto = np.cumsum(counts)
    if values.size > MOST_LEVELS:
        ranks = np.sin(np.linspace(0, np.pi / 2, KEPT_LEVELS)) ** 2 * plain.size
        kept = np.unique(np.searchsorted(upto[:-1], ranks))
        values, upto = values[kept], upto[kept]
    return Levels(values, upto / plain.size)


def matched(image: Image, levels: Levels) -> Image:
    """An image whose grey levels are distributed as others are.

    Parameters
    ----------
    image : ndarray of float32, shape (Y, X)
        Any grey levels, all finite.
    levels : Levels
        Whose distribution it is given.

    Returns
    -------
    ndarray of float32, shape (Y, X)
        A new array, what `skimage.exposure.match_histograms` makes of the image: each level becomes
        the one up to which the same share of the pixels lies.

    Raises
    ------
    ValueError
        If the image is not two-dimensional or is empty.

    References
    ----------
    .. [1] R. C. Gonzalez, R. E. Woods, Digital Image Processing, histogram matching.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.array([[0, 1], [2, 3]], dtype=np.float32)
    >>> matched(image, levels_of(10 * image + 5)).tolist()
    [[5.0, 15.0], [25.0, 35.0]]
    """
    plain = plain_image(image)
    _, places, counts = _told_apart(plain, inverse=True)
    assert places is not None  # they were asked for
    own = np.cumsum(counts) / plain.size
    return _values_at(own, levels)[places].reshape(plain.shape)


def matched_levels(own: Levels, levels: Levels) -> Levels:
    """The histogram of an image once it is matched, from its own."""
    values = _values_at(own.shares, levels)
    last = np.append(values[1:] != values[:-1], True)
    return Levels(values[last], own.shares[last])


def _values_at(shares: Numbers, levels: Levels) -> Image:
    at: Numbers = np.interp(shares, levels.shares, levels.values)
    return at.astype(np.float32)


def _told_apart(
    image: Image, *, inverse: bool = False
) -> tuple[Image, NDArray[np.intp] | None, NDArray[np.intp]]:
    """The levels of an image, the place of each pixel among them, and how many pixels have each."""
    low, high = float(image.min()), float(image.max())
    if low >= 0 and high < _WHOLE:
        whole = image.astype(np.uint16)
        if np.array_equal(whole, image):  # whole numbers are counted, which is faster than sorting
            histogram = np.bincount(whole.ravel())
            values = np.flatnonzero(histogram)
            places = (np.cumsum(histogram > 0) - 1)[whole.ravel()] if inverse else None
            return values.astype(np.float32), places, histogram[values]
    if not inverse:
        levels, counts = np.unique(image, return_counts=True)
        return levels.astype(np.float32, copy=False), None, counts
    levels, places, counts = np.unique(image.ravel(), return_inverse=True, return_counts=True)
    return levels.astype(np.float32, copy=False), places, counts
