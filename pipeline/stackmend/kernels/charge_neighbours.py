"""What neighbouring slices say of a charge: their level at the same place, if not charged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from stackmend.kernels.charge_gate import Evidence, Gate, accepted
from stackmend.kernels.gaussian import gaussian

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]

LENIENT = Gate(6, 3, 40, 0.3, 0.6, 0.01)  # what passes it in a neighbour is no measure
SUSPECT = 3.0  # grey levels of estimated charge up to which a place is calm
CLEARANCE = 4  # px at half size around such places
SMOOTH = 2.0  # px at half size over which slices are compared
AROUND = 12.0  # px at half size over which it is judged how well slices agree
AGREEMENT = 0.4  # of the variation within the slice: slices that differ by more are no measure,
LEAST, DISAGREEMENT = 3.0, 6.0  # nor are those that differ by more than these grey levels
ENOUGH = 0.2  # of the weight of a comparison must lie on pixels that can be compared


def with_neighbours(slices: Sequence[Evidence], trusted: Sequence[Mask], centre: int) -> Evidence:
    """The evidence of a slice, measured against its neighbours wherever these can be trusted.

    The level of the slice less that of its neighbours is charge, structure that moves, or noise.
    What is known of one slice alone is corrected by the blurred difference; so sharp rims stay.

    Parameters
    ----------
    slices : sequence of Evidence
        Of consecutive slices, all of one shape.
    trusted : sequence of (Y, X) bool
        Where each of them may be a measure for others, from `trusted_places`.
    centre : int
        Which of them is the slice itself.

    Returns
    -------
    Evidence
        Where a neighbour is not charged at the same place and agrees with the slice around it, both
        ``certain`` and ``likely`` are what was measured, which may be negative. Else as it was.
    """
    own = slices[centre]
    weights, level = np.zeros_like(own.level), np.zeros_like(own.level)
    for place, (each, usable) in enumerate(zip(slices, trusted, strict=True)):
        if place != centre:
            weight = usable * np.float32(1 / (place - centre) ** 2)
            weights += weight
            level += weight * each.level
    known = weights > 0
    calm = known & (own.certain <= SUSPECT)
    if not calm.any():
        return own
    rise = own.level - level / np.maximum(weights, np.float32(1e-6))
    rise -= np.median(rise[calm])

    variation = gaussian(own.level, SMOOTH)[calm].std()
    most = min(max(AGREEMENT * float(variation), LEAST), DISAGREEMENT)

    # Where slices differ that should not they are no measure: one moved, or is out of focus. Falls
    # alone are looked at, as rises may be charge.
    falls = np.minimum(_blurred(rise, known, SMOOTH), 0)
    known &= 2 * _blurred(falls**2, calm, AROUND) < most**2
    support = gaussian(known.astype(np.float32), SMOOTH)
    measured: Image = own.likely + _blurred(rise - own.likely, known, SMOOTH)
    seen = support > ENOUGH
    likely = np.where(seen, measured, own.likely)
    certain = np.where(seen, gaussian(measured, 1), own.certain)
    return replace(own, certain=certain, likely=likely, measured=seen)


def trusted_places(evidence: Evidence) -> Mask:
    """Where a slice, by itself, has nothing that could be charge."""
    suspect = accepted(evidence, LENIENT)
    return ~ndimage.binary_dilation(suspect, iterations=CLEARANCE) if suspect.any() else ~suspect


def _blurred(image: NDArray[np.floating[Any]], mask: Mask, sigma: float) -> Image:
    """The blurred image, of the pixels in the mask alone."""
    weight = gaussian(mask.astype(np.float32), sigma)
    blurred = gaussian(np.where(mask, image, 0).astype(np.float32, copy=False), sigma)
    blurred /= np.maximum(weight, np.float32(ENOUGH / 4))
    return blurred
