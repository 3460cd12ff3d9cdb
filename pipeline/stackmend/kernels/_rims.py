"""The shape of a rim: how a step looks after the blur that comes before every gradient."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Line = NDArray[np.float64]

REACH = 8  # rows on either side of a rim that tell of it
BLUR = 4  # px that the blur reaches
SOFTNESS = (0.5, 0.9, 1.5, 2.5, 4.0)
SHIFTS = tuple(0.5 * k for k in range(-4, 5))


def rise(position: Line) -> Line:
    """The logistic step."""
    result: Line = 1 / (1 + np.exp(-np.clip(position, -40, 40)))
    return result


def _blurred(values: Line) -> Line:
    """The values after a Gaussian of 1 px; ``BLUR`` of them fall off at either end."""
    taps = np.exp(-0.5 * np.arange(-BLUR, BLUR + 1.0) ** 2)
    return np.convolve(values, taps / taps.sum(), mode="valid")


def plateau(rows: Line, top: float, bottom: float, softness: tuple[float, float]) -> Line:
    """How much of the charge each row has: 0 outside, 1 between the rims."""
    return rise((rows - top) / softness[0]) * rise((bottom - rows) / softness[1])


def blurred_plateau(
    first: int, n_rows: int, top: float, bottom: float, softness: tuple[float, float]
) -> Line:
    """The same after the blur that every gradient has."""
    rows = np.arange(first - BLUR, first + n_rows + BLUR, dtype=np.float64)
    return _blurred(plateau(rows, top, bottom, softness))


@lru_cache(maxsize=4096)
def step_gradient(offset: float, softness: float) -> Line:
    """Gradient of a blurred step of height 1, ``offset`` px beyond the middle of its rows."""
    rows = np.arange(-REACH - BLUR - 1.0, REACH + BLUR + 2)
    edge = _blurred(rise((rows - offset) / softness))
    result: Line = (edge[2:] - edge[:-2]) / 2
    result.flags.writeable = False
    return result
