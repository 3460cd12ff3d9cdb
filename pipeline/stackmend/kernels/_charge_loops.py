"""The compiled inner loops of the learnt charging model; see `_loops`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._loops import Image, compiled

Rows = NDArray[np.float64]

GROUP = 2048  # samples whose products are summed in float32
BLOCK = 128  # pixels worked on at a time: their features stay in the innermost cache


@compiled
def hidden_rows(block: Image, weights: Image, out: Image) -> None:
    """Set ``out[h]`` to ``max(weights[h] @ block, 0)``; a multiple of four features."""
    n = block.shape[1]
    for h in range(weights.shape[0]):
        total = out[h]
        for x in range(n):
            total[x] = 0
        for f in range(0, weights.shape[1], 4):
            row0, row1, row2, row3 = block[f], block[f + 1], block[f + 2], block[f + 3]
            w0, w1, w2, w3 = weights[h, f], weights[h, f + 1], weights[h, f + 2], weights[h, f + 3]
            for x in range(n):
                total[x] += (w0 * row0[x] + w1 * row1[x]) + (w2 * row2[x] + w3 * row3[x])
        for x in range(n):
            total[x] = max(total[x], np.float32(0))


@compiled
def add_rows(rows: Image, factors: Image, total: Image) -> None:
    """Add ``factors @ rows`` to `total`, which may be shorter than the rows."""
    for i in range(rows.shape[0]):
        factor, row = factors[i], rows[i]
        for x in range(total.size):
            total[x] += factor * row[x]


@compiled
def predict(
    features: Image,
    wanted: NDArray[np.bool_],
    scaling: Image,
    limit: float,
    weights: Image,
    coefficients: Image,
    out: Image,
) -> None:
    """Set `out` (outputs, N) to `coefficients` @ (hidden values, then features (F, N)).

    `scaling` holds, for each feature, what is subtracted from it and what it is multiplied by.
    Blocks of pixels of which none is `wanted` are left as they are.
    """
    n_features, n = features.shape
    n_hidden = weights.shape[0]
    hidden = np.empty((n_hidden, BLOCK), np.float32)
    block = np.zeros((weights.shape[1], BLOCK), np.float32)
    block[n_features] = 1
    high = np.float32(limit)
    for start in range(0, n, BLOCK):
        size = min(start + BLOCK, n) - start
        if not np.any(wanted[start : start + size]):
            continue
        for f in range(n_features):
            row, source = block[f], features[f, start : start + size]
            offset, factor = scaling[f, 0], scaling[f, 1]
            for x in range(size):
                row[x] = min(max((source[x] - offset) * factor, -high), high)
        hidden_rows(block, weights, hidden)
        for o in range(out.shape[0]):
            total = out[o, start : start + size]
            total[:] = 0
            add_rows(hidden, coefficients[o], total)
            add_rows(block, coefficients[o, n_hidden:], total)


@compiled
def lifted_rows(features: Image, weights: Image, out: Image) -> None:
    """Set ``out[i]`` to the hidden values of sample i, followed by its features."""
    n_features, n = features.shape
    n_hidden = weights.shape[0]
    hidden = np.empty((n_hidden, BLOCK), np.float32)
    block = np.zeros((n_features, BLOCK), np.float32)
    for start in range(0, n, BLOCK):
        stop = min(start + BLOCK, n)
        block[:, : stop - start] = features[:, start:stop]
        hidden_rows(block, weights, hidden)
        for x in range(stop - start):
            row = out[start + x]
            for h in range(n_hidden):
                row[h] = hidden[h, x]
            for f in range(n_features):
                row[n_hidden + f] = block[f, x]


@compiled
def add_products(rows: Image, part: Image, total: Rows) -> None:
    """Add ``rows.T @ rows`` to the lower triangle of `total`; a multiple of eight rows.

    `part` is work space.
    """
    n, size = rows.shape
    for start in range(0, n, GROUP):
        stop = min(start + GROUP, n)
        part[:] = 0
        for k in range(start, stop, 8):
            row0, row1, row2, row3 = rows[k], rows[k + 1], rows[k + 2], rows[k + 3]
            row4, row5, row6, row7 = rows[k + 4], rows[k + 5], rows[k + 6], rows[k + 7]
            for i in range(size):
                sums = part[i, : i + 1]
                a0, a1, a2, a3 = row0[i], row1[i], row2[i], row3[i]
                a4, a5, a6, a7 = row4[i], row5[i], row6[i], row7[i]
                for j in range(i + 1):
                    sums[j] += ((a0 * row0[j] + a1 * row1[j]) + (a2 * row2[j] + a3 * row3[j])) + (
                        (a4 * row4[j] + a5 * row5[j]) + (a6 * row6[j] + a7 * row7[j])
                    )
        for i in range(size):
            for j in range(i + 1):
                total[i, j] += part[i, j]


@compiled
def add_targets(rows: Image, targets: Image, total: Rows) -> None:
    """Add ``targets @ rows`` to the first row of `total`."""
    for k in range(targets.size):
        row, target = rows[k], np.float64(targets[k])
        for i in range(row.size):
            total[0, i] += target * row[i]


@compiled
def solve(matrix: Rows, sides: Rows) -> None:
    """Replace each row of `sides` by the solution of the positive definite `matrix`.

    Cholesky: the lower triangle of the matrix becomes the factor.
    """
    n = matrix.shape[0]
    for i in range(n):
        row = matrix[i]
        for j in range(i + 1):
            other = matrix[j]
            total = row[j]
            for k in range(j):
                total -= row[k] * other[k]
            row[j] = np.sqrt(total) if i == j else total / other[j]
    for s in range(sides.shape[0]):
        side = sides[s]
        for i in range(n):
            total = side[i]
            for k in range(i):
                total -= matrix[i, k] * side[k]
            side[i] = total / matrix[i, i]
        for i in range(n - 1, -1, -1):
            side[i] /= matrix[i, i]
            for k in range(i):
                side[k] -= matrix[i, k] * side[i]
