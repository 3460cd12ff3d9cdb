"""How strong the noise of an image is, from the image alone."""

from __future__ import annotations

from math import pi, sqrt

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._arrays import plain_image

ENOUGH = 2**19
"""Pixels that give the noise to a fraction of a percent; larger images are read in part."""


def noise_level(image: NDArray[np.generic]) -> float | None:
    """Standard deviation of the noise, where it is white and Gaussian.

    The image is convolved with the difference of two Laplacians, which takes no notice of constant
    and evenly sloping grey levels and little of edges; what is left is mostly noise.

    Parameters
    ----------
    image : ndarray of numbers, shape (Y, X)
        Any grey levels, all finite; computed in float32.

    Returns
    -------
    float or None
        In the grey levels of the image; ``None`` where it has fewer than 3 pixels along an axis.

    Raises
    ------
    ValueError
        If the image is not two-dimensional or is empty.

    Notes
    -----
    Of images larger than ``ENOUGH`` px every second, third, ... row counts. Texture as fine as the
    pixels counts as noise, so the figure serves to compare slices of one stack, and a slice with
    itself, rather than as an absolute value.

    References
    ----------
    .. [1] J. Immerkaer, Fast noise variance estimation, Comput. Vis. Image Underst. 64 (1996),
       300-302, :doi:`10.1006/cviu.1996.0060`.

    Examples
    --------
    >>> import numpy as np
    >>> y, x = np.mgrid[:50, :60]
    >>> noise_level(3 * x + 2 * y)
    0.0
    >>> noise_level(np.random.default_rng(1).normal(100, 5, (500, 500))).__round__(1)
    5.0
    """
    from stackmend.kernels import _loops

    plain = plain_image(image)
    height, width = plain.shape
    if min(height, width) < 3:
        return None
    step = max(1, plain.size // ENOUGH)
    mean = _loops.second_difference(plain, step) / (len(range(1, height - 1, step)) * (width - 2))
    return float(sqrt(pi / 2) / 6 * mean)
