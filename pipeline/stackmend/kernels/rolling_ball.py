"""Rolling-ball background, exact."""

from __future__ import annotations

from math import ceil, isfinite

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._arrays import plain_image, readonly

Image = NDArray[np.float32]


def rolling_ball(image: Image, radius: float) -> Image:
    """Background of an image as a ball rolled under its grey levels.

    At each pixel the minimum of ``image[p + o] + radius - sqrt(radius**2 - |o|**2)`` over the
    offsets ``|o| <= radius`` inside the image.

    Parameters
    ----------
    image : ndarray of float32, shape (Y, X)
        Any grey levels, all finite; dark is background.
    radius : float
        Radius of the ball, not negative: in pixels across the image and, by the same number, in
        grey levels. It need not be whole.

    Returns
    -------
    ndarray of float32, shape (Y, X)
        Equal, bit by bit, to `skimage.restoration.rolling_ball` with ``ball_kernel(radius, 2)`` in
        float32; a new array, nowhere above the image.

    Raises
    ------
    ValueError
        If the image is not two-dimensional or is empty, or the radius is negative or not finite.

    Notes
    -----
    The pixel itself, raised by 0, is always a candidate. An offset raised by more than the grey
    range of the image cannot win against it and is left out: on an image of range 1, a ball of
    radius 50 shrinks from 101 to some 20 pixels across.

    References
    ----------
    .. [1] S. R. Sternberg, Biomedical image processing, Computer 16 (1983), 22-34,
       :doi:`10.1109/MC.1983.1654163`.

    Examples
    --------
    >>> import numpy as np
    >>> spot = np.array([[0, 0, 9, 0, 0]], dtype=np.float32)
    >>> rolling_ball(spot, 2).round(3)
    array([[0.   , 0.   , 0.268, 0.   , 0.   ]], dtype=float32)
    """
    if not (isfinite(radius) and radius >= 0):
        raise ValueError(f"radius: expected a number of pixels >= 0, got {radius!r}")
    from stackmend.kernels import _loops

    image = plain_image(image)
    # One step up, because the difference of two float32 is not always exact in double either.
    height = _heights(
        radius, np.nextafter(float(image.max()) - float(image.min()), np.inf), max(image.shape)
    )
    down, right = np.nonzero(np.isfinite(height))
    pairs = np.full((down.max() + 1, image.shape[1] + 2 * right.max()), np.inf, dtype=np.float32)
    out = np.full(image.shape, np.inf, dtype=np.float32)
    _loops.ball(image, readonly(down), readonly(right), readonly(height[down, right]), pairs, out)
    return out


def _heights(radius: float, grey_range: float, size: int) -> Image:
    """Rise of the ball at the offsets (down, right) >= 0, infinity where it cannot matter."""
    last = ceil(radius)
    # height > range beyond this offset; the ball itself need not be built when it is far larger
    # than the image
    if grey_range < radius:
        last = min(last, ceil((grey_range * (2 * radius - grey_range)) ** 0.5) + 1)
    last = min(last, size - 1)
    offset = np.arange(last + 1, dtype=np.float64)
    squares = offset[:, None] ** 2 + offset**2
    # The order of the roundings is that of scikit-image: the ball in double, then both terms in
    # float32.
    ball = np.sqrt(np.clip(radius**2 - squares, 0, None)).astype(np.float32)
    height: Image = ball[0, 0] - ball
    height[(np.sqrt(squares) > radius) | (height > grey_range)] = np.inf
    return height
