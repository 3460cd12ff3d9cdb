"""The rolling ball against scikit-image's, bit by bit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import restoration

from benchmarks import literal
from stackmend.kernels.rolling_ball import rolling_ball

SHAPES = [(1, 1), (1, 9), (9, 1), (2, 3), (17, 17), (40, 63)]


def same_bits(a, b):
    # -0 and 0 are one grey level, but not one pattern of bits
    return a.dtype == b.dtype == np.float32 and np.array_equal(
        (a + 0).view(np.int32), (b + 0).view(np.int32)
    )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("radius", [0, 0.4, 1, 1.5, 2, 2.9, 10, 13.37, 50])
@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (-0.3, 0.2), (0, 65535), (-60, 0), (0, 1e-20), (5, 5)]
)
def test_equals_scikit_image(shape, radius, low, high):
    image = np.random.default_rng(0).uniform(low, high, shape).astype(np.float32)
    assert same_bits(rolling_ball(image, radius), literal.ball(image, radius))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.floats(0, 30) | st.integers(0, 30),
    st.sampled_from([1e-3, 0.1, 1, 7, 30, 255]),
    st.integers(0, 2**32 - 1),
)
def test_equals_scikit_image_anywhere(n_rows, n_columns, radius, contrast, seed):
    rng = np.random.default_rng(seed)
    image = (contrast * (rng.random((n_rows, n_columns)) > 0.5) * rng.random(n_columns)).astype(
        np.float32
    )
    assert same_bits(rolling_ball(image, radius), literal.ball(image, radius))


def test_radius_larger_than_anything():
    image = np.random.default_rng(1).random((30, 20)).astype(np.float32)
    whole = restoration.rolling_ball(
        image, kernel=restoration.ball_kernel(300, 2).astype(np.float32)
    )
    assert same_bits(rolling_ball(image, 300), whole)
    assert rolling_ball(image, 1e6).max() <= image.max()


def test_offsets_at_the_grey_range():
    # the rise of the first offset equals the grey range, one step less and one step more
    rise = np.float32(10) - np.float32(np.sqrt(99))
    for top in (rise, np.nextafter(rise, np.float32(0)), np.nextafter(rise, np.float32(1))):
        image = np.zeros((5, 5), np.float32)
        image[2, 2] = top
        assert same_bits(rolling_ball(image, 10), literal.ball(image, 10))


def test_strided_and_read_only_input_is_left_alone():
    whole = np.random.default_rng(2).random((60, 90)).astype(np.float32)
    view = whole[::-2, 5:80:3].T
    before = whole.copy()
    whole.flags.writeable = False
    assert same_bits(rolling_ball(view, 8), literal.ball(np.ascontiguousarray(view), 8))
    assert np.array_equal(whole, before)


def test_same_bits_from_threads():
    image = np.random.default_rng(3).random((90, 200)).astype(np.float32)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda radius: rolling_ball(image, radius), [2, 10, 50] * 6))
    for radius, result in zip([2, 10, 50] * 6, results, strict=True):
        assert same_bits(result, rolling_ball(image, radius))


@pytest.mark.parametrize("radius", [-1, float("nan"), float("inf")])
def test_refuses_a_radius_that_is_none(radius):
    with pytest.raises(ValueError, match="radius"):
        rolling_ball(np.zeros((3, 3), np.float32), radius)


def test_refuses_other_shapes():
    with pytest.raises(ValueError, match="image"):
        rolling_ball(np.zeros((0, 4), np.float32), 2)
