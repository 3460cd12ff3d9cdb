"""The compiled loops of curtains: estimates on means of rows, interpolated back to every row."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._loops import Index, compiled

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]


@compiled
def smooth_along(
    rows: Image, index: Index, taps: Image, between: Image, work: Image, out: Image
) -> None:
    """Smooth along x on some columns, ``index``; interpolate to as many as ``between`` has rows.

    `taps` and the columns of `between` are multiples of four; `work` has a row for the columns, one
    for those that are smoothed, and one for each row of `between`.
    """
    step, near = between.shape
    seen, smooth = work[0, : index.size], work[1, : index.size - taps.size + 1]
    for y in range(rows.shape[0]):
        row, total = rows[y], out[y]
        for k in range(index.size):
            seen[k] = row[index[k]]
        filtered(seen, taps, smooth)
        for k in range(step):
            part = work[2 + k, : smooth.size - near + 1]
            filtered(smooth, between[k], part)
            for x in range((total.size - k + step - 1) // step):
                total[step * x + k] = part[x]


@compiled
def filtered(row: Image, taps: Image, out: Image) -> None:
    """Set ``out[x]`` to ``sum_k taps[k] * row[x + k]``."""
    out[:] = 0
    for k in range(0, taps.size, 4):
        row0, row1, row2, row3 = row[k:], row[k + 1 :], row[k + 2 :], row[k + 3 :]
        tap0, tap1, tap2, tap3 = taps[k], taps[k + 1], taps[k + 2], taps[k + 3]
        for x in range(out.size):
            out[x] += (tap0 * row0[x] + tap1 * row1[x]) + (tap2 * row2[x] + tap3 * row3[x])


@compiled
def place(row: int, size: int, count: int) -> tuple[int, int, float]:
    """The two means between which a row lies, and how far it is on from the first."""
    at = (row - 0.5 * (size - 1)) / size
    at = min(max(at, 0.0), count - 1.0)
    low = int(at)
    return low, min(low + 1, count - 1), at - low


@compiled
def sampled(band: Image, coarse: Image, size: int, step: int, out: Image) -> None:
    """``abs(band - estimate)`` of every ``step``-th pixel in y and x."""
    for i in range(out.shape[0]):
        low, high, far = place(i * step, size, coarse.shape[0])
        one, two = np.float32(1 - far), np.float32(far)
        for k in range(out.shape[1]):
            x = k * step
            out[i, k] = abs(band[i * step, x] - (one * coarse[low, x] + two * coarse[high, x]))


@compiled
def middle(bits: NDArray[np.uint32]) -> float:
    """The upper median of numbers that are not negative, from the bits of float32.

    Such bits are in the order of the numbers: it is counted by the first 16, then by the others.
    """
    rank = bits.size // 2
    counts = np.zeros(1 << 16, np.int64)
    for each in bits:
        counts[each >> 16] += 1
    high = 0
    while rank >= counts[high]:
        rank -= counts[high]
        high += 1
    counts[:] = 0
    for each in bits:
        if each >> 16 == high:
            counts[each & 0xFFFF] += 1
    low = 0
    while rank >= counts[low]:
        rank -= counts[low]
        low += 1
    found = np.empty(1, np.uint32)
    found[0] = (high << 16) | low
    return float(found.view(np.float32)[0])


@compiled
def clipped_means(band: Image, coarse: Image, size: int, limit: float, out: Image) -> None:
    """Means over ``size`` rows of ``band - estimate``, limited to either side."""
    most = np.float32(limit)
    for i in range(out.shape[0]):
        total = out[i]
        total[:] = 0
        stop = min((i + 1) * size, band.shape[0])
        for y in range(i * size, stop):
            low, high, far = place(y, size, coarse.shape[0])
            one, two = np.float32(1 - far), np.float32(far)
            row, first, second = band[y], coarse[low], coarse[high]
            for x in range(band.shape[1]):
                left = row[x] - (one * first[x] + two * second[x])
                total[x] += min(max(left, -most), most)
        total *= np.float32(1 / (stop - i * size))


@compiled
def clipped_means_of_some(
    band: Image, mask: Mask, coarse: Image, size: int, limit: float, out: Image
) -> None:
    """The same without the marked pixels; 0 where all are marked."""
    most = np.float32(limit)
    for i in range(out.shape[0]):
        out[i] = 0
        count = np.zeros(band.shape[1], np.float32)
        for y in range(i * size, min((i + 1) * size, band.shape[0])):
            low, high, far = place(y, size, coarse.shape[0])
            one, two = np.float32(1 - far), np.float32(far)
            for x in range(band.shape[1]):
                if not mask[y, x]:
                    left = band[y, x] - (one * coarse[low, x] + two * coarse[high, x])
                    out[i, x] += min(max(left, -most), most)
                    count[x] += np.float32(1)
        for x in range(band.shape[1]):
            if count[x]:
                out[i, x] /= count[x]


@compiled
def square_means(coarse: Image, size: int, rows: int, out: Image) -> None:
    """Means over ``size`` rows of the square of the estimate."""
    for i in range(out.shape[0]):
        total = out[i]
        total[:] = 0
        stop = min((i + 1) * size, rows)
        for y in range(i * size, stop):
            low, high, far = place(y, size, coarse.shape[0])
            one, two = np.float32(1 - far), np.float32(far)
            first, second = coarse[low], coarse[high]
            for x in range(coarse.shape[1]):
                level = one * first[x] + two * second[x]
                total[x] += level * level
        total *= np.float32(1 / (stop - i * size))


@compiled
def add_curtains(
    coarse: Image, energy: Image, size: int, structure: float, weight: float, out: Image
) -> None:
    """Add a part of the estimate, less what structure alone would give, to ``out``."""
    floor, part = np.float32(structure), np.float32(weight)
    zero, least = np.float32(0), np.float32(1e-30)
    for y in range(out.shape[0]):
        low, high, far = place(y, size, coarse.shape[0])
        one, two = np.float32(1 - far), np.float32(far)
        total, first, second = out[y], coarse[low], coarse[high]
        lower, upper = energy[low], energy[high]
        for x in range(out.shape[1]):
            found = one * lower[x] + two * upper[x]
            excess = max(found - floor, zero)
            # As NumPy divides: a check for 0 would keep the loop from being vectorized.
            share = np.divide(excess, max(found, least))
            total[x] += (one * first[x] + two * second[x]) * share * part


@compiled
def mean_slope_along(image: Image, other: Image) -> float:
    """Mean absolute difference along y of ``image - other``: central, at the edges to one side."""
    total = np.zeros(image.shape[1], np.float64)  # columns side by side
    last = image.shape[0] - 1
    for y in range(image.shape[0]):
        low, high = max(y - 1, 0), min(y + 1, last)
        before, behind, first, second = image[low], image[high], other[low], other[high]
        weight = 0.5 if 0 < y < last else 1.0
        for x in range(image.shape[1]):
            total[x] += weight * abs((behind[x] - second[x]) - (before[x] - first[x]))
    return float(total.sum() / image.size)


@compiled
def slopes_across(image: Image) -> NDArray[np.float64]:
    """Twice the absolute differences along x, summed by column."""
    total = np.zeros(image.shape[1], np.float64)
    inner, last = total[1:], image.shape[1] - 1
    two = np.float32(2)
    for y in range(image.shape[0]):
        row, behind = image[y], image[y, 2:]
        for x in range(last - 1):
            inner[x] += abs(behind[x] - row[x])
        total[0] += two * abs(row[1] - row[0])
        total[last] += two * abs(row[last] - row[last - 1])
    return total
