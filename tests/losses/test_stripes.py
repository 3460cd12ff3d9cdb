"""Losses of curtains against values that are known."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from reference_data import FOLDER, needs_reference
from stackmend.chain import Bound, compile_chain
from stackmend.kernels.wavelet_slopes import mean_slopes
from stackmend.kernels.wavelets import column_spectra, less_columns, most_levels
from stackmend.losses import stripe_gradient, stripe_isotropy
from stackmend.registry import IMAGE, Stage, Step, Undefined
from stackmend.steps.destripe import STEP
from stackmend.sweep.walk import distinct_work, walk

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


def slopes_of_slice(image, columns, sigma):
    restored = less_columns(image, columns, sigma)
    along = np.abs(np.gradient((image - restored).astype(np.float64), axis=0)).mean()
    return along, np.abs(np.gradient(restored.astype(np.float64), axis=1)).mean()


FIFTY = tuple(each + 0.01 for each in range(50))


@pytest.mark.parametrize("shape", [(97, 600), (64, 257), (33, 30), (400, 64)])
@pytest.mark.parametrize("wavelet", ["db1", "db4", "rbio2.4"])
@pytest.mark.parametrize("sigmas", [FIFTY, (3.0,), (1000.0, 0.2, 7.0)])
def test_slopes_without_slices_are_those_of_the_slices(shape, wavelet, sigmas):
    image = np.random.default_rng(4).normal(size=shape).astype(np.float32)
    columns = column_spectra(image, wavelet, most_levels(shape, wavelet))
    expected = [slopes_of_slice(image, columns, each) for each in sigmas]
    found = mean_slopes(image, columns, sigmas)
    np.testing.assert_allclose(found @ [2, 1], np.array(expected) @ [2, 1], rtol=1e-6)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("width", [30, 300])
def test_what_takes_nothing_has_the_loss_of_the_untouched_slice(width):
    structure = gaussian_filter(np.random.default_rng(5).normal(size=(64, width)), 1)
    image = (128 + 20 * structure).astype(np.float32)
    columns = column_spectra(image, "db1", 2)
    ((along, across), *_) = mean_slopes(image, columns, FIFTY[:30]).tolist()
    assert 2 * along + across == stripe_gradient.loss(image, image)


SWEPT = {
    ("destripe", "wavelet"): ("db1", "db4", "sym5"),
    ("destripe", "sigma"): FIFTY[::6],
    ("destripe", "match_contrast"): (False, True),
}


def searched(loss=stripe_gradient.LOSS, others=(), workers=1):
    """What a search computes, and the losses it finds."""
    step = Bound(STEP, "destripe", {"method": "wavelet", "level": "max"})
    graph = compile_chain([*others, step, Bound(loss, "loss", {})], swept=SWEPT)
    work = distinct_work(graph, list(product(*SWEPT.values())))
    return work.counts(), walk(work, {"image": STRIPED}, workers=workers)["loss"]


def test_a_search_needs_no_slices_and_chooses_the_same():
    work, losses = searched()
    assert "image" not in work
    assert work["slopes_by_sigma"] == 6
    plain_work, plain = searched(replace(stripe_gradient.LOSS, instead=None))
    assert plain_work["image"] == len(plain) == len(losses) == 54
    assert losses == pytest.approx(plain, rel=1e-6)
    assert min(losses, key=losses.get) == min(plain, key=plain.get)


def test_a_search_without_slices_is_the_same_for_any_workers():
    assert searched(workers=3)[1] == searched()[1]


def halved(image):
    return image / 2


def test_slices_are_made_where_another_step_is_tuned_as_well():
    halving = Step(name="halve", version=1, stages=(Stage(halved, makes=IMAGE),))
    work, _ = searched(others=[Bound(halving, "halve", {})])
    assert work["image"] == 55
    assert not work["slopes_by_sigma"]


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
