"""The compiled loops that hold one slice against another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._loops import compiled

Image = NDArray[np.float32]
Matrix = NDArray[np.float64]
Limits = NDArray[np.intp]
Mask = NDArray[np.bool_]


@compiled
def inside(matrix: Matrix, box: Limits, frame: Limits, margin: float, limits: Limits) -> None:
    """Set ``limits[i]`` to the first column of row i of a box that is read, and to the one after.

    Those are read that the matrix leads to the inside of a frame, farther than a margin from it.
    """
    top, left = margin, margin
    bottom, right = frame[0] - 1 - margin, frame[1] - 1 - margin
    for i in range(limits.shape[0]):
        y = box[0] + i
        base_y = matrix[0, 0] * y + matrix[0, 2]
        base_x = matrix[1, 0] * y + matrix[1, 2]
        first, last = box[2], box[3]
        while first < last:
            at_y = base_y + matrix[0, 1] * first
            at_x = base_x + matrix[1, 1] * first
            if top <= at_y < bottom and left <= at_x < right:
                break
            first += 1
        while last > first:
            at_y = base_y + matrix[0, 1] * (last - 1)
            at_x = base_x + matrix[1, 1] * (last - 1)
            if top <= at_y < bottom and left <= at_x < right:
                break
            last -= 1
        limits[i, 0] = first
        limits[i, 1] = last


@compiled
def cubic(f: float, out: Image) -> None:
    """Set the four weights of a cubic B-spline, at a fraction of a pixel past the second."""
    g = 1 - f
    out[0] = g * g * g / 6
    out[1] = 2 / 3 - f * f * (2 - f) / 2
    out[2] = 2 / 3 - g * g * (2 - g) / 2
    out[3] = f * f * f / 6


@compiled
def read_shifted(
    coefficients: Image, shift: NDArray[np.float64], box: Limits, limits: Limits, out: Image
) -> None:
    """Read a spline of order 3 at the pixels of a box moved by one shift."""
    whole_y, whole_x = int(np.floor(shift[0])), int(np.floor(shift[1]))
    weights_y, weights_x = np.empty(4, np.float32), np.empty(4, np.float32)
    cubic(shift[0] - whole_y, weights_y)
    cubic(shift[1] - whole_x, weights_x)
    y0, y1, y2, y3 = weights_y[0], weights_y[1], weights_y[2], weights_y[3]
    x0, x1, x2, x3 = weights_x[0], weights_x[1], weights_x[2], weights_x[3]
    down = np.empty(coefficients.shape[1], np.float32)
    for i in range(limits.shape[0]):
        first, last = limits[i, 0], limits[i, 1]
        if last <= first:
            continue
        start, stop = first + whole_x - 1, last + whole_x + 2
        row = box[0] + i + whole_y
        row0, row1 = coefficients[row - 1, start:stop], coefficients[row, start:stop]
        row2, row3 = coefficients[row + 1, start:stop], coefficients[row + 2, start:stop]
        for x in range(stop - start):
            down[x] = y0 * row0[x] + y1 * row1[x] + y2 * row2[x] + y3 * row3[x]
        target = out[i, first - box[2] : last - box[2]]
        second, third, fourth = down[1:], down[2:], down[3:]
        for x in range(last - first):
            target[x] = x0 * down[x] + x1 * second[x] + x2 * third[x] + x3 * fourth[x]


@compiled
def places(
    matrix: Matrix, row: int, start: int, width: int, place: Limits, down: Image, along: Image
) -> None:
    """Set where columns of a row come to, from a start on: which pixel, and how far past it.

    Pixels are numbered through, in rows of a width.
    """
    base_y = matrix[0, 0] * row + matrix[0, 2]
    base_x = matrix[1, 0] * row + matrix[1, 2]
    step_y, step_x = matrix[0, 1], matrix[1, 1]
    for x in range(place.size):
        at_y, at_x = base_y + step_y * (start + x), base_x + step_x * (start + x)
        whole_y, whole_x = np.int32(at_y), np.int32(at_x)
        down[x], along[x] = np.float32(at_y - whole_y), np.float32(at_x - whole_x)
        place[x] = np.int64(whole_y) * width + whole_x


@compiled
def read_cubic(
    coefficients: Image, matrix: Matrix, box: Limits, limits: Limits, out: Image
) -> None:
    """Read a spline of order 3 where a matrix leads to from the pixels of a box."""
    width, flat = coefficients.shape[1], coefficients.ravel()
    place = np.empty(out.shape[1], np.intp)
    down, along = np.empty(out.shape[1], np.float32), np.empty(out.shape[1], np.float32)
    for i in range(limits.shape[0]):
        n = max(limits[i, 1] - limits[i, 0], 0)
        places(matrix, box[0] + i, limits[i, 0], width, place[:n], down[:n], along[:n])
        spline_at(flat, width, place[:n], down, along, out[i, limits[i, 0] - box[2] :])


@compiled
def spline_at(
    flat: Image, width: int, place: Limits, down: Image, along: Image, out: Image
) -> None:
    """Set the value of a cubic spline past each of some pixels."""
    two, half = np.float32(2), np.float32(0.5)
    third, sixth = np.float32(2 / 3), np.float32(1 / 6)
    step, one = np.uint64(width), np.uint64(1)
    for x in range(place.size):
        f, h = down[x], along[x]
        g, k = np.float32(1) - f, np.float32(1) - h
        h0, h3 = k * k * k * sixth, h * h * h * sixth
        h1, h2 = third - h * h * (two - h) * half, third - k * k * (two - k) * half
        # Unsigned, as an index that may be negative would cost a comparison at each read.
        p = np.uint64(place[x] - width - 1)
        q = p + step
        r = q + step
        s = r + step
        row0 = h0 * flat[p] + h1 * flat[p + one]
        row0 += h2 * flat[p + one + one] + h3 * flat[p + one + one + one]
        row1 = h0 * flat[q] + h1 * flat[q + one]
        row1 += h2 * flat[q + one + one] + h3 * flat[q + one + one + one]
        row2 = h0 * flat[r] + h1 * flat[r + one]
        row2 += h2 * flat[r + one + one] + h3 * flat[r + one + one + one]
        row3 = h0 * flat[s] + h1 * flat[s + one]
        row3 += h2 * flat[s + one + one] + h3 * flat[s + one + one + one]
        total = g * g * g * sixth * row0 + (third - f * f * (two - f) * half) * row1
        total += (third - g * g * (two - g) * half) * row2 + f * f * f * sixth * row3
        out[x] = total


@compiled
def read_linear(values: Image, matrix: Matrix, box: Limits, limits: Limits, out: Image) -> None:
    """Read between pixels linearly where a matrix leads to from the pixels of a box."""
    width, flat = values.shape[1], values.ravel()
    step, one = np.uint64(width), np.uint64(1)
    place = np.empty(out.shape[1], np.intp)
    down, along = np.empty(out.shape[1], np.float32), np.empty(out.shape[1], np.float32)
    for i in range(limits.shape[0]):
        n = max(limits[i, 1] - limits[i, 0], 0)
        places(matrix, box[0] + i, limits[i, 0], width, place[:n], down[:n], along[:n])
        row = out[i, limits[i, 0] - box[2] :]
        for x in range(n):
            f, h = down[x], along[x]
            p = np.uint64(place[x])
            q = p + step
            upper = flat[p] + h * (flat[p + one] - flat[p])
            lower = flat[q] + h * (flat[q + one] - flat[q])
            row[x] = upper + f * (lower - upper)


@compiled
def seen_in_both(
    first: Mask, second: Mask, matrix: Matrix, box: Limits, limits: Limits, out: Image
) -> None:
    """Set 1 where a pixel of a box is seen, and the nearest to where it is found, else 0."""
    for i in range(limits.shape[0]):
        y = box[0] + i
        for x in range(limits[i, 0], limits[i, 1]):
            row = int(matrix[0, 0] * y + matrix[0, 1] * x + matrix[0, 2] + 0.5)
            column = int(matrix[1, 0] * y + matrix[1, 1] * x + matrix[1, 2] + 0.5)
            out[i, x - box[2]] = first[y, x] and second[row, column]


@compiled
def residuals(
    first: Image, gain: float, offset: float, box: Limits, limits: Limits, out: Image
) -> None:
    """Turn what was read of the second slice into ``gain * it + offset - first``."""
    scale, shift = np.float32(gain), np.float32(offset)
    for i in range(limits.shape[0]):
        start, stop = limits[i, 0], limits[i, 1]
        row, target = first[box[0] + i, start:stop], out[i, start - box[2] : stop - box[2]]
        for x in range(stop - start):
            target[x] = scale * target[x] + shift - row[x]


@compiled
def sample(rest: Image, seen: Image, limits: Limits, left: int, out: Image) -> int:
    """Gather the moduli of every seventh pixel that is read and seen; returns how many."""
    count, place = 0, 0
    for i in range(limits.shape[0]):
        while place < limits[i, 1] - limits[i, 0]:
            x = limits[i, 0] - left + place
            if seen[i, x] > 0:
                out[count] = abs(rest[i, x])
                count += 1
            place += 7
        place -= max(limits[i, 1] - limits[i, 0], 0)
    return count
