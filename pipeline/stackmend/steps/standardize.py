"""Standardise the grey range, of each slice by itself or of the whole stack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.scaling import Scale, make_scale
from stackmend.kernels.statistics import GreyLevels, add_grey_levels, grey_levels
from stackmend.registry import IMAGE, Stage, Step, Survey

Image = NDArray[np.float32]


def scale(
    image: Image,
    stack_grey_levels: GreyLevels | None,
    *,
    range: str,
    per: str,
    percentiles: list[float] | None,
) -> Scale:
    """Find and apply the map of grey values.

    Parameters
    ----------
    image : (Y, X) float32
    stack_grey_levels
        Grey levels of the whole stack; ``None`` when ``per`` is ``slice``.
    range : {'0/1', '-1/1', 'mean/std'}
    per : {'slice', 'stack'}
    percentiles : [low, high] or None
        Percentages between which the range is taken instead of minimum and maximum; nothing is clipped.
        Of a stack they are exact for whole numbers up to 4096, and to 1 part in 2000 above and for others.

    Returns
    -------
    Scale
        With the standardised slice in it.
    """
    levels = stack_grey_levels if per == "stack" and stack_grey_levels is not None else None
    if range == "mean/std":
        mean = levels.mean if levels else float(image.mean(dtype=np.float64))
        std = levels.std if levels else float(image.std(dtype=np.float64))
        return make_scale(image, mean, mean + std)
    if percentiles is None:
        low, high = (
            (levels.minimum, levels.maximum) if levels else (float(image.min()), float(image.max()))
        )
    else:
        low, high = (
            levels.percentiles(percentiles)
            if levels
            else np.percentile(image, percentiles).tolist()
        )
    return make_scale(image, low, high, symmetric=range == "-1/1")


def standardized(scale: Scale) -> Image:
    """The standardised slice, ``(Y, X)`` float32."""
    return scale.standardized


def _needs_stack(parameters: Mapping[str, Any]) -> bool:
    return bool(parameters["per"] == "stack")


def _refuse(parameters: Mapping[str, Any]) -> dict[str, str]:
    percentiles = parameters["percentiles"]
    if percentiles is not None and not percentiles[0] < percentiles[1]:
        return {"percentiles": "the lower percentage must come first, for instance [0.5, 99.5]"}
    return {}


STEP = Step(
    name="standardize",
    version=1,
    stages=(Stage(scale), Stage(standardized, makes=IMAGE)),
    opens="scale",
    refuse=_refuse,
    survey=Survey("stack_grey_levels", grey_levels, add_grey_levels, _needs_stack),
)
