"""The Gaussian against SciPy's, on data chosen to make approximations fail."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from benchmarks import literal
from stackmend.kernels.gaussian import gaussian

SHAPES = [
    (1, 1),
    (1, 2),
    (1, 7),
    (7, 1),
    (2, 2),
    (3, 5),
    (4, 4),
    (5, 64),
    (33, 17),
    (64, 63),
    (101, 257),
    (257, 130),
]
SIGMAS = [0.1, 0.2, 0.5, 1, 3.3, 5.7, 8.9, 9, 9.5, 14, 25, 50.5, 120]


def patterns(shape: tuple[int, int]) -> dict[str, np.ndarray]:
    y, x = np.mgrid[: shape[0], : shape[1]]
    rng = np.random.default_rng(0)
    return {
        "noise": rng.random(shape),
        "checkerboard": (y + x) % 2,
        "stripes": x % 2,
        "wide stripes": (x // 25) % 2,
        "rows": (y // 3) % 2,
        "impulses": (rng.random(shape) > 0.995) | ((y == 0) & (x == 0)),
        "edge": x < shape[1] // 2,
        "corner": (y < 2) & (x < 2),
    }


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sigma", SIGMAS)
def test_equals_scipy(shape, sigma):
    for name, pattern in patterns(shape).items():
        image = pattern.astype(np.float32)
        exact = ndimage.gaussian_filter(
            image.astype(np.float64), sigma, mode="mirror", truncate=4.0
        )
        got = gaussian(image, sigma)
        assert got.dtype == np.float32
        assert np.abs(got - exact).max() < 1e-6, name
        assert np.abs(got - literal.gaussian(image, sigma)).max() < 2e-6, name


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.floats(0.05, 60), st.integers(0, 2**32 - 1))
def test_equals_scipy_anywhere(n_rows, n_columns, sigma, seed):
    rng = np.random.default_rng(seed)
    image = np.rint(rng.random((n_rows, n_columns)) ** rng.integers(1, 9)).astype(np.float32)
    exact = ndimage.gaussian_filter(image.astype(np.float64), sigma, mode="mirror", truncate=4.0)
    assert np.abs(gaussian(image, sigma) - exact).max() < 1e-6


@pytest.mark.parametrize(
    ("low", "high"), [(0, 65535), (-3, -2), (0, 1e-20), (1e6, 1e6 + 1), (-1e30, 1e30)]
)
@pytest.mark.parametrize("sigma", [2, 20])
def test_error_is_relative_to_the_range(low, high, sigma):
    image = np.random.default_rng(1).uniform(low, high, (50, 61)).astype(np.float32)
    exact = ndimage.gaussian_filter(image.astype(np.float64), sigma, mode="mirror", truncate=4.0)
    level = np.spacing(np.float32(max(abs(low), abs(high))))
    assert np.abs(gaussian(image, sigma) - exact).max() < 1e-6 * (high - low) + level


@pytest.mark.parametrize("sigma", [0, 0.1, 1, 30, 1000])
@pytest.mark.parametrize("level", [0.1, -7.3, 65535, 1e-30])
def test_constants_stay_exactly(sigma, level):
    image = np.full((9, 40), level, dtype=np.float32)
    assert np.array_equal(gaussian(image, sigma), image)


def test_sigma_zero_is_the_image_and_a_new_array():
    image = np.random.default_rng(2).random((5, 6)).astype(np.float32)
    out = gaussian(image, 0)
    assert np.array_equal(out, image)
    assert not np.shares_memory(out, image)


def test_strided_and_read_only_input_is_left_alone():
    whole = np.random.default_rng(4).random((120, 90)).astype(np.float32)
    view = whole[::-2, 5:80:3].T
    before = whole.copy()
    whole.flags.writeable = False
    for sigma in (2, 15):
        assert np.array_equal(gaussian(view, sigma), gaussian(np.ascontiguousarray(view), sigma))
    assert np.array_equal(whole, before)


def test_same_bits_from_threads():
    image = np.random.default_rng(5).random((90, 300)).astype(np.float32)
    sigmas = [3, 10, 25, 50] * 6
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda sigma: gaussian(image, sigma), sigmas))
    for sigma, result in zip(sigmas, results, strict=True):
        assert np.array_equal(result, gaussian(image, sigma))


@pytest.mark.parametrize("sigma", [-1, float("nan"), float("inf")])
def test_refuses_a_sigma_that_is_none(sigma):
    with pytest.raises(ValueError, match="sigma"):
        gaussian(np.zeros((3, 3), np.float32), sigma)


@pytest.mark.parametrize("shape", [(3,), (0, 4), (2, 2, 2)])
def test_refuses_other_shapes(shape):
    with pytest.raises(ValueError, match="image"):
        gaussian(np.zeros(shape, np.float32), 1)
