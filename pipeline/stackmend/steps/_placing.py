"""Slices brought to their places: what the steps that move them have in common."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.resampling import warped
from stackmend.kernels.slice_transform import Box, SliceTransform
from stackmend.kernels.transforms import rounded
from stackmend.registry import IMAGE, Stage

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]


def aligned(
    image: Image,
    transform: SliceTransform | None,
    *,
    order: int,
    fill: float | str,
    subpixel: bool,
) -> Image | None:
    """The slice in its place, interpolated once.

    Parameters
    ----------
    image : (Y, X) float32
    transform
        Where aligned coordinates lie in the slice; of a slice that has no place, ``None``.
    order : {0, 1, 3, 5}
        Of the splines.
    fill : float, 'edge' or 'nan'
        What is shown where the slice has no pixels.
    subpixel
        Whether pixels may be interpolated; otherwise the nearest translation by whole pixels is
        taken.

    Returns
    -------
    (Y, X) float32, or None
        On the canvas of the transform.

    Raises
    ------
    ValueError
        If slices have another shape than the transform is for, or turn and may not be interpolated.
    """
    if transform is None:
        return None
    if image.shape != transform.shape:
        what = f"the place was found for slices of {_size(transform.shape)} px"
        raise ValueError(f"{what}, and this one has {_size(image.shape)}")
    y, x, *shape = _canvas(transform)
    matrix = transform.matrix if subpixel else rounded(transform.matrix)
    return warped(image, matrix, order=order, origin=(y, x), shape=shape, fill=_outside(fill))


def moved_mask(mask: Mask, transform: SliceTransform | None, *, subpixel: bool) -> Mask:
    """A mask in the place of its slice: what lies nearest, and nothing beyond the slice."""
    if transform is None or mask.shape != transform.shape:
        return mask
    y, x, *shape = _canvas(transform)
    matrix = transform.matrix if subpixel else rounded(transform.matrix)
    moved = warped(mask.astype(np.float32), matrix, order=0, origin=(y, x), shape=shape)
    return np.asarray(moved > 0.5)


def frame(transform: SliceTransform | None) -> Box | None:
    """Where the slice lies on the aligned plane, if that is not its own frame."""
    return None if transform is None else transform.canvas


def _outside(fill: float | str) -> float | Literal["edge"]:
    if fill == "edge":
        return "edge"
    return float(fill)


def _canvas(transform: SliceTransform) -> Box:
    return transform.canvas or (0, 0, *transform.shape)


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


APPLICATION = (Stage(aligned, makes=IMAGE), Stage(frame))
MASKS = Stage(moved_mask)


def refuse(model: str | None, *, subpixel: bool) -> dict[str, str]:
    """What speaks against whole pixels."""
    if subpixel or model in (None, "translation"):
        return {}
    return {
        "subpixel": "slices that turn are always interpolated: take true, or model: translation"
    }
