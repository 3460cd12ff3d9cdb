"""The compiled loop that averages pixels with like surroundings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._loops import compiled

Image = NDArray[np.float32]
Stack = NDArray[np.float32]
Factors = NDArray[np.float32]


@compiled
def square_differences(one: Image, two: Image, out: Image) -> None:
    """Set a row to the squared difference of two rows."""
    for x in range(out.size):
        difference = one[x] - two[x]
        out[x] = difference * difference


@compiled
def box_sums(rows: Image, columns: Image, out: Image) -> None:
    """Set a row to the sums over all rows, and over as many columns as there are rows.

    Their number is odd and 3 at least, so they are added two at a time: that reads and writes half
    as much. `columns` has as many more pixels as sums over columns need.
    """
    n, size, wide = rows.shape[0], out.size, columns.size
    one, two, three = rows[0, :wide], rows[1, :wide], rows[2, :wide]
    for x in range(wide):
        columns[x] = (one[x] + two[x]) + three[x]
    for k in range(3, n, 2):
        one, two = rows[k, :wide], rows[k + 1, :wide]
        for x in range(wide):
            columns[x] = (columns[x] + one[x]) + two[x]
    one, two = columns[1:], columns[2:]
    for x in range(size):
        out[x] = (columns[x] + one[x]) + two[x]
    for k in range(3, n, 2):
        one, two = columns[k:], columns[k + 1 :]
        for x in range(size):
            out[x] = (out[x] + one[x]) + two[x]


@compiled
def add_weighted(
    sums: Image, factors: Factors, level: Image, total: Image, weighted: Image, most: Image
) -> None:
    """Add a row of weights, and of weighted grey levels, and keep the largest weights.

    A weight is ``exp(-max(sums * scale - offset, 0))``, to 1e-5 above 0.02: the sixteenth power of
    the Taylor series of a sixteenth, which has no branches; below exp(-16) it is 0. `factors` are a
    sixteenth of scale and offset.
    """
    one, (scale, offset) = np.float32(1), factors
    for x in range(sums.size):
        u = min(max(sums[x] * scale - offset, np.float32(0)), one)
        series = one - u * np.float32(1 / 5)
        series = one - u * np.float32(1 / 4) * series
        series = one - u * np.float32(1 / 3) * series
        series = one - u * np.float32(1 / 2) * series
        series = one - u * series
        series *= series
        series *= series
        series *= series
        weight = series * series if u < one else np.float32(0)
        total[x] += weight
        weighted[x] += weight * level[x]
        most[x] = max(most[x], weight)


@compiled
def add_offset(
    levels: Image,
    guides: Image,
    others: Image,
    shift: tuple[int, int],
    rows: tuple[int, int],
    columns: tuple[int, int],
    corner: tuple[int, int, int],
    factors: Factors,
    squares: Image,
    work: Image,
    sums: Stack,
) -> None:
    """Add to the sums of a tile what the pixels at an offset in one slice are worth.

    `levels` and `others` are the other slice and its guide, `guides` that of the slice itself, with
    a margin; `rows` and `columns` the first and behind the last of the tile, `corner` the first row
    and column of the sums, and the margin.
    """
    top, edge, margin = corner
    patch = squares.shape[0]
    half, n = patch // 2, columns[1] - columns[0]
    wide, n_widths = n + patch - 1, factors.shape[0]
    a, b, c = columns[0] - half + margin, columns[0] + margin, columns[0] - edge
    for y in range(rows[0] - half, rows[1] + half):
        one = guides[y + margin, a : a + wide]
        two = others[y + shift[0] + margin, a + shift[1] : a + shift[1] + wide]
        square_differences(one, two, squares[(y + half) % patch, :wide])
        row = y - half
        if row < rows[0]:
            continue
        box_sums(squares, work[0, :wide], work[1, :n])
        level = levels[row + shift[0] + margin, b + shift[1] : b + shift[1] + n]
        for i in range(n_widths):
            total = sums[i, row - top, c : c + n]
            weighted = sums[n_widths + i, row - top, c : c + n]
            most = sums[2 * n_widths + i, row - top, c : c + n]
            add_weighted(work[1, :n], factors[i], level, total, weighted, most)


@compiled
def add_slice(
    levels: Image,
    guides: Image,
    others: Image,
    itself: bool,
    tile: tuple[int, int, int, int],
    distance: int,
    factors: Factors,
    squares: Image,
    work: Image,
    sums: Stack,
) -> None:
    """Add to the sums of a tile what the pixels of one slice are worth.

    `tile`: first row and behind the last one, first column and behind the last one. What lies
    beyond the slice is no candidate, nor is the pixel `itself`.
    """
    top, bottom, start, stop = tile
    margin = distance + squares.shape[0] // 2
    height, width = levels.shape[0] - 2 * margin, levels.shape[1] - 2 * margin
    corner = top, start, margin
    for dy in range(-distance, distance + 1):
        rows = max(top, -dy), min(bottom, height - dy)
        for dx in range(-distance, distance + 1):
            columns = max(start, -dx), min(stop, width - dx)
            if (itself and dy == 0 and dx == 0) or rows[0] >= rows[1] or columns[0] >= columns[1]:
                continue
            at = (dy, dx)
            given = (levels, guides, others, at, rows, columns, corner, factors)
            add_offset(*given, squares, work, sums)


@compiled
def weighted_means(
    own: Image, total: Image, weighted: Image, most: Image, least: float, out: Image
) -> None:
    """Set a row to its weighted means; a pixel counts with the largest weight of the others.

    `least` is what it counts with where these are lower.
    """
    for x in range(out.size):
        weight = max(most[x], np.float32(least))
        out[x] = (weighted[x] + weight * own[x]) / (total[x] + weight)


@compiled
def mean_of_tile(
    levels: Image,
    margin: int,
    tile: tuple[int, int, int, int],
    least: float,
    sums: Stack,
    out: Stack,
) -> None:
    """Set a tile to its weighted means."""
    top, bottom, start, stop = tile
    n_widths, n = out.shape[0], stop - start
    for i in range(n_widths):
        total, weighted, most = sums[i], sums[n_widths + i], sums[2 * n_widths + i]
        for y in range(top, bottom):
            own, row = levels[y + margin, start + margin : stop + margin], y - top
            given = own, total[row, :n], weighted[row, :n], most[row, :n]
            weighted_means(*given, least, out[i, y, start:stop])
