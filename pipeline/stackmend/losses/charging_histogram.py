"""How far the grey levels of charged regions are from those of their clean surroundings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.histogram import mean_histogram_distance
from stackmend.kernels.regions import Region, regions_and_rings
from stackmend.registry import NOTHING_FOUND, UNDEFINED, Loss, Stage, Undefined


def charged_regions(
    charging_mask: NDArray[np.bool_], *, regions: int, distance: int
) -> Sequence[Region]:
    """The largest regions of the mask, each with its ring of clean surroundings.

    Both are flat pixel indices.

    Parameters
    ----------
    charging_mask : (Y, X) bool
    regions
        How many, at the most.
    distance
        Where the ring begins, px of city-block distance; it ends at three times that.
    """
    return regions_and_rings(charging_mask, regions, distance)


def loss(image: NDArray[np.float32], charged_regions: Sequence[Region]) -> float | Undefined:
    """Mean over the regions of the L1 distance between the histograms of region and ring.

    Parameters
    ----------
    image : (Y, X) float32
        The corrected slice, in any grey range.
    charged_regions
        From the mask of the same slice.

    Returns
    -------
    float or Undefined
        0 (same histograms) to 2 (disjoint); undefined where a grey level is no number.
    """
    if not charged_regions:
        return Undefined(NOTHING_FOUND, "no charged region was found")
    low, high = float(image.min()), float(image.max())
    if not np.isfinite((low, high)).all():
        return Undefined(UNDEFINED, "a grey level is no number")
    distance = mean_histogram_distance(image, charged_regions, low, high)
    if distance is None:
        return Undefined(UNDEFINED, "no charged region has clean surroundings")
    return distance


LOSS = Loss(
    name="charging_histogram",
    version=1,
    stages=(Stage(charged_regions), Stage(loss)),
    finds="charging",
    compares=charged_regions.__name__,
    nothing_found="no combination finds any charging",
    advice="lower color_shift, try inverse, choose slices that are charged",
    undefined_advice="try a smaller min_area or loss distance, or other optimization slices",
    references=("Curcuraci, Weinkamer, Bertinetti, bmiptools 1.0.1 (2022)",),
)
