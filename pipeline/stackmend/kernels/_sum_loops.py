"""The compiled loops that add up what least squares between two slices need."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._loops import compiled

Image = NDArray[np.float32]
Limits = NDArray[np.intp]


@compiled
def times(one: Image, two: Image, out: Image) -> None:
    """Set a row to the product of two rows."""
    for x in range(out.size):
        out[x] = one[x] * two[x]


@compiled
def add(one: Image, two: Image, factor: float, sums: Image) -> None:
    """Add the product of two rows, times a factor, to a row of sums."""
    scale = np.float32(factor)
    for x in range(sums.size):
        sums[x] += one[x] * two[x] * scale


@compiled
def weights(rest: Image, seen: Image, scale: float, out: Image) -> None:
    """Set ``max(0, 1 - (rest / scale)^2)^2`` where a pixel is seen, for one row."""
    inverse, one, zero = np.float32(1 / scale), np.float32(1), np.float32(0)
    for x in range(out.size):
        ratio = rest[x] * inverse
        left = max(one - ratio * ratio, zero)
        out[x] = left * left * seen[x]


@compiled
def add_curvature(
    w: Image,
    one: Image,
    r: Image,
    a: Image,
    gy: Image,
    gx: Image,
    y: float,
    p: Image,
    total: Image,
) -> None:
    """Add what `weighted_sums` takes of some rows alone; `p` holds ``w r`` at first."""
    add(p, one, 1, total[15])
    add(p, a, 1, total[17])
    add(p, r, 1, total[18])
    times(w, gy, p)
    for k in range(3):
        add(p, gy, y**k, total[4 + k])
        add(p, gx, y**k, total[7 + k])
    times(w, gx, p)
    for k in range(3):
        add(p, gx, y**k, total[10 + k])
    times(w, a, p)
    add(p, one, 1, total[14])
    add(p, a, 1, total[16])
    add(w, one, 1, total[13])
    for x in range(w.size):
        total[19, x] += np.float32(w[x] > 0)


@compiled
def weighted_sums(
    first: Image,
    slope_y: Image,
    slope_x: Image,
    rest: Image,
    seen: Image,
    scale: float,
    box: Limits,
    limits: Limits,
    unit: float,
    every: int,
    sums: Image,
) -> None:
    """Add up, for each column of a box, what least squares need of it.

    With w the weight of a residual r, gy and gx the slopes, a the grey level, and y the row, from
    the middle of the box and in a unit: rows 0 and 1 of `sums` get w r gy times 1 and y, 2 and 3
    w r gx. Of every n-th row alone, which are enough to say how far to go: rows 4 to 6 get w gy gy
    times 1, y and y y; 7 to 9 w gy gx; 10 to 12 w gx gx; 13 to 18 w times 1, a, r, a a, a r and
    r r; 19 how many pixels have weight.
    """
    width = box[3] - box[2]
    weight, part, ones = (
        np.empty(width, np.float32),
        np.empty(width, np.float32),
        np.ones(width, np.float32),
    )
    middle = (box[0] + box[1] - 1) / 2
    for i in range(limits.shape[0]):
        start, stop = limits[i, 0], limits[i, 1]
        if stop <= start:
            continue
        here, there = slice(start - box[2], stop - box[2]), slice(start, stop)
        w, p, one, total = weight[here], part[here], ones[here], sums[:, here]
        r, a = rest[i, here], first[box[0] + i, there]
        gy, gx = slope_y[box[0] + i, there], slope_x[box[0] + i, there]
        y = (box[0] + i - middle) / unit
        weights(r, seen[i, here], scale, w)
        times(w, r, p)
        add(p, gy, 1, total[0])
        add(p, gy, y, total[1])
        add(p, gx, 1, total[2])
        add(p, gx, y, total[3])
        if i % every == 0:
            add_curvature(w, one, r, a, gy, gx, y, p, total)
