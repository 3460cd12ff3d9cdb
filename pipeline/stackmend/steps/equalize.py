"""Equalise the histogram around each pixel, with limited contrast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.adaptive_histogram import adaptive_histogram
from stackmend.kernels.statistics import GreyLevels, add_grey_levels, grey_levels
from stackmend.registry import IMAGE, Stage, Step, Survey, Unsettled

Image = NDArray[np.float32]

PERCENTILES = (0.1, 99.9)


def grey_levels_of(image: Image) -> dict[str, Any]:
    """The summary of one slice, as plain data."""
    return asdict(grey_levels(image))


def equalized_range(records: Mapping[int, Mapping[str, Any]]) -> list[float]:
    """The grey levels of all slices between their percentiles 0.1 and 99.9.

    Raises
    ------
    Unsettled
        If that is one grey level.
    """
    summaries = (GreyLevels(**records[number]) for number in sorted(records))
    low, high = reduce(add_grey_levels, summaries).percentiles(PERCENTILES)
    if not low < high:
        what = f"nearly all pixels of the stack have one grey level, {low:.6g}"
        raise Unsettled(f"{what}; take range: slice, or leave this step out")
    return [low, high]


def is_of_stack(*, range: str) -> bool:
    """Whether the stack must be looked at; ``range`` is ``stack`` or ``slice``."""
    return range == "stack"


def equalized(
    image: Image,
    equalized_range: Sequence[float] | None,
    *,
    kernel_size: int | None,
    clip_limit: float,
    nbins: int,
    output: str,
) -> Image:
    """The slice with its histogram equalised around each pixel.

    Parameters
    ----------
    image : (Y, X) float32
    equalized_range : [low, high] or None
        The grey levels that are divided into bins, where they are those of the stack; ``None`` for
        minimum and maximum of the slice, to which the result is then stretched.
    kernel_size
        Side of the tiles, px; ``None`` for an eighth of the slice along each axis.
    clip_limit
        Largest share of the pixels of a tile that a bin may have; 0 for no limit.
    nbins
        Into how many bins the range is divided.
    output : {'input', '0/1'}
        The range of the result.

    Returns
    -------
    (Y, X) float32
        Slices of one grey level stay as they are.

    Raises
    ------
    ValueError
        If a grey level is no number.
    """
    ends = float(image.min()), float(image.max())
    if not np.isfinite(ends).all():
        raise ValueError("a grey level is no number, so it has no place in a histogram")
    low, high = equalized_range or ends
    if ends[0] == ends[1]:
        return image
    tile = (kernel_size, kernel_size) if kernel_size else None
    made = adaptive_histogram(image, low, high, tile=tile, clip_limit=clip_limit, bins=nbins)
    if equalized_range is None:
        darkest, brightest = made.min(), made.max()
        if darkest < brightest:
            made = (made - darkest) / (brightest - darkest)
    return made if output == "0/1" else made * np.float32(high - low) + np.float32(low)


def _caution(_: Mapping[str, Any], __: frozenset[str]) -> str:
    what = "grey levels measure nothing any more behind this step"
    return f"{what}: measure them in what stands before it"


STEP = Step(
    name="equalize",
    version=1,
    stages=(Stage(equalized, makes=IMAGE),),
    survey=Survey("equalized_range", grey_levels_of, equalized_range, needed=is_of_stack),
    caution=_caution,
    watch=(
        "Grey levels were stretched where they lay close together: look whether noise became as "
        "strong as structure, and at the histograms for levels that are crowded at an end."
    ),
    references=(
        "K. Zuiderveld, Contrast limited adaptive histogram equalization, Graphics Gems IV (1994), "
        "474-485, doi:10.1016/B978-0-12-336156-1.50061-6",
    ),
)
