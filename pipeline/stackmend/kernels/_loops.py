"""The compiled inner loops of the kernels: numba is imported here and nowhere else.

The public modules import it at their first use, so that importing the package does not pay for the
compiler. Every loop releases the interpreter lock and is cached on disk after its first
compilation. Floating-point operations are neither reordered nor fused: the same bits on every
processor, for any number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

Image = NDArray[np.float32]
Index = NDArray[np.intp]

NARROW = 256  # columns worked on at a time, so that the rows in hand stay in the cache
WIDE = 2048

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    try:
        return cast(F, njit(nogil=True, cache=True)(function))
    except (
        RuntimeError
    ):  # no folder that the cache could be written to: compiled anew in each process
        return cast(F, njit(nogil=True)(function))


@compiled
def slide(rows: Image, index: Index, taps: Image, out: Image) -> None:
    """Add ``sum_k taps[k + 3] * rows[index[i + k]]`` to every ``out[i]``.

    `taps` has three zeros at either end.
    """
    n_rows, n_columns = out.shape
    # Four rows of the output share each row that is read: the taps are shifted by one from each to
    # the next.
    for start in range(0, n_columns, WIDE):
        stop = min(start + WIDE, n_columns)
        for i in range(0, n_rows - 3, 4):
            out0, out1 = out[i, start:stop], out[i + 1, start:stop]
            out2, out3 = out[i + 2, start:stop], out[i + 3, start:stop]
            for k in range(taps.size - 3):
                row = rows[index[i + k], start:stop]
                for x in range(stop - start):
                    out0[x] += taps[k + 3] * row[x]
                    out1[x] += taps[k + 2] * row[x]
                    out2[x] += taps[k + 1] * row[x]
                    out3[x] += taps[k] * row[x]
        for i in range(n_rows - n_rows % 4, n_rows):
            out0 = out[i, start:stop]
            for k in range(taps.size - 6):
                row = rows[index[i + k], start:stop]
                for x in range(stop - start):
                    out0[x] += taps[k + 3] * row[x]


@compiled
def slide_along(rows: Image, index: Index, taps: Image, work: Image, out: Image) -> None:
    """Add ``sum_k taps[k] * rows[:, index[x + k]]`` to every ``out[:, x]``.

    The number of taps is a multiple of four.
    """
    n = out.shape[1]
    for y in range(out.shape[0]):
        row, total = rows[y], out[y]
        for k in range(index.size):
            work[k] = row[index[k]]
        for k in range(0, taps.size, 4):
            part0, part1, part2, part3 = (
                work[k : k + n],
                work[k + 1 :],
                work[k + 2 :],
                work[k + 3 :],
            )
            tap0, tap1, tap2, tap3 = taps[k], taps[k + 1], taps[k + 2], taps[k + 3]
            for x in range(n):
                total[x] += (tap0 * part0[x] + tap1 * part1[x]) + (
                    tap2 * part2[x] + tap3 * part3[x]
                )


@compiled
def spread_along(columns: Image, first: Index, weights: NDArray[np.float32], out: Image) -> None:
    """Add ``sum_j weights[b, j] * columns[:, first[b] + j]`` to block b of columns of `out`.

    Weights are taken four at a time.
    """
    n_blocks, n_weights, width = weights.shape
    for y in range(out.shape[0]):
        for b in range(n_blocks):
            total = out[y, b * width : (b + 1) * width]
            for j in range(0, n_weights, 4):
                value = columns[y, first[b] + j : first[b] + j + 4]
                row0, row1, row2, row3 = (
                    weights[b, j],
                    weights[b, j + 1],
                    weights[b, j + 2],
                    weights[b, j + 3],
                )
                value0, value1, value2, value3 = value[0], value[1], value[2], value[3]
                for x in range(total.size):
                    total[x] += (value0 * row0[x] + value1 * row1[x]) + (
                        value2 * row2[x] + value3 * row3[x]
                    )


@compiled
def combine(rows: Image, first: Index, weights: Image, out: Image) -> None:
    """Add ``sum_j weights[i, j] * rows[first[i] + j]`` to every ``out[i]``.

    Each row has a multiple of four weights.
    """
    for start in range(0, out.shape[1], NARROW):
        stop = min(start + NARROW, out.shape[1])
        for i in range(out.shape[0]):
            total = out[i, start:stop]
            for j in range(0, weights.shape[1], 4):
                k = first[i] + j
                row0, row1 = rows[k, start:stop], rows[k + 1, start:stop]
                row2, row3 = rows[k + 2, start:stop], rows[k + 3, start:stop]
                weight0, weight1, weight2, weight3 = (
                    weights[i, j],
                    weights[i, j + 1],
                    weights[i, j + 2],
                    weights[i, j + 3],
                )
                for x in range(stop - start):
                    total[x] += (weight0 * row0[x] + weight1 * row1[x]) + (
                        weight2 * row2[x] + weight3 * row3[x]
                    )


@compiled
def ball(image: Image, down: Index, right: Index, height: Image, pairs: Image, out: Image) -> None:
    """Lower `out` to the minimum over the offsets (+-down, +-right) >= 0 of image + height.

    `pairs` is work space of infinities, one row for each step down and `right` columns free at
    either end.
    """
    n_rows, n_columns = image.shape
    reach = (pairs.shape[1] - n_columns) // 2
    for y in range(n_rows):
        for d in range(pairs.shape[0]):
            above = y - d if y >= d else y + d
            below = y + d if y + d < n_rows else y - d
            pair = pairs[d, reach : reach + n_columns]
            if above >= n_rows or below < 0:
                for x in range(n_columns):
                    pair[x] = np.inf
                continue
            one, two = image[above], image[below]
            for x in range(n_columns):
                pair[x] = min(one[x], two[x])
        total = out[y]
        for k in range(down.size):
            pair, rise = pairs[down[k]], height[k]
            one = pair[reach - right[k] : reach - right[k] + n_columns]
            two = pair[reach + right[k] : reach + right[k] + n_columns]
            for x in range(n_columns):
                # Rounding is monotone: adding after the minimum gives the same bits as before it.
                total[x] = min(total[x], min(one[x], two[x]) + rise)


@compiled
def step_over(under: Image, old: Image, other: Image, first: int, start: Image) -> None:
    """Set `start` to `old` as raised by one step from the row `other`, from column `first` on."""
    n = start.size
    centre = other[first : first + n]
    start[0] = other[max(first - 1, 0)]
    start[n - 1] = max(centre[max(n - 2, 0)], other[min(first + n, other.size - 1)])
    for x in range(1, n - 1):
        start[x] = max(centre[x - 1], centre[x + 1])
    start[0] = max(start[0], centre[min(1, n - 1)])
    for x in range(n):
        start[x] = min(under[x], max(old[x], start[x], centre[x]))


@compiled
def raise_row(
    row: Image, limit: Image, other: Image, first: int, last: int, work: Image
) -> tuple[int, int]:
    """Raise `row` under `limit` from `first` to `last` of `other`; return the columns that rose."""
    first, last = max(first - 1, 0), min(last + 1, row.size - 1)
    n = last - first + 1
    under, old = limit[first : last + 1], row[first : last + 1]
    start, rightward, leftward = work[0, :n], work[1, :n], work[2, :n]
    step_over(under, old, other, first, start)
    # Flooding to the right and to the left do not need each other; interleaved, the processor
    # overlaps them.
    right, left = start[0], start[n - 1]
    for x in range(n):
        right = min(under[x], max(start[x], right))
        rightward[x] = right
        left = min(under[n - 1 - x], max(start[n - 1 - x], left))
        leftward[n - 1 - x] = left
    changed = 0
    for x in range(n):
        start[x] = max(rightward[x], leftward[x])
        changed |= start[x] != old[x]
    if changed == 0:
        return row.size, -1
    low, high = 0, n - 1
    while start[low] == old[low]:
        low += 1
    while start[high] == old[high]:
        high -= 1
    for x in range(n):
        old[x] = start[x]
    low, high = low + first, high + first
    # The rest of the row was level with itself before: it changes only as far as the flood goes on.
    while last <= high < row.size - 1 and min(limit[high + 1], row[high]) > row[high + 1]:
        row[high + 1] = min(limit[high + 1], row[high])
        high += 1
    while 0 < low <= first and min(limit[low - 1], row[low]) > row[low - 1]:
        row[low - 1] = min(limit[low - 1], row[low])
        low -= 1
    return low, high


@compiled
def flood(image: Image, out: Image, work: Image, low: Index, high: Index) -> None:
    """Reconstruct the seed `out` under `image` by dilation, 8-connected, in place.

    `low` and `high` (2, Y): the columns of each row that the next sweep down [0] or up [1] has yet
    to pass on; all, at first. `work`: three rows.
    """
    n_rows, n_columns = image.shape
    raise_row(out[0], image[0], out[0], 0, n_columns - 1, work)
    # Each round raises a pixel to its end, so there are no more of them than pixels.
    for _ in range(image.size):
        again = False
        for sweep in range(2 * n_rows - 2):
            up = sweep // (n_rows - 1)
            source = sweep if up == 0 else 2 * n_rows - 2 - sweep
            y = source + 1 - 2 * up
            first, last = low[up, source], high[up, source]
            if first > last:
                continue
            low[up, source], high[up, source] = n_columns, -1
            first, last = raise_row(out[y], image[y], out[source], first, last, work)
            if first <= last:
                again = True
                for way in range(2):
                    low[way, y] = min(low[way, y], first)
                    high[way, y] = max(high[way, y], last)
        if not again:
            break


@compiled
def second_difference(image: Image, step: int) -> float:
    """Sum of the absolute values of the image convolved with ``[1, -2, 1]`` along both axes.

    The frame is left out. Of the rows within the frame every ``step``-th is taken, the first one
    included.
    """
    n_rows, n_columns = image.shape
    total = 0.0
    for y in range(1, n_rows - 1, step):
        above, row, below = image[y - 1], image[y], image[y + 1]
        partial = np.float64(0)
        for x in range(1, n_columns - 1):
            corners = above[x - 1] + above[x + 1] + below[x - 1] + below[x + 1]
            sides = above[x] + below[x] + row[x - 1] + row[x + 1]
            partial += abs(corners - np.float32(2) * sides + np.float32(4) * row[x])
        total += partial
    return total
