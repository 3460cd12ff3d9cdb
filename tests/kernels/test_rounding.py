"""Whole numbers as NumPy rounds and clips them; sums that are exact."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from stackmend.kernels.rounding import rounded_to
from stackmend.kernels.statistics import mean_and_std

TYPES = st.sampled_from(["uint8", "uint16", "int16"])
SHAPES = arrays.array_shapes(min_dims=2, max_dims=2, max_side=20)
LEVELS = st.floats(-1e5, 1e5, width=32) | st.sampled_from(
    [-0.5, 0.5, 1.5, 254.5, 255.5, 65535.5, np.inf, -np.inf]
)


@given(st.sampled_from(["float32", "float64"]), SHAPES, TYPES, st.data())
def test_as_numpy_does(source, shape, dtype, data):
    image = data.draw(arrays.arrays(source, shape, elements=LEVELS))
    limits = np.iinfo(dtype)
    pixels, clipped = rounded_to(image, np.dtype(dtype))
    nearest = np.rint(image)
    assert pixels.dtype == dtype
    assert np.array_equal(pixels, np.clip(nearest, limits.min, limits.max).astype(dtype))
    assert clipped == np.count_nonzero((nearest < limits.min) | (nearest > limits.max))


def test_what_is_no_number_counts_as_clipped():
    pixels, clipped = rounded_to(np.array([[np.nan, 3.0]], np.float32), np.dtype("int16"))
    assert (pixels.tolist(), clipped) == ([[-32768, 3]], 1)


@given(SHAPES, TYPES, st.data())
def test_mean_and_spread_are_exact(shape, dtype, data):
    pixels = data.draw(arrays.arrays(dtype, shape))
    mean, std = mean_and_std(pixels)
    assert mean == pytest.approx(pixels.mean(dtype=np.float64), rel=1e-14, abs=1e-14)
    assert std == pytest.approx(pixels.std(dtype=np.float64), rel=1e-9, abs=1e-9)


def test_the_largest_slices_do_not_overflow():
    pixels = np.full((4000, 3000), 65535, np.uint16)
    assert mean_and_std(pixels) == (65535, 0)


def test_fractions_too():
    pixels = np.random.default_rng(3).normal(0.5, 0.1, (50, 60)).astype(np.float32)
    assert mean_and_std(pixels) == (
        float(pixels.mean(dtype=np.float64)),
        float(pixels.std(dtype=np.float64)),
    )
