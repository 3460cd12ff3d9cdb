"""The compiled loops that average the pixels of a grid with those of like surroundings.

They give the bits of `_patch_loops`. Slices have a margin and are split by columns into as many
parts as the columns of the grid lie apart, ``(parts, Y, X)``, so that what the pixels of one row of
the grid need lies side by side.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._loops import Image, Index, compiled
from stackmend.kernels._patch_loops import Factors, Stack, add_weighted, weighted_means

Slices = NDArray[np.float32]
Place = tuple[int, int]
Frame = tuple[int, int, int, int, int]


@compiled
def column_sums(
    guide: Stack, other: Stack, rows: Index, place: Place, far: Place, dy: int, out: Image
) -> None:
    """Set a row to squared differences of two slices, summed over `rows` in their order.

    `place` and `far`: the part, and the column in it, at which the rows of each begin; those of the
    other slice lie `dy` px below.
    """
    n, (part, start), (far_part, far_start) = out.size, place, far
    stop, far_stop = start + n, far_start + n
    one, two = guide[part, rows[0], start:stop], other[far_part, rows[0] + dy, far_start:far_stop]
    for x in range(n):
        difference = one[x] - two[x]
        out[x] = difference * difference
    for k in range(1, rows.size, 2):
        y, z = rows[k], rows[k + 1]
        one, two = guide[part, y, start:stop], other[far_part, y + dy, far_start:far_stop]
        three, four = guide[part, z, start:stop], other[far_part, z + dy, far_start:far_stop]
        for x in range(n):
            first, second = one[x] - two[x], three[x] - four[x]
            out[x] = (out[x] + first * first) + second * second


@compiled
def sums_across(columns: Image, parts: int, out: Image) -> None:
    """Set a row to sums over the columns of the surroundings, which lie in the parts in turn."""
    n = out.size
    out[:] = columns[0, :n]
    for k in range(1, columns.shape[0], 2):
        a, b = k // parts, (k + 1) // parts
        one, two = columns[k % parts, a : a + n], columns[(k + 1) % parts, b : b + n]
        for x in range(n):
            out[x] = (out[x] + one[x]) + two[x]


@compiled
def add_row(
    levels: Stack,
    guide: Stack,
    others: Stack,
    itself: bool,
    y: int,
    frame: Frame,
    rows: Index,
    factors: Factors,
    columns: Image,
    unlike: Image,
    sums: Stack,
) -> None:
    """Add to the sums of a row of the grid what the pixels of one slice are worth.

    `levels` and `others` are the other slice and its guide, `guide` that of the slice itself; `y`
    is the row of the slice, `rows` those of the surroundings, with the margin. `frame`: height and
    width of the slice, how far pixels may lie, the margin, and the first column of the grid.
    """
    height, width, distance, margin, first = frame
    parts, patch, n = guide.shape[0], columns.shape[0], unlike.size
    for dy in range(max(-distance, -y), min(distance, height - 1 - y) + 1):
        for dx in range(-distance, distance + 1):
            # Pixels of the grid from j to stop have one within the slice at this offset.
            j = max(0, -((first + dx) // parts))
            stop = min(n, (width - 1 - dx - first) // parts + 1)
            if (itself and dy == 0 and dx == 0) or j >= stop:
                continue
            left = first + j * parts + margin
            for q in range(min(parts, patch)):
                here, there = left - patch // 2 + q, left - patch // 2 + q + dx
                place, far = (here % parts, here // parts), (there % parts, there // parts)
                out = columns[q, : stop - j + (patch - 1 - q) // parts]
                column_sums(guide, others, rows, place, far, dy, out)
            sums_across(columns, parts, unlike[: stop - j])
            part, start = (left + dx) % parts, (left + dx) // parts
            level = levels[part, y + margin + dy, start : start + stop - j]
            for i in range(factors.shape[0]):
                total, weighted, most = sums[0, i, j:stop], sums[1, i, j:stop], sums[2, i, j:stop]
                add_weighted(unlike[: stop - j], factors[i], level, total, weighted, most)


@compiled
def average_grid(
    levels: Slices,
    guides: Slices,
    away: Index,
    grid: Place,
    frame: Frame,
    patch: int,
    factors: Factors,
    least: float,
    out: Slices,
) -> None:
    """Set `out` (distances along the stack, widths, rows, columns of the grid) to weighted means.

    Slices are given from near to far, the first is the slice itself; `away` says how far they lie.
    `grid`: its first row and how far its rows lie apart.
    """
    margin, first = frame[3], frame[4]
    n_widths, n, parts = factors.shape[0], out.shape[3], levels.shape[1]
    rows = np.empty(patch, np.intp)
    columns = np.empty((patch, n + patch), np.float32)
    unlike = np.empty(n, np.float32)
    sums = np.empty((3, n_widths, n), np.float32)
    guide, start = guides[0], (first + margin) // parts
    for i in range(out.shape[2]):
        y, done = grid[0] + i * grid[1], 0
        own = levels[0, (first + margin) % parts, y + margin, start : start + n]
        for k in range(patch):  # in the order in which the loop over all pixels has them in hand
            rows[k] = y + margin - patch // 2 + (k - y) % patch
        sums[:] = 0
        for far in range(out.shape[0]):
            while done < away.size and away[done] == far:
                given = levels[done], guide, guides[done], done == 0, y, frame, rows, factors
                add_row(*given, columns, unlike, sums)
                done += 1
            for w in range(n_widths):
                weighted_means(own, sums[0, w], sums[1, w], sums[2, w], least, out[far, w, i])
