"""Gradients of a slice, weighted by their surroundings, and rims along the scan line."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._arrays import plain_image, readonly
from stackmend.kernels.gaussian import gaussian

Image = NDArray[np.float32]

FINE = 1.0  # px: blur before every gradient; noise of single pixels is no texture
NEAR = 12.0  # px: how far the surroundings go whose gradients are the measure
ENOUGH = 2**19  # pixels that tell a median well enough
LEAST = 0.01  # grey levels squared: rounding to whole grey levels alone makes gradients near to it
SQUARE = 4  # px: blocks whose squares are averaged before they are smoothed
BLOCK = 8  # columns that are summed before they are weighted by their distance
DOUBLE_ROWS, DOUBLE_BLOCKS = 3, 8  # pairs that differ by less are the same pair


@dataclass(frozen=True, eq=False)
class Gradients:
    """Gradients of the blurred slice along y and x and their weights, ``(Y, X)`` float32.

    A weight is one over the mean square of the gradients around, plus their median, so that a
    gradient of the usual size weighs 1. `usual` are those two medians.
    """

    down: Image
    along: Image
    down_weight: Image
    along_weight: Image
    usual: tuple[float, float]


@dataclass(frozen=True)
class RimPair:
    """A rise at row `top`, a fall at row `bottom` of a column; the `score` of the weaker."""

    score: float
    top: int
    bottom: int
    column: int


def weight_of(gradient: Image, usual: float, near: float = NEAR) -> Image:
    """One over the mean square around, plus the usual one; ``(Y, X)`` float32.

    The mean is a Gaussian over blocks of ``SQUARE`` px, which are no wider than a third of it.
    """
    from stackmend.kernels import _streak_loops

    n_rows, n_columns = gradient.shape
    blocks = np.empty((-(-n_rows // SQUARE), -(-n_columns // SQUARE)), dtype=np.float32)
    _streak_loops.block_squares(readonly(gradient), SQUARE, blocks)
    blocks = readonly(gaussian(blocks, near / SQUARE))
    out, row = np.empty_like(gradient), np.empty(blocks.shape[1], dtype=np.float32)
    _streak_loops.weights_from_blocks(blocks, SQUARE, np.float32(usual), row, out)
    return out


def _usual(gradient: Image) -> float:
    step = max(1, gradient.size // ENOUGH)
    return max(_median_square(gradient[::step]), LEAST)


def _median_square(values: Image) -> float:
    """Of those that are not 0: what lies beside a slice, blanked, says nothing about it."""
    squares = (values * values)[values != 0]
    return float(np.median(squares)) if squares.size else 0.0


def gradients(image: Image) -> Gradients:
    """Gradients of a slice and their weights.

    Parameters
    ----------
    image : ndarray of float32, shape (Y, X)
        Grey levels of an 8-bit slice, all finite; at least one pixel.

    Returns
    -------
    Gradients
        Central differences of the slice blurred by ``FINE`` px.

    Raises
    ------
    ValueError
        If the image is not two-dimensional or is empty.
    """
    from stackmend.kernels import _streak_loops

    plain = plain_image(image)
    down, along = np.empty_like(plain), np.empty_like(plain)
    _streak_loops.central_differences(readonly(gaussian(plain, FINE)), down, along)
    usual = _usual(down), _usual(along)
    return Gradients(down, along, weight_of(down, usual[0]), weight_of(along, usual[1]), usual)


def rim_map(slopes: Gradients, length: float) -> Image:
    """How strongly the slice rises along y, summed along x; ``(Y, blocks)`` float32.

    Parameters
    ----------
    slopes : Gradients
    length : float
        Pixels: standard deviation of the Gaussian window along x. Beyond the frame there is
        nothing.
    """
    from stackmend.kernels import _streak_loops

    n_rows, n_columns = slopes.down.shape
    sums = np.empty((n_rows, -(-n_columns // BLOCK)), dtype=np.float32)
    _streak_loops.block_sums(readonly(slopes.down), readonly(slopes.down_weight), BLOCK, sums)
    rows = np.zeros_like(sums)
    rows[1:-1] = sums[2:] + sums[:-2]
    return _along_blocks(rows, length / BLOCK)


def _along_blocks(rows: Image, sigma: float) -> Image:
    reach = int(3 * sigma + 0.5)
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(sigma, 1e-6)) ** 2)
    taps = (taps / taps.sum()).astype(np.float32)
    padded = np.pad(rows, ((0, 0), (reach, reach)))
    result = np.zeros_like(rows)
    for k in range(taps.size):
        result += taps[k] * padded[:, k : k + rows.shape[1]]
    return result


def rim_pairs(rims: Image, lowest: float, smallest: int, height: int, most: int) -> list[RimPair]:
    """Pairs of a rise and the fall below it, strongest first, each once.

    Parameters
    ----------
    rims : ndarray of float32, shape (Y, blocks)
        A map of rims; 1.4826 times the median of its absolute values (but 0) is the unit of the
        scores.
    lowest : float
        Rims that score less make no pair.
    smallest, height : int
        Rows that the two may be apart, at least and at most.
    most : int
        At most so many.
    """
    unit = 1.4826 * sqrt(_median_square(rims))
    if unit == 0:
        return []
    scores = (rims / np.float32(unit)).T
    risings, fallings = _peaks(scores, lowest), _peaks(-scores, lowest)
    found = []
    for block in range(scores.shape[0]):
        tops, bottoms = np.flatnonzero(risings[block]), np.flatnonzero(fallings[block])
        apart = bottoms[None, :] - tops[:, None]
        for i, k in np.argwhere((apart >= smallest) & (apart <= height)).tolist():
            top, bottom = int(tops[i]), int(bottoms[k])
            score = min(float(scores[block, top]), -float(scores[block, bottom]))
            found.append(RimPair(score, top, bottom, block * BLOCK + BLOCK // 2))
    found.sort(key=lambda pair: (-pair.score, pair.top, pair.bottom, pair.column))
    return _distinct(found, most)


def _peaks(scores: Image, lowest: float) -> NDArray[np.bool_]:
    """Where a line of scores has a maximum above the lowest; the ends are none."""
    inner = scores[:, 1:-1]
    result = np.zeros(scores.shape, dtype=np.bool_)
    result[:, 1:-1] = (inner > lowest) & (inner >= scores[:, :-2]) & (inner > scores[:, 2:])
    return result


def _distinct(found: list[RimPair], most: int) -> list[RimPair]:
    kept: list[RimPair] = []
    for pair in found:
        if len(kept) == most:
            break
        if not any(_same(pair, other) for other in kept):
            kept.append(pair)
    return kept


def _same(one: RimPair, other: RimPair) -> bool:
    rows = max(abs(one.top - other.top), abs(one.bottom - other.bottom))
    return rows < DOUBLE_ROWS and abs(one.column - other.column) < DOUBLE_BLOCKS * BLOCK
