"""Features, regression and gate of the learnt charging model against literal readings."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from stackmend.kernels import charge_features as features
from stackmend.kernels.charge_gate import fading_weight
from stackmend.kernels.charge_regression import RIDGE, fit

IMAGE = np.random.default_rng(7).normal(size=(61, 84)).astype(np.float32)


@pytest.mark.parametrize("size", [5, 11, 21])
def test_box_maximum(size):
    expected = ndimage.maximum_filter(IMAGE, size, mode="constant", cval=-np.inf)
    assert np.array_equal(features.box_maximum(IMAGE, size), expected)


@pytest.mark.parametrize("axis", [0, 1])
def test_sobel_and_blur_along_an_axis(axis):
    expected = ndimage.sobel(IMAGE, axis, mode="nearest")
    np.testing.assert_allclose(features.sobel(IMAGE, axis=axis), expected, atol=1e-5)
    expected = ndimage.gaussian_filter1d(IMAGE.astype(float), 3, axis=axis, mode="mirror")
    np.testing.assert_allclose(features.blurred_along(IMAGE, 3, axis=axis), expected, atol=1e-5)


@pytest.mark.parametrize("shape", [(64, 80), (65, 80), (64, 81), (67, 83)])
def test_halving_and_doubling_keep_a_plane(shape):
    y, x = np.indices(shape).astype(np.float32)
    plane = 2 * y - x
    half = features.halved(plane)
    assert half.shape == ((shape[0] + 1) // 2, (shape[1] + 1) // 2)
    back = features.doubled(half, shape)
    assert back.shape == shape
    np.testing.assert_allclose(back[2:-3, 2:-3], plane[2:-3, 2:-3], atol=1e-4)


def test_features_follow_the_slice_and_not_its_place():
    image = np.random.default_rng(1).normal(size=(96, 128)).astype(np.float32)
    found = features.first_features(image)
    assert found.shape[1:] == (48, 64)
    assert np.isfinite(found).all()
    flipped = features.first_features(np.ascontiguousarray(image[:, ::-1]))
    np.testing.assert_allclose(found, flipped[:, :, ::-1], atol=1e-4)


def test_regression_is_ridge_least_squares():
    random = np.random.default_rng(3)
    sample = random.normal(2, 3, size=(5, 700)).astype(np.float32)
    target = np.maximum(sample[0], 1) + 0.5 * sample[3]
    found = fit(sample, target, 250, 24, np.random.default_rng(5))
    rows = found.prepared(sample)
    rows = np.concatenate((np.maximum(found.mixing @ rows, 0), rows)).astype(float)
    for output, count in ((0, 700), (1, 250)):
        own = rows[:, :count]
        matrix = own @ own.T + RIDGE * count * np.eye(len(own))
        expected = np.linalg.solve(matrix, own @ target[:count].astype(float))
        np.testing.assert_allclose(found.coefficients[output], expected, atol=2e-3)
    np.testing.assert_allclose(found(sample), found.coefficients @ rows, atol=1e-3)
    assert np.abs(found(sample)[0] - target).mean() < 0.2 * target.std()


def test_regression_gives_the_same_bits_for_any_part():
    random = np.random.default_rng(3)
    sample = random.normal(size=(6, 1000)).astype(np.float32)
    found = fit(sample, sample[2], 400, 16, random)
    whole = found(sample)
    assert np.array_equal(whole[:, 300:], found(np.ascontiguousarray(sample[:, 300:])))


@pytest.mark.parametrize("border", [0, 1, 6])
def test_the_border_fades_by_euclidean_distance(border):
    mask = np.zeros((60, 90), dtype=bool)
    mask[10:20, 20:30] = mask[24:30, 28:40] = mask[50:, 80:] = True
    expected = np.maximum(1 - ndimage.distance_transform_edt(~mask) / (border + 1), 0)
    np.testing.assert_allclose(fading_weight(mask, border), expected, atol=1e-6)
    assert not fading_weight(np.zeros_like(mask), border).any()
