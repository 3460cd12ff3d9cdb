"""How far what looks like curtains is from what structure alone gives."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.curtains import SMALLEST, CurtainShape, curtain_powers
from stackmend.registry import UNDEFINED, Loss, Stage, Undefined

Image = NDArray[np.float32]

SHAPE = CurtainShape(ratio=48, shortest=48, clip=1.5)


def across(initial_image: Image, *, bands: int) -> list[float] | None:
    """What looks like curtains in the transposed slice, by band; ``None`` if it is too small."""
    if min(initial_image.shape) < SMALLEST:
        return None
    return curtain_powers(np.ascontiguousarray(initial_image.T), bands, SHAPE)


def loss(image: Image, across: list[float] | None, *, bands: int) -> float | Undefined:
    """Mean over bands of the absolute logarithm of curtains over what structure alone gives.

    Parameters
    ----------
    image : (Y, X) float32
        The restored slice.
    across
        Of the slice before, transposed.
    bands
        How many.

    Returns
    -------
    float or Undefined
        Undefined where the slice is too small, or a band is empty.
    """
    if across is None:
        return Undefined(UNDEFINED, f"a slice must have at least {SMALLEST} x {SMALLEST} px")
    if min(across) <= 0:
        return Undefined(UNDEFINED, "the slice has no structure in one of the bands")
    along = np.array(curtain_powers(image, bands, SHAPE))
    if along.min() <= 0:
        return Undefined(UNDEFINED, "nothing that runs along y is left in one of the bands")
    return float(np.mean(np.abs(np.log(along / np.array(across)))))


LOSS = Loss(
    name="stripe_isotropy",
    version=2,
    stages=(Stage(across), Stage(loss)),
    finds="curtains",
    undefined_advice="choose larger or other optimization slices, or fewer bands",
    known_weakness=(
        "stripe_isotropy takes for structure what runs across the curtains, tails of charge too: "
        "on charged slices it is known to leave curtains. Choose optimization slices without "
        "charge."
    ),
)
