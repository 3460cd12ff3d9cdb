"""Fit a streak together with its core, and with weights that leave out what the fit explains."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._arrays import readonly
from stackmend.kernels.gaussian import gaussian
from stackmend.kernels.line_gradients import FINE, Gradients, RimPair, weight_of
from stackmend.kernels.streak_fit import (
    Core,
    Streak,
    Window,
    ellipse,
    window_around,
    with_profile,
    with_rims,
)

Image = NDArray[np.float32]
Line = NDArray[np.float64]

ROUNDS = 5
REACH = 1024  # columns on either side of the pair
STIFFER = 1.5  # times as smooth as the first fit: less of the tissue gets into it
NEAR = 6.0  # px: surroundings that weigh gradients once there is a fit
OUTLIER = 9.0  # squared, in units of the noise: gradients beyond it count less
WIDTHS = (0.6, 0.75, 0.9, 1.0, 1.15, 1.35, 1.6)  # half width of a core, in half heights
CORE_FROM = 0.7  # of the highest charge: a core lies where there is at least so much
EDGE = 6  # px around a core that its gradients reach


def gradients_of(charge: Image) -> tuple[Image, Image]:
    """Gradients of a charge along y and x, blurred like those of a slice."""
    from stackmend.kernels import _streak_loops

    down, along = np.empty_like(charge), np.empty_like(charge)
    _streak_loops.central_differences(readonly(gaussian(charge, FINE)), down, along)
    return down, along


def refine_streak(slopes: Gradients, pair: RimPair, streak: Streak, smooth: float) -> Streak:
    """Fit profile, rims and core in turn.

    Parameters
    ----------
    slopes : Gradients
        Of the slice without the streaks that were found before.
    pair : RimPair
        Where the streak was found.
    streak : Streak
        A first fit.
    smooth : float
        Pixels over which the charge may change along x.
    """
    window = whole = window_around(slopes, pair, REACH)
    smooth *= STIFFER
    streak = replace(streak, left=whole.left, profile=np.zeros(whole.slopes.down.shape[1]))
    for _ in range(ROUNDS):
        streak = with_profile(window, streak, pair.column, smooth)
        streak = with_profile(window, with_rims(window, streak, pair), pair.column, smooth)
        rest = _without(whole, window.slopes, replace(streak, core=None))
        streak = replace(streak, core=_best_core(rest, streak))
        window = _reweighted(whole, streak)
    return streak


def _without(whole: Window, weights: Gradients, streak: Streak) -> Window:
    """The gradients less those of a streak, with weights from elsewhere."""
    down, along = gradients_of(streak.charge(whole.first, whole.slopes.down.shape[0]))
    rest = replace(weights, down=whole.slopes.down - down, along=whole.slopes.along - along)
    return replace(whole, slopes=rest)


def _reweighted(whole: Window, streak: Streak) -> Window:
    """The window without the core, weighted by what is left after the whole fit."""
    left = _without(whole, whole.slopes, streak).slopes
    weights = (
        _robust_weight(gradient, usual)
        for gradient, usual in zip((left.down, left.along), left.usual, strict=True)
    )
    down_weight, along_weight = weights
    new = replace(whole.slopes, down_weight=down_weight, along_weight=along_weight)
    if streak.core is None:
        return replace(whole, slopes=new)
    return _without(whole, new, replace(streak, profile=np.zeros_like(streak.profile)))


def _robust_weight(gradient: Image, usual: float) -> Image:
    weight = weight_of(gradient, usual, NEAR)
    result: Image = weight / (1 + weight * gradient * gradient / np.float32(OUTLIER))
    return result


def _best_core(rest: Window, streak: Streak) -> Core | None:
    """The ellipse between the rims that explains most of what the profile leaves."""
    high = np.flatnonzero(streak.profile > CORE_FROM * streak.profile.max())
    if not high.size:
        return None
    best, found = 0.0, None
    half_height = (streak.bottom - streak.top) / 2
    places = slice(max(int(high[0]) - EDGE, 0), int(high[-1]) + EDGE + 1)
    for width in WIDTHS:
        core = Core(streak.top + half_height, 0.0, half_height, half_height * width, 1.0)
        product, square = _matches(rest, core, places)
        gain = np.where(product > 0, product**2 / np.maximum(square, 1e-12), 0)
        place = int(np.argmax(gain))
        if gain[place] > best:
            best = float(gain[place])
            column = float(streak.left + places.start + place)
            level = float(product[place] / square[place])
            found = replace(core, column=column, level=level)
    return found


def _matches(rest: Window, core: Core, places: slice) -> Line:
    from stackmend.kernels import _streak_loops

    slopes = rest.slopes
    n_rows, n_columns = slopes.down.shape
    reach = int(core.half_width) + EDGE
    rows = np.arange(rest.first, rest.first + n_rows, dtype=np.float64)
    shape = ellipse(rows, np.arange(-reach, reach + 1.0), core).astype(np.float32)
    pair = readonly(np.stack(gradients_of(shape)))
    out = np.zeros((2, min(places.stop, n_columns) - places.start))
    down, down_weight = readonly(slopes.down), readonly(slopes.down_weight)
    along, along_weight = readonly(slopes.along), readonly(slopes.along_weight)
    _streak_loops.match_shape(down, along, down_weight, along_weight, pair, places.start, out)
    return out
