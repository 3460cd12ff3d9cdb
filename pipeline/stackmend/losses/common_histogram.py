"""How far charged regions are from their surroundings, with one mask for all combinations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.histogram import mean_histogram_distance
from stackmend.kernels.regions import Region, regions_and_rings
from stackmend.registry import NOTHING_FOUND, UNDEFINED, Loss, Stage, Undefined

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]


def common_regions(reference_mask: Mask, *, regions: int, distance: int) -> Sequence[Region]:
    """The largest regions of the reference mask, each with its ring of clean surroundings.

    Parameters
    ----------
    reference_mask : (Y, X) bool
        The same for every combination of a search.
    regions
        How many, at the most.
    distance
        Where the ring begins, px of city-block distance; it ends at three times that.
    """
    return regions_and_rings(reference_mask, regions, distance)


def grey_range(initial_image: Image) -> tuple[float, float]:
    """What 256 bins span: 0 to 256 for whole numbers up to 255, else the range of the slice."""
    low, high = float(initial_image.min()), float(initial_image.max())
    whole = low >= 0 and high <= 255 and bool(np.all(initial_image == np.rint(initial_image)))
    return (0.0, 256.0) if whole and high > 1 else (low, high)


def loss(
    image: Image, common_regions: Sequence[Region], grey_range: tuple[float, float]
) -> float | Undefined:
    """Mean over the regions of the L1 distance between the histograms of region and ring.

    Parameters
    ----------
    image : (Y, X) float32
        The corrected slice.
    common_regions
        From the reference mask of the same slice.
    grey_range
        Of the slice before the tuned steps; what is darker or brighter counts at its ends.

    Returns
    -------
    float or Undefined
        0 (same histograms) to 2 (disjoint); undefined where a grey level is no number.
    """
    if not common_regions:
        return Undefined(NOTHING_FOUND, "the reference mask is empty")
    low, high = grey_range
    levels = np.clip(image, low, high)
    if np.isnan(levels.min()):
        return Undefined(UNDEFINED, "a grey level is no number")
    distance = mean_histogram_distance(levels, common_regions, low, high)
    if distance is None:
        return Undefined(UNDEFINED, "no region of the reference mask has clean surroundings")
    return distance


LOSS = Loss(
    name="common_histogram",
    version=1,
    stages=(Stage(common_regions), Stage(grey_range), Stage(loss)),
    finds="charging",
    compares=common_regions.__name__,
    nothing_found="the reference mask is empty",
    advice="try inverse, or choose slices that are charged",
    undefined_advice="try a smaller loss distance, or other optimization slices",
    references=("Curcuraci, Weinkamer, Bertinetti, bmiptools 1.0.1 (2022)",),
)
