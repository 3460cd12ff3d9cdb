"""standardize and its undoing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from components import bound, evaluate
from stackmend.kernels.statistics import grey_levels
from stackmend.steps.standardize import grey_levels_of, range_of_stack

RANGES = ("0/1", "-1/1", "mean/std")
rng = np.random.default_rng(0)
SLICE = rng.integers(20, 230, (31, 47)).astype(np.float32)


@pytest.mark.parametrize(("range", "low", "high"), [("0/1", 0, 1), ("-1/1", -1, 1)])
def test_minimum_and_maximum_become_the_ends_of_the_range(range, low, high):
    image = evaluate(SLICE, bound("standardize", range=range))["image"]
    assert image.dtype == np.float32
    assert (image.min(), image.max()) == (low, high)
    slope = (high - low) / (SLICE.max() - SLICE.min())
    np.testing.assert_allclose(image, low + slope * (SLICE - SLICE.min()), atol=1e-6)


def test_mean_and_standard_deviation():
    image = evaluate(SLICE, bound("standardize", range="mean/std"))["image"]
    assert image.mean(dtype=np.float64) == pytest.approx(0, abs=1e-6)
    assert image.std(dtype=np.float64) == pytest.approx(1, abs=1e-6)


def test_percentiles_move_the_ends_and_clip_nothing():
    image = evaluate(SLICE, bound("standardize", percentiles=[10, 90]))["image"]
    low, high = np.percentile(SLICE, [10, 90])
    np.testing.assert_allclose(image, (SLICE - low) / (high - low), atol=1e-5)
    assert image.min() < 0
    assert image.max() > 1


@pytest.mark.parametrize("range", RANGES)
@pytest.mark.parametrize("percentiles", [None, [1, 99]])
def test_of_the_whole_stack(range, percentiles):
    stack = rng.integers(0, 255, (4, 20, 30)).astype(np.float32)
    records = {number: grey_levels_of(image) for number, image in enumerate(stack)}
    levels = range_of_stack(records, range=range, percentiles=percentiles)
    step = bound("standardize", range=range, per="stack", percentiles=percentiles)
    standardized = np.array(
        [evaluate(i, step, **{"standardize.stack_range": levels})["image"] for i in stack]
    )
    whole = evaluate(stack.reshape(80, 30), bound("standardize", range=range))["image"].reshape(
        stack.shape
    )
    if percentiles is None or range == "mean/std":
        np.testing.assert_allclose(standardized, whole, atol=2e-6)
    else:
        low, high = np.percentile(stack, percentiles, method="lower")
        expected = (stack - low) / (high - low)
        np.testing.assert_allclose(
            standardized, expected if range == "0/1" else 2 * expected - 1, atol=1e-5
        )


@given(
    image=hnp.arrays(
        np.float32,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=8),
        elements=st.floats(-(2.0**100), 2.0**100, width=32, allow_subnormal=False),
    ),
    range=st.sampled_from(RANGES),
    percentiles=st.sampled_from([None, [5, 95]]),
)
def test_undone_exactly_where_nothing_changed(image, range, percentiles):
    steps = bound("standardize", range=range, percentiles=percentiles), bound("destandardize")
    with np.errstate(over="ignore", invalid="ignore"):
        restored = evaluate(image, *steps)["image"]
    assert np.array_equal(restored, image)


def test_a_changed_pixel_is_undone_by_the_inverse_map():
    made = evaluate(SLICE, bound("standardize"))
    changed = made["image"].copy()
    changed[3, 5] = 0.5
    restored = evaluate(changed, bound("destandardize"), scale=made["scale"])["image"].copy()
    assert restored[3, 5] == pytest.approx((SLICE.min() + SLICE.max()) / 2, abs=1e-3)
    restored[3, 5] = SLICE[3, 5]
    assert np.array_equal(restored, SLICE)


def test_a_constant_slice_has_no_range_to_stretch():
    image = np.full((5, 6), 7, dtype=np.float32)
    assert np.array_equal(
        evaluate(image, bound("standardize"), bound("destandardize"))["image"], image
    )


@given(values=st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=50))
def test_the_histogram_keeps_the_order_of_all_numbers(values):
    levels = grey_levels(np.array([values], dtype=np.float32))
    exact = np.percentile(np.array(values, dtype=np.float32), [0, 50, 100], method="lower")
    for found, expected in zip(levels.percentiles([0, 50, 100]), exact, strict=True):
        assert found == pytest.approx(expected, rel=1 / 2000, abs=1e-30)


def test_whole_grey_levels_are_told_apart():
    levels = grey_levels(np.arange(4096, dtype=np.float32)[None])
    assert levels.percentiles([0, 25, 100]) == [0, 1023, 4095]
