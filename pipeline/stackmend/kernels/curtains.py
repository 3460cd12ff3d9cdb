"""Curtains: streaks along y that are narrow across, long, and of one direction."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._arrays import plain_image, readonly, scratch
from stackmend.kernels._sampling import fold
from stackmend.kernels.axis_gaussian import TRUNCATE, axis_gaussian

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]

SMALLEST = 64
"""Px below which a slice says nothing about curtains, along either axis."""

ROUNDS = 3
LONGEST = 0.36  # of the longer side of a slice
THIN = 4
FEW_COLUMNS = 4  # the first band for which every fourth column says all
APART, NEAR = 4, 8  # columns apart, and how many of them are interpolated between
TO_STD = 1.4826  # of the median of absolute values, to a standard deviation


@dataclass(frozen=True)
class CurtainShape:
    """How long curtains are for their width.

    ``ratio`` is length over width, ``shortest`` a length in px; ``clip`` robust standard deviations
    are the most that a pixel weighs.
    """

    ratio: float
    shortest: float
    clip: float


@dataclass(frozen=True)
class Curtain:
    """The curtains of one band.

    ``levels`` are those of every ``size`` rows, float32 ``(ceil(Y / size), X)``, and ``energy``
    their squares, smoothed along and across.
    """

    levels: Image
    energy: Image
    size: int
    power: float


@dataclass(frozen=True)
class Drawn:
    """Curtains of a band that are to be drawn.

    ``structure`` is the mean square that structure alone would give: where there is no more, there
    is nothing. ``weight`` is the part of them that is drawn.
    """

    curtain: Curtain
    structure: float
    weight: float = 1.0


def width_of(band: int) -> float:
    """The width of a band in px, a standard deviation."""
    return 0.6 * 2.0**band


def curtain_bands(image: Image, count: int) -> Iterator[Image]:
    """Split a slice across into bands of doubling width, from narrow to wide.

    Parameters
    ----------
    image : (Y, X) float32
        At least 64 x 64 px.
    count
        How many; what is wider than the last band is in none.

    Yields
    ------
    (Y, X) float32
        Differences of Gaussians along x of 0.6, 1.2, 2.4 ... px on top of each other. All in the
        same memory: each holds until the next is asked for.

    Raises
    ------
    ValueError
        If the slice is too small.
    """
    if min(image.shape) < SMALLEST:
        size = " x ".join(map(str, image.shape))
        raise ValueError(f"a slice must have at least {SMALLEST} x {SMALLEST} px, got {size}")
    left = plain_image(image)
    band = scratch("curtain band", left.shape)
    for number in range(count):
        width = width_of(number)
        few = number >= FEW_COLUMNS
        smooth = readonly(_smooth(left, width) if few else axis_gaussian(left, 0.0, width))
        np.subtract(left, smooth, out=band)
        yield readonly(band)
        left = smooth


def _smooth(image: Image, width: float) -> Image:
    """A Gaussian along x of an image that is smooth along x already, on every fourth column.

    Truncated at the nearest of these columns to 3 ``width``, mirrored; so it differs by up to 2e-3
    of the largest level from a Gaussian on all columns.
    """
    from stackmend.kernels import _curtain_loops as loops

    index, taps, between = _sparse(image.shape[1], width)
    work = np.empty((2 + APART, index.size), np.float32)
    out = np.empty_like(image)
    loops.smooth_along(image, index, taps, between, work, out)
    return out


@lru_cache(maxsize=16)
def _sparse(size: int, width: float) -> tuple[NDArray[np.intp], Image, Image]:
    """The columns in use, the weights of a Gaussian on them, and those to interpolate between."""
    reach = int(TRUNCATE * width / APART + 0.5)
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) * (APART / width)) ** 2)
    taps = np.pad(taps / taps.sum(), (0, -taps.size % 4)).astype(np.float32)
    nodes = np.arange(1 - NEAR // 2, NEAR // 2 + 1)
    between = np.ones((APART, NEAR))
    for place, node in enumerate(nodes):
        others = np.delete(nodes, place)
        apart = np.arange(APART)[:, np.newaxis] / APART - others
        between[:, place] = (apart / (node - others)).prod(axis=1)
    count = -(-size // APART) + NEAR - 1 + taps.size - 1
    index = fold(APART * (np.arange(count) + nodes[0] - reach), size)
    return readonly(index), readonly(taps), readonly(between.astype(np.float32))


def find_curtain(
    band: Image, number: int, shape: CurtainShape, mask: Mask | None = None
) -> Curtain:
    """Estimate the curtains of one band; strong edges of structure weigh no more than others.

    Parameters
    ----------
    band : (Y, X) float32
        One of ``curtain_bands``.
    number
        Which one, from 0.
    shape
        How long they are.
    mask : (Y, X) bool, optional
        Pixels that do not take part.

    Returns
    -------
    Curtain
    """
    from stackmend.kernels import _curtain_loops as loops

    width = width_of(number)
    length = min(max(shape.shortest, shape.ratio * width), LONGEST * max(band.shape))
    size = max(int(length / 4), 1)
    sigma = float(np.sqrt(max((length / size) ** 2 - 1 / 12, 0.0)))
    levels = np.zeros((-(-band.shape[0] // size), band.shape[1]), np.float32)
    means = np.empty_like(levels)
    sample = np.empty((-(-band.shape[0] // THIN), -(-band.shape[1] // THIN)), np.float32)
    for _ in range(ROUNDS):
        loops.sampled(band, readonly(levels), size, THIN, sample)
        limit = shape.clip * TO_STD * loops.middle(readonly(sample.ravel().view(np.uint32)))
        if mask is None:
            loops.clipped_means(band, readonly(levels), size, limit, means)
        else:
            loops.clipped_means_of_some(band, readonly(mask), readonly(levels), size, limit, means)
        levels += axis_gaussian(means, sigma, 0.0)
    loops.square_means(readonly(levels), size, band.shape[0], means)
    power = _mean_of_blocks(means, size, band.shape[0], mask)
    energy = axis_gaussian(means, sigma, 2 * width)
    return Curtain(readonly(levels), readonly(energy), size, power)


def _mean_of_blocks(means: Image, size: int, rows: int, mask: Mask | None) -> float:
    """The mean over all pixels that take part, of means over blocks of rows."""
    starts = np.arange(0, rows, size)
    if mask is None:
        counts = np.minimum(rows - starts, size)
        return float(np.average(means.mean(axis=1, dtype=np.float64), weights=counts))
    taking_part = np.add.reduceat(~mask, starts, axis=0, dtype=np.float64)
    return float((means * taking_part).sum() / max(taking_part.sum(), 1.0))


def curtain_powers(
    image: Image, count: int, shape: CurtainShape, mask: Mask | None = None
) -> list[float]:
    """The mean square of what looks like curtains in each band, in squared grey levels."""
    bands = curtain_bands(image, count)
    return [find_curtain(band, number, shape, mask).power for number, band in enumerate(bands)]


def likeness(curtain: Curtain, others: Sequence[Curtain]) -> float:
    """The part of the square of curtains that those of other slices in the same band explain.

    Parameters
    ----------
    curtain
        Of a slice.
    others
        Of the others, whose mean is taken; of the same size.

    Returns
    -------
    float
        The square of the correlation, 0 to 1; 0 where it is negative or there are no others.
    """
    if not others:
        return 0.0
    own = curtain.levels.astype(np.float64)
    mean = np.mean([each.levels for each in others], axis=0, dtype=np.float64)
    together, squares = (own * mean).sum(), (own**2).sum() * (mean**2).sum()
    return float(together**2 / squares) if together > 0 else 0.0


def drawn_curtains(found: Collection[Drawn], shape: tuple[int, ...]) -> Image:
    """The curtains of some bands in every pixel.

    Parameters
    ----------
    found
        Those of each band.
    shape
        Of the slice.

    Returns
    -------
    (Y, X) float32
    """
    from stackmend.kernels import _curtain_loops as loops

    out = np.zeros(shape, np.float32)
    for each in found:
        own = each.curtain
        loops.add_curtains(own.levels, own.energy, own.size, each.structure, each.weight, out)
    return out
