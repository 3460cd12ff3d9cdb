"""The shift of a slice against another by the phases of their spectra."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Image = NDArray[np.float32]
Spectrum = NDArray[np.complex64]

BESIDE = np.arange(-1, 2)


def spectrum_of(part: Image) -> Spectrum:
    """The spectrum of a slice under a Hann window, zero-padded to twice its size."""
    windows = [np.hanning(size + 2)[1:-1].astype(np.float32) for size in part.shape]
    spectrum: Spectrum = fft.rfft2(part * windows[0][:, None] * windows[1], s=padded(part.shape))
    return spectrum


def padded(shape: tuple[int, ...]) -> tuple[int, ...]:
    """At least twice the size, so that nothing comes in at the other side."""
    return tuple(fft.next_fast_len(2 * int(size), real=True) for size in shape)


def shift_of(
    first: Spectrum,
    second: Spectrum,
    shape: tuple[int, ...],
    *,
    largest: float,
    whitened: float = 0.5,
    smooth: float = 0.0,
) -> NDArray[np.float64]:
    """The shift (y, x) at which two slices agree most.

    Parameters
    ----------
    first, second
        By `spectrum_of`.
    shape
        Rows and columns of the slices.
    largest
        Longest shift along y and x that is looked at.
    whitened
        Power of its modulus that the cross spectrum is divided by: at 0 the correlation, which slow
        structure decides, at 1 phases alone, which noise disturbs.
    smooth
        px, sigma of a Gaussian for the surface, through the peak of which parabolas are then laid
        for fractions of a pixel, in its logarithm; 0 for the peak itself.

    Returns
    -------
    (2,) float64
        A pixel p of the first is found at p + shift in the second.
    """
    cross = second * np.conj(first)
    modulus = np.abs(cross)
    floor = modulus.max() * np.float32(1e-9) + np.float32(1e-30)
    cross /= np.maximum(modulus, floor) ** np.float32(whitened)
    size = padded(shape)
    if smooth:
        waves = fft.fftfreq(size[0])[:, None] ** 2 + fft.rfftfreq(size[1]) ** 2
        cross *= np.exp(-2 * (np.pi * smooth) ** 2 * waves).astype(np.float32)
    surface = fft.irfft2(cross, s=size)
    reach = [min(int(largest), int(each) - 1) for each in shape]
    rows, columns = (np.arange(-each, each + 1) for each in reach)
    near = surface[np.ix_(rows % size[0], columns % size[1])]
    row, column = np.unravel_index(int(near.argmax()), near.shape)
    peak = np.array([rows[row], columns[column]], dtype=np.float64)
    if not smooth:
        return peak
    near = surface[np.ix_(rows[row] + BESIDE, columns[column] + BESIDE)]
    logs = np.log(np.maximum(near, 1e-12).astype(np.float64))
    lines = np.stack([logs[:, 1], logs[1]])
    bend = lines[:, 0] - 2 * lines[:, 1] + lines[:, 2]
    fractions = (lines[:, 0] - lines[:, 2]) / np.minimum(2 * bend, -1e-12)
    found: NDArray[np.float64] = peak + np.clip(fractions, -0.5, 0.5)
    return found
