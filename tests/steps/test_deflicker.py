"""Gains and offsets that differ from slice to slice, and slices that show other things."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

import stackmend
from flicker import error, resin_enters, with_flicker
from reference_data import fibsem_clean, needs_reference
from stackmend import registry, steps
from stackmend.errors import InputError, StackmendError, WrongValue
from stackmend.kernels.pair_balance import pair_balance
from stackmend.kernels.slice_transform import SliceTransform
from stackmend.kernels.stack_balance import groups_of, stack_balance
from stackmend.kernels.thinned_gaussian import thinned_gaussian, thinned_gaussian_at

RANDOM = np.random.default_rng(7)
GAINS = np.exp([0.1, -0.05, 0.2, -0.15, 0.03, 0.12, -0.08, -0.17])[:, None, None]
OFFSETS = np.array([4.0, -7, 2, 9, -3, 0, -8, 3])[:, None, None]

NEAR = ((0, 1), (0, 2), (1, 2))


def tissue(slices=8, side=96):
    """A field that changes slowly along the stack, with noise."""
    field = ndimage.gaussian_filter(RANDOM.standard_normal((slices + 40, side, side)), (20, 3, 3))
    field = 20 * field[20:-20] / field.std()
    return 110 + field + RANDOM.standard_normal(field.shape)


TRUTH = tissue()
FLICKERS = (GAINS * TRUTH + OFFSETS).astype(np.float32)


def values(stack, **parameters):
    """Gain and offset of every slice, as in a chain."""
    step = {"step": "deflicker", **parameters}
    protocol = {"protocol": 1, "chain": [step], "output": {"dtype": "float32"}}
    made = np.asarray(stackmend.apply(protocol, stack))
    assert np.array_equal(made, steps.deflicker(stack, **parameters))
    gains = made.std(axis=(1, 2)) / np.maximum(stack.std(axis=(1, 2)), 1e-9)
    return made, gains, made.mean(axis=(1, 2)) - gains * stack.mean(axis=(1, 2))


# Known truth


@needs_reference
@pytest.mark.parametrize("seed", [0, 4])
def test_figures_where_resin_enters(seed):
    truth = resin_enters(seed)
    stack = with_flicker(truth, seed, 12.7)
    assert error(steps.deflicker(stack.astype(np.uint8)), truth) <= 3.1
    assert error(steps.deflicker(truth), truth) <= 3.1


@needs_reference
def test_figures_of_like_slices():
    truth = fibsem_clean()
    stack = with_flicker(truth, 3, 7.4)
    assert error(steps.deflicker(stack.astype(np.uint8)), truth) <= 0.4
    left = steps.deflicker(truth) - truth
    left -= left.mean(axis=(1, 2), keepdims=True)
    assert np.sqrt(np.mean(left**2)) < 0.255


def test_known_gains_and_offsets_come_out():
    made, gains, offsets = values(FLICKERS)
    still = steps.deflicker(TRUTH.astype(np.float32))
    assert error(made, still) < 0.01
    assert abs(made.mean() - FLICKERS.mean()) < 1e-3
    assert abs(np.log(gains).mean()) < 1e-5
    assert np.ptp(offsets) > 5


@pytest.mark.parametrize("model", ["gain", "offset"])
def test_a_simpler_model_leaves_the_other_alone(model):
    stack = GAINS * TRUTH if model == "gain" else TRUTH + OFFSETS
    made, gains, offsets = values(stack.astype(np.float32), model=model)
    assert error(made, TRUTH) < 0.2 * error(stack, TRUTH)
    assert np.allclose(offsets, 0, atol=1e-3) if model == "gain" else np.allclose(gains, 1)


def test_an_anchor_is_left_alone():
    made, _, _ = values(FLICKERS, anchor=2)
    assert np.array_equal(made[2], FLICKERS[2])
    assert error(made, steps.deflicker(FLICKERS)) < 1e-3


def test_slow_changes_stay_if_asked():
    slices = 60
    flicker = np.exp(0.1 * RANDOM.standard_normal(slices))[:, None, None]
    slow = np.exp(0.3 * np.sin(np.arange(slices) / 15))[:, None, None]
    truth = slow * np.tile(TRUTH[:4], (15, 1, 1))
    assert error(steps.deflicker((flicker * truth).astype(np.float32)), truth) > 5
    kept = steps.deflicker((flicker * truth).astype(np.float32), model="gain", keep_trend=12)
    assert error(kept, truth) < 0.5 * error(flicker * truth, truth)


@pytest.mark.parametrize(("dtype", "unit"), [("uint8", 1), ("uint16", 200), ("int16", 100)])
def test_other_types_and_odd_sizes(dtype, unit):
    stack = (FLICKERS[:, :83, :71] * unit).clip(0).astype(dtype)
    made = steps.deflicker(stack)
    assert made.shape == stack.shape
    assert error(made / unit, steps.deflicker(FLICKERS[:, :83, :71])) < 0.6
    protocol = {"protocol": 1, "chain": [{"step": "deflicker"}]}
    assert np.array_equal(np.asarray(stackmend.apply(protocol, stack)), np.rint(made).astype(dtype))


def test_a_turned_stack_is_turned():
    stack = FLICKERS[:, :93, :77]  # every fourth pixel from either end is the same
    turned = steps.deflicker(np.rot90(stack, axes=(1, 2)))
    np.testing.assert_allclose(np.rot90(turned, -1, axes=(1, 2)), steps.deflicker(stack), atol=1e-3)


def test_two_parts_with_one_plan_are_as_the_whole():
    survey = registry.steps().get("deflicker").survey
    defaults = {"blur": 2, "thin": 4, "model": "gain_offset", "reach": 3}
    more = {"keep_trend": 0, "anchor": "stack", "missing": "error"}
    seen = [survey.prepared({"image": each}, defaults) for each in FLICKERS]
    records = {
        (i, j): survey.record_of((seen[i], seen[j]), defaults)
        for i in range(8)
        for j in range(i + 1, min(i + 4, 8))
    }
    found = survey.settle(records, range(8), **{"model": "gain_offset", **more})
    stage = registry.steps().get("deflicker").stages[0].function
    parts = [
        [stage(FLICKERS[n], found.values[n]) for n in part] for part in (range(3), range(3, 8))
    ]
    assert np.array_equal(np.concatenate(parts), steps.deflicker(FLICKERS))
    said = found.about["found"]
    assert said == "gains from 0.82 to 1.18, offsets from -10.2 to 9.59; 18 of 18 pairs used"
    told = {"pairs": 18, "dropped": [], "interpolated": [], "warnings": [], "found": said}
    assert found.about == told


# What cannot be compared


def test_slices_that_show_something_else():
    stack = FLICKERS.copy()
    stack[5] = RANDOM.normal(100, 1, stack[5].shape)
    with pytest.raises(WrongValue, match=r"slice 5 can be compared with none \(.*interpolate"):
        steps.deflicker(stack)
    made = steps.deflicker(stack, missing="interpolate")
    others = [0, 1, 2, 3, 4, 6, 7]
    assert error(made[others], TRUTH[others]) < 0.2 * error(stack[others], TRUTH[others])
    assert np.ptp(made[5]) < np.ptp(stack[5]) * 1.3
    step = registry.steps().get("deflicker").survey
    defaults = {"blur": 2, "thin": 4, "model": "gain_offset"}
    seen = [step.prepared({"image": each}, defaults) for each in stack[4:7]]
    pairs = {(4 + i, 4 + j): step.record_of((seen[i], seen[j]), defaults) for i, j in NEAR}
    more = {"keep_trend": 0, "anchor": "stack", "missing": "interpolate"}
    found = step.settle(pairs, range(4, 7), model="gain_offset", **more)
    assert found.values[5]["pairs"] == 0
    assert found.about["interpolated"] == [5]
    assert "2 of 3 pairs of slices are left out, the first 4 and 5" in found.about["warnings"][0]
    assert found.about["warnings"][1].startswith("slice 5 can be compared with none: gain and")
    protocol = {"protocol": 1, "chain": [{"step": "deflicker"}]}
    with pytest.raises(InputError, match="deflicker: slice 5 can be compared with none"):
        stackmend.apply(protocol, stack)


def test_parts_that_no_pair_joins():
    stack = FLICKERS.copy()
    stack[4:] *= 5
    with pytest.raises(WrongValue, match=r"no pair joins slices 0, 1, 2, 3 with slices 4, 5, 6, 7"):
        steps.deflicker(stack, missing="interpolate")


def test_constant_slices_stay():
    stack = FLICKERS.copy()
    stack[3] = 50
    made, _, _ = values(stack)
    assert (made[3] == 50).all()
    with pytest.raises(StackmendError, match="no two slices can be compared"):
        steps.deflicker(np.ones((4, 80, 80)))


def test_a_slice_that_none_reaches():
    stack = FLICKERS[:6].copy()
    stack[[1, 3]] = 50
    stack[0], stack[4] = stack[4], stack[0]
    with pytest.raises(StackmendError, match="nothing was settled for this slice"):
        steps.deflicker(stack[:, :, :], reach=1)
    made = steps.deflicker(stack, reach=1, missing="interpolate")
    assert (made[[1, 3]] == 50).all()


def test_an_anchor_that_is_none():
    with pytest.raises(WrongValue, match=r"anchor: slice 9 is not restored here.*\(0 to 7\)"):
        steps.deflicker(FLICKERS, anchor=9)


# Kernels


@pytest.mark.parametrize(("sigma", "step"), [(2, 4), (0, 3), (0.7, 1), (5, 16), (20, 2)])
@pytest.mark.parametrize("shape", [(130, 97), (5, 61), (1, 9)])
def test_the_thinned_blur_is_the_blur_thinned(shape, sigma, step):
    image = RANDOM.uniform(0, 255, shape).astype(np.float32)
    whole = ndimage.gaussian_filter(image.astype(np.float64), sigma, mode="mirror", truncate=4)
    np.testing.assert_allclose(
        thinned_gaussian(image, sigma, step), whole[::step, ::step], atol=1e-4
    )


def test_the_blur_of_a_slice_that_lies_elsewhere():
    image = RANDOM.uniform(0, 255, (90, 70)).astype(np.float32)
    still = thinned_gaussian_at(image, np.eye(2, 3), 2, 4)
    np.testing.assert_allclose(still, thinned_gaussian(image, 2, 4), atol=0.02)
    moved = thinned_gaussian_at(image, np.array([[1.0, 0, 8], [0, 1, -4]]), 2, 4)
    np.testing.assert_allclose(moved[:-2, 1:], still[2:, :-1], atol=1e-4)
    assert np.isnan(moved[:, 0]).all()
    assert np.isnan(moved[-2:]).all()


def test_slices_that_lie_elsewhere_are_compared_where_they_lie():
    survey = registry.steps().get("deflicker").survey
    values = {"blur": 2, "thin": 4, "model": "gain_offset"}
    frames = [TRUTH[0, 10:80, 10:80], TRUTH[0, 13:83, 6:76]]
    second = SliceTransform(np.array([[1.0, 0, -3], [0, 1, 4]]), (70, 70))
    products = [{"image": frames[0].astype("f4")}, {"image": (1.2 * frames[1] - 9).astype("f4")}]
    products[1]["transform"] = second
    found = survey.record_of([survey.prepared(each, values) for each in products], values)
    assert found["gain"] == pytest.approx(1 / 1.2, abs=0.002)
    assert found["offset"] == pytest.approx(9 / 1.2, abs=0.2)


def test_pixels_that_differ_do_not_count():
    first = RANDOM.normal(100, 20, (80, 80)).astype(np.float32)
    second = (first - 12) / 1.25 + RANDOM.normal(0, 0.5, first.shape).astype(np.float32)
    second[:9] = 230 + RANDOM.normal(0, 5, (9, 80))
    found = pair_balance(first, second, "gain_offset")
    assert found["gain"] == pytest.approx(1.25, abs=0.005)
    assert found["offset"] == pytest.approx(12, abs=0.4)
    assert 0.8 < found["share"] < 0.95
    second[:78] = np.nan
    assert pair_balance(first, second, "gain")["reason"] == "only 2.5% of the pixels agree"
    assert pair_balance(first, 0 * first + 3, "gain")["reason"].startswith("one grey level")


def test_a_false_pair_is_outvoted():
    levels = RANDOM.normal(0, 20, 40)
    records = {}
    for one in range(40):
        for two in range(one + 1, min(one + 4, 40)):
            offset = float(levels[two] - levels[one]) * -1
            records[one, two] = {"gain": 1.0, "offset": offset, "level": 100.0, "spread": 30.0}
    records[10, 12]["offset"] += 50
    found = stack_balance(records, dict.fromkeys(range(40), 100.0), model="offset")
    np.testing.assert_allclose(found.offsets, levels.mean() - levels, atol=0.05)
    assert found.pairs.tolist()[:4] == [3, 4, 5, 6]


def test_groups():
    assert groups_of([]) == []
    assert groups_of([(1, 2), (2, 3), (7, 9)]) == [[1, 2, 3], [7, 9]]
