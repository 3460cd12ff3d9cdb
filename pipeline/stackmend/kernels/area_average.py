"""A smaller copy of a slice in which nothing thin gets lost."""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._arrays import readonly


def area_average(image: NDArray[Any], scale: float) -> NDArray[np.float32]:
    """Reduce an image; every pixel of the result is the mean of the area that it covers.

    Parameters
    ----------
    image : (Y, X)
        Whole numbers, floating point, or a mask, of which the covered share is the mean.
    scale
        Pixels of the result for each pixel of the image, above 0 and at most 1.

    Returns
    -------
    (ceil(Y * scale), ceil(X * scale)) float32
        The last row and column cover what is left, which may be less than others do.

    Raises
    ------
    ValueError
        If the scale is not in that range, or the image not two-dimensional or empty.

    Examples
    --------
    >>> import numpy as np
    >>> area_average(np.array([[0, 4, 8], [0, 4, 8]], np.uint8), 2 / 3)
    array([[1.3333334, 6.6666665],
           [1.3333334, 6.6666665]], dtype=float32)
    """
    from stackmend.kernels import _area_loops

    if not 0 < scale <= 1:
        raise ValueError(f"scale: must be above 0 and at most 1, got {scale:g}")
    if image.ndim != 2 or image.size == 0:
        raise ValueError(
            f"image: expected two axes and at least one pixel, got shape {image.shape}"
        )
    pixels = image.view(np.uint8) if image.dtype == np.bool_ else image
    height, width = (ceil(round(length * scale, 6)) for length in image.shape)
    out = np.empty((max(height, 1), max(width, 1)), np.float32)
    _area_loops.average(readonly(np.ascontiguousarray(pixels)), 1 / scale, out)
    return out
