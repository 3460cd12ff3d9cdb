"""Take the median along Z, against pixels that are hot or dead in one slice only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.registry import IMAGE, Stage, Step, Window

Image = NDArray[np.float32]


def median_along_z(
    image: Window[Image],
    *,
    radius: int,  # noqa: ARG001 - it says how many slices the window has
    threshold: float,
) -> Image:
    """The slice with the median of its neighbours where it is far from that.

    Parameters
    ----------
    image : Window of (Y, X) float32
        The slice and those beside it; fewer at the ends of the stack.
    radius
        Slices to either side.
    threshold
        Grey levels by which a pixel must differ from the median to be replaced by it; 0 for every
        pixel.

    Returns
    -------
    (Y, X) float32

    Raises
    ------
    ValueError
        If the slices differ in size.

    Examples
    --------
    >>> import numpy as np
    >>> slices = [np.full((1, 2), level, np.float32) for level in (3, 250, 4)]
    >>> median_along_z(Window(slices, centre=1), radius=1, threshold=0)
    array([[4., 4.]], dtype=float32)
    """
    own = image[image.centre]
    median: Image = np.median(np.stack(image), axis=0).astype(np.float32, copy=False)
    if not threshold:
        return median
    return np.where(np.abs(own - median) > np.float32(threshold), median, own)


STEP = Step(
    name="median_z",
    version=1,
    stages=(Stage(median_along_z, makes=IMAGE, window="radius"),),
)
