"""Data bars: what microscopes write below the tissue."""

from __future__ import annotations

import numpy as np

from stackmend.stacks import Pixels

PLAIN = 0.5  # share of a row in one grey level: letters take less than the rest
TISSUE = 0.1  # share that tissue has of that level at the most
NEAR = 0.01  # of the grey range: what counts as the same level, since some bars were compressed
GAP = 24  # rows of large letters or a logo
SMALLEST = 64  # rows: nobody writes below smaller slices
LARGEST = 0.3  # of the slice: no bar is higher


def bar_rows(pixels: Pixels) -> int:
    """How many rows at the bottom are a data bar; 0 where there is none.

    Either each is of one grey level, or most of them have one level on most of their length that
    is rare above: what letters are written on.
    """
    varied = np.flatnonzero(pixels.min(axis=1) != pixels.max(axis=1))
    blank = int(len(pixels) - 1 - varied[-1]) if len(varied) else 0
    return max(blank, _written_rows(pixels))


def _written_rows(pixels: Pixels) -> int:
    if len(pixels) < SMALLEST:
        return 0
    levels, counts = np.unique(pixels[-1], return_counts=True)
    paper = float(levels[counts.argmax()])
    near = NEAR * (float(pixels.max()) - float(pixels.min()))
    share = np.mean(np.abs(pixels - np.float32(paper)) <= near, axis=1)
    same = pixels.min(axis=1) == pixels.max(axis=1)  # a line that frames the bar
    if np.median(share[: len(share) // 2]) > TISSUE:
        return 0
    plain = np.flatnonzero((share >= PLAIN) | same)[::-1]
    top = len(pixels)
    for row in plain.tolist():
        if top - row > GAP + 1:
            break
        top = row
    height = len(pixels) - top
    return height if height <= LARGEST * len(pixels) else 0
