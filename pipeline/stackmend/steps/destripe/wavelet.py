"""Vertical curtains by damping the slow frequencies of wavelet coefficients."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.histogram_match import matched_to
from stackmend.kernels.wavelets import (
    ColumnSpectra,
    column_spectra,
    less_columns,
    most_levels,
)
from stackmend.registry import IMAGE, Stage, Step

Image = NDArray[np.float32]


def stripe_spectra(image: Image, *, wavelet: str, level: int | str) -> ColumnSpectra:
    """The coefficients of what runs along y, transformed along y: the same for every sigma.

    Parameters
    ----------
    image : (Y, X) float32
    wavelet
        Of any family; its name.
    level
        How often the slice is halved, or ``max`` for as often as the wavelet fits.

    Raises
    ------
    ValueError
        If the slice is too small for so many levels.
    """
    levels = most_levels(image.shape, wavelet) if level == "max" else int(level)
    return column_spectra(image, wavelet, levels)


def destriped(
    image: Image, stripe_spectra: ColumnSpectra, *, sigma: float, match_contrast: bool
) -> Image:
    """The slice without the slowest frequencies of these coefficients.

    Parameters
    ----------
    image : (Y, X) float32
    stripe_spectra
        Its coefficients.
    sigma
        Of the Gaussian that damps, in cycles per height; the larger, the more is taken away.
    match_contrast
        Whether grey levels are then mapped so that the histogram is that of the input.

    Returns
    -------
    (Y, X) float32
    """
    restored: Image = less_columns(image, stripe_spectra, sigma)
    return matched_to(restored, image) if match_contrast else restored


VARIANT = Step(
    name="wavelet",
    version=1,
    stages=(
        Stage(stripe_spectra, plural="wavelet decompositions"),
        Stage(destriped, makes=IMAGE),
    ),
    references=("Muench, Trtik, Marone, Stampanoni (2009), doi:10.1364/OE.17.008567",),
)
