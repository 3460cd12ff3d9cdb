"""Histogram distances against the literal loss."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from benchmarks import literal
from stackmend.kernels.histogram import grey_histogram, histogram_distances
from stackmend.kernels.regions import regions_and_rings


def literal_counts(image, pixels, low, high):
    scaled = (image - np.float32(low)) / (np.float32(high) - np.float32(low)) * np.float32(256)
    return np.histogram(scaled.ravel()[pixels], bins=256, range=(0, 256))[0]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(2, 40), st.sampled_from([2, 5, 256, 257, 1024, 10**6]), st.integers(0, 2**32 - 1)
)
def test_counts_are_numpys(size, levels, seed):
    rng = np.random.default_rng(seed)
    image = (rng.integers(0, levels, (size, size)) * rng.random() + rng.normal()).astype(np.float32)
    image[0, :2] = image.min(), image.max() + 1
    pixels = rng.integers(0, image.size, size)
    counts = grey_histogram(image, pixels, image.min(), image.max())
    assert np.array_equal(counts, literal_counts(image, pixels, image.min(), image.max()))


def test_counts_on_bin_edges():
    image = np.arange(257, dtype=np.float32)[None] / 256
    pixels = np.arange(257)
    counts = grey_histogram(image, pixels, 0, 1)
    assert np.array_equal(counts, [1] * 255 + [2])
    assert np.array_equal(counts, literal_counts(image, pixels, 0, 1))


def test_values_outside_the_range_are_not_counted():
    image = np.array([[-1, 0, 0.5, 1, 2]], dtype=np.float32)
    assert grey_histogram(image, np.arange(5), 0, 1).sum() == 3
    assert grey_histogram(image, np.arange(5), 1, 1).sum() == 0


@pytest.mark.parametrize("seed", range(6))
def test_mean_is_the_literal_loss_to_the_last_bit(seed):
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).random((120, 170)), 2)
    image = (
        noise.astype(np.float32)
        + np.random.default_rng(9).random(noise.shape).astype(np.float32) / 10
    )
    mask = literal.charging_mask(
        (noise > np.quantile(noise, 0.97)).astype(np.float32), 0.1, min_area=5
    )
    for given_range in ({}, {"low": image.min(), "high": image.max()}):
        distances = histogram_distances(image, regions_and_rings(mask, 20, 4), **given_range)
        values = distances[~np.isnan(distances)]
        assert values.size > 2
        assert np.mean(values) == literal.loss(image, mask, 20, 4)


def test_empty_sides_are_not_a_number():
    pixels, none = np.arange(4), np.arange(0)
    image = np.arange(4, dtype=np.float32).reshape(2, 2)
    got = histogram_distances(image, [(pixels, none), (none, pixels), (pixels, pixels)])
    assert np.array_equal(got, [np.nan, np.nan, 0], equal_nan=True)
    assert histogram_distances(image, []).shape == (0,)


def test_input_is_left_alone():
    image = np.random.default_rng(0).random((20, 30)).astype(np.float32)[::2, ::-1]
    before = image.copy()
    image.flags.writeable = False
    pixels = np.arange(0, 300, 3)
    pixels.flags.writeable = False
    counts = grey_histogram(image, pixels, 0, 1)
    assert np.array_equal(counts, literal_counts(np.ascontiguousarray(image), pixels, 0, 1))
    assert np.array_equal(image, before)


@pytest.mark.parametrize("pixel", [-1, 6])
def test_refuses_pixels_outside(pixel):
    with pytest.raises(IndexError, match="pixels"):
        grey_histogram(np.zeros((2, 3), np.float32), np.array([pixel]), 0, 1)
