"""The mean over areas is exact, whatever the scale."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from stackmend.kernels.area_average import area_average


def literal(image, scale):
    """Each pixel of the image cut into so many that none lies in two areas."""
    height, width = (int(np.ceil(round(n * scale, 6))) for n in image.shape)
    weights = []
    for length, count in zip(image.shape, (height, width), strict=True):
        edges = np.minimum(np.arange(count + 1) / scale, length)
        pixels = np.arange(length)
        shares = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
        shares = shares.clip(0)
        weights.append(shares / shares.sum(axis=1, keepdims=True))
    return weights[0] @ image.astype(float) @ weights[1].T


@given(some.integers(1, 40), some.integers(1, 40), some.floats(0.05, 1))
def test_is_the_mean_of_the_area(height, width, scale):
    image = np.random.default_rng(height * width).integers(0, 65536, (height, width), np.uint16)
    np.testing.assert_allclose(area_average(image, scale), literal(image, scale), rtol=2e-5)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "bool"])
def test_takes_every_type(dtype):
    image = (np.indices((6, 6)).sum(axis=0) % 2).astype(dtype)
    np.testing.assert_array_equal(area_average(image, 0.5), np.full((3, 3), 0.5, np.float32))


def test_a_window_of_a_larger_array():
    image = np.arange(400, dtype=np.uint16).reshape(20, 20)
    np.testing.assert_array_equal(
        area_average(image[3:13, 5:15], 0.5), area_average(image[3:13, 5:15].copy(), 0.5)
    )


@pytest.mark.parametrize("scale", [0, -1, 1.01, float("nan")])
def test_no_such_scale(scale):
    with pytest.raises(ValueError, match="scale: must be above 0"):
        area_average(np.zeros((4, 4), np.uint8), scale)


def test_no_image():
    with pytest.raises(ValueError, match="got shape"):
        area_average(np.zeros((0, 4), np.uint8), 0.5)
