"""A slice read where a transform leads: one interpolation, of a spline through its pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from stackmend.kernels._arrays import plain_image, readonly

Image = NDArray[np.float32]
Matrix = NDArray[np.float64]

ORDERS = (0, 1, 3, 5)
WHOLE = 1e-9  # px, within which a shift is one by whole pixels


def warped(
    image: Image,
    matrix: Matrix,
    *,
    order: int = 3,
    origin: Sequence[int] = (0, 0),
    shape: Sequence[int] | None = None,
    fill: float | Literal["edge"] = 0.0,
) -> Image:
    """A slice in other coordinates.

    Parameters
    ----------
    image : (Y, X) float32
        Any grey levels, all finite.
    matrix : (2, 3) float64
        From coordinates of the result to those of the slice, (y, x), both about the first pixel's
        centre of the frame that `origin` counts from.
    order
        Of the spline: 0, 1, 3 or 5. What leads from pixels to pixels gives these themselves.
    origin
        Where the first pixel of the result lies.
    shape
        Rows and columns of the result; those of the slice if ``None``.
    fill
        What is put farther than half a pixel outside: a number, also NaN, or ``edge`` for the
        nearest pixel of the slice.

    Returns
    -------
    (Y', X') float32
        Within 1e-5 of the grey range of `scipy.ndimage.affine_transform` with the same order
        (``mode="mirror"`` for the spline). Up to half a pixel outside it is read at the edge.

    Raises
    ------
    ValueError
        If the order is none of these.

    Examples
    --------
    >>> image = np.arange(12, dtype=np.float32).reshape(3, 4)
    >>> shift = np.array([[1.0, 0, 1], [0, 1, 2]])
    >>> warped(image, shift)
    array([[ 6.,  7.,  0.,  0.],
           [10., 11.,  0.,  0.],
           [ 0.,  0.,  0.,  0.]], dtype=float32)
    """
    from stackmend.kernels import _warp_loops

    if order not in ORDERS:
        raise ValueError(f"order: expected 0, 1, 3 or 5, got {order!r}")
    image = plain_image(image)
    rows, columns = image.shape if shape is None else shape
    lead = np.array(matrix, dtype=np.float64)
    lead[:, 2] += lead[:, :2] @ np.asarray(origin, dtype=np.float64)
    if _is_whole(lead):
        order, lead = 0, np.rint(lead)
    out = np.empty((rows, columns), np.float32)
    if order < 2:
        pixels = image.astype(np.float64)
    else:
        pixels = ndimage.spline_filter(image.astype(np.float64), order, mode="mirror")
    margin = order // 2 + 1
    # Mirrored more than once where a slice is narrower than the spline.
    pixels = readonly(np.pad(pixels, margin, mode="reflect" if min(image.shape) > 1 else "edge"))
    _warp_loops.warp(pixels, margin, readonly(lead), order, out)
    if fill != "edge":
        _warp_loops.outside(readonly(lead), image.shape[0], image.shape[1], float(fill), out)
    return out


def _is_whole(matrix: Matrix) -> bool:
    same = np.abs(matrix[:, :2] - np.eye(2)).max() == 0
    return bool(same and np.abs(matrix[:, 2] - np.rint(matrix[:, 2])).max() < WHOLE)
