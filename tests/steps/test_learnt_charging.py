"""learn_charging, find_learnt_charging and subtract_charge: known truth, clean slices, edges."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy import ndimage

from components import bound, evaluate
from stackmend import registry
from stackmend.chain import ABSENT, compile_chain
from stackmend.chain.graph import product_of_neighbour
from stackmend.registry import Unsettled

DEFAULTS = {
    name: declared["default"]
    for name, declared in registry.steps().get("learn_charging").schema["properties"].items()
}


def tissue(shape=(256, 320), seed=0):
    """Cells with dark membranes and organelles of their own grey level; whole numbers, 8 bit."""
    random = np.random.default_rng(seed)
    rough = ndimage.gaussian_filter(random.standard_normal(shape), 9)
    membranes = np.exp(-((rough / rough.std() / 0.12) ** 2))
    grain = ndimage.gaussian_filter(random.standard_normal(shape), 1.2)
    return np.clip(np.rint(125 - 45 * membranes + 12 * grain / grain.std()), 0, 255).astype(
        np.float32
    )


def charge(shape=(256, 320)):
    y, x = np.indices(shape)
    blob = 60 * np.exp(-((y - 80) ** 2 + (x - 90) ** 2) / (2 * 13**2))
    tail = 55 / (1 + np.exp((abs(y - 180) - 11) / 1.5)) * np.exp(-abs(x - 210) / 45)
    return np.maximum(blob, tail)


@cache
def learnt(inverse, **_):
    sign = -1 if inverse else 1
    image = np.clip(np.rint(tissue() + sign * charge()), 0, 255).astype(np.float32)
    return image, model_of([image], inverse=inverse)


def model_of(images, **given):
    survey = registry.steps().get("learn_charging").survey
    records = {number: survey.record_of([image], {}) for number, image in enumerate(images)}
    return survey.settled(records, DEFAULTS | given)


def restored(image, model, *, before=(), after=(), **given):
    """All products of the learnt steps on a slice, with the slices before and after it."""
    steps = (
        bound("learn_charging", neighbours=max(len(before), len(after))),
        bound("find_learnt_charging", **given),
        bound("subtract_charge"),
    )
    stack = [*before, image, *after]
    products = {"learn_charging.charge_model": model}
    reach = max(len(before), len(after))
    for offset in range(-reach, reach + 1):
        place = len(before) + offset
        seen = np.asarray(stack[place], np.float32) if 0 <= place < len(stack) else ABSENT
        products[product_of_neighbour("image", offset)] = seen
        products[product_of_neighbour("learn_charging.charge_model", offset)] = model
    return compile_chain(steps, given=("image", "learn_charging.charge_model")).evaluate(products)


def rms(values):
    return float(np.sqrt(np.mean(np.square(values))))


@pytest.mark.parametrize("inverse", [False, True])
def test_recovers_a_known_truth(inverse):
    image, model = learnt(inverse)
    made = restored(image, model)
    truth, charged = tissue(), charge() > 8
    before, after = rms((image - truth)[charged]), rms((made["image"] - truth)[charged])
    assert after < 0.5 * before
    assert rms((made["image"] - truth)[~charged]) < rms((image - truth)[~charged]) + 0.5
    border = ndimage.distance_transform_edt(~made["charging_mask"]) > 7
    assert np.array_equal(made["image"][border], image[border])


@pytest.mark.parametrize("inverse", [False, True])
def test_clean_tissue_is_left_alone(inverse):
    _, model = learnt(inverse)
    for image in (tissue(), tissue(seed=1)):
        made = restored(image, model)
        assert not made["charging_mask"].any()
        assert np.array_equal(made["image"], image)


@pytest.mark.parametrize(
    "loose",
    [
        {"high": 2.5},
        {"low": 1},
        {"min_area": 75},
        {"min_agreement": 0},
        {"max_edge": 0.8},
        {"min_soft": 0},
        {"high": 1, "low": 1, "min_area": 0, "min_agreement": 0, "max_edge": 1, "min_soft": 0},
    ],
)
def test_no_values_make_clean_tissue_charged(loose):
    _, model = learnt(True)
    for image in (tissue(), tissue(seed=1)):
        assert restored(image, model, **loose)["charging_mask"].mean() < 0.001


def test_low_says_only_how_far_a_region_grows():
    image, model = learnt(True)
    masks = [restored(image, model, low=low)["charging_mask"] for low in (1, 3, 12)]
    counts = [ndimage.label(mask)[1] for mask in masks]
    assert counts[0] == counts[1] == 2
    assert masks[2].any()
    for inner, outer in zip(masks[1:], masks[:-1], strict=True):
        assert not (inner & ~outer).any()
    reach = ndimage.binary_dilation(restored(image, model, low=5)["charging_mask"], iterations=18)
    assert not (masks[0] & ~reach).any()


def test_learning_from_clean_tissue_finds_nothing():
    image = tissue()
    made = restored(image, model_of([image], inverse=True))
    assert np.count_nonzero(made["image"] != image) < 0.001 * image.size


def test_the_wrong_polarity_finds_nothing():
    image, _ = learnt(True)
    made = restored(image, model_of([image], inverse=False))
    assert np.count_nonzero(made["image"] != image) < 0.01 * image.size


def test_other_depths_are_the_same_but_for_their_unit():
    image, _ = learnt(True)
    wide = image * 200 + 1000
    model = model_of([wide.astype(np.float32)], inverse=True)
    assert -model["unit"] == pytest.approx(np.diff(np.percentile(wide, (0.1, 99.9)))[0] / 200)
    made = restored(wide.astype(np.float32), model)
    truth, charged = tissue() * 200 + 1000, charge() > 8
    assert rms((made["image"] - truth)[charged]) < 0.5 * rms((wide - truth)[charged])


@pytest.mark.parametrize("inverse", [False, True])
def test_neighbours_that_are_not_charged_tell_the_level(inverse):
    image, model = learnt(inverse)
    noise = [np.random.default_rng(k).normal(0, 2, image.shape) for k in range(3)]
    beside = [np.rint(tissue() + each) for each in noise]
    made = restored(image, model, before=beside[:1], after=beside[1:])
    truth, charged = tissue(), charge() > 8
    assert rms((made["image"] - truth)[charged]) < 0.2 * rms((image - truth)[charged])
    assert rms((made["image"] - truth)[~charged]) < rms((image - truth)[~charged])
    alone = restored(image, model)
    assert rms((made["image"] - truth)[charged]) < rms((alone["image"] - truth)[charged])


def test_neighbours_of_another_tissue_are_no_measure():
    image, model = learnt(True)
    others = [tissue(seed=3), tissue(seed=4)]
    made = restored(image, model, before=others[:1], after=others[1:])
    alone = restored(image, model)
    truth, charged = tissue(), charge() > 8
    after = rms((made["image"] - truth)[charged]) / rms((image - truth)[charged])
    assert after < rms((alone["image"] - truth)[charged]) / rms((image - truth)[charged]) + 0.1
    assert rms((made["image"] - truth)[~charged]) < rms((image - truth)[~charged]) + 0.5


def test_charge_that_stays_over_slices_is_not_taken_for_the_level():
    image, model = learnt(True)
    made = restored(image, model, before=[image], after=[image])
    truth, charged = tissue(), charge() > 8
    assert rms((made["image"] - truth)[charged]) < 0.5 * rms((image - truth)[charged])


def test_learning_is_deterministic():
    image = learnt(True)[0][:128, :128]
    first, second = (model_of([image], inverse=True, rounds=2, copies=3) for _ in range(2))
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert np.array_equal(value, second[name]), name
    other = model_of([image], inverse=True, rounds=2, copies=3, seed=1)
    assert not np.array_equal(first["coefficients"], other["coefficients"])


def test_a_region_of_a_search_is_restored_as_in_the_whole_slice():
    image, model = learnt(True)
    whole = restored(image, model)
    window = np.s_[41:231, 33:]
    cut = whole["learnt_charge"].cut(window)
    find, subtract = bound("find_learnt_charging"), bound("subtract_charge")
    made = evaluate(image[window], find, subtract, learnt_charge=cut)
    assert np.array_equal(made["charging_mask"], whole["charging_mask"][window])
    inside = ndimage.distance_transform_edt(np.pad(np.ones((190, 287), bool), 1))[1:-1, 1:-1] > 8
    assert np.array_equal(made["image"][inside], whole["image"][window][inside])


def test_a_constant_slice_passes_untouched():
    image = np.full((96, 96), 120, np.float32)
    for model in (learnt(True)[1], model_of([image], inverse=True)):
        assert np.array_equal(restored(image, model)["image"], image)


def test_pixels_that_are_no_numbers_are_refused():
    image, model = learnt(True)
    holed = image.copy()
    holed[3, 5] = np.nan
    with pytest.raises(Exception, match="expected numbers, got 1 pixels of NaN"):
        restored(holed, model)
    with pytest.raises(Unsettled, match="NaN or infinity"):
        model_of([holed], inverse=True)


def test_small_slices_are_refused():
    with pytest.raises(Unsettled, match="at least 64 x 64 pixels, got 63 x 200"):
        model_of([tissue((63, 200))], inverse=True)
    with pytest.raises(Unsettled, match="no slice can be used"):
        model_of([], inverse=True)


def test_learns_from_the_optimization_slices_and_some_across_the_stack():
    slices = registry.steps().get("learn_charging").survey.slices
    assert set(slices(range(11), [4])) == {4, 0, 5, 10}
    assert set(slices([3, 7, 9], [])) == {3, 7, 9}
    assert set(slices([8], [8])) == {8}


def test_ranges_must_ascend():
    step = registry.steps().get("learn_charging")
    assert set(step.refuse(DEFAULTS | {"amplitude": [9, 8], "size": [4, 4]})) == {"amplitude"}
