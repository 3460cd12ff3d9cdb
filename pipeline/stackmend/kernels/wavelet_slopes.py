"""Slopes of what a wavelet filter takes, and of what it leaves, for many widths at once.

What is taken is linear in the gains of frequencies, and gains are smooth in sigma. So it is
computed for some values of sigma alone, and mixed from those beside them for the others. Columns
are worked on in blocks, and no image is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._arrays import plain_image, readonly, scratch
from stackmend.kernels.wavelets import ColumnSpectra, take_columns

Image = NDArray[np.float32]
Numbers = NDArray[np.float64]
Index = NDArray[np.intp]

TOLERANCE = 3e-5
"""By how much a mixture of gains may differ, of 1."""

MIXED = 12
"""Values that are mixed at most, as ``add_between`` does."""

BLOCK = 256
TOGETHER = 6
"""Values of sigma whose rows are made at once: they share what a call costs."""


def mean_slopes(image: Image, columns: ColumnSpectra, sigmas: Sequence[float]) -> Numbers:
    """Mean absolute slopes for each sigma: along y of what is taken, along x of what is left.

    Parameters
    ----------
    image : (Y, X) float32
        That was decomposed.
    columns
        As ``column_spectra`` gives them.
    sigmas
        As for ``less_columns``.

    Returns
    -------
    (sigmas, 2) float64
        Grey levels per px, of central differences, at the edges to one side.
    """
    from stackmend.kernels import _wavelet_loops

    image = plain_image(image)
    height, width = image.shape
    groups, first, weights, places = _mixtures(tuple(sigmas), height)
    count = len(groups) * len(groups[0]) + len(first)
    along, across = np.zeros((2, count))
    for start in range(0, width, BLOCK):
        stop = min(start + BLOCK, width)
        part = slice(max(start - 1, 0), min(stop + 1, width))
        shape = len(groups), height + height % 2, len(groups[0]), part.stop - part.start
        known = scratch("what is taken", shape)
        for group, out in zip(groups, known, strict=True):
            take_columns(columns, group, part, out)
        sums = np.zeros((2, count, part.stop - part.start))
        own = readonly(np.ascontiguousarray(image[:, part]))
        _wavelet_loops.add_slopes(own, readonly(known), first, weights, *sums)
        inside = slice(start - part.start, stop - part.start)
        along += sums[0, :, inside].sum(axis=1)
        across += sums[1, :, inside].sum(axis=1)
    return np.stack([along[places], across[places]], axis=1) / (2 * image.size)


@lru_cache(maxsize=8)
def _mixtures(
    sigmas: tuple[float, ...], rows: int
) -> tuple[list[tuple[float, ...]], Index, NDArray[np.float32], Index]:
    """Values of sigma to be computed, in groups; which of them are mixed for each of all, and how.

    They are chosen one by one, where the mixture of the others is worst.
    """
    given = np.array(sorted(set(sigmas)))
    gains = np.exp(-(_frequencies(rows)[:, np.newaxis] ** 2) / (2 * given**2))
    computed = sorted({0, len(given) - 1})
    known: dict[tuple[int, ...], tuple[NDArray[np.float64], float]] = {}

    def mixed(place: int) -> tuple[int, NDArray[np.float64], float]:
        """The first that is mixed, the weights, and the largest error."""
        start = _first_near(given[computed], given[place])
        near = computed[start : start + MIXED]
        key = place, *near
        if key not in known:
            best = np.linalg.lstsq(gains[:, near], gains[:, place], rcond=None)[0]
            known[key] = best, float(np.abs(gains[:, near] @ best - gains[:, place]).max())
        return start, *known[key]

    while True:
        errors = [0 if place in computed else mixed(place)[2] for place in range(len(given))]
        if max(errors) <= TOLERANCE:
            break
        computed = sorted({*computed, int(np.argmax(errors))})
    groups = _groups(given[computed].tolist())
    others = [place for place in range(len(given)) if place not in computed]
    first, weights = np.zeros(len(others), np.intp), np.zeros((len(others), MIXED), np.float32)
    for index, place in enumerate(others):
        first[index], best, _ = mixed(place)
        weights[index, : len(best)] = best
    at = {place: index for index, place in enumerate(computed)}
    at |= {place: len(groups) * len(groups[0]) + index for index, place in enumerate(others)}
    places = np.array([at[place] for place in np.searchsorted(given, sigmas)])
    return groups, readonly(first), readonly(weights), places


def _first_near(computed: Numbers, sigma: float) -> int:
    """The first of those computed that are nearest to a sigma."""
    apart = np.abs(np.log(computed / sigma))
    starts = range(max(len(computed) - MIXED, 0) + 1)
    return min(starts, key=lambda start: float(apart[start : start + MIXED].max()))


def _groups(sigmas: Sequence[float]) -> list[tuple[float, ...]]:
    """Values in groups of the same number, the last value as often as that takes."""
    count = -(-len(sigmas) // TOGETHER)
    size = -(-len(sigmas) // count)
    full = [*sigmas, *[sigmas[-1]] * (count * size - len(sigmas))]
    return [tuple(full[at : at + size]) for at in range(0, len(full), size)]


def _frequencies(rows: int) -> Numbers:
    """So many that gains between them are known, up to the highest of a level."""
    halves = np.arange(64) / 2
    return np.concatenate([halves, np.geomspace(32, max(rows, 64), 96)])
