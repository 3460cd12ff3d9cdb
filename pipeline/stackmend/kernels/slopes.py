"""Mean slopes of an image along its axes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._arrays import plain_image

Image = NDArray[np.float32]


def mean_slope_along(image: Image, other: Image) -> float:
    """Mean over all pixels of the absolute slope along y of ``image - other``.

    Parameters
    ----------
    image, other : (Y, X) float32
        At least 2 x 2 px; central differences, at the edges to one side.
    """
    from stackmend.kernels import _curtain_loops

    return float(_curtain_loops.mean_slope_along(plain_image(image), plain_image(other)))


def mean_slope_across(image: Image) -> float:
    """The same along x, of an image by itself."""
    from stackmend.kernels import _curtain_loops

    return float(_curtain_loops.slopes_across(plain_image(image)).sum() / (2 * image.size))
