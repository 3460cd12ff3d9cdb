"""How much grey levels and gradients of a slice are spread: entropies of their histograms."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.gaussian import gaussian

Image = NDArray[np.float32]

BINS = 1024
SMOOTH = 5.0  # px, before gradients are taken


class Entropies(NamedTuple):
    """Of the grey levels of an image, and of its gradients."""

    levels: float
    gradients: float


def entropies(image: Image, image_range: float, derivative_range: float) -> Entropies:
    """Shannon entropies of grey levels and of gradients.

    Parameters
    ----------
    image : ndarray of float32, shape (Y, X)
        All finite, at least 2 px along each axis.
    image_range, derivative_range : float
        What the histograms span from 0 on, 1024 bins each; the image is shifted so that its minimum
        is 0, and what is beyond is not counted. Gradients are those of the image smoothed by 5 px.

    Returns
    -------
    Entropies
        In natural units; 0 where nothing is counted.

    Raises
    ------
    ValueError
        If the image is not two-dimensional, or has fewer than 2 px along an axis.

    Examples
    --------
    >>> import numpy as np
    >>> steps = np.repeat(np.arange(4, dtype=np.float32), 16).reshape(8, 8)
    >>> round(entropies(steps, 4, 1).levels, 3) == round(float(np.log(4)), 3)
    True
    """
    from_zero = image - image.min()
    along_y, along_x = np.gradient(gaussian(from_zero, SMOOTH))
    gradients = np.hypot(along_y, along_x)
    return Entropies(_entropy(from_zero, image_range), _entropy(gradients, derivative_range))


def flatness(
    made: Entropies, least: Entropies, untouched: Entropies, penalty: float
) -> float | None:
    """The loss of a flattened image: high where grey levels are spread, or gradients are lost.

    Parameters
    ----------
    made, least, untouched : Entropies
        Of the flattened image, of that by the smallest blur, and of the image as it was.
    penalty : float
        Added to it.

    Returns
    -------
    float or None
        1 for the smallest blur; ``None`` where it is 0 / 0.
    """
    divisors = least.levels, made.gradients, abs(least.gradients - untouched.gradients)
    if not all(divisors):
        return None
    spread = made.levels / least.levels
    lost = least.gradients / made.gradients
    changed = abs(made.gradients - untouched.gradients) / divisors[2]
    return (spread + lost + changed) / 3 + penalty


def _entropy(values: Image, top: float) -> float:
    counts, _ = np.histogram(values, bins=BINS, range=(0, top))
    total = counts.sum()
    if not total:
        return 0.0
    shares = counts[counts > 0] / total
    return float(-(shares * np.log(shares)).sum())
