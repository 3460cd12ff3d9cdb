"""The compiled inner loops of the streak model; see `_loops`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._loops import Image, compiled

Line = NDArray[np.float64]


@compiled
def central_differences(image: Image, down: Image, along: Image) -> None:
    """Half the difference of the two neighbours along y and along x; 0 on the frame across it."""
    n_rows, n_columns = image.shape
    half = np.float32(0.5)
    down[0], down[n_rows - 1] = np.float32(0), np.float32(0)
    for y in range(n_rows):
        row = image[y]
        along[y, 0] = along[y, n_columns - 1] = 0
        for x in range(1, n_columns - 1):
            along[y, x] = half * (row[x + 1] - row[x - 1])
        if 0 < y < n_rows - 1:
            above, below = image[y - 1], image[y + 1]
            for x in range(n_columns):
                down[y, x] = half * (below[x] - above[x])


@compiled
def block_squares(image: Image, width: int, out: Image) -> None:
    """Mean square of blocks of `width` x `width` pixels; the last ones may be smaller."""
    n_rows, n_columns = image.shape
    for i in range(out.shape[0]):
        out[i] = np.float32(0)
        first, stop = i * width, min((i + 1) * width, n_rows)
        for y in range(first, stop):
            row = image[y]
            for k in range(out.shape[1]):
                total = np.float32(0)
                for x in range(k * width, min((k + 1) * width, n_columns)):
                    total += row[x] * row[x]
                out[i, k] += total
        for k in range(out.shape[1]):
            out[i, k] /= (stop - first) * (min((k + 1) * width, n_columns) - k * width)


@compiled
def weights_from_blocks(
    blocks: Image, width: int, least: np.float32, row: Image, out: Image
) -> None:
    """One over `least` plus the blocks, joined linearly between centres; `row`: work."""
    n_rows, n_columns = out.shape
    for y in range(n_rows):
        place = min(
            max((np.float32(y) + np.float32(0.5)) / width - np.float32(0.5), 0), blocks.shape[0] - 1
        )
        above = int(place)
        share = np.float32(place - above)
        upper, lower = blocks[above], blocks[min(above + 1, blocks.shape[0] - 1)]
        for k in range(row.size):
            row[k] = least + max(upper[k] + share * (lower[k] - upper[k]), np.float32(0))
        for k in range(row.size + 1):
            left, right = row[max(k - 1, 0)], row[min(k, row.size - 1)]
            step = (right - left) / np.float32(width)
            begin = k * width - width // 2
            for x in range(max(begin, 0), min(begin + width, n_columns)):
                out[y, x] = np.float32(1) / (
                    left + step * (np.float32(x - begin) + np.float32(0.5))
                )


@compiled
def block_sums(down: Image, weight: Image, width: int, out: Image) -> None:
    """Sum ``down * sqrt(weight)`` over blocks of columns; the last may be narrower."""
    n_columns = down.shape[1]
    for i in range(out.shape[0]):
        row, factor = down[i], weight[i]
        for block in range(out.shape[1]):
            total = np.float32(0)
            for x in range(block * width, min((block + 1) * width, n_columns)):
                total += row[x] * np.sqrt(factor[x])
            out[i, block] = total


@compiled
def column_sums(gradient: Image, weight: Image, shape: Line, square: Line, product: Line) -> None:
    """Add for each column the weighted sums of ``shape^2`` and ``shape * gradient``."""
    for i in range(shape.size):
        row, factor, d = gradient[i], weight[i], shape[i]
        for x in range(square.size):
            square[x] += factor[x] * d * d
            product[x] += factor[x] * d * row[x]


@compiled
def row_sums(gradient: Image, weight: Image, profile: Line, out: Line) -> None:
    """Sums of each row: ``weight * profile * gradient`` [0], ``weight * profile^2`` [1]."""
    for i in range(out.shape[1]):
        row, factor = gradient[i], weight[i]
        one, two = 0.0, 0.0
        for x in range(profile.size):
            value = factor[x] * profile[x]
            one += value * row[x]
            two += value * profile[x]
        out[0, i], out[1, i] = one, two


@compiled
def profile_matrix(
    square: Line, product: Line, slope: Line, pull: Line, stiffness: float, work: Line
) -> None:
    """Equations of the profile that fits the rims and is smooth.

    It is the minimum of ``square c^2 - 2 product c + slope c'^2 - 2 pull c' + stiffness c''^2``,
    summed over x. `slope` and `pull` lie between the columns: entry x between column x and x + 1.
    work[0] is the right-hand side, work[1:4] are the diagonal and the two beside it.
    """
    n = square.size
    c, d0, d1, d2 = work[0], work[1], work[2], work[3]
    floor = 1e-9 * np.max(square) + 1e-30
    for x in range(n):
        c[x], d0[x], d1[x], d2[x] = product[x], square[x] + floor, 0.0, 0.0
    for x in range(n - 1):
        d0[x] += slope[x]
        d0[x + 1] += slope[x]
        d1[x] -= slope[x]
        c[x + 1] += pull[x]
        c[x] -= pull[x]
    for x in range(n - 2):
        d0[x] += stiffness
        d0[x + 1] += 4 * stiffness
        d0[x + 2] += stiffness
        d1[x] -= 2 * stiffness
        d1[x + 1] -= 2 * stiffness
        d2[x] += stiffness


@compiled
def solve_five_diagonals(work: Line) -> None:
    """Replace work[0] by the solution; work[1:4], a positive definite matrix, is spent."""
    c, d0, d1, d2, f1, f2 = work[0], work[1], work[2], work[3], work[4], work[5]
    n = c.size
    for x in range(n):
        one = f1[x - 1] if x > 0 else 0.0
        two = f2[x - 2] if x > 1 else 0.0
        if x > 0:
            d0[x] -= one * one * d0[x - 1]
            c[x] -= one * c[x - 1]
            d1[x] -= f2[x - 1] * one * d0[x - 1]
        if x > 1:
            d0[x] -= two * two * d0[x - 2]
            c[x] -= two * c[x - 2]
        f1[x], f2[x] = d1[x] / d0[x], d2[x] / d0[x]
    for x in range(n):
        c[x] /= d0[x]
    for x in range(n - 2, -1, -1):
        c[x] -= f1[x] * c[x + 1]
        if x + 2 < n:
            c[x] -= f2[x] * c[x + 2]


@compiled
def never_rising(values: Line, mean: Line, count: NDArray[np.intp]) -> None:
    """Replace the values by the nearest sequence that never rises (least squares)."""
    top = 0
    for i in range(values.size):
        mean[top], count[top] = values[i], 1
        while top > 0 and mean[top - 1] < mean[top]:
            total = count[top - 1] + count[top]
            mean[top - 1] = (mean[top - 1] * count[top - 1] + mean[top] * count[top]) / total
            count[top - 1] = total
            top -= 1
        top += 1
    i = 0
    for k in range(top):
        for _ in range(count[k]):
            values[i] = mean[k]
            i += 1


@compiled
def match_shape(
    down: Image,
    along: Image,
    down_weight: Image,
    along_weight: Image,
    shape: Image,
    start: int,
    out: Line,
) -> None:
    """Slide the gradients of a shape along x over those of the slice.

    `shape` holds the shape's own gradients: along y [0] and along x [1]; an odd number of columns,
    as many rows as the slice. out[0]: sums of weighted products, out[1]: of weighted squares, for
    each column from `start` on as the shape's centre.
    """
    n_columns = down.shape[1]
    reach = shape.shape[2] // 2
    for i in range(shape.shape[1]):
        for k in range(shape.shape[2]):
            a, b = shape[0, i, k], shape[1, i, k]
            if a == 0 and b == 0:
                continue
            shift = start + k - reach
            for place in range(max(-shift, 0), min(n_columns - shift, out.shape[1])):
                x = place + shift
                one, two = down_weight[i, x] * a, along_weight[i, x] * b
                out[0, place] += one * down[i, x] + two * along[i, x]
                out[1, place] += one * a + two * b


@compiled
def bridge_columns(level: Image, mask: NDArray[np.uint8]) -> int:
    """Replace masked pixels by the straight line between their neighbours above and below.

    Where the mask touches the frame the one neighbour there is. Returns how many columns have no
    pixel outside.
    """
    n_rows, n_columns = level.shape
    without = 0
    for x in range(n_columns):
        y = 0
        while y < n_rows:
            if mask[y, x] == 0:
                y += 1
                continue
            stop = y
            while stop < n_rows and mask[stop, x] != 0:
                stop += 1
            if y == 0 and stop == n_rows:
                without += 1
                break
            above = level[y - 1, x] if y > 0 else level[stop, x]
            below = level[stop, x] if stop < n_rows else above
            step = (below - above) / np.float32(stop - y + 1)
            for k in range(y, stop):
                level[k, x] = above + step * np.float32(k - y + 1)
            y = stop
    return without
