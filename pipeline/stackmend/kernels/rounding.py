"""Grey levels as whole numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._arrays import readonly


def rounded_to(image: NDArray[np.floating[Any]], dtype: np.dtype[Any]) -> tuple[NDArray[Any], int]:
    """Round to the nearest (halves to even) and saturate, never wrap.

    Parameters
    ----------
    image : (Y, X) floating point
        Grey levels.
    dtype
        Of whole numbers of 16 bits at most.

    Returns
    -------
    pixels : (Y, X) of ``dtype``
    clipped : int
        How many pixels lay outside the range of the type; what is no number counts, and becomes the
        lowest.

    Examples
    --------
    >>> import numpy as np
    >>> rounded_to(np.array([[-3.0, 0.5, 1.5, 300.0]]), np.dtype("uint8"))
    (array([[  0,   0,   2, 255]], dtype=uint8), 2)
    """
    from stackmend.kernels import _level_loops

    limits = np.iinfo(dtype)
    pixels = np.empty(image.shape, dtype)
    # Values of the image's own type, so that a loop over float32 stays one.
    low, high = image.dtype.type(limits.min), image.dtype.type(limits.max)
    clipped = _level_loops.round_to(readonly(np.ascontiguousarray(image)), low, high, pixels)
    return pixels, int(clipped)


def to_dtype(image: NDArray[np.floating[Any]], dtype: np.dtype[Any]) -> tuple[NDArray[Any], int]:
    """Grey levels as pixels of a type: rounded to the nearest and saturated for whole numbers.

    Returns
    -------
    pixels : (Y, X) of ``dtype``
    clipped : int
        How many pixels lay outside the range of the type.
    """
    if dtype.kind == "f":
        return image.astype(dtype, copy=False), 0
    return rounded_to(image, dtype)
