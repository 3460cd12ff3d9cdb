"""Find charge along the scan line: bands between two straight rims that fade along x."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.line_gradients import Gradients, gradients, rim_map
from stackmend.kernels.matched_charge import charge_like, charge_likeness
from stackmend.kernels.regions import cityblock_distance
from stackmend.kernels.statistics import level_unit
from stackmend.kernels.streak_fit import Streak
from stackmend.kernels.streak_search import Candidate, candidates, charge_of, take_streaks
from stackmend.registry import Recovery, Stage, Step

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]


def charge_unit(image: Image, *, inverse: bool, unit: float | None) -> float:
    """Grey levels of the slice that are one of an 8-bit slice; negative where charge is dark.

    Raises
    ------
    ValueError
        If a grey level is not finite.
    """
    own = level_unit(image)
    return (unit or own) * (-1 if inverse else 1)


def line_levels(image: Image, charge_unit: float) -> Image:
    """The slice in grey levels of an 8-bit slice, charge bright, ``(Y, X)`` float32."""
    return image / np.float32(charge_unit)


def line_gradients(line_levels: Image) -> Gradients:
    """Its gradients."""
    return gradients(line_levels)


def cross_gradients(line_levels: Image) -> Gradients:
    """Gradients of the transposed slice, in which no charge can lie along the scan line."""
    return gradients(np.ascontiguousarray(line_levels.T))


def line_rims(line_gradients: Gradients, *, length: float) -> Image:
    """How strongly the slice rises along y over ``length`` px along x, by blocks of columns."""
    return rim_map(line_gradients, length)


def streak_candidates(
    line_levels: Image,
    line_gradients: Gradients,
    line_rims: Image,
    *,
    smallest: int,
    height: int,
    smooth: float,
) -> tuple[Candidate, ...]:
    """Pairs of rims, and what speaks for charge between them."""
    return candidates(line_levels, line_gradients, line_rims, smallest, height, smooth)


def cross_evidence(
    line_levels: Image,
    cross_gradients: Gradients,
    *,
    length: float,
    smallest: int,
    height: int,
    smooth: float,
) -> float:
    """The most that speaks for charge in the transposed slice, where there is none."""
    across, rims = np.ascontiguousarray(line_levels.T), rim_map(cross_gradients, length)
    found = candidates(across, cross_gradients, rims, smallest, height, smooth)
    return found[0].evidence if found else 0.0


def streaks(
    line_levels: Image,
    line_gradients: Gradients,
    streak_candidates: tuple[Candidate, ...],
    cross_evidence: float,
    *,
    smooth: float,
    evidence: float,
    ratio: float,
    contrast: float,
) -> tuple[Streak, ...]:
    """The streaks that enough speaks for, each with its fitted charge."""
    asked = evidence, ratio * cross_evidence
    return take_streaks(line_levels, line_gradients, streak_candidates, *asked, contrast, smooth)


def streak_charge(line_levels: Image, streaks: tuple[Streak, ...]) -> Image:
    """The charge of all streaks in grey levels of an 8-bit slice, ``(Y, X)`` float32."""
    return charge_of(streaks, line_levels.shape)


def charging_mask(streak_charge: Image, *, low: float, grow: int) -> Mask:
    """Where the charge exceeds ``low``, grown by ``grow`` px; ``(Y, X)`` bool."""
    return cityblock_distance(streak_charge > low, grow) <= grow


STEP = Step(
    name="find_streaks",
    version=2,
    stages=(
        Stage(charge_unit),
        Stage(line_levels),
        Stage(line_gradients),
        Stage(cross_gradients),
        Stage(line_rims),
        Stage(streak_candidates, plural="candidates for streaks"),
        Stage(cross_evidence),
        Stage(streaks, plural="fits of streaks"),
        Stage(streak_charge),
        Stage(charging_mask, plural="masks", mask_of="charging"),
    ),
    recovery=Recovery("charge", charge_likeness, charge_like),
)
