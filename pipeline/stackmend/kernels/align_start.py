"""Where to begin: the shift of a slice against another by phase correlation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from stackmend.kernels.align_slices import Prepared


def shift_of(first: Prepared, second: Prepared, largest: float) -> NDArray[np.float64]:
    """The whole shift (y, x), in pixels of the coarsest level, at which the slices agree most.

    The cross spectrum is divided by the square root of its modulus: half-whitened, between
    correlation, which slow structure decides, and phase correlation, which noise disturbs.

    Parameters
    ----------
    first, second
        By `align_slices.prepare`.
    largest
        Longest shift along y and x that is looked at.

    Returns
    -------
    (2,) float64
        A pixel p of the first is found at p + shift in the second.
    """
    cross = second.spectrum * np.conj(first.spectrum)
    modulus = np.abs(cross)
    cross /= np.sqrt(np.maximum(modulus, modulus.max() * np.float32(1e-12) + np.float32(1e-30)))
    y0, y1, x0, x1 = first.levels[-1].box
    shape = [fft.next_fast_len(2 * int(size), real=True) for size in (y1 - y0, x1 - x0)]
    surface = fft.irfft2(cross, s=shape)
    reach = [min(int(largest), int(size) - 1) for size in (y1 - y0, x1 - x0)]
    rows, columns = (np.arange(-each, each + 1) for each in reach)
    near = surface[np.ix_(rows % shape[0], columns % shape[1])]
    row, column = np.unravel_index(int(near.argmax()), near.shape)
    return np.array([rows[row], columns[column]], dtype=np.float64)
