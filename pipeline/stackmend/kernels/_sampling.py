"""The weights of a Gaussian blur along one axis.

They are the truncated kernel, and its split into samples, spreading and tails. The method is told
in `gaussian`. All mirroring at the ends is in the matrices here: they are as wide as the axis.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, floor, pi, sqrt

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
Index = NDArray[np.intp]

TRUNCATE = 4.0
STEP = 0.5  # distance of the samples in sigmas
SPREAD = 0.35  # share of the variance that the spreading has; the sampling has the rest
BLOCK = 128  # columns that are spread to together
REACH = 5.6  # sigmas after which a Gaussian is below float32


Band = tuple[Index, Image, int]
"""A matrix by its band: `first`, `weights` and `n_rows`.

Row i holds `weights[i]` from column `first[i]` on; it multiplies `n_rows` rows.
"""


def radius(sigma: float) -> int:
    """The last offset of the truncated kernel."""
    return int(TRUNCATE * sigma + 0.5)


def _bell(distance: NDArray[np.floating | np.integer], sigma: float) -> NDArray[np.float64]:
    bell: NDArray[np.float64] = np.exp(-0.5 * (np.asarray(distance, dtype=np.float64) / sigma) ** 2)
    return bell


def fold(position: NDArray[np.integer], size: int) -> Index:
    """Positions outside 0..size-1 mirrored back, as often as it takes."""
    if size == 1:
        return np.zeros(position.shape, dtype=np.intp)
    wrapped = position.astype(np.intp) % (2 * (size - 1))
    folded: Index = np.minimum(wrapped, 2 * (size - 1) - wrapped)
    return folded


def kernel_of(sigma: float) -> NDArray[np.float64]:
    bell = _bell(np.arange(-radius(sigma), radius(sigma) + 1), sigma)
    kernel: NDArray[np.float64] = bell / bell.sum()
    return kernel


def _dense(
    column: NDArray[np.integer], weight: NDArray[np.float64], n_columns: int
) -> NDArray[np.float64]:
    """The matrix that has `weight[i, k]` added at ``(i, fold(column[i, k]))``."""
    # The loops take four columns at a time: a short axis is continued by zeros.
    dense = np.zeros((column.shape[0], -(-n_columns // 4) * 4))
    np.add.at(dense, (np.arange(column.shape[0])[:, None], fold(column, n_columns)), weight)
    return dense


def _band(dense: NDArray[np.float64]) -> Band:
    used = dense != 0
    low, high = used.argmax(axis=1), dense.shape[1] - used[:, ::-1].argmax(axis=1)
    width = -(-int((high - low).max()) // 4) * 4
    first = np.minimum(low, dense.shape[1] - width)
    weights = np.take_along_axis(dense, first[:, None] + np.arange(width), axis=1).astype(
        np.float32
    )
    return first, weights, int(first.max()) + width


def _blocks(dense: NDArray[np.float64]) -> Band:
    """The band of each block of rows, transposed: shape (block, column, row)."""
    n_blocks = -(-dense.shape[0] // BLOCK)
    padded = np.pad(dense, ((0, n_blocks * BLOCK - dense.shape[0]), (0, 0)))
    stacked = padded.reshape(n_blocks, BLOCK, -1)
    first, band, _ = _band(np.abs(stacked).max(axis=1))
    columns = first[:, None] + np.arange(band.shape[1])
    weights = np.take_along_axis(stacked, columns[:, None, :], axis=2).transpose(0, 2, 1)
    return first, np.ascontiguousarray(weights, dtype=np.float32), dense.shape[1]


@lru_cache(maxsize=64)
def axis_of(size: int, sigma: float) -> tuple[Band, Band | None, Band | None, Image]:
    """One axis: sampling, spreading, this once more in blocks, and the tails that are cut off.

    The spreading is None where every pixel is sampled. In blocks it is for use along rows: from
    sample `first[b]` on, `weights[b]` (samples, pixels) leads to block b of the pixels.
    """
    kernel, reach = kernel_of(sigma), radius(sigma)
    n_steps = ceil((size - 1) / (STEP * sigma))
    pixels = np.arange(size)
    if n_steps >= size - 1:
        taps = pixels[:, None] + np.arange(-reach, reach + 1)
        every = _band(_dense(taps, np.broadcast_to(kernel, taps.shape), size))
        return every, None, None, np.zeros(0, np.float32)
    step = (size - 1) / n_steps
    narrow, wide = sqrt(SPREAD) * sigma, sqrt(1 - SPREAD) * sigma
    places = np.arange(n_steps + 1) * step
    taps = np.floor(places).astype(np.intp)[:, None] + np.arange(
        -floor(REACH * wide), floor(REACH * wide) + 2
    )
    sample = _band(_dense(taps, _bell(taps - places[:, None], wide), size))
    near = floor(REACH * narrow / step) + 1
    knots = np.rint(pixels / step).astype(np.intp)[:, None] + np.arange(-near, near + 1)
    # The product of two Gaussians summed over the samples is the wide one times this; kernel[reach]
    # is its height.
    scale = step * sigma / (sqrt(2 * pi) * narrow * wide) * kernel[reach]
    spread = _dense(knots, _bell(knots * step - pixels[:, None], narrow) * scale, n_steps + 1)
    tail = -_bell(np.arange(reach + 1, floor(REACH * sigma) + 2), sigma) * kernel[reach]
    return sample, _band(spread), _blocks(spread), tail.astype(np.float32)
