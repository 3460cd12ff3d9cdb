"""Average pixels that are near in place and in grey level."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.registry import Step
from stackmend.steps.denoise.removal import filter_stages

Image = NDArray[np.float32]


def averaged(image: Image, *, sigma_color: float | None, sigma_spatial: float, bins: int) -> Image:
    """The slice averaged, as by ``denoise_bilateral`` of scikit-image, with mirrored borders.

    Parameters
    ----------
    image : (Y, X) float32
    sigma_color
        How far in grey levels; ``None``: the standard deviation of the slice.
    sigma_spatial
        How far, px.
    bins
        Of the table of weights.

    Returns
    -------
    (Y, X) float32
    """
    from skimage.restoration import denoise_bilateral

    # Weights go by differences alone, and the filter wants no grey level below 0.
    lowest = np.float64(image.min())
    exact = image.astype(np.float64) - lowest
    how = {"sigma_color": sigma_color, "sigma_spatial": sigma_spatial, "bins": bins}
    result = denoise_bilateral(exact, mode="symmetric", **how)
    # Axes of 1 px are dropped there.
    return np.asarray(result + lowest, dtype=np.float32).reshape(image.shape)


VARIANT = Step(
    name="bilateral",
    version=1,
    stages=filter_stages(averaged),
    references=("Tomasi, Manduchi, ICCV 1998, 839-846, 10.1109/ICCV.1998.710815",),
)
