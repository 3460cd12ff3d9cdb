"""Shading that all slices have in common, and what varies slowly in each."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage as ndi
from PIL import Image as Picture

import stackmend
from reference_data import FOLDER, arrays, needs_reference
from stackmend import registry, steps
from stackmend.errors import StackmendError, StepError, WrongValue
from stackmend.kernels.shading import blocks_of, shading_of

DTYPES = {"uint8": 1, "uint16": 200, "int16": 100, "float32": 1 / 255}


def fields(count=60, side=96, seed=4, grain=6):
    """Unrelated fields of smooth structure and noise, grey levels of 8 bit."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        field = ndi.gaussian_filter(random.standard_normal((side, side)), grain, mode="wrap")
        noise = random.standard_normal((side, side))
        made.append(128 + 30 * field / field.std() + 4 * noise)
    return np.array(made).clip(0, 255)


def real_fields(seed, count=60, side=256):
    """Parts of clean slices, turned and mirrored, from anywhere in them."""
    files = sorted((FOLDER / "data" / "fibsem_clean").glob("*.png"))
    slices = [np.asarray(Picture.open(file)) for file in files]
    random = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        image = slices[random.integers(len(slices))]
        y, x = (random.integers(each - side + 1) for each in image.shape)
        part = image[y : y + side, x : x + side]
        made.append(np.rot90(part.T if random.integers(2) else part, random.integers(4)))
    return np.array(made)


def slope(shape):
    """A field of mean 0 that varies slowly."""
    y, x = (np.linspace(-1, 1, side) for side in shape)
    y = y[:, np.newaxis]
    field = 0.5 * x - 0.35 * y - 0.45 * (x * x + 0.7 * y * y) + 0.25 * x * y
    return field - field.mean()


def error(made, truth):
    """Root mean square of what is left, without the mean of each slice."""
    left = made.astype(np.float64) - truth
    return float(np.sqrt(np.mean((left - left.mean(axis=(1, 2), keepdims=True)) ** 2)))


@pytest.fixture(scope="module")
def truth():
    return fields()


def run(stack, dtype=None, **parameters):
    step = {"step": "flatten", **parameters}
    protocol = {"protocol": 1, "chain": [step], "output": {"dtype": dtype or "float32"}}
    return np.asarray(stackmend.apply(protocol, stack))


# The stack


@needs_reference
@pytest.mark.parametrize("seed", [0, 1])
def test_figures_on_unrelated_fields(seed):
    clean = real_fields(seed)
    assert np.array_equal(steps.flatten(clean), clean)
    field = slope(clean.shape[1:])
    unit = np.sqrt(np.mean((clean * field - (clean * field).mean(axis=(1, 2))[:, None, None]) ** 2))
    shaded = (clean * (1 + 14.3 / unit * field)).astype(np.float32)
    assert error(shaded, clean) == pytest.approx(14.3, abs=0.01)
    assert error(steps.flatten(shaded), clean) <= 2.5
    shaded = (clean + 12.9 / field.std() * field).astype(np.float32)
    assert error(steps.flatten(shaded), clean) <= 2.5


@pytest.mark.parametrize("field", ["gain_offset", "gain", "offset"])
def test_shading_goes_and_the_rest_stays(truth, field):
    shade = slope(truth.shape[1:])
    shaded = truth * (1 + 0.3 * shade) if field != "offset" else truth + 30 * shade
    made = steps.flatten(shaded, field=field)
    assert error(made, truth) < 0.25 * error(shaded, truth)
    assert abs(made.mean() - shaded.mean()) < 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_clean_slices_of_any_type_are_left_bit_for_bit(truth, dtype):
    stack = (truth[:40] * DTYPES[dtype]).astype(dtype)
    assert np.array_equal(run(stack, dtype), stack)


def test_a_chain_and_the_function_agree_and_types_do_not_matter(truth):
    shaded = (truth * (1 + 0.3 * slope(truth.shape[1:]))).clip(0, 255).astype(np.uint8)
    made = run(shaded)
    assert np.array_equal(made, steps.flatten(shaded))
    wide = run(shaded.astype(np.uint16) * 257)
    np.testing.assert_allclose(wide / 257, made, atol=2e-3)
    assert np.array_equal(run(shaded, "uint8"), np.clip(np.rint(made), 0, 255))


