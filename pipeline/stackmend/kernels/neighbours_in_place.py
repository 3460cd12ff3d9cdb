"""Neighbouring slices as they lie on one of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.resampling import warped
from stackmend.kernels.slice_transform import SliceTransform
from stackmend.kernels.transforms import composed, inverse

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]


def brought_together(
    images: Sequence[Image], transforms: Sequence[SliceTransform | None], centre: int
) -> list[Image]:
    """Slices as they lie on one of them, which stays as it is; beyond their edge, their edge.

    Parameters
    ----------
    images : sequence of (Y, X) float32
    transforms
        Of each of them; one without stays where it is.
    centre
        The place of the one that stays.
    """
    own = transforms[centre]
    found: list[Image] = []
    for place, (image, other) in enumerate(zip(images, transforms, strict=True)):
        if place == centre or own is None or other is None:
            found.append(image)
            continue
        found.append(warped(image, composed(other.matrix, inverse(own.matrix)), fill="edge"))
    return found


def masks_brought_together(
    masks: Sequence[Mask], transforms: Sequence[SliceTransform | None], centre: int
) -> list[Mask]:
    """Masks of slices as these lie on one of them; none for no masks."""
    levels = [mask.astype(np.float32) for mask in masks]
    if not levels:
        return []
    return [np.asarray(each > 0.5) for each in brought_together(levels, transforms, centre)]
