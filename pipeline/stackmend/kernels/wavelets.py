"""What a wavelet transform makes of streaks along y, ready to be damped by any width.

Only the coefficients of streaks along y are computed: what is coarse along y and fine along x. As
the transform works along each axis by itself, they are put together along x at once and damped
along y later; so all widths share one decomposition and its Fourier transform.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from stackmend.kernels._arrays import readonly, scratch
from stackmend.kernels.row_waves import add_rows

Array = NDArray[np.floating]
"""Float32, or float64 where that is given."""


@dataclass(frozen=True)
class ColumnSpectra:
    """What is fine along x, by level from fine to coarse, put together along x.

    ``spectra`` are Fourier transforms along y of ``rows`` coefficients each, complex
    ``(rows // 2 + 1, X)``; ``taps`` put a level together along y.
    """

    spectra: tuple[NDArray[np.complexfloating], ...]
    rows: tuple[int, ...]
    taps: Array


def wavelet_names() -> list[str]:
    """Names of all wavelets, as PyWavelets has them."""
    return sorted(_filters())


def most_levels(shape: tuple[int, ...], wavelet: str) -> int:
    """How often a slice can be halved until it is shorter than the wavelet.

    Examples
    --------
    >>> most_levels((1000, 1000), "db4")
    7
    """
    taps = _filters()[wavelet][0].size
    return max(int(np.log2(min(shape) / (taps - 1))), 0) if min(shape) >= taps - 1 else 0


def column_spectra(image: NDArray[np.floating], wavelet: str, level: int) -> ColumnSpectra:
    """Decompose a slice by a wavelet, as far as streaks along y are concerned.

    Parameters
    ----------
    image : (Y, X) float
        Mirrored at its edges.
    wavelet
        One of ``wavelet_names()``.
    level
        How often the slice is halved.

    Raises
    ------
    ValueError
        If the slice is too small for so many levels.
    """
    most = most_levels(image.shape, wavelet)
    if not 1 <= level <= most:
        raise ValueError(f"{wavelet} has levels 1 to {most} on a slice of this size, not {level}")
    analysis, synthesis = _filters()[wavelet]
    signs = np.resize([1.0, -1.0], analysis.size)
    kind = np.float64 if image.dtype == np.float64 else np.float32
    coarse: Array = np.ascontiguousarray(image, dtype=kind)
    widths: list[int] = []
    spectra: list[NDArray[np.complexfloating]] = []
    rows: list[int] = []
    for _ in range(level):
        widths.append(coarse.shape[1])
        across = _transposed(_down(coarse, analysis))
        fine = _up(_down(across, -signs * synthesis), signs * analysis, widths[-1])
        for width in reversed(widths[:-1]):
            fine = _up(fine, synthesis, width)
        spectra.append(readonly(fft.rfft(_transposed(fine), axis=0)))
        rows.append(fine.shape[1])
        coarse = _transposed(_down(across, analysis))
    return ColumnSpectra(tuple(spectra), tuple(rows), synthesis.astype(kind))


def less_columns(image: Array, columns: ColumnSpectra, sigma: float) -> Array:
    """The slice less in each level the slowest frequencies along y.

    Parameters
    ----------
    image : (Y, X) float
        That was decomposed.
    columns
        As ``column_spectra`` gives them.
    sigma
        Of the Gaussian by which frequencies are damped, in cycles per height of the level.

    Returns
    -------
    (Y, X) float
        As put together again from damped coefficients; of float32, what is taken differs from that
        by about 1e-6 of its largest.
    """
    from stackmend.kernels import _wavelet_loops

    whole = slice(0, image.shape[1])
    kind = columns.taps.dtype
    out = np.empty(image.shape, kind)
    given = readonly(np.ascontiguousarray(image, dtype=kind))
    _wavelet_loops.less_up(given, _finest(columns, (sigma,), whole), *_taps(columns), out)
    return out


def take_columns(
    columns: ColumnSpectra, sigmas: tuple[float, ...], part: slice, out: Array
) -> None:
    """Set what is taken of a part of the columns, for each of some sigmas.

    Parameters
    ----------
    columns
        As ``column_spectra`` gives them.
    sigmas
        As for ``less_columns``.
    part
        Of the columns.
    out : (Y, sigmas, X) float
        ``image - less_columns(image, ...)`` of these columns. Y is even: where the height of the
        slice is not, there is a row more.
    """
    from stackmend.kernels import _wavelet_loops

    rows = _finest(columns, sigmas, part)
    _wavelet_loops.up(rows, *_taps(columns), out.reshape(len(out), -1))


def _finest(columns: ColumnSpectra, sigmas: tuple[float, ...], part: slice) -> Array:
    """The sum of all levels as rows of the finest, for each sigma side by side."""
    from stackmend.kernels import _wavelet_loops

    taps, half = _taps(columns)
    kind, width = taps.dtype, (part.stop - part.start) * len(sigmas)
    total = _room(columns.rows[-1], width, kind, "coarsest")
    total[:] = 0
    for level in reversed(range(len(columns.rows))):
        add_rows(columns.spectra[level][:, part], _gains(columns.rows[level], sigmas), total)
        if level == 0:
            break
        height = columns.rows[level - 1]
        finer = _room(height + height % 2, width, kind, "even" if level % 2 else "odd")
        _wavelet_loops.up(readonly(total), taps, half, finer)
        total = finer[:height]
    return readonly(total)


def _taps(columns: ColumnSpectra) -> tuple[Array, int]:
    """The taps that put a level together, as compiled loops take them, and half of their number."""
    taps = columns.taps
    return readonly(np.pad(taps, (0, -taps.size % 8))), taps.size // 2


def _room(rows: int, columns: int, kind: np.dtype[np.floating], name: str) -> Array:
    """Work space for a level."""
    words = kind.itemsize // 4
    return scratch(f"{name} level of a wavelet", (rows, columns * words)).view(kind)


@lru_cache(maxsize=64)
def _gains(rows: int, sigmas: tuple[float, ...]) -> Array:
    """What of each frequency is taken away, ``(rows // 2 + 1, sigmas)``.

    Frequencies are counted half a step off where the number of rows is even, as the method was
    published; of its real part, the mean over both signs is left.
    """
    off = 0.5 if rows % 2 == 0 else 0.0
    frequency = np.arange(rows // 2 + 1, dtype=np.float64)[:, np.newaxis]
    twice = 2 * np.array(sigmas, np.float64) ** 2
    above = np.exp(-((frequency + off) ** 2) / twice)
    below = np.exp(-((frequency - off) ** 2) / twice)
    gains = (above + below) / 2
    if rows % 2 == 0:
        gains[-1] = below[-1]
    return readonly(gains)


def _down(rows: Array, taps: Array) -> Array:
    from stackmend.kernels import _wavelet_loops

    size = len(rows)
    index = np.arange(-taps.size, size + taps.size + 2) % (2 * size)
    index = np.where(index < size, index, 2 * size - 1 - index)
    out = np.zeros(((size + taps.size - 1) // 2, rows.shape[1]), rows.dtype)
    _wavelet_loops.down(readonly(rows), readonly(index), readonly(taps.astype(rows.dtype)), out)
    return out


def _up(rows: Array, taps: Array, size: int) -> Array:
    from stackmend.kernels import _wavelet_loops

    out = np.empty((size + size % 2, rows.shape[1]), rows.dtype)
    padded = readonly(np.pad(taps, (0, -taps.size % 8)).astype(rows.dtype))
    _wavelet_loops.up(readonly(rows), padded, taps.size // 2, out)
    return out[:size]


def _transposed(rows: Array) -> Array:
    return np.ascontiguousarray(rows.T)


@cache
def _filters() -> dict[str, tuple[Array, Array]]:
    """The low-pass filters of each wavelet, for taking apart and for putting together."""
    text = Path(__file__).with_name("wavelet_filters.json").read_text(encoding="utf-8")
    found: dict[str, tuple[Array, Array]] = {}
    for name, filters in json.loads(text).items():
        analysis = np.array(filters["analysis"])
        synthesis = np.array(filters.get("synthesis", analysis[::-1]))
        found[name] = readonly(analysis), readonly(synthesis)
        if name.startswith("bior"):
            reverse = np.ascontiguousarray(synthesis[::-1]), np.ascontiguousarray(analysis[::-1])
            found[name.replace("bior", "rbio")] = readonly(reverse[0]), readonly(reverse[1])
    return found
