"""Lower the total variation of a slice, by Chambolle's projections."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.registry import Step
from stackmend.steps.denoise.removal import filter_stages

Image = NDArray[np.float32]


def flattened_out(
    image: Image, *, weight: float, eps: float | None, iterations: int | None
) -> Image:
    """The slice of low total variation, as ``denoise_tv_chambolle`` of scikit-image.

    Parameters
    ----------
    image : (Y, X) float32
    weight
        The larger, the smoother; grows with the grey range.
    eps
        Relative change at which iterations end; ``None`` for 2e-4.
    iterations
        The most; ``None`` for 200.

    Returns
    -------
    (Y, X) float32
    """
    from skimage.restoration import denoise_tv_chambolle

    limits = {"eps": 2e-4 if eps is None else eps, "max_num_iter": iterations or 200}
    exact = image.astype(np.float64)
    # Not annotated there.
    result = denoise_tv_chambolle(exact, weight=weight, **limits)  # type: ignore[no-untyped-call]
    return np.asarray(result, dtype=np.float32)


VARIANT = Step(
    name="tv_chambolle",
    version=1,
    stages=filter_stages(flattened_out),
    references=(
        "Chambolle, J. Math. Imaging Vis. 20 (2004), 89-97, 10.1023/B:JMIV.0000011325.36760.1e",
    ),
)
