"""Undo the standardize before it: back to the grey levels of the input."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.scaling import Scale, undo_scale
from stackmend.registry import IMAGE, Stage, Step


def destandardized(image: NDArray[np.float32], scale: Scale) -> NDArray[np.float32]:
    """The slice in its original grey range.

    A pixel that no step has changed gets its original value back exactly.

    Parameters
    ----------
    image : (Y, X) float32
    scale
        As made by standardize for this slice.

    Returns
    -------
    (Y, X) float32
        Not rounded and not clipped: that is done when the slice is written.
    """
    return undo_scale(image, scale)


STEP = Step(
    name="destandardize",
    version=1,
    stages=(Stage(destandardized, makes=IMAGE),),
    closes="scale",
)