def test_odd_sizes_and_turned_stacks(truth):
    part = truth[:, :91, :67]
    shaded = (part * (1 + 0.3 * slope(part.shape[1:]))).astype(np.float32)
    made = steps.flatten(shaded, order=2)
    assert made.shape == part.shape
    assert error(made, part) < 0.4 * error(shaded, part)
    turned = steps.flatten(np.rot90(shaded[:, :88, :64], axes=(1, 2)), order=2)
    plain = steps.flatten(shaded[:, :88, :64], order=2)
    np.testing.assert_allclose(np.rot90(turned, -1, axes=(1, 2)), plain, atol=1e-3)


def test_slices_that_show_the_same_are_refused():
    alike = np.repeat(fields(1), 12, axis=0) + np.random.default_rng(1).normal(0, 2, (12, 96, 96))
    with pytest.raises(
        StackmendError, match=r"slices 0 to 11 all show the same .*method: gaussian"
    ):
        run(alike.astype(np.float32))
    assert error(run(alike.astype(np.float32), order=1), alike) > 0


def test_what_cannot_be_settled_is_told(truth):
    with pytest.raises(WrongValue, match="order: auto needs at least 8 slices, got 7"):
        steps.flatten(truth[:7])
    assert steps.flatten(truth[:3], order=0).shape == (3, 96, 96)
    dark = truth[:20] - 128 + 40 * slope((96, 96))
    with pytest.raises(WrongValue, match=r"fitted mean falls to .*field: gain_offset or offset"):
        steps.flatten(dark, order=2, field="gain")


def test_a_constant_slice_stays(truth):
    shaded = truth * (1 + 0.3 * slope(truth.shape[1:]))
    shaded[5] = 100
    made = steps.flatten(shaded)
    assert (made[5] == 100).all()
    assert error(made[6:], truth[6:]) < 4


def test_slices_of_another_size_are_refused(truth):
    stage = registry.of_entry({"step": "flatten"}).stages[0]
    found = shading_of([blocks_of(each.astype("f4"), 8) for each in truth[:4]], (96, 96), 8, 1)
    with pytest.raises(ValueError, match="in slices of 96 x 96 px, got 48 x 96"):
        stage.function(np.ones((48, 96), np.float32), found, field="offset")


def test_few_slices_are_looked_at():
    survey = registry.of_entry({"step": "flatten"}).survey
    assert survey.chosen(range(255), [], {"every": None}) == list(range(255))
    assert survey.chosen(range(2000), [], {"every": None}) == list(range(0, 2000, 8))
    assert survey.chosen(range(30), [], {"every": 7}) == [0, 7, 14, 21, 28]


def test_large_slices_have_no_more_blocks():
    record = registry.of_entry({"step": "flatten"}).survey.look(np.ones((40, 1500), "f4"), bin=8)
    assert record["size"] == 16
    assert record["means"].shape == (3, 94)


# The blur


@needs_reference
def test_the_blur_is_the_published_one():
    made = steps.flatten(arrays()["C_input"].astype(np.float32), method="gaussian", sigma=30)
    np.testing.assert_allclose(255 * made, 255 * arrays()["C_out"][0], atol=2e-4)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_blur_takes_a_slope_and_keeps_mean_and_size(truth, dtype):
    image = ((truth[0, :67, :91] + 20 * slope((67, 91))) * DTYPES[dtype]).astype(dtype)
    made = steps.flatten(image, method="gaussian", sigma=15)
    plain = image - ndi.gaussian_filter(image.astype(np.float64), 15, mode="mirror") + image.mean()
    np.testing.assert_allclose(made, plain, atol=1e-5 * np.ptp(image))
    constant = np.full((20, 31), image[0, 0], dtype)
    assert np.array_equal(steps.flatten(constant, method="gaussian"), constant)


def test_parameters_of_the_other_method_are_refused(truth):
    with pytest.raises(StackmendError, match="sigma belongs to method gaussian"):
        steps.flatten(truth, sigma=3)
    with pytest.raises(StackmendError, match="order belongs to method stack"):
        steps.flatten(truth, method="gaussian", order=3)
    assert issubclass(StepError, StackmendError)
