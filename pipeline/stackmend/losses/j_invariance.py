"""How well the filtered slice tells pixels that were hidden from the filter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.hidden_pixels import hidden_at, with_hidden
from stackmend.kernels.noise_model import (
    correlations,
    noise_line,
    noise_points,
    stabilised,
    white_part,
)
from stackmend.registry import NOTHING_FOUND, UNDEFINED, Hiding, Loss, Stage, Undefined

Image = NDArray[np.float32]

ONE = (8,)  # pixels (2, 0), (2, 4), ...
ALL = tuple(range(16))


class Noise(NamedTuple):
    """The variance of the noise, ``alpha * grey + beta``; ``white``: the independent part of it."""

    alpha: float
    beta: float
    white: float


def hidden_places(*, masks: str) -> tuple[int, ...]:
    """The places of a 4 x 4 grid that are hidden; ``masks`` is ``one`` or ``all``."""
    return ONE if masks == "one" else ALL


def noise_of_slice(initial_image: Image) -> Noise | Undefined:
    """The noise of the slice before the tuned steps, ``(Y, X)`` float32."""
    points = noise_points(initial_image)
    if points is None:
        return Undefined(UNDEFINED, "the slice or region has fewer than 24 blocks of 8 x 8 px")
    alpha, beta = noise_line([points])
    if not (alpha or beta):
        return Undefined(NOTHING_FOUND, "the slice has no noise")
    return Noise(alpha, beta, white_part(correlations([points])))


def loss(
    hidden_results: Sequence[Image] | None,
    initial_image: Image,
    noise_of_slice: Noise | Undefined,
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
        Its noise.
    masks : {'one', 'all'}
        Which pixels are hidden.
    stabilise
        Whether grey levels are compared in units of the noise.

    Returns
    -------
    float or Undefined
        The square error of the filter plus the variance of the noise, as the noise of a hidden
        pixel is unknown to the filter. Of the slice as it is that is twice the variance; where
        the noise of neighbouring pixels is alike, a filter knows some of it, and of the second
        variance only the white part counts.
    """
    if isinstance(noise_of_slice, Undefined):
        return noise_of_slice
    alpha, beta, white = noise_of_slice
    total, count = 0.0, 0
    for index, place in enumerate(hidden_places(masks=masks)):
        hidden = initial_image[hidden_at(place)]
        count += hidden.size
        if hidden_results is None:
            variances = np.maximum(alpha * hidden.astype(np.float64) + beta, 0)
            total += (1 + white) * (hidden.size if stabilise else float(variances.sum()))
            continue
        told = hidden_results[index][hidden_at(place)]
        if stabilise:
            told, hidden = stabilised(told, alpha, beta), stabilised(hidden, alpha, beta)
        total += float(((told.astype(np.float64) - hidden) ** 2).sum())
    value = total / count
    return value if np.isfinite(value) else Undefined(UNDEFINED, "a grey level is no number")


LOSS = Loss(
    name="j_invariance",
    version=1,
    stages=(Stage(noise_of_slice), Stage(loss)),
    finds="noise",
    hiding=Hiding(with_hidden, hidden_places, looked_at=hidden_at),
    nothing_found="the slices have no noise",
    advice="leave the step out, or choose slices that are noisy",
    undefined_advice="choose larger slices, or a larger region",
    references=(
        "Batson, Royer, Noise2Self, ICML 2019, 10.48550/arXiv.1901.11365",
        "van der Walt et al., scikit-image, PeerJ 2 (2014), e453, 10.7717/peerj.453",
    ),
)
