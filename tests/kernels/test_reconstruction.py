"""The reconstruction from the border against scikit-image's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import literal
from stackmend.kernels.reconstruction import fill_from_border

SHAPES = [
    (1, 1),
    (1, 2),
    (1, 9),
    (9, 1),
    (2, 2),
    (2, 7),
    (7, 2),
    (3, 3),
    (5, 4),
    (17, 31),
    (64, 63),
]


def spiral(size: int) -> np.ndarray:
    """A corridor from the border to the centre, round and round: the longest way of a flood."""
    image = np.zeros((size, size), np.float32)
    lengths = [size - 2] + [n for n in range(size - 3, 0, -2) for _ in range(2)]
    y, x, dy, dx = 1, 0, 0, 1
    for length in lengths:
        for _ in range(length):
            image[y, x] = 1
            y, x = y + dy, x + dx
        dy, dx = dx, -dy
    image[y, x] = 1
    return image


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("drop", [0, 0.05, 0.3, 2])
@pytest.mark.parametrize("smooth", [0, 1, 3])
def test_equals_scikit_image(shape, drop, smooth):
    image = literal.gaussian(np.random.default_rng(0).random(shape).astype(np.float32), smooth)
    image = (image - image.min()) / max(np.ptp(image), np.float32(1e-9))
    assert np.array_equal(fill_from_border(image, drop), literal.reconstruct(image, drop))


@settings(max_examples=80, deadline=None)
@given(
    st.integers(1, 30),
    st.integers(1, 30),
    st.integers(1, 9),
    st.floats(0, 3, width=32),
    st.integers(0, 2**32 - 1),
)
def test_equals_scikit_image_with_ties(n_rows, n_columns, levels, drop, seed):
    image = np.random.default_rng(seed).integers(0, levels, (n_rows, n_columns)).astype(np.float32)
    assert np.array_equal(fill_from_border(image, drop), literal.reconstruct(image, drop))


@pytest.mark.parametrize(("low", "high"), [(0, 65535), (-9, -8), (0, 1e-20), (4, 4)])
def test_equals_scikit_image_in_any_range(low, high):
    image = np.random.default_rng(1).uniform(low, high, (40, 41)).astype(np.float32)
    assert np.array_equal(
        fill_from_border(image, (high - low) / 8), literal.reconstruct(image, (high - low) / 8)
    )


@pytest.mark.parametrize("size", [9, 30, 41])
def test_long_ways(size):
    for image in (spiral(size), 1 - spiral(size), spiral(size).T[::-1].copy()):
        ramp = image + np.linspace(0, 0.5, image.size, dtype=np.float32).reshape(image.shape)
        for landscape in (image, ramp):
            assert np.array_equal(
                fill_from_border(landscape, 0.1), literal.reconstruct(landscape, 0.1)
            )


def test_strided_and_read_only_input_is_left_alone():
    whole = np.random.default_rng(2).random((60, 90)).astype(np.float32)
    view = whole[::-2, 5:80:3].T
    before = whole.copy()
    whole.flags.writeable = False
    assert np.array_equal(
        fill_from_border(view, 0.1), literal.reconstruct(np.ascontiguousarray(view), 0.1)
    )
    assert np.array_equal(whole, before)


def test_same_bits_from_threads():
    image = np.random.default_rng(3).random((90, 200)).astype(np.float32)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda drop: fill_from_border(image, drop), [0.05, 0.1, 0.2] * 6))
    for drop, result in zip([0.05, 0.1, 0.2] * 6, results, strict=True):
        assert np.array_equal(result, fill_from_border(image, drop))


@pytest.mark.parametrize("drop", [-0.1, float("nan")])
def test_refuses_a_drop_that_is_none(drop):
    with pytest.raises(ValueError, match="drop"):
        fill_from_border(np.zeros((3, 3), np.float32), drop)


def test_refuses_other_shapes():
    with pytest.raises(ValueError, match="image"):
        fill_from_border(np.zeros(4, np.float32), 0.1)
