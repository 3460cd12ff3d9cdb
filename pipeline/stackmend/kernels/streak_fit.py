"""Fit the charge of one streak to the gradients of a slice.

A streak is ``c(x)`` times a plateau between two straight rims, and a core: an ellipse that is as
high as the streak. What the tissue adds to the gradients is taken for noise that is as strong as
the gradients around; so the rims say how strong the charge is, wherever along the line, and no
level has to be guessed from grey levels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels import _rims
from stackmend.kernels._arrays import readonly
from stackmend.kernels.line_gradients import Gradients, RimPair

Image = NDArray[np.float32]
Line = NDArray[np.float64]

REACH = 512  # columns on either side of a pair that a first fit looks at
MARGIN = 10  # rows beyond the rims
NEAR_PEAK = 40  # columns between a pair and the strongest place of its charge
ALONG = 0.5  # what the gradients along x count: those of neighbouring rows are much the same
CORE_SOFTNESS = 1.5
FADED = 10.0  # softnesses beyond a rim: there is no charge there


@dataclass(frozen=True, eq=False)
class Core:
    """An ellipse of additional charge: centre, half axes, grey levels."""

    row: float
    column: float
    half_height: float
    half_width: float
    level: float


@dataclass(frozen=True, eq=False)
class Streak:
    """Rims, their softness, the charge `profile` of the columns from `left` on."""

    top: float
    bottom: float
    softness: tuple[float, float]
    left: int
    profile: Line
    core: Core | None = None
    evidence: float = 0.0

    def rows(self, n_rows: int) -> tuple[int, int]:
        """First row with charge and the one after the last, of a slice with so many rows."""
        above, below = (FADED * softness for softness in self.softness)
        return max(int(self.top - above), 0), min(int(self.bottom + below) + 2, n_rows)

    def charge(self, first: int, n_rows: int) -> Image:
        """The charge on rows from `first` on and the columns of the profile, float32."""
        rows = np.arange(first, first + n_rows, dtype=np.float64)
        result = _rims.plateau(rows, self.top, self.bottom, self.softness)[:, None] * self.profile
        if self.core is not None:
            columns = np.arange(self.left, self.left + self.profile.size, dtype=np.float64)
            result += self.core.level * ellipse(rows, columns, self.core)
        return result.astype(np.float32)


def ellipse(rows: Line, columns: Line, core: Core) -> Line:
    """1 inside the core, 0 outside, softened."""
    distance = np.hypot(
        (rows[:, None] - core.row) / core.half_height, (columns - core.column) / core.half_width
    )
    return _rims.rise((1 - distance) * min(core.half_height, core.half_width) / CORE_SOFTNESS)


@dataclass(frozen=True, eq=False)
class Window:
    """The gradients of a part of a slice, and the row and column that it begins at."""

    slopes: Gradients
    first: int
    left: int


def window_around(slopes: Gradients, pair: RimPair, reach: int) -> Window:
    """The gradients around a pair of rims, so many columns to either side."""
    first, left = max(pair.top - MARGIN, 0), max(pair.column - reach, 0)
    part = np.s_[first : pair.bottom + MARGIN + 1, left : pair.column + reach]
    copy = Gradients(
        np.ascontiguousarray(slopes.down[part]),
        np.ascontiguousarray(slopes.along[part]),
        np.ascontiguousarray(slopes.down_weight[part]),
        np.ascontiguousarray(slopes.along_weight[part]),
        slopes.usual,
    )
    return Window(copy, first, left)


def fit_streak(slopes: Gradients, pair: RimPair, smooth: float) -> Streak | None:
    """The charge between two rims, without a core.

    Parameters
    ----------
    slopes : Gradients
        Of a slice in which charge is bright.
    pair : RimPair
        Where to begin.
    smooth : float
        Pixels over which the charge may change along x.

    Returns
    -------
    Streak or None
        ``None`` if there is nothing above 0.
    """
    window = window_around(slopes, pair, REACH)
    start = Streak(float(pair.top), float(pair.bottom), (1.2, 1.2), window.left, np.zeros(0))
    first = with_profile(window, start, pair.column, smooth)
    if not first.profile.any():
        return None
    second = with_profile(window, with_rims(window, first, pair), pair.column, smooth)
    return second if second.profile.any() else None


def with_profile(window: Window, streak: Streak, column: int, smooth: float) -> Streak:
    """The streak with the charge along x that its rims tell; highest near a column."""
    from stackmend.kernels import _streak_loops

    slopes = window.slopes
    n_rows, n_columns = slopes.down.shape
    shape = _rims.blurred_plateau(
        window.first - 1, n_rows + 2, streak.top, streak.bottom, streak.softness
    )
    square, product, slope, pull = (np.zeros(n_columns) for _ in range(4))
    change = np.ascontiguousarray((shape[2:] - shape[:-2]) / 2)
    down, weight = readonly(slopes.down), readonly(slopes.down_weight)
    _streak_loops.column_sums(down, weight, readonly(change), square, product)
    along, weight = readonly(slopes.along), readonly(slopes.along_weight)
    inner = readonly(np.ascontiguousarray(shape[1:-1]))
    _streak_loops.column_sums(along, weight, inner, slope, pull)
    slope, pull = _between(slope), _between(pull)
    work = np.empty((6, n_columns))
    stiffness = float(np.median(square)) * (smooth / 2) ** 4
    _streak_loops.profile_matrix(square, product, slope, pull, stiffness, work)
    _streak_loops.solve_five_diagonals(work)
    return replace(streak, profile=_from_the_peak(work[0], column - window.left))


def _between(line: Line) -> Line:
    return ALONG / 2 * (line[1:] + line[:-1])


def _from_the_peak(profile: Line, near: int) -> Line:
    """Never below 0, and never rising away from the highest place near a column."""
    from stackmend.kernels import _streak_loops

    start = max(near - NEAR_PEAK, 0)
    peak = start + int(np.argmax(profile[start : near + NEAR_PEAK + 1]))
    mean, count = np.empty(profile.size), np.empty(profile.size, dtype=np.intp)
    left, right = profile[peak::-1].copy(), profile[peak:].copy()
    for side in (left, right):
        _streak_loops.never_rising(side, mean, count)
    highest = max(left[0], right[0])
    joined = np.concatenate((left[:0:-1], [highest], right[1:]))
    return np.maximum(joined, 0)


def with_rims(window: Window, streak: Streak, pair: RimPair) -> Streak:
    """The streak with the rims, near those of the pair, that its profile tells."""
    from stackmend.kernels import _streak_loops

    slopes = window.slopes
    sums = np.empty((2, slopes.down.shape[0]))
    profile = readonly(streak.profile)
    _streak_loops.row_sums(readonly(slopes.down), readonly(slopes.down_weight), profile, sums)
    steps = sums[0] / np.maximum(sums[1], 1e-12)
    top, softness = _best_rim(steps, pair.top - window.first)
    bottom, other = _best_rim(-steps, pair.bottom - window.first)
    rims = float(top + window.first), float(bottom + window.first)
    return replace(streak, top=rims[0], bottom=rims[1], softness=(softness, other))


def _best_rim(steps: Line, row: int) -> tuple[float, float]:
    """Where near a row, and how softly, one value a row rises most like a step."""
    padded = np.pad(steps, _rims.REACH)[row : row + 2 * _rims.REACH + 1]
    best = (-np.inf, 0.0, _rims.SOFTNESS[0])
    for softness in _rims.SOFTNESS:
        for shift in _rims.SHIFTS:
            shape = _rims.step_gradient(shift, softness)
            match = float(shape @ padded) / float(np.sqrt(shape @ shape))
            if match > best[0]:
                best = (match, shift, softness)
    return row + best[1], best[2]
