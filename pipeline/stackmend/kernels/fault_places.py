"""Known faults place by place, and what they tell about faults that leave the same traces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._arrays import readonly
from stackmend.kernels.gaussian import gaussian
from stackmend.kernels.regions import boxed_regions, cityblock_distance

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]

JOIN = 5
"""Pixels: marked regions so near to each other are one piece."""

TYPICAL = 0.95
"""Quantile of what is taken away inside a piece that stands for its strength."""

SMALLEST = 30
"""Pixels on which a known fault must count to be a place."""

NOTICED = 0.25
"""A place is found if so much is taken away there, in units of what counts."""

MARKED = 0.03
"""A place is found if this share of its pixels is marked."""

NEGLIGIBLE = 0.02
"""Pieces with a smaller share of all that was taken away (squares) are not looked at."""

ALIKE_STRENGTH, ALIKE_AREA = 0.25, 0.5
"""Standard deviations, in logarithms, within which a place is like a piece."""

NEAR_PEAK, NEAR_PIXELS = 0.3, 0.8
"""The same, within which a missed fault is like one that was found."""

MISSED = 0.5
"""Weight of faults that were missed: those of a slice with a mask were found at least once."""

TISSUE = 3.0
"""Pixels: the scale of the structures with which what was taken away is compared."""

CLEAR = 3.0
"""Standard deviations of the tissue that a piece must reach to be stronger than its structures."""


class Piece(NamedTuple):
    """A marked region: strength and sums of what is taken away there, in units of what counts.

    ``area`` is in pixels, ``energy`` a sum of squares.
    """

    strength: float
    area: int
    taken: float
    energy: float


class Place(NamedTuple):
    """A known fault, in units of what counts: its trace as that of a piece, and its fate.

    ``peak`` is its own strength, ``pixels`` how many count, ``added`` and ``left`` are sums of
    squares over these. ``area`` of those marked is 0 where it was missed.
    """

    strength: float
    area: int
    peak: float
    pixels: int
    added: float
    left: float


class Outlook(NamedTuple):
    """Share of a fault that is taken away at a middling, a poor and a good place; share found."""

    taken: float
    least: float
    most: float
    found: float


def pieces_of(image: Image, restored: Image, mask: Mask, counts: float) -> list[Piece]:
    """What was marked in a slice, piece by piece.

    Parameters
    ----------
    image, restored : (Y, X) float32
        The slice before and after.
    mask : (Y, X) bool
        What is marked; regions within 10 px of each other are one piece.
    counts
        Grey levels from which on a fault counts.

    Returns
    -------
    list of Piece
        Strengths are the 0.95 quantile of the change, less that of the median pixel elsewhere.
    """
    change = (image - restored) / np.float32(counts)
    if not mask.all():
        change = change - np.median(change[~mask][::7])
    found = []
    for box, own in boxed_regions(cityblock_distance(readonly(mask), JOIN) <= JOIN):
        taken = np.abs(change[box][own & mask[box]])
        found.append(
            Piece(
                strength=float(np.quantile(taken, TYPICAL)),
                area=taken.size,
                taken=float(taken.sum()),
                energy=float(np.square(taken, dtype=np.float64).sum()),
            )
        )
    return found


def places_of(added: Image, reached: Image, left: Image, mask: Mask, counts: float) -> list[Place]:
    """What becomes of known faults, place by place.

    Parameters
    ----------
    added : (Y, X) float32
        The faults; connected ones are one place.
    reached : (Y, X) float32
        The slice with them less that without, as it reaches the steps against them.
    left : (Y, X) float32
        The same as these steps leave it.
    mask : (Y, X) bool
        What is marked in the slice with them.
    counts
        Grey levels from which on a fault counts.
    """
    found = []
    for box, own in boxed_regions(np.abs(added) > counts / 2):
        known, fault, rest = (each[box] / np.float32(counts) for each in (added, reached, left))
        counted = own & (np.abs(known) > 1)
        pixels = int(np.count_nonzero(counted))
        if pixels < SMALLEST or not fault[counted].any():
            continue
        marked = own & mask[box]
        gone = np.abs(fault - rest)[marked]
        strength = float(np.quantile(gone, TYPICAL)) if gone.size else 0.0
        is_found = gone.size >= MARKED * pixels and strength > NOTICED
        found.append(
            Place(
                strength=strength if is_found else 0.0,
                area=gone.size if is_found else 0,
                peak=float(np.abs(known[counted]).max()),
                pixels=pixels,
                added=float(np.square(fault[counted], dtype=np.float64).sum()),
                left=float(np.square(rest[counted], dtype=np.float64).sum()),
            )
        )
    return found


def outlook(pieces: Sequence[Piece], places: Sequence[Place]) -> Outlook | None:
    """What known faults tell about the faults that were found.

    Each place counts as much as it is like the pieces: in strength and area of what was taken away.
    Missed faults count as much as those like them, by what was added, that were found; half of
    that, as pieces exist because they were found.

    Parameters
    ----------
    pieces
        What was marked.
    places
        What became of known faults.

    Returns
    -------
    Outlook or None
        Shares of the root mean square: the weighted median of the places, and those between which
        nine tenths of the weight lie. ``None`` where no place was found that is like any piece.
    """
    found = [place for place in places if place.area]
    weights = _likeness(pieces, found) if found and pieces else np.zeros(0)
    if not weights.any():
        return None
    missed = [place for place in places if not place.area]
    of_missed = _weights_of_missed(found, weights, missed)
    weight = np.concatenate([weights, MISSED * of_missed])
    added = np.array([place.added for place in (*found, *missed)])
    left = np.array([place.left for place in (*found, *missed)])

    shares = 1 - np.sqrt(left / added)
    order = np.argsort(shares)
    below = np.cumsum(weight[order])
    at = np.searchsorted(below, below[-1] * np.array([0.05, 0.5, 0.95]))
    least, taken, most = (float(each) for each in shares[order[np.minimum(at, len(order) - 1)]])
    return Outlook(taken, least, most, float(weights.sum() / (weights.sum() + of_missed.sum())))


def _likeness(pieces: Sequence[Piece], found: Sequence[Place]) -> Floats:
    """How much each place that was found stands for the pieces."""
    strength = np.log([place.strength for place in found])
    area = np.log([place.area for place in found])
    most = sum(piece.energy for piece in pieces)
    weights = np.zeros(len(found))
    for piece in pieces:
        if piece.energy <= NEGLIGIBLE * most:
            continue
        apart = np.square((strength - np.log(piece.strength)) / ALIKE_STRENGTH)
        apart += np.square((area - np.log(piece.area)) / ALIKE_AREA)
        alike = np.exp(-apart / 2) + 1e-6  # the likest one counts even if it is not like it
        weights += piece.energy * alike / alike.sum()
    return weights


def _weights_of_missed(found: Sequence[Place], weights: Floats, missed: Sequence[Place]) -> Floats:
    """How much each missed fault stands for those that pieces cannot tell of."""
    if not missed:
        return np.zeros(0)
    to_found = _nearness(found, found).sum(axis=0)
    weight: Floats = _nearness(missed, found) @ (weights / to_found)
    return weight


def _nearness(some: Sequence[Place], others: Sequence[Place]) -> Floats:
    """How alike faults are in what was added: a row for each of some, a column for each other."""
    apart = np.zeros((len(some), len(others)))
    for name, width in (("peak", NEAR_PEAK), ("pixels", NEAR_PIXELS)):
        one = np.log([getattr(place, name) for place in some])
        two = np.log([getattr(place, name) for place in others])
        apart += np.square((one[:, None] - two[None, :]) / width)
    near: Floats = np.exp(-apart / 2)
    return near


def tissue_spread(restored: Image, mask: Mask, counts: float) -> float:
    """Standard deviation of the tissue's structures of some pixels, in units of what counts.

    Taken from the percentiles 5 and 95 of the unmarked part of the restored slice, blurred by 3 px;
    0 where all is marked.
    """
    blurred = gaussian(restored, TISSUE)[::3, ::3][~mask[::3, ::3]]
    if not blurred.size:
        return 0.0
    low, high = np.quantile(blurred, [0.05, 0.95])
    return float(high - low) / 3.3 / counts


def faint_share(pieces: Sequence[Piece], spread: float) -> float:
    """Share of what was taken away that lies in pieces no stronger than the tissue's structures.

    These are pieces weaker than three standard deviations of the tissue.
    """
    taken = sum(piece.taken for piece in pieces)
    faint = sum(piece.taken for piece in pieces if piece.strength < CLEAR * spread)
    return faint / taken if taken else 0.0
