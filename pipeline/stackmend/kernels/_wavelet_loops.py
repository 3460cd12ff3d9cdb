"""The compiled loops of the wavelet transform: one level of it, along the first axis."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._loops import WIDE, Index, compiled

Array = NDArray[np.floating]


@compiled
def down(rows: Array, index: Index, taps: Array, out: Array) -> None:
    """Add ``sum_j taps[j] * rows[index[2 k + 1 - j + taps.size]]`` to every ``out[k]``."""
    for start in range(0, out.shape[1], WIDE):
        stop = min(start + WIDE, out.shape[1])
        for k in range(out.shape[0]):
            total = out[k, start:stop]
            for j in range(0, taps.size, 2):
                one = rows[index[2 * k + 1 - j + taps.size], start:stop]
                two = rows[index[2 * k - j + taps.size], start:stop]
                for x in range(stop - start):
                    total[x] += taps[j] * one[x] + taps[j + 1] * two[x]


@compiled
def up(rows: Array, taps: Array, out: Array) -> None:
    """Add ``sum_k taps[i + taps.size - 2 - 2 k] * rows[k]`` to every ``out[i]``, an even number."""
    half = taps.size // 2
    for start in range(0, out.shape[1], WIDE):
        stop = min(start + WIDE, out.shape[1])
        for m in range(out.shape[0] // 2):
            even, odd = out[2 * m, start:stop], out[2 * m + 1, start:stop]
            for u in range(0, half - 1, 2):
                row, other = rows[m + half - 1 - u, start:stop], rows[m + half - 2 - u, start:stop]
                one, two = taps[2 * u], taps[2 * u + 1]
                three, four = taps[2 * u + 2], taps[2 * u + 3]
                for x in range(stop - start):
                    even[x] += one * row[x] + three * other[x]
                    odd[x] += two * row[x] + four * other[x]
            if half % 2:
                row = rows[m, start:stop]
                one, two = taps[taps.size - 2], taps[taps.size - 1]
                for x in range(stop - start):
                    even[x] += one * row[x]
                    odd[x] += two * row[x]
