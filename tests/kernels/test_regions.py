"""Regions, holes, distances and rings against SciPy's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from benchmarks import literal
from stackmend.kernels import regions


def literal_rings(mask, count, distance):
    labels, n = ndimage.label(mask, structure=literal.EIGHT)
    areas = np.bincount(labels.ravel(), minlength=n + 1)[1:]
    order = sorted(range(1, n + 1), key=lambda i: (-areas[i - 1], -i))[:count]
    near = ndimage.binary_dilation(mask, iterations=distance)
    for label in order:
        region = labels == label
        outer = ndimage.binary_dilation(region, iterations=3 * distance)
        inner = ndimage.binary_dilation(region, iterations=distance)
        yield np.flatnonzero(region), np.flatnonzero(outer & ~inner & ~near)


def check(mask, min_area=3, count=5, distance=2):
    labels, n = ndimage.label(mask, structure=literal.EIGHT)
    areas = np.bincount(labels.ravel(), minlength=n + 1)[1:]
    assert np.array_equal(regions.fill_holes(mask), ndimage.binary_fill_holes(mask))
    large = np.append(False, areas > min_area)[labels]
    assert np.array_equal(regions.remove_small(mask, min_area), large)
    assert list(regions.bounding_boxes(mask)) == ndimage.find_objects(labels)
    got = regions.regions_and_rings(mask, count, distance)
    wanted = list(literal_rings(mask, count, distance))
    assert len(got) == len(wanted)
    for pair, expected_pair in zip(got, wanted, strict=True):
        assert np.array_equal(pair[0], expected_pair[0])
        assert np.array_equal(pair[1], expected_pair[1])


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from([0, 0.02, 0.2, 0.4, 0.5, 0.6, 0.8, 0.98, 1]),
    st.integers(0, 30),
    st.integers(1, 25),
    st.integers(1, 6),
    st.integers(0, 2**32 - 1),
)
def test_equals_scipy(n_rows, n_columns, share, min_area, count, distance, seed):
    check(
        np.random.default_rng(seed).random((n_rows, n_columns)) < share, min_area, count, distance
    )


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
def test_equals_scipy_on_large_shapes(share):
    noise = ndimage.gaussian_filter(np.random.default_rng(0).random((200, 310)), 3)
    check(noise < np.quantile(noise, share), min_area=50, count=20, distance=10)


def test_nested_rings_and_frames():
    y, x = np.mgrid[:41, :43]
    box = np.maximum(abs(y - 20), abs(x - 21))
    for width in (1, 2, 3):
        check((box // width) % 2 == 0)
    check((np.hypot(y - 20, x - 21) // 3) % 2 == 0)


def test_equal_areas_take_the_higher_label_first():
    mask = np.zeros((30, 30), dtype=bool)
    mask[2, 2:5] = mask[10, 10:13] = mask[20, 1:4] = True
    first_pixels = [int(region[0]) for region, _ in regions.regions_and_rings(mask, 2, 1)]
    assert first_pixels == [20 * 30 + 1, 10 * 30 + 10]


def test_a_ring_may_be_empty():
    (region, ring), *others = regions.regions_and_rings(np.ones((6, 6), dtype=bool), 20, 10)
    assert region.size == 36
    assert ring.size == 0
    assert not others


def test_nothing_masked():
    mask = np.zeros((4, 5), dtype=bool)
    assert regions.regions_and_rings(mask, 20, 10) == ()
    assert (regions.cityblock_distance(mask, 7) == 8).all()
    assert not regions.fill_holes(mask).any()
    assert not regions.remove_small(mask, 0).any()


@settings(max_examples=80, deadline=None)
@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(0, 45),
    st.floats(0.001, 0.3),
    st.integers(0, 2**32 - 1),
)
def test_distance_counts_dilations(n_rows, n_columns, limit, share, seed):
    mask = np.random.default_rng(seed).random((n_rows, n_columns)) < share
    distance = regions.cityblock_distance(mask, limit)
    expected = np.full(mask.shape, limit + 1)
    reached = mask
    for n in range(limit + 1):
        expected = np.where(reached & (expected > n), n, expected)
        reached = ndimage.binary_dilation(reached)
    assert np.array_equal(distance, expected)


def test_the_largest_limit_does_not_overflow():
    mask = np.zeros((3, 5), dtype=bool)
    assert (regions.cityblock_distance(mask, 32765) == 32766).all()
    mask[0, 0] = True
    assert regions.cityblock_distance(mask, 32765).max() == 6


def test_strided_and_read_only_input_is_left_alone():
    whole = np.random.default_rng(2).random((60, 90)) < 0.4
    view = whole[::-2, 5:80:3].T
    before = whole.copy()
    whole.flags.writeable = False
    check(view)
    assert np.array_equal(whole, before)
    filled = regions.fill_holes(view)
    assert not np.shares_memory(filled, whole)


def test_same_from_threads():
    mask = np.random.default_rng(3).random((150, 200)) < 0.55
    with ThreadPoolExecutor(4) as pool:
        results = list(
            pool.map(
                lambda _: regions.regions_and_rings(regions.fill_holes(mask), 20, 3), range(12)
            )
        )
    for result in results[1:]:
        for pair, first in zip(result, results[0], strict=True):
            assert all(np.array_equal(a, b) for a, b in zip(pair, first, strict=True))


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: regions.fill_holes(np.zeros(3, bool)), "mask"),
        (lambda: regions.remove_small(np.zeros((0, 3), bool), 1), "mask"),
        (lambda: regions.cityblock_distance(np.zeros((3, 3), bool), -1), "limit"),
        (lambda: regions.cityblock_distance(np.zeros((3, 3), bool), 32766), "limit"),
        (lambda: regions.regions_and_rings(np.zeros((3, 3), bool), 20, 10922), "distance"),
    ],
)
def test_refuses_what_it_cannot_do(call, word):
    with pytest.raises(ValueError, match=word):
        call()
