"""The loss by hidden pixels: what it hides, and what it says of filters whose error is known."""

from __future__ import annotations

import ast
import itertools
from functools import partial

import numpy as np
import pytest

from reference_data import arrays, needs_reference
from stackmend.kernels.hidden_pixels import hidden_at, with_hidden
from stackmend.losses.j_invariance import ALL, LOSS, ONE, hidden_places, loss, noise_of_slice
from stackmend.registry import NOTHING_FOUND, UNDEFINED, Undefined
from stackmend.steps.denoise import nl_means, tv_chambolle, wavelet

random = np.random.default_rng(3)
TRUTH = np.full((96, 90), 100, np.float32)
NOISY = (TRUTH + random.normal(0, 7, TRUTH.shape)).astype(np.float32)


def judged(image, function, masks="one", stabilise=False):
    """The loss of a filter on a slice."""
    results = [function(with_hidden(image, place)) for place in hidden_places(masks=masks)]
    return loss(results, image, noise_of_slice(image), masks=masks, stabilise=stabilise)


def test_hidden_pixels_have_the_mean_of_their_neighbours():
    hidden = with_hidden(NOISY, 8)
    changed = np.argwhere(hidden != NOISY)
    assert {(y % 4, x % 4) for y, x in changed} == {(2, 0)}
    around = NOISY[5, 8] + NOISY[7, 8] + NOISY[6, 7] + NOISY[6, 9]
    assert hidden[6, 8] == pytest.approx(around / 4)
    assert hidden[2, 0] == pytest.approx((NOISY[1, 0] + NOISY[3, 0] + 2 * NOISY[2, 1]) / 4)


def test_all_places_hide_every_pixel_once():
    count = np.zeros(NOISY.shape, int)
    for place in ALL:
        count[hidden_at(place)] += 1
    assert (count == 1).all()
    assert LOSS.hiding.places_for({"masks": "one", "stabilise": True}) == ONE


@pytest.mark.parametrize("masks", ["one", "all"])
def test_is_the_error_of_the_filter_plus_the_noise(masks):
    found = judged(NOISY, lambda image: TRUTH + np.float32(3), masks)
    assert found == pytest.approx(3**2 + 7**2, rel=0.15 if masks == "one" else 0.05)


def test_in_units_of_the_noise_the_truth_has_1_and_the_slice_itself_2():
    noise = noise_of_slice(NOISY)
    truth = judged(NOISY, lambda image: TRUTH, "all", stabilise=True)
    assert truth == pytest.approx(1, abs=0.1)
    itself = loss(None, NOISY, noise, masks="one", stabilise=True)
    assert itself == pytest.approx(2, abs=0.15)
    raw = loss(None, NOISY, noise, masks="one", stabilise=False)
    assert raw == pytest.approx(2 * 7**2, rel=0.15)


def test_where_noise_is_alike_the_slice_itself_is_harder_to_beat():
    alike = noise_of_slice(NOISY)._replace(white=0.2)
    assert loss(None, NOISY, alike, masks="one", stabilise=True) == pytest.approx(1.2)


def test_without_noise_or_room_there_is_none():
    flat = noise_of_slice(TRUTH)
    assert isinstance(flat, Undefined)
    assert flat.status == NOTHING_FOUND
    assert loss(None, TRUTH, flat, masks="one", stabilise=True) is flat
    small = noise_of_slice(NOISY[:40, :40])
    assert isinstance(small, Undefined)
    assert small.status == UNDEFINED


def test_a_result_that_is_no_number_never_wins():
    spoilt = judged(NOISY, lambda image: np.full_like(image, np.nan))
    assert isinstance(spoilt, Undefined)


@needs_reference
def test_agrees_with_the_reference_on_total_variation():
    stored = arrays()
    image = stored["E_input"].astype(np.float32)
    for weight, expected in zip(stored["E_tv_w"], stored["E_tv_loss"], strict=True):
        given = {"weight": float(weight), "eps": None, "iterations": None}
        found = judged(image, lambda each, given=given: tv_chambolle.flattened_out(each, **given))
        assert found == pytest.approx(expected, rel=1e-5)


@needs_reference
def test_agrees_with_the_reference_on_wavelets():
    pytest.importorskip("pywt")
    stored = arrays()
    image = stored["E_input"].astype(np.float32)
    for text, expected in zip(stored["E_wav_params"], stored["E_wav_loss"], strict=True):
        given = ast.literal_eval(str(text))
        given |= {"threshold": given.pop("method"), "sigma": None}
        found = judged(image, lambda each, given=given: wavelet.shrunk(each, **given))
        assert found == pytest.approx(expected, rel=1e-5)


def settings_of_means():
    """The settings of the reference by the names of the step, and their losses."""
    stored = arrays()
    settings = []
    for text in stored["E_nlm_params"]:
        given = ast.literal_eval(str(text))
        given["cut_off"] = given.pop("h")
        settings.append(given)
    return stored["E_input"].astype(np.float32), list(
        zip(settings, stored["E_nlm_loss"], strict=True)
    )


@needs_reference
def test_agrees_with_the_reference_on_non_local_means():
    """To 0.3 %, for the reason that the next test shows; the best setting is the same."""
    image, settings = settings_of_means()
    found = [judged(image, partial(nl_means.averaged, **given)) for given, _ in settings]
    expected = [loss for _, loss in settings]
    assert found == pytest.approx(expected, rel=3e-3)
    assert np.argmin(found) == np.argmin(expected)


def quick_exponential(values):
    """The approximation of scikit-image: what is multiplied is the upper half of a double."""
    upper = (1512775.3951951856938 * values).astype(np.int64) + 1072632447
    return (upper << 32).view(np.float64)


def averaged_as_of_old(image, own, patch_size, patch_distance, cut_off, sigma):
    """The fast non-local means of scikit-image by the letter; the pixel itself counts `own`."""
    half, count = patch_size // 2, patch_size**2
    height, width = image.shape
    margin = half + patch_distance
    wide = np.pad(image.astype(np.float64), margin, mode="reflect")
    total, weighted = np.zeros(image.shape), np.zeros(image.shape)
    around = range(-patch_distance, patch_distance + 1)
    for dy, dx in itertools.product(around, around):
        unlike = np.zeros(image.shape)
        # Its surroundings are one pixel short on two sides.
        for y, x in itertools.product(range(margin - half + 1, margin + half + 1), repeat=2):
            other = wide[y + dy : y + dy + height, x + dx : x + dx + width]
            unlike += (wide[y : y + height, x : x + width] - other) ** 2 - 2 * sigma**2
        unlike = np.maximum(unlike, 0) / (count * cut_off**2)
        weight = np.where(unlike > 5, 0, quick_exponential(-unlike))
        weight *= own if dy == dx == 0 else 1
        total += weight
        top, left = margin + dy, margin + dx
        weighted += weight * wide[top : top + height, left : left + width]
    return (weighted / total).astype(np.float32)


@needs_reference
def test_the_reference_counts_the_pixel_itself_twice():
    """As scikit-image did up to 0.18, by a mistake; since 0.19 it counts once."""
    image, settings = settings_of_means()
    for given, expected in settings[:4:3]:
        twice = judged(image, partial(averaged_as_of_old, own=2, **given))
        assert twice == pytest.approx(expected, rel=1e-6)
        once = judged(image, partial(averaged_as_of_old, own=1, **given))
        assert once == pytest.approx(judged(image, partial(nl_means.averaged, **given)), rel=1e-6)
