"""Take off the charge that find_streaks found, and what it leaves where the tissue is calm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.regions import cityblock_distance
from stackmend.kernels.streak_detail import whole_charge
from stackmend.registry import IMAGE, Stage, Step

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]


def detailed_charge(
    line_levels: Image, streak_charge: Image, charging_mask: Mask, *, detail: float
) -> Image:
    """The charge of the streaks and what else stands out under the mask.

    Parameters
    ----------
    line_levels : (Y, X) float32
        Grey levels of an 8-bit slice, charge bright.
    streak_charge : (Y, X) float32
        What was fitted, in the same grey levels.
    charging_mask : (Y, X) bool
    detail
        How far a remainder must exceed the slice's own detail, in standard deviations.

    Returns
    -------
    (Y, X) float32
        Below 0 only at strong rims, by a tenth of their charge at most.
    """
    return whole_charge(line_levels, streak_charge, charging_mask, detail)


def streak_weight(charging_mask: Mask, *, border: int) -> Image:
    """0 outside the mask, rising to 1 over ``border`` px inside, ``(Y, X)`` float32."""
    rising = np.minimum(np.arange(border + 3, dtype=np.float32) / np.float32(border + 1), 1)
    weight: Image = rising[cityblock_distance(~charging_mask, border + 1)]
    return weight


def filled(
    image: Image,
    charge_unit: float,
    detailed_charge: Image,
    streak_weight: Image,
    *,
    strength: float,
) -> Image:
    """The slice less the weighted charge; unchanged, bit for bit, outside the mask."""
    result = streak_weight * detailed_charge
    result *= np.float32(strength * charge_unit)
    np.subtract(image, result, out=result)
    return result


STEP = Step(
    name="fill_streaks",
    version=2,
    watch=(
        "This should be charge and what it lies on, within the outline of the mask: where it shows "
        "the outline of an organelle, tissue was taken for charge."
    ),
    stages=(
        Stage(detailed_charge, plural="details"),
        Stage(streak_weight),
        Stage(filled, makes=IMAGE),
    ),
)
