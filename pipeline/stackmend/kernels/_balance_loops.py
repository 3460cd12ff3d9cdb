"""The compiled loops of grey levels that slices have in common, and of what follows for each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._loops import compiled

Pixels = NDArray[np.float32]
Numbers = NDArray[np.float64]
Index = NDArray[np.intp]

TUKEY = 4.685  # scales of a residual from which on a pixel has no weight
LANES = 256  # sums side by side, so that the processor adds several at once


@compiled
def weighted_sums(
    first: Pixels, second: Pixels, left: Pixels, scale: float, about: Numbers, out: Numbers
) -> None:
    """Sums of Tukey's weights of the residuals `left`, of two images, and of their squares.

    Grey levels count from `about`, one for each image. Where the `scale` is 0, so is the weight of
    all pixels with a residual; where it is infinite, all weights are 1.
    """
    here, there = np.float32(about[0]), np.float32(about[1])
    inverse = np.float32(1 / max(TUKEY * scale, 1e-30))
    weights, ones, twos = np.zeros(LANES), np.zeros(LANES), np.zeros(LANES)
    squares, others = np.zeros(LANES), np.zeros(LANES)
    for start in range(0, first.size, LANES):
        stop = min(start + LANES, first.size)
        a, b, r = first[start:stop], second[start:stop], left[start:stop]
        for k in range(stop - start):
            ratio = r[k] * inverse
            weight = max(np.float32(1) - ratio * ratio, np.float32(0))
            weight *= weight
            one, two = a[k] - here, b[k] - there
            weights[k] += weight
            ones[k] += weight * one
            twos[k] += weight * two
            squares[k] += weight * one * one
            others[k] += weight * two * two
    out[0], out[1], out[2] = weights.sum(), ones.sum(), twos.sum()
    out[3], out[4] = squares.sum(), others.sum()


@compiled
def distances(first: Pixels, second: Pixels, gain: float, offset: float, out: Pixels) -> None:
    """Set `out` to ``abs(gain * second + offset - first)``."""
    factor, term = np.float32(gain), np.float32(offset)
    for k in range(first.size):
        out[k] = abs(factor * second[k] + term - first[k])


@compiled
def blurred_at(
    image: Pixels, matrix: Numbers, sigma: float, reach: int, step: int, out: Pixels
) -> None:
    """Set every ``out[i, j]`` to the blur of an image at ``matrix @ (step i, step j, 1)``.

    The image is mirrored at its edges; what lies beyond these is no number.
    """
    rows, columns = image.shape
    count = 2 * reach + 2
    across, along = np.empty(count, np.float32), np.empty(count, np.float32)
    places = np.empty(count, np.intp)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            y = matrix[0, 0] * (step * i) + matrix[0, 1] * (step * j) + matrix[0, 2]
            x = matrix[1, 0] * (step * i) + matrix[1, 1] * (step * j) + matrix[1, 2]
            if y < 0 or x < 0 or y > rows - 1 or x > columns - 1:
                out[i, j] = np.nan
                continue
            top, left = int(y) - reach, int(x) - reach
            high = wide = 0.0
            for k in range(count):
                across[k] = np.exp(-0.5 * ((top + k - y) / sigma) ** 2)
                along[k] = np.exp(-0.5 * ((left + k - x) / sigma) ** 2)
                high += across[k]
                wide += along[k]
                places[k] = mirrored(left + k, columns)
            total = 0.0
            for k in range(count):
                line = image[mirrored(top + k, rows)]
                own = np.float32(0)
                for m in range(count):
                    own += along[m] * line[places[m]]
                total += across[k] * own
            out[i, j] = total / (high * wide)


@compiled
def mirrored(place: int, size: int) -> int:
    """A place beyond the ends of an axis, mirrored at the centre of its last pixel."""
    if size == 1:
        return 0
    folded = place % (2 * (size - 1))
    return min(folded, 2 * (size - 1) - folded)


@compiled
def from_differences(
    first: Index, second: Index, differences: Numbers, weights: Numbers, band: int, out: Numbers
) -> None:
    """Set `out` to the numbers of which ``out[second] - out[first]`` fits `differences` best.

    They are determined but for a term, which is chosen so that the first is 0. The two of a
    pair are at most `band` apart, and pairs lead from every number to every other.
    """
    count = out.size
    rows = np.zeros((count, band + 1))  # [i, d]: the product with number i - d
    rows[0, 0] = 1.0
    out[:] = 0.0
    for k in range(first.size):
        i, j = min(first[k], second[k]), max(first[k], second[k])
        rows[i, 0] += weights[k]
        rows[j, 0] += weights[k]
        rows[j, j - i] -= weights[k]
        out[second[k]] += weights[k] * differences[k]
        out[first[k]] -= weights[k] * differences[k]

    # Cholesky's factor of the band, then forward and back.
    for i in range(count):
        low = max(i - band, 0)
        for j in range(low, i + 1):
            total = rows[i, i - j]
            for k in range(low, j):
                if j - k <= band:
                    total -= rows[i, i - k] * rows[j, j - k]
            rows[i, i - j] = np.sqrt(total) if i == j else total / rows[j, 0]
    for i in range(count):
        for k in range(max(i - band, 0), i):
            out[i] -= rows[i, i - k] * out[k]
        out[i] /= rows[i, 0]
    for i in range(count - 1, -1, -1):
        for k in range(i + 1, min(i + band + 1, count)):
            out[i] -= rows[k, k - i] * out[k]
        out[i] /= rows[i, 0]
