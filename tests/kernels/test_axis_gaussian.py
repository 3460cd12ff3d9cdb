"""The Gaussian with two widths against SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from stackmend.kernels.axis_gaussian import axis_gaussian


def exact(image, sigma_y, sigma_x):
    result = image.astype(np.float64)
    for axis, sigma in enumerate((sigma_y, sigma_x)):
        if sigma:
            result = ndimage.gaussian_filter1d(result, sigma, axis=axis, mode="mirror", truncate=3)
    return result


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 70),
    st.integers(1, 70),
    st.sampled_from([0, 0.1, 0.7, 2, 6]),
    st.sampled_from([0, 0.7, 3, 12, 30]),
    st.integers(0, 2**32 - 1),
)
def test_equals_scipy(n_rows, n_columns, sigma_y, sigma_x, seed):
    image = np.random.default_rng(seed).uniform(0, 255, (n_rows, n_columns)).astype(np.float32)
    got = axis_gaussian(image, sigma_y, sigma_x)
    assert got.dtype == np.float32
    assert np.abs(got - exact(image, sigma_y, sigma_x)).max() < 1e-5 * 255


def test_input_is_neither_written_nor_returned():
    image = np.arange(12, dtype=np.float32).reshape(3, 4)
    image.flags.writeable = False
    got = axis_gaussian(image, 0, 0)
    assert got.flags.writeable
    assert not np.shares_memory(got, image)
    assert np.array_equal(got, image)


@pytest.mark.parametrize("sigma", [-1, np.nan, np.inf])
def test_impossible_widths(sigma):
    with pytest.raises(ValueError, match="sigma"):
        axis_gaussian(np.zeros((3, 3), np.float32), sigma, 1)
