"""Average pixels of like surroundings in a slice, by fast non-local means."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.noise import noise_level
from stackmend.registry import Step
from stackmend.steps.denoise.removal import filter_stages

Image = NDArray[np.float32]


def averaged(
    image: Image,
    *,
    patch_size: int,
    patch_distance: int,
    cut_off: float | None,
    sigma: float | None,
) -> Image:
    """The slice averaged, as by ``denoise_nl_means`` of scikit-image in its fast mode.

    Parameters
    ----------
    image : (Y, X) float32
    patch_size
        Of the surroundings that are compared, px.
    patch_distance
        How far pixels are looked for along y and x, px.
    cut_off
        How unlike surroundings may be, grey levels (``h`` there); ``None``: 0.8 of the noise.
    sigma
        Standard deviation of the noise, grey levels; ``None``: that of the slice.

    Returns
    -------
    (Y, X) float32
    """
    from skimage.restoration import denoise_nl_means

    noise = noise_level(image) if sigma is None else sigma
    cut_off = 0.8 * (noise or 0.0) if cut_off is None else cut_off
    if not cut_off:  # there is no noise to take away
        return image
    size = {"patch_size": patch_size, "patch_distance": patch_distance}
    result = denoise_nl_means(image.astype(np.float64), h=cut_off, sigma=noise or 0.0, **size)
    return np.asarray(result, dtype=np.float32)


VARIANT = Step(
    name="nl_means",
    version=1,
    stages=filter_stages(averaged),
    references=(
        "Buades, Coll, Morel, CVPR 2005, 60-65, 10.1109/CVPR.2005.38",
        "Darbon et al., ISBI 2008, 1331-1334, 10.1109/ISBI.2008.4541250",
    ),
)
