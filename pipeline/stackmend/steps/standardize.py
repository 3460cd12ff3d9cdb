"""Standardise the grey range, of each slice by itself or of the whole stack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.outliers import pixels_that_make_the_range
from stackmend.kernels.scaling import Scale, make_scale
from stackmend.kernels.statistics import GreyLevels, add_grey_levels, grey_levels
from stackmend.registry import IMAGE, Stage, Step, Survey

Image = NDArray[np.float32]


def scale(
    image: Image,
    stack_range: Sequence[float] | None,
    *,
    range: str,
    percentiles: list[float] | None,
) -> Scale:
    """Find and apply the map of grey values.

    Parameters
    ----------
    image : (Y, X) float32
    stack_range : [low, high] or None
        The grey levels that are mapped, where they are those of the whole stack; ``None`` for
        those of the slice.
    range : {'0/1', '-1/1', 'mean/std'}
    percentiles : [low, high] or None
        Percentages between which the range is taken instead of minimum and maximum; nothing is
        clipped.

    Returns
    -------
    Scale
        With the standardised slice in it.
    """
    if stack_range is not None:
        low, high = stack_range
    elif range == "mean/std":
        low = float(image.mean(dtype=np.float64))
        high = low + float(image.std(dtype=np.float64))
    elif percentiles is None:
        low, high = float(image.min()), float(image.max())
    else:
        low, high = np.percentile(image, percentiles).tolist()
    return make_scale(image, low, high, symmetric=range == "-1/1")


def grey_levels_of(image: Image) -> dict[str, Any]:
    """The summary of one slice, as plain data."""
    return asdict(grey_levels(image))


def range_of_stack(
    records: Mapping[int, Mapping[str, Any]],
    *,
    range: str,
    percentiles: list[float] | None,
) -> list[float]:
    """The grey levels that are mapped, from the summaries of all slices.

    Percentiles are exact for whole numbers up to 4096, and to 1 part in 2000 above and for others.
    """
    summaries = (GreyLevels(**records[number]) for number in sorted(records))
    levels = reduce(add_grey_levels, summaries)
    if range == "mean/std":
        return [levels.mean, levels.mean + levels.std]
    if percentiles is None:
        return [levels.minimum, levels.maximum]
    return levels.percentiles(percentiles)


def standardized(scale: Scale) -> Image:
    """The standardised slice, ``(Y, X)`` float32."""
    return scale.standardized


def is_per_stack(*, per: str) -> bool:
    """Whether the whole stack must be looked at; ``per`` is ``slice`` or ``stack``."""
    return per == "stack"


def _refuse(parameters: Mapping[str, Any]) -> dict[str, str]:
    percentiles = parameters["percentiles"]
    if percentiles is not None and not percentiles[0] < percentiles[1]:
        return {"percentiles": "the lower percentage must come first, for instance [0.5, 99.5]"}
    return {}


def _doubt(image: NDArray[Any], parameters: Mapping[str, Any]) -> str | None:
    """Where few pixels set the scale, which leaves little of it for all others."""
    if parameters["percentiles"] is not None or parameters["range"] == "mean/std":
        return None
    if pixels_that_make_the_range(image):
        what = "a few odd pixels (below 0.01 %) make more than half of the grey range"
        return f"{what}, so little of it is left for the others; set percentiles: [0.1, 99.9]"
    return None


STEP = Step(
    name="standardize",
    version=1,
    stages=(Stage(scale), Stage(standardized, makes=IMAGE)),
    opens="scale",
    refuse=_refuse,
    doubt=_doubt,
    survey=Survey("stack_range", grey_levels_of, range_of_stack, needed=is_per_stack),
)
