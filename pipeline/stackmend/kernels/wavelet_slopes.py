"""Slopes of what a wavelet filter takes, and of what it leaves, for many widths at once.

What is taken is linear in the gains of frequencies, and gains are smooth in sigma. So it is
computed for some values of sigma alone, and mixed from those beside them for the others. Columns
are worked on in blocks, and no image is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._arrays import plain_image, readonly, scratch
from stackmend.kernels.wavelets import ColumnSpectra, take_columns

Image = NDArray[np.float32]
Numbers = NDArray[np.float64]
Index = NDArray[np.intp]

TOLERANCE = 1e-5
"""By how much a mixture of gains may differ, of 1."""

MIXED = 12
"""Values that are mixed at most, as ``add_between`` does."""

BLOCK = 256
"""Columns worked on at a time."""

TOGETHER = 5
"""Values of sigma whose rows are made at once: they share what a call costs."""


@dataclass(frozen=True)
class Mixtures:
    """Which values of sigma are computed, in groups of one size, and how the others are mixed.

    ``first`` is the place of the first that is mixed for each of the others, ``weights`` are theirs
    and of those behind it; ``places`` says where each value is found, the others behind the groups.
    """

    groups: tuple[tuple[float, ...], ...]
    first: Index
    weights: Image
    places: Index


def mean_slopes(image: Image, columns: ColumnSpectra, sigmas: Sequence[float]) -> Numbers:
    """Mean absolute slopes for each sigma: along y of what is taken, along x of what is left.

    Parameters
    ----------
    image : (Y, X) float32
        That was decomposed; at least 2 x 2 px.
    columns
        As ``column_spectra`` gives them.
    sigmas
        As for ``less_columns``.

    Returns
    -------
    (sigmas, 2) float64
        Grey levels per px, of central differences, at the edges to one side; twice the first and
        the second differ from those of slices by up to 1e-6 of themselves.
    """
    from stackmend.kernels import _wavelet_loops

    image = plain_image(image)
    height, width = image.shape
    mixtures = _mixtures(tuple(sigmas), height)
    groups = mixtures.groups
    count = len(groups) * len(groups[0]) + len(mixtures.first)
    totals = np.empty((2, count, width))
    for start in range(0, width, BLOCK):
        # With a column to either side, for central differences.
        stop = min(start + BLOCK, width)
        part = slice(max(start - 1, 0), min(stop + 1, width))
        inside = slice(start - part.start, stop - part.start)

        shape = len(groups), height + height % 2, len(groups[0]), part.stop - part.start
        known = scratch("what is taken", shape)
        for group, out in zip(groups, known, strict=True):
            take_columns(columns, group, part, out)

        own = readonly(np.ascontiguousarray(image[:, part]))
        sums = np.zeros((2, count, part.stop - part.start))
        mixed = mixtures.first, mixtures.weights
        _wavelet_loops.add_slopes(own, readonly(known), *mixed, *sums)
        totals[:, :, start:stop] = sums[:, :, inside]
    found: Numbers = totals.sum(axis=2)[:, mixtures.places]
    return found.T / (2 * image.size)


@lru_cache(maxsize=8)
def _mixtures(sigmas: tuple[float, ...], rows: int) -> Mixtures:
    """How few values are computed for all of some, on slices with so many rows."""
    given = np.array(sorted(set(sigmas)), np.float64)
    gains = np.exp(-(_frequencies(rows)[:, np.newaxis] ** 2) / (2 * given**2))
    computed = _computed(given, gains)
    others = [place for place in range(len(given)) if place not in computed]
    first, weights = np.zeros(len(others), np.intp), np.zeros((len(others), MIXED), np.float32)
    for index, place in enumerate(others):
        first[index] = _first_near(given[computed], given[place])
        near = computed[first[index] : first[index] + MIXED]
        weights[index, : len(near)] = _fitted(gains, near, place)[0]

    groups = _groups(given[computed].tolist())
    at = {place: index for index, place in enumerate(computed)}
    at |= {place: len(groups) * len(groups[0]) + index for index, place in enumerate(others)}
    places = np.array([at[place] for place in np.searchsorted(given, sigmas)])
    return Mixtures(groups, readonly(first), readonly(weights), readonly(places))


def _computed(sigmas: Numbers, gains: Numbers) -> list[int]:
    """Places of the values to be computed: one by one, where a mixture of the others is worst."""
    computed = sorted({0, len(sigmas) - 1})
    known: dict[tuple[int, ...], float] = {}
    while True:
        errors = np.zeros(len(sigmas))
        for place in set(range(len(sigmas))).difference(computed):
            start = _first_near(sigmas[computed], sigmas[place])
            near = computed[start : start + MIXED]
            key = place, *near
            if key not in known:
                known[key] = _fitted(gains, near, place)[1]
            errors[place] = known[key]
        if errors.max() <= TOLERANCE:
            return computed
        computed = sorted([*computed, int(errors.argmax())])


def _fitted(gains: Numbers, near: list[int], place: int) -> tuple[Numbers, float]:
    """Weights by which some gains make others, and the largest error."""
    found = np.linalg.lstsq(gains[:, near], gains[:, place], rcond=None)[0]
    weights: Numbers = found.astype(np.float64)
    return weights, float(np.abs(gains[:, near] @ weights - gains[:, place]).max())


def _first_near(computed: Numbers, sigma: float) -> int:
    """The first of those computed that are nearest to a sigma."""
    apart = np.abs(np.log(computed / sigma))
    starts = range(max(len(computed) - MIXED, 0) + 1)
    return min(starts, key=lambda start: float(apart[start : start + MIXED].max()))


def _groups(sigmas: Sequence[float]) -> tuple[tuple[float, ...], ...]:
    """Values in groups of the same number, the last value as often as that takes."""
    count = -(-len(sigmas) // TOGETHER)
    size = -(-len(sigmas) // count)
    full = [*sigmas, *[sigmas[-1]] * (count * size - len(sigmas))]
    return tuple(tuple(full[at : at + size]) for at in range(0, len(full), size))


def _frequencies(rows: int) -> Numbers:
    """So many, from 0 to beyond the highest of a level, that gains between them are known."""
    return np.concatenate([np.arange(64) / 2, np.geomspace(32, max(rows, 64), 96)])
