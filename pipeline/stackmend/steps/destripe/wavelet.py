"""Vertical curtains by damping the slow frequencies of wavelet coefficients."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.histogram_match import matched_to
from stackmend.kernels.slopes import mean_slope_across, mean_slope_along
from stackmend.kernels.wavelet_slopes import mean_slopes
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


def slopes_by_sigma(
    image: Image, stripe_spectra: ColumnSpectra, *, sigma: tuple[float, ...], match_contrast: bool
) -> dict[float, tuple[float, float]]:
    """Mean slopes for all values of sigma, which share their work, without the slices.

    Parameters
    ----------
    image : (Y, X) float32
    stripe_spectra
        Its coefficients.
    sigma
        Of the Gaussians that damp, in cycles per height.
    match_contrast
        Whether grey levels are mapped; then the slices must be made.

    Returns
    -------
    dict of tuple of two float
        By sigma: along y of what is taken away, along x of what is left; grey levels per px.
    """
    if not match_contrast:
        found = mean_slopes(image, stripe_spectra, sigma).tolist()
        return {each: (along, across) for each, (along, across) in zip(sigma, found, strict=True)}
    slopes: dict[float, tuple[float, float]] = {}
    for each in sigma:
        restored = destriped(image, stripe_spectra, sigma=each, match_contrast=True)
        slopes[each] = mean_slope_along(image, restored), mean_slope_across(restored)
    return slopes


def stripe_slopes(
    slopes_by_sigma: dict[float, tuple[float, float]], *, sigma: float
) -> tuple[float, float]:
    """The slopes for one sigma, of what is taken away and of what is left."""
    return slopes_by_sigma[sigma]


VARIANT = Step(
    name="wavelet",
    version=1,
    stages=(
        Stage(stripe_spectra, plural="wavelet decompositions"),
        Stage(slopes_by_sigma, together=("sigma",)),
        Stage(stripe_slopes),
        Stage(destriped, makes=IMAGE),
    ),
    references=("Muench, Trtik, Marone, Stampanoni (2009), doi:10.1364/OE.17.008567",),
)
