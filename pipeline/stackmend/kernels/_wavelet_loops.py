"""The compiled loops of the wavelet transform: one level of it, along the first axis."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._loops import WIDE, Index, compiled

Array = NDArray[np.floating]
Totals = NDArray[np.float64]

BLOCK = 256  # columns worked on at a time


@compiled
def down(rows: Array, index: Index, taps: Array, out: Array) -> None:
    """Add ``sum_j taps[j] * rows[index[2 k + 1 - j + taps.size]]`` to every ``out[k]``."""
    for start in range(0, out.shape[1], WIDE):
        stop = min(start + WIDE, out.shape[1])
        for k in range(out.shape[0]):
            total = out[k, start:stop]
            for j in range(0, taps.size, 2):
                one = rows[index[2 * k + 1 - j + taps.size], start:stop]
                two = rows[index[2 * k - j + taps.size], start:stop]
                for x in range(stop - start):
                    total[x] += taps[j] * one[x] + taps[j + 1] * two[x]


@compiled
def two_rows(rows: Array, taps: Array, m: int, start: int, even: Array, odd: Array) -> None:
    """Set a part, from column ``start`` on, of two rows of what ``up`` gives.

    The number of taps is a multiple of eight; those at the end that are only there for this are 0.
    """
    even[:] = 0
    odd[:] = 0
    stop = start + even.size
    for u in range(0, taps.size // 2, 4):
        at = m - u
        row0, row1 = rows[max(at, 0), start:stop], rows[max(at - 1, 0), start:stop]
        row2, row3 = rows[max(at - 2, 0), start:stop], rows[max(at - 3, 0), start:stop]
        even0, even1, even2, even3 = taps[2 * u], taps[2 * u + 2], taps[2 * u + 4], taps[2 * u + 6]
        odd0, odd1, odd2, odd3 = taps[2 * u + 1], taps[2 * u + 3], taps[2 * u + 5], taps[2 * u + 7]
        for x in range(even.size):
            even[x] += (even0 * row0[x] + even1 * row1[x]) + (even2 * row2[x] + even3 * row3[x])
            odd[x] += (odd0 * row0[x] + odd1 * row1[x]) + (odd2 * row2[x] + odd3 * row3[x])


@compiled
def up(rows: Array, taps: Array, half: int, out: Array) -> None:
    """Set every ``out[i]`` to ``sum_k taps[i + 2 half - 2 - 2 k] * rows[k]``; an even number."""
    for start in range(0, out.shape[1], BLOCK):
        stop = min(start + BLOCK, out.shape[1])
        for m in range(out.shape[0] // 2):
            even, odd = out[2 * m, start:stop], out[2 * m + 1, start:stop]
            two_rows(rows, taps, m + half - 1, start, even, odd)


@compiled
def less_up(image: Array, rows: Array, taps: Array, half: int, out: Array) -> None:
    """Set ``out`` to the image less what ``up`` gives."""
    even, odd = np.empty(BLOCK, out.dtype), np.empty(BLOCK, out.dtype)
    for start in range(0, out.shape[1], BLOCK):
        stop = min(start + BLOCK, out.shape[1])
        size = stop - start
        for m in range((out.shape[0] + 1) // 2):
            two_rows(rows, taps, m + half - 1, start, even[:size], odd[:size])
            for y in range(2 * m, min(2 * m + 2, out.shape[0])):
                taken = even if y == 2 * m else odd
                total, row = out[y, start:stop], image[y, start:stop]
                for x in range(size):
                    total[x] = row[x] - taken[x]


@compiled
def add_between(waves: Array, first: Index, weights: Array, out: Array) -> None:
    """Add ``sum_j weights[y, j] * waves[first[y] + j]``, from the start again behind the end.

    There are twelve weights.
    """
    size = waves.shape[0]
    for start in range(0, out.shape[1], BLOCK):
        stop = min(start + BLOCK, out.shape[1])
        for y in range(out.shape[0]):
            total, at, taps = out[y, start:stop], first[y], weights[y]
            row0, row1 = waves[at, start:stop], waves[(at + 1) % size, start:stop]
            row2, row3 = waves[(at + 2) % size, start:stop], waves[(at + 3) % size, start:stop]
            row4, row5 = waves[(at + 4) % size, start:stop], waves[(at + 5) % size, start:stop]
            row6, row7 = waves[(at + 6) % size, start:stop], waves[(at + 7) % size, start:stop]
            row8, row9 = waves[(at + 8) % size, start:stop], waves[(at + 9) % size, start:stop]
            row10, row11 = waves[(at + 10) % size, start:stop], waves[(at + 11) % size, start:stop]
            tap0, tap1, tap2, tap3 = taps[0], taps[1], taps[2], taps[3]
            tap4, tap5, tap6, tap7 = taps[4], taps[5], taps[6], taps[7]
            tap8, tap9, tap10, tap11 = taps[8], taps[9], taps[10], taps[11]
            for x in range(total.size):
                low = (tap0 * row0[x] + tap1 * row1[x]) + (tap2 * row2[x] + tap3 * row3[x])
                mid = (tap4 * row4[x] + tap5 * row5[x]) + (tap6 * row6[x] + tap7 * row7[x])
                high = (tap8 * row8[x] + tap9 * row9[x]) + (tap10 * row10[x] + tap11 * row11[x])
                total[x] += low + mid + high


@compiled
def add_slopes(
    image: Array, known: Array, first: Index, weights: Array, along: Totals, across: Totals
) -> None:
    """Add by column twice the slopes along y of arrays, and along x of the image less these.

    The arrays are those known, ``(groups, Y, some, X)``, and mixtures of them as of
    ``add_between``. Differences are central, at the edges to one side. Where nothing is taken,
    slopes along x are to the last bit those of the image.
    """
    height, width = image.shape
    groups, size, last = known.shape[0], known.shape[2], height - 1
    given, count = groups * size, groups * size + first.size
    one, two = np.float32(1), np.float32(2)
    rows = np.empty((3, count, width), np.float32)
    slope = np.empty(width, np.float32)
    for y in range(height):
        row, next_to, far = rows[y % 3], rows[(y - 1) % 3], rows[(y - 2) % 3]
        for group in range(groups):
            row[group * size : (group + 1) * size] = known[group, y]
        row[given:] = 0
        add_between(row[:given], first, weights, row[given:])
        if y > 1:
            add_apart(row.reshape(-1), far.reshape(-1), one, along.reshape(-1))
        if y == 1:
            add_apart(row.reshape(-1), next_to.reshape(-1), two, along.reshape(-1))
        if y == last:
            add_apart(row.reshape(-1), next_to.reshape(-1), two, along.reshape(-1))
        slopes_across(image[y], slope)
        for s in range(count):
            add_slopes_across(slope, row[s], across[s])


@compiled
def slopes_across(row: Array, out: Array) -> None:
    """Set ``out`` to differences of a row: central, at the edges twice those to one side."""
    last = row.size - 1
    for x in range(1, last):
        out[x] = row[x + 1] - row[x - 1]
    out[0] = np.float32(2) * (row[1] - row[0])
    out[last] = np.float32(2) * (row[last] - row[last - 1])


@compiled
def add_slopes_across(slope: Array, taken: Array, out: Totals) -> None:
    """Add the absolute differences of a row less what is taken of it."""
    last = taken.size - 1
    ahead, middle, total = taken[2:], slope[1:], out[1:]
    for x in range(last - 1):
        total[x] += abs(middle[x] - (ahead[x] - taken[x]))
    two = np.float32(2)
    out[0] += abs(slope[0] - two * (taken[1] - taken[0]))
    out[last] += abs(slope[last] - two * (taken[last] - taken[last - 1]))


@compiled
def add_apart(row: Array, other: Array, weight: np.float32, out: Totals) -> None:
    """Add how far two rows are apart."""
    for x in range(out.size):
        out[x] += weight * abs(row[x] - other[x])
