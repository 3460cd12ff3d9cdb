"""What the slices are made of, whether they are charged or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from stackmend.kernels.noise import noise_level
from stackmend.kernels.statistics import GreyLevels, add_grey_levels, grey_levels, level_unit
from stackmend.looking.bars import bar_rows
from stackmend.stacks import Reader

ODD = 6.0  # standard deviations of the noise: what noise alone does not reach
PART = 1024  # px a side of the middle, in which odd pixels are counted


@dataclass(frozen=True)
class Tissue:
    """Figures of the slices that were looked at, without the data bar at their bottom.

    Attributes
    ----------
    extremes, middle
        Lowest and highest grey level; those that 5 and 95 % of the pixels lie below.
    noise
        Median of the slices' standard deviations of the noise; ``None`` of tiny slices.
    lowest, highest
        Shares of the pixels at the ends of the data type; 0 for float32, which has none.
    odd
        Share of pixels that differ from the median of the 3 x 3 around them by more than the
        contrast of the whole slice, and by more than noise does.
    bar
        Rows of the data bar, or blank, at the bottom of every slice.
    unit
        Grey levels that are one of an 8-bit slice.
    """

    extremes: tuple[float, float]
    middle: tuple[float, float]
    noise: float | None
    lowest: float
    highest: float
    odd: float
    bar: int
    unit: float


def tissue_of(reader: Reader, numbers: Sequence[int]) -> Tissue:
    """Measure some slices of a stack.

    Raises
    ------
    InputError
        If one of them cannot be used.
    """
    total: GreyLevels | None = None
    noises, units, bars = [], [], []
    lowest = highest = odd = 0.0
    for number in numbers:
        pixels = reader.read(number)
        bars.append(bar_rows(pixels))
        pixels = pixels[: len(pixels) - bars[-1]]
        image = pixels.astype(np.float32)
        levels = grey_levels(image)
        total = levels if total is None else add_grey_levels(total, levels)
        noise = noise_level(image)
        noises += [] if noise is None else [noise]
        units.append(level_unit(image))

        ends = _at_the_ends(pixels)
        lowest += ends[0] / len(numbers)
        highest += ends[1] / len(numbers)
        dark, light = levels.percentiles([5, 95])
        odd += _odd_pixels(image, max(light - dark, ODD * (noise or 0))) / len(numbers)
    assert total is not None  # a stack has slices
    dark, light = total.percentiles([5, 95])
    return Tissue(
        extremes=(total.minimum, total.maximum),
        middle=(dark, light),
        noise=median(noises) if noises else None,
        lowest=lowest,
        highest=highest,
        odd=odd,
        bar=min(bars),
        unit=float(f"{median(units):.4g}"),
    )


def _at_the_ends(pixels: NDArray[Any]) -> tuple[float, float]:
    """The shares of a slice at the lowest and at the highest value of its data type."""
    if pixels.dtype.kind == "f":
        return 0.0, 0.0
    ends = np.iinfo(pixels.dtype)
    return float(np.mean(pixels == ends.min)), float(np.mean(pixels == ends.max))


def _odd_pixels(image: NDArray[np.float32], far: float) -> float:
    """The share of pixels that are far from those around, in the middle of a slice."""
    first = [max(0, (size - PART) // 2) for size in image.shape]
    part = image[first[0] : first[0] + PART, first[1] : first[1] + PART]
    return float(np.mean(np.abs(part - ndimage.median_filter(part, 3)) > far))
