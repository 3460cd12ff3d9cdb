"""Tell charge from structure, in what was learnt of charge."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.charge_gate import Gate
from stackmend.kernels.charge_model import Charge
from stackmend.registry import Refusal, Stage, Step

Mask = NDArray[np.bool_]

MOST = 0.4  # share of a slice


def charging_mask(
    learnt_charge: Charge,
    *,
    high: float,
    low: float,
    min_area: int,
    min_agreement: float,
    max_edge: float,
    min_soft: float,
) -> Mask:
    """Regions where all members of the model see charge, if they look like charge.

    Parameters
    ----------
    learnt_charge
        What the model says of the slice.
    high, low
        Grey levels of 8 bit: the peak of a region must exceed ``high``. What is judged is the same
        for any ``low``: from a region that is accepted, the mask grows to where the estimate falls
        to ``low``, but 16 px at the most.
    min_area
        Pixels that a region must exceed.
    min_agreement
        Measured against neighbours: how certain the charge must be, ``certainty ** 8``, where
        ``certainty`` is the estimate in the core of the region as a share of what it were if there
        is charge for certain. In a slice alone: how likely it must be, by a logistic regression.
    max_edge
        How steep the rims along the scan line may be: share of the rise, for 2 px.
    min_soft
        Pixels at the foot of the region for each at its top: charge fades out.

    Returns
    -------
    (Y, X) bool

    Raises
    ------
    Refusal
        If more than 40 % of the slice are found: nothing clean is left to rest on. In a restoration
        such a slice passes as it is, and is reported.

    Notes
    -----
    Looser values than the defaults find little more: what clean tissue shows is refused whatever
    they are (`kernels.charge_belief`).
    """
    gate = Gate(high, low, min_area / 4, max_edge, min_soft, min_agreement)
    mask = learnt_charge.mask(gate)
    if mask.mean() > MOST:
        share = f"{100 * mask.mean():.0f} %"
        raise Refusal(f"most of the slice is taken for charge, {share}; raise low or min_agreement")
    return mask


STEP = Step(
    name="find_learnt_charging",
    version=2,
    stages=(Stage(charging_mask, plural="masks", mask_of="charging"),),
)
