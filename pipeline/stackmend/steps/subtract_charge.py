"""Subtract the charge that a model has learnt to see, only where charging was found."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.charge_gate import fading_weight
from stackmend.kernels.charge_model import Charge
from stackmend.registry import IMAGE, Stage, Step

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]


def charge_weight(charging_mask: Mask, *, border: int) -> Image:
    """1 inside the mask, falling to 0 over ``border`` px outside it, ``(Y, X)`` float32."""
    return fading_weight(charging_mask, border)


def without_charge(
    image: Image, learnt_charge: Charge, charge_weight: Image, *, strength: float
) -> Image:
    """The slice less its charge; unchanged, bit for bit, where the weight is 0.

    Parameters
    ----------
    image : (Y, X) float32
    learnt_charge
        What the model says of the slice.
    charge_weight : (Y, X) float32
        0 to 1.
    strength
        Share of the charge that is subtracted.

    Returns
    -------
    (Y, X) float32
    """
    change = learnt_charge.amount()
    change *= charge_weight
    change *= np.float32(strength)
    np.subtract(image, change, out=change)
    return change


STEP = Step(
    name="subtract_charge",
    version=2,
    watch=(
        "This should be charge and what it lies on, within the outline of the mask: where it shows "
        "the outline of an organelle, tissue was taken for charge."
    ),
    stages=(Stage(charge_weight), Stage(without_charge, makes=IMAGE)),
)
