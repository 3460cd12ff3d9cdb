"""A slice turned so that what runs at an angle runs along y, and what is found turned back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]


def turned(image: Image, angle: float) -> Image:
    """The slice in a frame whose y axis lies at an angle.

    Parameters
    ----------
    image : (Y, X) float32
    angle
        Degrees, -90 to 90: going one px down, the axis moves ``tan(angle)`` px to the right.

    Returns
    -------
    (Y', X') float32
        By a spline of order 3, with at least a quarter of the longer side around it, mirrored. At
        0 and 90 degrees the pixels themselves.
    """
    if angle % 90 == 0:
        return np.ascontiguousarray(np.rot90(image, _quarters(angle)))
    matrix, shape = _axes(angle), turned_shape(image.shape, angle)
    offset = _middle(image.shape) - matrix @ _middle(shape)
    how = {"output_shape": shape, "order": 3, "mode": "mirror", "output": np.float32}
    found: Image = ndimage.affine_transform(image, matrix, offset, **how)
    return found


def left_out(shape: tuple[int, ...], angle: float, mask: Mask | None = None) -> Mask | None:
    """What in the turned frame is no pixel of the slice, or one of the mask; ``None`` for nothing.

    What is mirrored there runs at another angle.
    """
    if angle % 90 == 0:
        return None if mask is None else np.ascontiguousarray(np.rot90(mask, _quarters(angle)))
    matrix, frame = _axes(angle), turned_shape(shape, angle)
    offset = _middle(shape) - matrix @ _middle(frame)
    seen = np.ones(shape, np.uint8) if mask is None else (~mask).astype(np.uint8)
    how = {"output_shape": frame, "order": 0, "mode": "constant", "output": np.uint8}
    return np.asarray(ndimage.affine_transform(seen, matrix, offset, **how) == 0)


def turned_back(field: Image, angle: float, shape: tuple[int, ...]) -> Image:
    """What was found in the turned frame, in that of a slice of a shape, ``(Y, X)`` float32."""
    if angle % 90 == 0:
        return np.ascontiguousarray(np.rot90(field, -_quarters(angle)))
    matrix = _axes(angle).T
    offset = _middle(field.shape) - matrix @ _middle(shape)
    how = {"output_shape": tuple(shape), "order": 3, "mode": "mirror", "output": np.float32}
    found: Image = ndimage.affine_transform(field, matrix, offset, **how)
    return found


def _quarters(angle: float) -> int:
    return -int(angle // 90)


def _axes(angle: float) -> NDArray[np.float64]:
    """Unit vectors along and across, in (y, x), as columns."""
    along = np.deg2rad(angle)
    return np.array([[np.cos(along), -np.sin(along)], [np.sin(along), np.cos(along)]])


def turned_shape(shape: tuple[int, ...], angle: float) -> tuple[int, ...]:
    """The frame of a turned slice: all of it, with a margin where it is not upright."""
    if angle % 90 == 0:
        return tuple(shape) if angle == 0 else tuple(shape[::-1])
    needed = np.abs(_axes(angle).T) @ np.array(shape)
    margin = 2 * int(np.ceil(max(shape) / 4))
    return tuple(
        max(size + margin, int(np.ceil(least))) for size, least in zip(shape, needed, strict=True)
    )


def _middle(shape: tuple[int, ...]) -> NDArray[np.float64]:
    return (np.array(shape) - 1) / 2
