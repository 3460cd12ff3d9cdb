"""The shift of a slice against another by the phases of their spectra."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Image = NDArray[np.float32]
Spectrum = NDArray[np.complex64]


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
    around: int = 0,
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
    around
        px from the peak within which its centre of mass is taken; 0 for the peak itself.

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
    surface = fft.irfft2(cross, s=size)
    reach = [min(int(largest), int(each) - 1) for each in shape]
    rows, columns = (np.arange(-each, each + 1) for each in reach)
    near = surface[np.ix_(rows % size[0], columns % size[1])]
    row, column = np.unravel_index(int(near.argmax()), near.shape)
    peak = np.array([rows[row], columns[column]], dtype=np.float64)
    if not around:
        return peak
    offsets = np.arange(-around, around + 1)
    places = (rows[row] + offsets) % size[0], (columns[column] + offsets) % size[1]
    mass = np.maximum(surface[np.ix_(*places)], 0).astype(np.float64)
    centre = np.array([mass.sum(axis=1) @ offsets, mass.sum(axis=0) @ offsets])
    found: NDArray[np.float64] = peak + centre / mass.sum()
    return found
