"""Streaks of charge along the scan line: candidates, their evidence, and which are taken."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.line_gradients import Gradients, RimPair, gradients, rim_map, rim_pairs
from stackmend.kernels.streak_core import gradients_of, refine_streak
from stackmend.kernels.streak_evidence import is_raised, rim_evidence
from stackmend.kernels.streak_fit import Streak, fit_streak

Image = NDArray[np.float32]

LOWEST = 3.2  # score of the weakest pair of rims that is looked at
MOST = 16  # pairs that are looked at
SHARE = 3  # of the shorter side: no streak is higher
THIN, THIN_SHARE = 20, 0.5  # rows; a membrane along the line is a band, too, but has no core
CORE_SHARE = 0.35  # of the streak's charge, that a core must add where there is less evidence
FOLLOWING = 0.67  # of the evidence asked for: what is enough where there is a streak already
AGAIN = 0.8  # of it: what is enough once all streaks of a first look are taken off


@dataclass(frozen=True)
class Candidate:
    """A pair of rims and what speaks for charge between them."""

    pair: RimPair
    evidence: float


def judge(
    image: Image, slopes: Gradients, pair: RimPair, smooth: float
) -> tuple[Streak | None, float]:
    """The streak between two rims and the evidence for it; 0 where it is not raised."""
    streak = fit_streak(slopes, pair, smooth)
    if streak is None or not is_raised(image, streak):
        return streak, 0.0
    return streak, pair.score * rim_evidence(slopes, streak)


def candidates(
    image: Image, slopes: Gradients, rims: Image, smallest: int, height: int, smooth: float
) -> tuple[Candidate, ...]:
    """Pairs of rims by the evidence for charge between them, most first.

    Parameters
    ----------
    image : ndarray of float32, shape (Y, X)
        Charge is bright.
    slopes : Gradients
    rims : ndarray of float32, shape (Y, blocks)
    smallest, height : int
        Rows between the rims, at least and at most.
    smooth : float
        Pixels over which the charge may change along x.
    """
    highest = min(height, min(image.shape) // SHARE)
    pairs = rim_pairs(rims, LOWEST, smallest, highest, MOST)
    judged = [Candidate(pair, judge(image, slopes, pair, smooth)[1]) for pair in pairs]
    return tuple(sorted(judged, key=lambda each: -each.evidence))


def take_streaks(
    image: Image,
    slopes: Gradients,
    pairs: tuple[Candidate, ...],
    evidence: float,
    null: float,
    contrast: float,
    smooth: float,
) -> tuple[Streak, ...]:
    """Streaks with enough evidence, each fitted to what those before it leave.

    Parameters
    ----------
    image : ndarray of float32, shape (Y, X)
        Charge is bright.
    slopes : Gradients
    pairs : tuple of Candidate
        Most evidence first.
    evidence, null : float
        Evidence that the first must exceed. For others, ``FOLLOWING`` of `evidence` is enough:
        charge that is found is part of the transposed slice, too, so `null` says little then; up to
        `evidence` they need a core.
    contrast : float
        Grey levels that the charge must reach.
    smooth : float
        Pixels over which the charge may change along x.
    """
    asked = max(evidence, null), FOLLOWING * evidence
    return _taken(image, slopes, pairs, asked, evidence, contrast, smooth)


def look_again(
    image: Image,
    streaks: tuple[Streak, ...],
    length: float,
    smallest: int,
    height: int,
    evidence: float,
    contrast: float,
    smooth: float,
) -> tuple[Streak, ...]:
    """More streaks, in what those that were found leave of a slice.

    Gradients near a streak weigh little as long as it is there, so what lies beside it is seen only
    now. Where no streak was found there are no more.

    Parameters
    ----------
    image : ndarray of float32, shape (Y, X)
        Charge is bright.
    streaks : tuple of Streak
        Those found.
    length : float
        Pixels over which rims are summed.
    smallest, height : int
        Rows between the rims, at least and at most.
    evidence : float
        ``AGAIN`` of it is enough; up to it, a streak needs a core.
    contrast : float
        Grey levels that the charge must reach.
    smooth : float
        Pixels over which the charge may change along x.
    """
    if not streaks:
        return ()
    rest = image - charge_of(streaks, image.shape)
    slopes = gradients(rest)
    pairs = candidates(rest, slopes, rim_map(slopes, length), smallest, height, smooth)
    asked = AGAIN * evidence, AGAIN * evidence
    return _taken(rest, slopes, pairs, asked, evidence, contrast, smooth)


def _taken(
    image: Image,
    slopes: Gradients,
    pairs: tuple[Candidate, ...],
    asked: tuple[float, float],
    evidence: float,
    contrast: float,
    smooth: float,
) -> tuple[Streak, ...]:
    """Those with the evidence asked of the first and of others, less what was taken before."""
    taken: list[Streak] = []
    rest, left = image.copy(), replace(slopes, down=slopes.down.copy(), along=slopes.along.copy())
    for candidate in pairs:
        least = asked[1] if taken else asked[0]
        if candidate.evidence <= least:
            break
        streak, found = judge(rest, left, candidate.pair, smooth)
        if streak is None or found <= least or streak.profile.max() < contrast:
            continue
        streak = replace(refine_streak(left, candidate.pair, streak, smooth), evidence=found)
        if _core_share(streak) < _share_asked(streak, found > evidence):
            continue
        taken.append(streak)
        _subtract(streak, rest, left)
    return tuple(taken)


def _core_share(streak: Streak) -> float:
    """What the core adds, as a share of the streak's charge."""
    highest = float(streak.profile.max())
    return streak.core.level / highest if streak.core and highest > 0 else 0.0


def _share_asked(streak: Streak, sure: bool) -> float:
    if streak.bottom - streak.top < THIN:
        return THIN_SHARE
    return 0.0 if sure else CORE_SHARE


def _subtract(streak: Streak, image: Image, slopes: Gradients) -> None:
    first, stop = streak.rows(image.shape[0])
    part = np.s_[first:stop, streak.left : streak.left + streak.profile.size]
    charge = streak.charge(first, stop - first)
    down, along = gradients_of(charge)
    image[part] -= charge
    slopes.down[part] -= down
    slopes.along[part] -= along


def charge_of(streaks: tuple[Streak, ...], shape: tuple[int, ...]) -> Image:
    """The charge of all streaks; ``(Y, X)`` float32."""
    result = np.zeros(shape, dtype=np.float32)
    for streak in streaks:
        first, stop = streak.rows(shape[0])
        part = np.s_[first:stop, streak.left : streak.left + streak.profile.size]
        result[part] += streak.charge(first, stop - first)
    return result
