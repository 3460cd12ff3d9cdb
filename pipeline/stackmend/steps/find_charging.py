"""Find charged regions: bright (or dark) domes on the slice flattened by a wide Gaussian."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.gaussian import gaussian
from stackmend.kernels.matched_charge import charge_like, charge_likeness
from stackmend.kernels.reconstruction import fill_from_border
from stackmend.kernels.regions import cityblock_distance, fill_holes, remove_small
from stackmend.registry import Recovery, Reference, Stage, Step

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]


def flattened(image: Image, *, gf1_sigma: float) -> Image:
    """The slice without its low frequencies, a Gaussian blur of ``gf1_sigma`` px.

    It is ``(Y, X)`` float32.
    """
    result = gaussian(image, gf1_sigma)
    np.subtract(image, result, out=result)
    return result


def candidates(flattened: Image, *, inverse: bool, color_shift: float) -> Mask:
    """Pixels that rise above everything that connects them to the frame of the slice.

    Parameters
    ----------
    flattened : (Y, X) float32
    inverse
        Look for dark regions instead of bright ones.
    color_shift
        How far they must rise, as a fraction of the standardised grey range.

    Returns
    -------
    (Y, X) bool

    References
    ----------
    Robinson, Whelan, Pattern Recogn. Lett. 25 (2004), 10.1016/j.patrec.2004.07.002.
    """
    detection = np.float32(1) - flattened if inverse else flattened
    # As detection - filled > color_shift, but exact on the frame, where the two sides are equal:
    # rounding would make some frame pixels candidates, and those close holes that are open.
    return detection - np.float32(color_shift) > fill_from_border(detection, color_shift)


def charging_mask(candidates: Mask, *, min_area: int) -> Mask:
    """The candidates with their holes filled, if larger than ``min_area`` px; ``(Y, X)`` bool."""
    return remove_small(fill_holes(candidates), min_area)


def widened(charging_mask: Mask) -> Mask:
    """The mask and what lies within 15 px of city-block distance around it; ``(Y, X)`` bool."""
    return cityblock_distance(charging_mask, 15) <= 15


STEP = Step(
    name="find_charging",
    version=1,
    stages=(
        Stage(flattened),
        Stage(candidates),
        Stage(charging_mask, plural="masks", mask_of="charging"),
    ),
    needs=("scale",),
    # A wide Gaussian cuts into no region, so that this mask holds what any combination may find.
    reference=Reference({"gf1_sigma": 120, "color_shift": 0.1}, widened),
    references=(
        "Spehner et al., Cryo-FIB-SEM as a promising tool for localizing proteins in 3D, "
        "J. Struct. Biol. 211 (2020), 10.1016/j.jsb.2020.107528",
        "Robinson, Whelan, Efficient morphological reconstruction: a downhill filter, "
        "Pattern Recogn. Lett. 25 (2004), 10.1016/j.patrec.2004.07.002",
    ),
    recovery=Recovery("charge", charge_likeness, charge_like),
)
