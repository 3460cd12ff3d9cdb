"""How much looks like curtains at an angle, and the angle at which most does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.curtains import CurtainShape, curtain_powers
from stackmend.kernels.turning import left_out, turned

Image = NDArray[np.float32]
Powers = Mapping[str, Any]

COARSE = tuple(range(-45, 46, 5))
FINER = (1.0, 0.25)
"""Degrees between the angles that are tried around the best one so far."""

LARGEST = 512
"""Px of the middle of a slice on which angles are compared."""


def powers_at(image: Image, angle: float, bands: int, shape: CurtainShape) -> dict[str, Any]:
    """What looks like curtains at an angle, and at others, where structure alone can do so.

    Others are those across, and of curtains that lie along neither axis those 45 degrees to either
    side as well: tissue that lies at an angle itself then counts as structure.

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
    found, across = _along_and_across(image, angle, bands, shape)
    structures = [across]
    if angle % 90:
        between = angle - 45 if angle > 0 else angle + 45
        structures += _along_and_across(image, between, bands, shape)
    return {"angle": angle, "found": found, "structure": np.max(structures, axis=0).tolist()}


def _along_and_across(
    image: Image, angle: float, bands: int, shape: CurtainShape
) -> tuple[list[float], list[float]]:
    own, mask = turned(image, angle), left_out(image.shape, angle)
    across = None if mask is None else np.ascontiguousarray(mask.T)
    found = curtain_powers(own, bands, shape, mask)
    return found, curtain_powers(np.ascontiguousarray(own.T), bands, shape, across)


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
        found, structure = np.maximum(_along_and_across(part, angle, bands, shape), 1e-12)
        return float(np.mean(np.log(found / structure)))

    scores = [score(float(angle)) for angle in COARSE]
    best, step = float(COARSE[int(np.argmax(scores))]), 5.0
    for finer in FINER:
        count = int(step / finer) - 1
        tried = [best + finer * n for n in range(-count, count + 1) if abs(best + finer * n) <= 45]
        best, step = tried[int(np.argmax([score(angle) for angle in tried]))], finer
    return {**powers_at(image, best, bands, shape), "coarse": list(COARSE), "scores": scores}
