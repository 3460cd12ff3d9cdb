"""Rows made from their slowest frequencies, as fast for any number of them.

A Fourier transform whose length has a large prime factor takes up to ten times as long as its
neighbours, and one of few frequencies needs no such length. So rows are made at a length that
suits, with some room for the frequencies, and interpolated to the places that are wanted; what the
interpolation does to each frequency is divided out before (Fessler, Sutton, IEEE Trans. Signal
Process. 51 (2003), 560-574, 10.1109/TSP.2002.807005).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft, special

from stackmend.kernels._arrays import readonly, scratch

Array = NDArray[np.floating]

NEGLIGIBLE = {"f": 1e-8, "d": 1e-20}
"""Of the gain of a frequency, by the type of numbers, what makes no difference."""

TAPS = 12
ROOM = 1.2
"""Length of the transform over twice the frequencies: rows differ by 2e-6 of the largest."""

SHAPE = np.pi * TAPS * (1 - 1 / (2 * ROOM)) * 0.98
SIZES = sorted(factor * 2**power for factor in (1, 3, 5, 9, 15) for power in range(1, 20))
SHORTEST = 2 * TAPS


def add_rows(spectrum: NDArray[np.complexfloating], gains: Array, out: Array) -> None:
    """Add what is left of the rows with a Fourier transform, where frequencies are weighted.

    Parameters
    ----------
    spectrum : (rows // 2 + 1, X) complex
        Along the first axis, as of real numbers.
    gains : (rows // 2 + 1, N) float
        Of each frequency, in N ways.
    out : (rows, N * X) float
        The rows of each way side by side. Float64 is transformed at this length, without
        interpolation.
    """
    from stackmend.kernels import _wavelet_loops

    rows = len(out)
    seen = int(np.count_nonzero((gains > NEGLIGIBLE[out.dtype.char]).any(axis=1)))
    if not seen:
        return
    size = next(each for each in SIZES if each >= max(2 * ROOM * seen, SHORTEST))
    suits = size >= rows and fft.next_fast_len(rows, real=True) == rows
    if suits or out.dtype == np.float64:
        weighted = spectrum[:, np.newaxis] * gains.astype(out.dtype)[:, :, np.newaxis]
        out += fft.irfft(weighted.reshape(len(gains), -1), n=rows, axis=0)
        return
    weights = gains[:seen] * _undone(size, seen)[:, np.newaxis] * (size / rows)
    if 2 * seen > rows:  # the last frequency of an even number of rows has no other sign
        weights[rows // 2] /= 2 - rows % 2
    wide = scratch("frequencies of rows", (size // 2 + 1, 2 * out.shape[1]))
    # As real numbers: NumPy would make complex ones of the weights first.
    ways = wide[:seen].reshape(seen, gains.shape[1], -1)
    parts = spectrum[:seen].view(np.float32)[:, np.newaxis]
    np.multiply(parts, weights.astype(np.float32)[:, :, np.newaxis], out=ways)
    wide[seen:] = 0
    waves = fft.irfft(wide.view(np.complex64), n=size, axis=0)
    _wavelet_loops.add_between(readonly(waves), *_places(rows, size), out)


@lru_cache(maxsize=64)
def _undone(size: int, count: int) -> NDArray[np.float64]:
    """One over what interpolation does to each frequency."""
    inside = SHAPE**2 - (np.pi * TAPS * np.arange(count) / size) ** 2
    return readonly(np.sqrt(inside) / (TAPS * np.sinh(np.sqrt(inside))))


@lru_cache(maxsize=128)
def _places(rows: int, size: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """The first of the samples that each row lies between, and their weights."""
    at = np.arange(rows) * (size / rows)
    first = np.floor(at).astype(np.intp) - TAPS // 2 + 1
    apart = (at - first)[:, np.newaxis] - np.arange(TAPS)
    weights = special.i0(SHAPE * np.sqrt(np.maximum(1 - (2 * apart / TAPS) ** 2, 0)))
    weights[np.abs(apart) > TAPS / 2] = 0
    return readonly(first % size), readonly(weights.astype(np.float32))
