"""Subtract a rolling-ball background everywhere, without looking for charged regions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.gaussian import gaussian
from stackmend.kernels.rolling_ball import rolling_ball
from stackmend.registry import IMAGE, Stage, Step

Image = NDArray[np.float32]


def globally_flattened(image: Image, *, gf1_sigma: float) -> Image:
    """The slice without its low frequencies, ``(Y, X)`` float32."""
    return image - gaussian(image, gf1_sigma)


def globally_flattened_twice(globally_flattened: Image, *, gf2_sigma: float) -> Image:
    """Flattened once more (0: as it is), ``(Y, X)`` float32."""
    return (
        globally_flattened - gaussian(globally_flattened, gf2_sigma)
        if gf2_sigma
        else globally_flattened
    )


def global_ball(globally_flattened_twice: Image, *, inverse: bool, rb_radius: float) -> Image:
    """The ball's background of the twice flattened slice, or of 1 minus it for bright charging."""
    surface = globally_flattened_twice if inverse else np.float32(1) - globally_flattened_twice
    return rolling_ball(surface, rb_radius)


def global_background(global_ball: Image, *, gf3_sigma: float) -> Image:
    """The ball's background, smoothed, ``(Y, X)`` float32."""
    return gaussian(global_ball, gf3_sigma)


def corrected_everywhere(image: Image, global_background: Image, *, inverse: bool) -> Image:
    """The slice with the negative part of the background added (bright) or taken off (dark)."""
    change = np.minimum(np.float32(0), global_background)
    return image - change if inverse else image + change


def _caution(parameters: Mapping[str, Any], open_products: frozenset[str]) -> str | None:
    if parameters["inverse"] is False and "scale" in open_products:
        return (
            "on a standardised slice the form for bright charging changes nothing: "
            "use it on grey levels, before standardize, or set inverse: true for dark charging"
        )
    return None


STEP = Step(
    name="global_decharge",
    version=1,
    stages=(
        Stage(globally_flattened),
        Stage(globally_flattened_twice),
        Stage(global_ball, plural="rolling balls"),
        Stage(global_background, plural="backgrounds"),
        Stage(corrected_everywhere, makes=IMAGE),
    ),
    references=(
        "Spehner et al., Cryo-FIB-SEM as a promising tool for localizing proteins in 3D, "
        "J. Struct. Biol. 211 (2020), 10.1016/j.jsb.2020.107528",
    ),
    caution=_caution,
)
