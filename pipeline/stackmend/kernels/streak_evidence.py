"""How much speaks for a streak: its rims, and whether it is higher than both sides."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels import _rims
from stackmend.kernels._arrays import readonly
from stackmend.kernels.line_gradients import Gradients
from stackmend.kernels.streak_fit import Streak

Image = NDArray[np.float32]
Line = NDArray[np.float64]

HIGH = (
    0.37  # of the peak: columns that count for the scatter of a rim, and for the length of a streak
)
UNEVEN = 0.25
RISE = (0.4, 1.8)  # of the charge: between these the rows must be above the higher side
LOWEST_THIRD = (
    0.6  # of the charge: what every third of the rows must be above the mean of both sides
)
LONG = 100  # px: borders of objects are straight for less


def rim_evidence(slopes: Gradients, streak: Streak) -> float:
    """The weaker rim's step in units of the noise, less where the step is uneven or short.

    Parameters
    ----------
    slopes : Gradients
        Of the slice the streak was found in.
    streak : Streak

    Returns
    -------
    float
        ``sum c B / sqrt(sum c^2 A) / max(1, scatter)^UNEVEN``, the smaller one of both rims, times
        the root of the streak's length in ``LONG`` px where it is shorter. For each column, ``A``
        and ``B`` are the weighted sums of the rim's squared gradient and of its product with the
        slice's, ``c`` is the profile, and ``scatter`` the mean of ``(B - c A)^2`` over that of
        ``A`` where the charge is high: 1 for tissue that goes on across the rim, several for the
        border of an object.
    """
    sides = zip((streak.top, streak.bottom), streak.softness, (1, -1), strict=True)
    weaker = min(_of_rim(slopes, streak, row, softness, sign) for row, softness, sign in sides)
    length = np.count_nonzero(streak.profile > HIGH * streak.profile.max())
    return weaker * float(np.sqrt(min(1.0, length / LONG)))


def _of_rim(slopes: Gradients, streak: Streak, row: float, softness: float, sign: int) -> float:
    from stackmend.kernels import _streak_loops

    middle, profile = round(row), streak.profile
    first, stop = max(middle - _rims.REACH, 0), min(middle + _rims.REACH + 1, slopes.down.shape[0])
    begin = first - middle + _rims.REACH
    shape = sign * _rims.step_gradient(row - middle, softness)[begin : begin + stop - first]
    part = np.s_[first:stop, streak.left : streak.left + profile.size]
    square, product = np.zeros(profile.size), np.zeros(profile.size)
    down, weight = (np.ascontiguousarray(each[part]) for each in (slopes.down, slopes.down_weight))
    _streak_loops.column_sums(readonly(down), readonly(weight), readonly(shape), square, product)
    strength = float(np.sum(profile * product)) / float(
        np.sqrt(np.sum(profile**2 * square)) + 1e-12
    )
    high = profile > HIGH * profile.max()
    uneven = np.mean((product - profile * square)[high] ** 2) / (np.mean(square[high]) + 1e-12)
    return strength / float(max(1.0, uneven) ** UNEVEN)


def is_raised(image: Image, streak: Streak) -> bool:
    """Whether every third of a streak is higher than both sides, by about its charge.

    The border of an object has a rim like that of a streak; what lies between two such borders is
    not raised, or not all of it.
    """
    top, bottom = round(streak.top), round(streak.bottom)
    side = max(4, (bottom - top) // 3)
    weight = streak.profile / streak.profile.sum()
    charge = float(streak.profile @ weight)
    above = _level(image, streak, weight, top - 3 - side, top - 2)
    below = _level(image, streak, weight, bottom + 3, bottom + 3 + side)
    inside = _level(image, streak, weight, top + 2, bottom - 1)
    if not RISE[0] < (inside - max(above, below)) / charge < RISE[1]:
        return False
    ends = [top + 2 + k * (bottom - top - 3) // 3 for k in range(4)]
    thirds = [_level(image, streak, weight, *each) for each in pairwise(ends)]
    return (min(thirds) - (above + below) / 2) / charge > LOWEST_THIRD


def _level(image: Image, streak: Streak, weight: Line, first: int, stop: int) -> float:
    n_rows = image.shape[0]
    first, stop = min(max(first, 0), n_rows - 1), min(max(stop, 1), n_rows)
    part = image[first : max(stop, first + 1), streak.left : streak.left + weight.size]
    return float(part.mean(axis=0, dtype=np.float64) @ weight)
