"""Lower the total variation of a slice, by split-Bregman iterations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.registry import Step
from stackmend.steps.denoise.removal import filter_stages

Image = NDArray[np.float32]


def split(
    image: Image,
    *,
    fidelity: float,
    isotropic: bool,
    eps: float | None,
    iterations: int | None,
) -> Image:
    """The slice of low total variation, as ``denoise_tv_bregman`` of scikit-image.

    Parameters
    ----------
    image : (Y, X) float32
    fidelity
        The larger, the closer to the slice (``weight`` there); falls with the grey range.
    isotropic
        Whether all directions count alike.
    eps
        Change at which iterations end; ``None`` for 1e-3.
    iterations
        The most; ``None`` for 100.

    Returns
    -------
    (Y, X) float32
        As it was, where it has one row or column only.
    """
    from skimage.restoration import denoise_tv_bregman

    if min(image.shape) == 1:  # it would read beyond the slice
        return image
    limits = {"eps": 1e-3 if eps is None else eps, "max_num_iter": iterations or 100}
    exact = image.astype(np.float64)
    result = denoise_tv_bregman(exact, weight=fidelity, isotropic=isotropic, **limits)
    return np.asarray(result, dtype=np.float32)


VARIANT = Step(
    name="tv_bregman",
    version=1,
    stages=filter_stages(split),
    references=("Goldstein, Osher, SIAM J. Imaging Sci. 2 (2009), 323-343, 10.1137/080725891",),
)
