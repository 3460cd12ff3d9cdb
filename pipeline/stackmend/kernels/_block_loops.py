"""The compiled loops that find by how much single blocks of a slice are moved."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._align_loops import inside, read_cubic, residuals, sample, seen_in_both
from stackmend.kernels._loops import compiled
from stackmend.kernels._sum_loops import weights as tukey_weights

Image = NDArray[np.float32]
Matrix = NDArray[np.float64]
Limits = NDArray[np.intp]
Mask = NDArray[np.bool_]


@compiled
def moved_block(
    first: tuple[Image, Image, Image, Mask],
    second: tuple[Image, Mask],
    matrix: Matrix,
    gain: float,
    box: Limits,
    margin: float,
    cut: float,
    steps: int,
    out: Matrix,
) -> None:
    """Find the shift of one block by some steps of Gauss-Newton.

    `first` has grey levels, slopes along y and x, and what is seen; `second` the spline and what is
    seen. Weights end at `cut` medians. Sets y and x of the shift, in px of the second slice, how
    firm it is in its least known direction, the correlation, and the mean weight.
    """
    values, slope_y, slope_x, seen_first = first
    spline, seen_second = second
    rest = np.empty((box[1] - box[0], box[3] - box[2]), np.float32)
    seen, limits = np.ones_like(rest), np.empty((rest.shape[0], 2), np.intp)
    gathered = np.empty(rest.size // 7 + 1, np.float32)
    frame = np.array(spline.shape)
    lead, offset = matrix.copy(), 0.0
    sums = np.zeros(11)
    for _ in range(steps):
        inside(lead, box, frame, margin, limits)
        read_cubic(spline, lead, box, limits, rest)
        residuals(values, gain, offset, box, limits, rest)
        seen_in_both(seen_first, seen_second, lead, box, limits, seen)
        count = sample(rest, seen, limits, box[2], gathered)
        scale = cut * float(np.median(gathered[:count])) if count else 0.0
        if not scale > 0:
            out[:] = 0
            return
        sums[:] = 0
        sums_of_block(values, slope_y, slope_x, rest, seen, scale, box, limits, sums)
        step_y, step_x, out[2] = step_of(sums)
        if out[2] == 0:
            out[:] = 0
            return
        # Taken back on the side of the first slice.
        lead[0, 2] -= lead[0, 0] * step_y + lead[0, 1] * step_x
        lead[1, 2] -= lead[1, 0] * step_y + lead[1, 1] * step_x
        offset -= sums[7] / sums[5]
    out[0], out[1] = lead[0, 2] - matrix[0, 2], lead[1, 2] - matrix[1, 2]
    out[3], out[4] = correlation(sums), sums[5] / rest.size


@compiled
def step_of(sums: Matrix) -> tuple[float, float, float]:
    """The step (y, x) that sums of a block lead to, and how firm it is: 0 where it is not known."""
    determinant, trace = sums[2] * sums[4] - sums[3] * sums[3], sums[2] + sums[4]
    if not determinant > 1e-6 * trace**2:
        return 0.0, 0.0, 0.0
    step_y = (sums[4] * sums[0] - sums[3] * sums[1]) / determinant
    step_x = (sums[2] * sums[1] - sums[3] * sums[0]) / determinant
    return step_y, step_x, determinant / trace


@compiled
def correlation(sums: Matrix) -> float:
    """How well weighted pixels agree, from their sums."""
    mean, left = sums[6] / sums[5], sums[7] / sums[5]
    own = sums[8] / sums[5] - mean * mean
    shared = own + sums[9] / sums[5] - mean * left
    other = 2 * shared - own + sums[10] / sums[5] - left * left
    return float(shared / np.sqrt(max(own * other, 1e-30)))


@compiled
def sums_of_block(
    values: Image,
    slope_y: Image,
    slope_x: Image,
    rest: Image,
    seen: Image,
    scale: float,
    box: Limits,
    limits: Limits,
    sums: Matrix,
) -> None:
    """Add up over a block, with the weight w of a residual r, slopes gy, gx and grey level a.

    w r gy, w r gx, w gy gy, w gy gx, w gx gx, and w times 1, a, r, a a, a r and r r.
    """
    weight = np.empty(rest.shape[1], np.float32)
    for i in range(rest.shape[0]):
        start, stop = limits[i, 0], limits[i, 1]
        if stop <= start:
            continue
        here = slice(start - box[2], stop - box[2])
        w, r = weight[here], rest[i, here]
        tukey_weights(r, seen[i, here], scale, w)
        a = values[box[0] + i, start:stop]
        gy, gx = slope_y[box[0] + i, start:stop], slope_x[box[0] + i, start:stop]
        for x in range(stop - start):
            wy, wx, wa, wr = w[x] * gy[x], w[x] * gx[x], w[x] * a[x], w[x] * r[x]
            sums[0] += wy * r[x]
            sums[1] += wx * r[x]
            sums[2] += wy * gy[x]
            sums[3] += wy * gx[x]
            sums[4] += wx * gx[x]
            sums[5] += w[x]
            sums[6] += wa
            sums[7] += wr
            sums[8] += wa * a[x]
            sums[9] += wa * r[x]
            sums[10] += wr * r[x]
