"""A slice interpolated at other places of its plane."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Image = NDArray[np.float32]


def warped(
    image: Image,
    matrix: NDArray[np.float64],
    *,
    order: int,
    origin: tuple[int, int],
    shape: tuple[int, int],
    fill: float | str,
) -> Image:
    """A slice at ``matrix @ (y, x, 1)``, for all places (y, x) of a part of a plane.

    Parameters
    ----------
    image : (Y, X) float32
    matrix : (2, 3) float64
        From places on the plane to those in the slice.
    order
        Of the splines, 0 to 5.
    origin, shape
        The first place, and rows and columns.
    fill
        Grey level beyond the slice, or ``edge`` for that of the nearest pixel.

    Returns
    -------
    shape, float32
        The pixels themselves where the matrix moves them by whole pixels.
    """
    offset = matrix[:, :2] @ np.array(origin, dtype=np.float64) + matrix[:, 2]
    whole = np.rint(offset)
    if np.allclose(matrix[:, :2], np.eye(2), atol=1e-9) and np.allclose(offset, whole, atol=1e-6):
        order, offset = 0, whole
    edge = fill == "edge"
    how = {"output_shape": shape, "order": order, "output": np.float32}
    how |= {"mode": "nearest"} if edge else {"mode": "constant", "cval": fill}
    found: Image = ndimage.affine_transform(image, matrix[:, :2], offset, **how)
    return found
