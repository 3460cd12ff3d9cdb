"""Subtract the rolling-ball background of the flattened slice, only where charging was found."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.gaussian import gaussian
from stackmend.kernels.regions import cityblock_distance
from stackmend.kernels.rolling_ball import rolling_ball
from stackmend.registry import IMAGE, Stage, Step

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]


def flattened_twice(flattened: Image, *, gf2_sigma: float) -> Image:
    """The slice flattened with a Gaussian of ``gf2_sigma`` px, ``(Y, X)`` float32.

    0 leaves it as it is.
    """
    if not gf2_sigma:
        return flattened
    result = gaussian(flattened, gf2_sigma)
    np.subtract(flattened, result, out=result)
    return result


def ball_background(flattened_twice: Image, *, rb_radius: float) -> Image:
    """The lower envelope that a ball of ``rb_radius`` can reach, ``(Y, X)`` float32.

    The radius is in px and grey levels alike.

    References
    ----------
    Sternberg, Biomedical image processing, Computer 16 (1983), 10.1109/MC.1983.1654163.
    """
    return rolling_ball(flattened_twice, rb_radius)


def background(ball_background: Image, *, gf3_sigma: float) -> Image:
    """The ball's background, smoothed by a Gaussian of ``gf3_sigma`` px, ``(Y, X)`` float32."""
    return gaussian(ball_background, gf3_sigma)


def blend_weight(charging_mask: Mask, *, border: int) -> Image:
    """1 inside the mask, falling to 0 over ``border`` px outside it, ``(Y, X)`` float32.

    Distances are city-block distances.
    """
    fading = (np.float32(border) - np.arange(border + 2, dtype=np.float32)) / np.float32(border + 1)
    fading[0], fading[-1] = 1, 0
    return fading[cityblock_distance(charging_mask, border)]


def corrected(image: Image, background: Image, blend_weight: Image) -> Image:
    """The slice minus the weighted background; unchanged, bit for bit, where the weight is 0."""
    result = blend_weight * background
    np.subtract(image, result, out=result)
    return result


STEP = Step(
    name="correct_charging",
    version=1,
    watch=(
        "This should be charge and what it lies on, within the outline of the mask: where it shows "
        "the outline of an organelle, tissue was taken for charge."
    ),
    stages=(
        Stage(flattened_twice),
        Stage(ball_background, plural="rolling balls"),
        Stage(background, plural="backgrounds"),
        Stage(blend_weight),
        Stage(corrected, makes=IMAGE),
    ),
    references=(
        "Spehner et al., Cryo-FIB-SEM as a promising tool for localizing proteins in 3D, "
        "J. Struct. Biol. 211 (2020), 10.1016/j.jsb.2020.107528",
        "Sternberg, Biomedical image processing, Computer 16 (1983), 10.1109/MC.1983.1654163",
    ),
)
