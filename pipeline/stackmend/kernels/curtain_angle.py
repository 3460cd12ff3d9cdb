"""How much looks like curtains at an angle, and the angle at which most does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.curtains import CurtainShape, curtain_powers
from stackmend.kernels.turning import beside, turned

Image = NDArray[np.float32]
Powers = Mapping[str, Any]

COARSE = tuple(range(-45, 46, 5))
FINER = (1.0, 0.25)
"""Degrees between the angles that are tried around the best one so far."""

LARGEST = 512
"""Px of the middle of a slice on which angles are compared."""


def powers_at(image: Image, angle: float, bands: int, shape: CurtainShape) -> dict[str, Any]:
    """What looks like curtains at an angle, and across it, where structure alone can do so.

    Parameters
    ----------
    image : (Y, X) float32
    angle
        Degrees.
    bands
        How many.
    shape
        Of curtains.

    Returns
    -------
    dict
        ``angle``, and by band the mean squares ``found`` and ``structure``, squared grey levels.
    """
    own, mask = turned(image, angle), beside(image.shape, angle)
    across = None if mask is None else np.ascontiguousarray(mask.T)
    found = curtain_powers(own, bands, shape, mask)
    structure = curtain_powers(np.ascontiguousarray(own.T), bands, shape, across)
    return {"angle": angle, "found": found, "structure": structure}


def best_angle(image: Image, bands: int, shape: CurtainShape) -> dict[str, Any]:
    """The same at the angle with the largest mean of ``log(found / structure)``.

    Returns
    -------
    dict
        As ``powers_at``, with the ``coarse`` angles and their ``scores``.
    """
    top, left = (max(size - LARGEST, 0) // 2 for size in image.shape)
    part = np.ascontiguousarray(image[top : top + LARGEST, left : left + LARGEST])

    def score(angle: float) -> float:
        powers = powers_at(part, angle, bands, shape)
        found, structure = np.maximum([powers["found"], powers["structure"]], 1e-12)
        return float(np.mean(np.log(found / structure)))

    scores = [score(float(angle)) for angle in COARSE]
    best, step = float(COARSE[int(np.argmax(scores))]), 5.0
    for finer in FINER:
        count = int(step / finer) - 1
        tried = [best + finer * n for n in range(-count, count + 1) if abs(best + finer * n) <= 45]
        best, step = tried[int(np.argmax([score(angle) for angle in tried]))], finer
    return {**powers_at(image, best, bands, shape), "coarse": list(COARSE), "scores": scores}
