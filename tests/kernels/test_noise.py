"""The noise estimate: right for white noise, blind to what is smooth, the formula by the letter."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import convolve

from stackmend.kernels.noise import noise_level

KERNEL = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]])


@pytest.mark.parametrize("sigma", [0.5, 3, 20])
def test_white_noise_is_measured(sigma):
    image = np.random.default_rng(4).normal(128, sigma, (400, 500))
    assert noise_level(image) == pytest.approx(sigma, rel=0.01)


def test_by_the_letter():
    image = np.random.default_rng(5).integers(0, 65536, (37, 53)).astype(np.uint16)
    differences = np.abs(convolve(image.astype(float), KERNEL))[1:-1, 1:-1]
    assert noise_level(image) == pytest.approx(
        np.sqrt(np.pi / 2) / 6 * differences.mean(), rel=1e-6
    )


def test_of_a_large_image_some_rows_are_enough():
    image = np.random.default_rng(8).normal(100, 7, (1500, 1700)).astype(np.float32)
    differences = np.abs(convolve(image.astype(float), KERNEL))[1:-1, 1:-1][::4]
    assert noise_level(image) == pytest.approx(
        np.sqrt(np.pi / 2) / 6 * differences.mean(), rel=1e-5
    )
    assert noise_level(image) == pytest.approx(7, rel=0.005)


def test_smooth_structure_is_no_noise():
    y, x = np.mgrid[:300, :300]
    smooth = 100 + 50 * np.sin(x / 40) * np.cos(y / 30)
    noisy = smooth + np.random.default_rng(6).normal(0, 2, smooth.shape)
    assert noise_level(smooth) < 0.01
    assert noise_level(noisy) == pytest.approx(2, rel=0.01)


@pytest.mark.parametrize("shape", [(2, 50), (50, 2), (1, 1)])
def test_too_small_to_tell(shape):
    assert noise_level(np.ones(shape)) is None


def test_only_images():
    with pytest.raises(ValueError, match="expected two axes"):
        noise_level(np.ones((3, 3, 3)))
