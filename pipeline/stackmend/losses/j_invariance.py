"""How well the filtered slice tells pixels that were hidden from the filter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.hidden_pixels import hidden_at, with_hidden
from stackmend.kernels.noise_model import noise_line, noise_points, stabilised
from stackmend.registry import NOTHING_FOUND, UNDEFINED, Hiding, Loss, Stage, Undefined

Image = NDArray[np.float32]
Noise = tuple[float, float] | Undefined

ONE = (8,)  # pixels (2, 0), (2, 4), ...
ALL = tuple(range(16))


def hidden_places(*, masks: str) -> tuple[int, ...]:
    """The places of a 4 x 4 grid that are hidden; ``masks`` is ``one`` or ``all``."""
    return ONE if masks == "one" else ALL


def noise_of_slice(initial_image: Image) -> Noise:
    """The variance of the noise, ``alpha * grey + beta``, from the slice before the tuned steps.

    Parameters
    ----------
    initial_image : (Y, X) float32

    Returns
    -------
    (alpha, beta) or Undefined
    """
    points = noise_points(initial_image)
    if points is None:
        return Undefined(UNDEFINED, "the slice or region has fewer than 24 blocks of 8 x 8 px")
    alpha, beta = noise_line([points])
    if not (alpha or beta):
        return Undefined(NOTHING_FOUND, "the slice has no noise")
    return alpha, beta


def loss(
    hidden_results: Sequence[Image] | None,
    initial_image: Image,
    noise_of_slice: Noise,
    *,
    masks: str,
    stabilise: bool,
) -> float | Undefined:
    """Mean square difference between hidden pixels and what the steps make of their place.

    Parameters
    ----------
    hidden_results : sequence of (Y, X) float32, or None
        What the steps make of the slice with pixels hidden; ``None`` where it is left as it is.
    initial_image : (Y, X) float32
        The slice before the tuned steps.
    noise_of_slice
        The variance of its noise.
    masks : {'one', 'all'}
        Which pixels are hidden.
    stabilise
        Whether grey levels are compared in units of the noise.

    Returns
    -------
    float or Undefined
        The square error of the filter plus the variance of the noise, as the noise of a hidden
        pixel is unknown to the filter. Of the slice as it is that is twice the variance.
    """
    if isinstance(noise_of_slice, Undefined):
        return noise_of_slice
    total, count = 0.0, 0
    for index, place in enumerate(hidden_places(masks=masks)):
        hidden = initial_image[hidden_at(place)]
        count += hidden.size
        if hidden_results is None:
            alpha, beta = noise_of_slice
            variances = np.maximum(alpha * hidden.astype(np.float64) + beta, 0)
            total += 2 * (hidden.size if stabilise else float(variances.sum()))
            continue
        told = hidden_results[index][hidden_at(place)]
        if stabilise:
            told, hidden = stabilised(told, *noise_of_slice), stabilised(hidden, *noise_of_slice)
        total += float(((told.astype(np.float64) - hidden) ** 2).sum())
    value = total / count
    return value if np.isfinite(value) else Undefined(UNDEFINED, "a grey level is no number")


LOSS = Loss(
    name="j_invariance",
    version=1,
    stages=(Stage(noise_of_slice), Stage(loss)),
    finds="noise",
    hiding=Hiding(with_hidden, hidden_places),
    nothing_found="the slices have no noise",
    advice="leave the step out, or choose slices that are noisy",
    undefined_advice="choose larger slices, or a larger region",
    references=(
        "Batson, Royer, Noise2Self, ICML 2019, arXiv:1901.11365",
        "van der Walt et al., scikit-image, PeerJ 2 (2014), e453, 10.7717/peerj.453",
    ),
)
