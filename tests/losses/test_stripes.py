"""Losses of curtains against values that are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from reference_data import FOLDER, needs_reference
from stackmend.kernels.wavelets import column_spectra, less_columns
from stackmend.losses import stripe_gradient, stripe_isotropy
from stackmend.registry import Undefined

RNG = np.random.default_rng(3)
CLEAN = gaussian_filter(RNG.normal(size=(140, 150)), 1.5).astype(np.float32)
STRIPED = CLEAN + RNG.normal(scale=0.1, size=150).astype(np.float32)


def test_slopes_are_those_of_numpy():
    taken = STRIPED - CLEAN + np.float32(0.1) * CLEAN.T[:1, :140].T
    restored = STRIPED - taken
    along = np.abs(np.gradient(STRIPED - restored, axis=0)).mean()
    expected = 2 * along + np.abs(np.gradient(restored, axis=1)).mean()
    assert stripe_gradient.loss(restored, STRIPED) == pytest.approx(expected, rel=1e-5)


def test_a_single_row_has_no_slope():
    assert isinstance(stripe_gradient.loss(CLEAN[:1], CLEAN[:1]), Undefined)


def isotropy(image, initial):
    across = stripe_isotropy.across(initial, bands=4)
    return stripe_isotropy.loss(image, across, bands=4)


def test_the_clean_slice_looks_alike_along_both_axes():
    assert isotropy(CLEAN, STRIPED) < isotropy(STRIPED, STRIPED) / 2


@pytest.mark.parametrize("initial", [CLEAN[:60], np.ones((80, 80), np.float32)])
def test_without_structure_there_is_no_value(initial):
    assert isinstance(isotropy(initial, initial), Undefined)


def test_nothing_left_is_no_value():
    assert isinstance(isotropy(np.ones_like(CLEAN), CLEAN), Undefined)


@needs_reference
def test_reference_losses():
    with np.load(FOLDER / "reference" / "restoration_reference.npz") as arrays:
        image, wavelets, sigmas = arrays["A_input"], arrays["A_wavelets"], arrays["A_sigmas"]
        levels, losses = arrays["A_levels"], arrays["A_loss"]
    single = image.astype(np.float32)
    for wavelet, level, expected in zip(wavelets, levels, losses, strict=True):
        columns = column_spectra(image, str(wavelet), int(level))
        for sigma, value in zip(sigmas, expected, strict=True):
            restored = less_columns(image, columns, float(sigma)).astype(np.float32)
            assert stripe_gradient.loss(restored, single) == pytest.approx(value, abs=1e-6)
