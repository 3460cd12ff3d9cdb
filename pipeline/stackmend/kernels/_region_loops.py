"""The compiled inner loops over masks and regions; see `_loops`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._loops import Image, Index, compiled

Bytes = NDArray[np.uint8]  # masks, seen as bytes
Distance = NDArray[np.int16]


@compiled
def find_runs(mask: Bytes, value: int, starts: Index, stops: Index, row_start: Index) -> int:
    """Flat start and stop of every horizontal run of `value`; return how many.

    Those of row y are numbers ``row_start[y]`` to ``row_start[y + 1]``.
    """
    n_rows, n_columns = mask.shape
    count = 0
    for y in range(n_rows):
        row_start[y] = count
        inside = False
        for x in range(n_columns):
            if (mask[y, x] == value) != inside:
                if inside:
                    stops[count] = y * n_columns + x
                    count += 1
                else:
                    starts[count] = y * n_columns + x
                inside = not inside
        if inside:
            stops[count] = (y + 1) * n_columns
            count += 1
    row_start[n_rows] = count
    return count


@compiled
def find_root(parent: Index, i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@compiled
def join_runs(
    starts: Index, stops: Index, row_start: Index, n_columns: int, reach: int, label: Index
) -> int:
    """Label the runs 1..n by connected component, in the order of their first runs; return n.

    `reach` is 1 where runs that touch at a corner belong together (8-connected), else 0.
    """
    for i in range(starts.size):
        label[i] = i
    for y in range(1, row_start.size - 1):
        upper, lower = row_start[y - 1], row_start[y]
        while upper < row_start[y] and lower < row_start[y + 1]:
            above_start, above_stop = starts[upper] + n_columns, stops[upper] + n_columns
            if above_start < stops[lower] + reach and starts[lower] < above_stop + reach:
                one, two = find_root(label, upper), find_root(label, lower)
                label[max(one, two)] = min(one, two)
            if above_stop < stops[lower]:
                upper += 1
            else:
                lower += 1
    count = 0
    for i in range(starts.size):
        # The root is the first run of its component: its label is final before any other run asks
        # for it.
        if label[i] == i:
            count += 1
            label[i] = -count
        else:
            label[i] = label[label[i]]
    for i in range(starts.size):
        label[i] = -label[i]
    return count


@compiled
def paint(starts: Index, stops: Index, value: Bytes, flat: Bytes) -> None:
    """Set the pixels of every run to its value; 0 leaves them as they are."""
    for i in range(starts.size):
        if value[i] != 0:
            for p in range(starts[i], stops[i]):
                flat[p] = value[i]


@compiled
def spread_distance(mask: Bytes, limit: int, out: Distance) -> None:
    """City-block distance to the mask, at most limit + 1."""
    n_rows, n_columns = mask.shape
    for y in range(n_rows):
        distance, row = limit + 1, out[y]
        for x in range(n_columns):
            distance = 0 if mask[y, x] != 0 else min(distance + 1, limit + 1)
            row[x] = distance
        distance = limit + 1
        for x in range(n_columns - 1, -1, -1):
            distance = min(distance + 1, row[x])
            row[x] = distance
    for sweep in range(2 * n_rows - 2):
        source = sweep if sweep < n_rows - 1 else 2 * n_rows - 2 - sweep
        row, other = out[source + 1 if sweep < n_rows - 1 else source - 1], out[source]
        for x in range(n_columns):
            row[x] = min(row[x], np.int16(other[x] + 1))


@compiled
def ring_pixels(
    own: NDArray[np.int16], whole: NDArray[np.int16], top: int, left: int, distance: int, out: Index
) -> int:
    """Flat indices where distance < own <= 3 * distance and whole > distance; return how many.

    `own` is the distance to one region in the box that begins at (top, left).
    """
    count = 0
    for y in range(own.shape[0]):
        base = (top + y) * whole.shape[1] + left
        row, near = own[y], whole[top + y]
        for x in range(own.shape[1]):
            out[count] = base + x
            # Adding the condition keeps the loop free of jumps that cannot be foreseen.
            count += (row[x] > distance) & (row[x] <= 3 * distance) & (near[left + x] > distance)
    return count


@compiled
def count_bins(
    flat: Image, pixels: Index, low: np.float32, high: np.float32, counts: Index
) -> None:
    """Add the pixels to their bins, 1 wide once low..high is scaled to 0..counts.size.

    The last bin is closed.
    """
    n_bins = np.float32(counts.size)
    for i in range(pixels.size):
        scaled = (flat[pixels[i]] - low) / (high - low) * n_bins
        if 0 <= scaled <= n_bins:
            counts[min(int(scaled), counts.size - 1)] += 1
