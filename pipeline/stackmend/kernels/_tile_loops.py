"""The compiled loops of histograms of tiles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._loops import compiled

Index = NDArray[np.intp]


@compiled
def cut_off(histogram: Index, limit: int) -> None:
    """Cut bins at a limit and share out what is above, evenly, as long as any has room."""
    over = int(np.sum(np.maximum(histogram - limit, 0)))
    share = over // histogram.size
    for each in range(histogram.size):
        count = min(histogram[each], limit)
        raised = count + share
        if raised + share >= limit or count >= limit - share:
            raised = limit  # too little room for another share: it is filled up
        over -= raised - count
        histogram[each] = raised
    share_out(histogram, limit, over)


@compiled
def share_out(histogram: Index, limit: int, over: int) -> None:
    """Raise bins that have room by one, spread over the histogram, until nothing is over."""
    first, idle = 0, 0
    while over > 0 and idle < histogram.size:
        step = max(1, int(np.sum(histogram < limit)) // over)
        idle += 1
        for each in range(first, histogram.size, step):
            if histogram[each] < limit:
                histogram[each] += 1
                over -= 1
                idle = 0
        first = (first + 1) % histogram.size


@compiled
def maps_of(bins: NDArray[np.uint16], size: Index, limit: int, top: int, maps: Index) -> None:
    """Set ``maps[i, j]`` to the equalising map of each tile; `bins` is as large as all tiles."""
    counted = maps.shape[2]
    tile_size = size[0] * size[1]
    histogram = np.empty(counted, np.intp)
    for i in range(maps.shape[0]):
        for j in range(maps.shape[1]):
            histogram[:] = 0
            for y in range(i * size[0], (i + 1) * size[0]):
                for x in range(j * size[1], (j + 1) * size[1]):
                    histogram[bins[y, x]] += 1
            cut_off(histogram, limit)
            upto = 0
            for each in range(counted):
                upto += histogram[each]
                maps[i, j, each] = min(int(upto * (top / tile_size)), top)


@compiled
def look_up(bins: NDArray[np.uint16], maps: Index, size: Index, out: NDArray[np.float32]) -> None:
    """Set `out` to what the maps of the four nearest tiles make of each pixel, interpolated."""
    rows, columns = maps.shape[0], maps.shape[1]
    for y in range(out.shape[0]):
        place = y + size[0] // 2
        top, down = place // size[0], (place % size[0]) / size[0]
        above, below = max(top - 1, 0), min(top, rows - 1)
        for x in range(out.shape[1]):
            place = x + size[1] // 2
            side, right = place // size[1], (place % size[1]) / size[1]
            before, behind = max(side - 1, 0), min(side, columns - 1)
            level = bins[y, x]
            upper = (1 - right) * maps[above, before, level] + right * maps[above, behind, level]
            lower = (1 - right) * maps[below, before, level] + right * maps[below, behind, level]
            out[y, x] = (1 - down) * upper + down * lower
