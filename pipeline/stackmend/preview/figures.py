"""Numbers of one slice before and after: levels, shares, histograms, losses, and along a line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.errors import UsageError
from stackmend.preview.evaluation import AFTER, BEFORE, MASK, Slices
from stackmend.preview.losses import LossHere
from stackmend.restore.measures import extent_of
from stackmend.tuning.remembered import Cancelled

BINS = 256

Values = NDArray[Any]


@dataclass(frozen=True)
class Figures:
    """Numbers of one slice.

    ``changed`` and ``masked`` are shares of its pixels, ``mask_area`` and ``clipped`` numbers of
    these; what is masked is ``None`` where there is no mask. ``low`` and ``high`` are the darkest
    and the brightest grey level of the slice before, between which each histogram has 256 bins;
    what lies outside counts in the first and the last. ``losses`` has one for each optimize entry.
    """

    status: str
    reason: str
    changed: float
    masked: float | None
    mask_area: int | None
    clipped: int
    mean_before: float
    mean_after: float
    low: float
    high: float
    histogram_before: tuple[int, ...]
    histogram_after: tuple[int, ...]
    losses: tuple[LossHere, ...] = ()


@dataclass(frozen=True)
class Profile:
    """Grey levels along a line, before and after, and what is marked there.

    ``places`` are the pixels ``(y, x)``, ``distances`` how far each is from the first, in px.
    """

    places: NDArray[np.intp]
    distances: NDArray[np.float64]
    before: Values
    after: Values
    mask: NDArray[np.bool_]


def figures_of(slices: Slices, number: int, cancelled: Callable[[], bool]) -> Figures | None:
    """The figures of a slice without losses; ``None`` of one that cannot be used."""
    slices.check(number, ())
    raw = slices.slices.raw(number)
    if raw.pixels is None:
        return None
    new = slices.written(number, raw, cancelled)
    before, after = slices.before(number, raw, cancelled), new.pixels
    assert after is not None
    low, high = float(before.min()), float(before.max())
    counted: list[tuple[int, ...]] = []
    for pixels in (before, after):
        if cancelled():
            raise Cancelled
        counted.append(histogram(pixels, low, high))
    return Figures(
        status=str(new.status),
        reason=new.reason or slices.chain.doubt(raw.pixels),
        changed=float(np.count_nonzero(after != before) / after.size),
        masked=None if new.mask is None else float(new.mask.mean()),
        mask_area=extent_of(new.mask)["mask_area"],
        clipped=new.clipped,
        mean_before=float(before.mean(dtype=np.float64)),
        mean_after=float(after.mean(dtype=np.float64)),
        low=low,
        high=high,
        histogram_before=counted[0],
        histogram_after=counted[1],
    )


def histogram(pixels: Values, low: float, high: float) -> tuple[int, ...]:
    """Counts of pixels in 256 bins between two grey levels, the outer ones open."""
    width = (high - low) / BINS or 1.0
    places = (pixels.astype(np.float32) - np.float32(low)) / np.float32(width)
    bins = np.clip(places, 0, BINS - 1).astype(np.uint8)
    return tuple(np.bincount(bins.ravel(), minlength=BINS).tolist())


def profile_of(
    slices: Slices,
    number: int,
    start: tuple[float, float],
    stop: tuple[float, float],
    cancelled: Callable[[], bool],
) -> Profile:
    """A line through a slice, one pixel for each step along its longer axis.

    Raises
    ------
    UsageError
        If an end lies outside the slice.
    """
    made = slices.products(number, (BEFORE, AFTER, MASK), cancelled)
    before = made[BEFORE]
    if before is None:
        raise UsageError(f"profile: slice {number} is left out ({made['reason']}); choose another")
    ends = np.array([start, stop], dtype=np.float64)
    if (ends < 0).any() or (np.rint(ends) >= before.shape).any():
        height, width = before.shape
        what = f"a slice has {height} x {width} px, got {start} to {stop} (y, x)"
        raise UsageError(f"profile: {what}; stay inside")
    count = int(np.abs(np.rint(ends[1]) - np.rint(ends[0])).max()) + 1
    places = np.rint(np.linspace(ends[0], ends[1], count)).astype(np.intp)
    at = places[:, 0], places[:, 1]
    mask = np.zeros(count, np.bool_) if made[MASK] is None else made[MASK][at]
    distances = np.hypot(*(places - places[0]).T.astype(np.float64))
    return Profile(places, distances, before[at], made[AFTER][at], mask)
