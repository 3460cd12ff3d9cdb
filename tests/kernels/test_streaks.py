"""The parts of the streak model against literal readings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from stackmend.kernels import _rims, _streak_loops
from stackmend.kernels.line_gradients import (
    BLOCK,
    SQUARE,
    RimPair,
    gradients,
    rim_map,
    rim_pairs,
    weight_of,
)
from stackmend.kernels.streak_core import gradients_of
from stackmend.kernels.streak_detail import remainder
from stackmend.kernels.streak_fit import Streak, fit_streak

seeds = st.integers(0, 2**32 - 1)


def noise(shape, seed=0, sigma=5.0):
    return np.random.default_rng(seed).normal(100, sigma, shape).astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.floats(0.01, 50), seeds)
def test_profile_is_the_minimum(n, stiffness, seed):
    rng = np.random.default_rng(seed)
    square, product = rng.random(n) + 0.1, rng.normal(size=n)
    slope, pull = rng.random(n - 1), rng.normal(size=n - 1)
    first, second = np.diff(np.eye(n), axis=0), np.diff(np.eye(n), 2, axis=0)
    matrix = np.diag(square) + first.T @ np.diag(slope) @ first
    matrix += stiffness * second.T @ second
    work = np.zeros((6, n))
    _streak_loops.profile_matrix(square, product, slope, pull, stiffness, work)
    _streak_loops.solve_five_diagonals(work)
    expected = np.linalg.solve(matrix, product + first.T @ pull)
    np.testing.assert_allclose(work[0], expected, rtol=1e-6, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-5, 5), min_size=1, max_size=30))
def test_never_rising_is_the_nearest_such_sequence(values):
    got = np.array(values, dtype=np.float64)
    _streak_loops.never_rising(got, np.empty(got.size), np.empty(got.size, dtype=np.intp))
    # The least-squares solution in closed form: the lowest of the highest means.
    expected = [
        min(max(np.mean(values[i : j + 1]) for j in range(k, len(values))) for i in range(k + 1))
        for k in range(len(values))
    ]
    np.testing.assert_allclose(got, expected, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), seeds)
def test_gradients_are_central_differences_of_the_blurred_slice(n_rows, n_columns, seed):
    image = noise((n_rows, n_columns), seed)
    blurred = ndimage.gaussian_filter(image.astype(np.float64), 1, mode="mirror", truncate=4)
    expected = np.zeros((2, n_rows, n_columns))
    expected[0, 1:-1] = (blurred[2:] - blurred[:-2]) / 2
    expected[1, :, 1:-1] = (blurred[:, 2:] - blurred[:, :-2]) / 2
    got = gradients(image)
    np.testing.assert_allclose(got.down, expected[0], atol=1e-4)
    np.testing.assert_allclose(got.along, expected[1], atol=1e-4)
    assert np.all(got.down_weight > 0)
    assert np.all(np.isfinite(got.along_weight))


def test_rims_are_paired_where_they_lie():
    image = noise((120, 200))
    image[40:61, 60:160] += 30
    pairs = rim_pairs(rim_map(gradients(image), 25), 3.0, 8, 60, 5)
    assert abs(pairs[0].top - 39.5) <= 1
    assert abs(pairs[0].bottom - 60.5) <= 1
    assert abs(pairs[0].column - 110) <= 2 * BLOCK


@pytest.mark.parametrize(("smallest", "height"), [(30, 60), (8, 15)])
def test_rims_too_near_or_too_far_make_no_pair(smallest, height):
    image = noise((120, 200))
    image[40:61, 60:160] += 30
    pairs = rim_pairs(rim_map(gradients(image), 25), 5.0, smallest, height, 5)
    assert not any(abs(pair.top - 39.5) <= 1 and abs(pair.bottom - 60.5) <= 1 for pair in pairs)


@pytest.mark.parametrize("softness", [0.5, 1.5, 4.0])
def test_a_step_is_the_gradient_that_a_slice_with_it_has(softness):
    rows = np.arange(80.0)
    image = np.repeat(10 * _rims.rise((rows - 40.5) / softness)[:, None], 30, axis=1)
    down, along = gradients_of(image.astype(np.float32))
    middle = slice(40 - _rims.REACH, 41 + _rims.REACH)
    np.testing.assert_allclose(down[middle, 15], 10 * _rims.step_gradient(0.5, softness), atol=0.02)
    assert not along.any()


def test_a_fit_recovers_rims_and_profile():
    columns = np.arange(400.0)
    profile = 40 * np.exp(-np.abs(columns - 180) / 70)
    truth = Streak(50.5, 80.0, (1.5, 0.9), 0, profile)
    image = noise((130, 400), sigma=4) + truth.charge(0, 130)
    fit = fit_streak(gradients(image), RimPair(9.0, 50, 80, 176), 20)
    assert fit is not None
    assert abs(fit.top - 50.5) <= 0.5
    assert abs(fit.bottom - 80) <= 0.5
    assert np.sqrt(np.mean((fit.profile - profile) ** 2)) < 1.5


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 25), st.integers(1, 25), st.floats(0.05, 0.9), seeds)
def test_columns_are_bridged_by_straight_lines(n_rows, n_columns, share, seed):
    rng = np.random.default_rng(seed)
    level = rng.uniform(0, 255, (n_rows, n_columns)).astype(np.float32)
    mask = rng.random((n_rows, n_columns)) < share
    got = level.copy()
    without = _streak_loops.bridge_columns(got, mask.view(np.uint8))
    rows = np.arange(n_rows)
    assert without == int(mask.all(axis=0).sum())
    for x in np.flatnonzero(~mask.all(axis=0)):
        free = rows[~mask[:, x]]
        np.testing.assert_allclose(got[:, x], np.interp(rows, free, level[free, x]), atol=1e-3)


def test_nothing_remains_of_a_slope_under_a_mask():
    y, x = np.mgrid[:60, :90]
    image = (0.1 * y + 0.5 * x).astype(np.float32)
    mask = np.zeros(image.shape, dtype=bool)
    mask[25:35, 20:70] = True
    left = remainder(image, mask)
    assert np.abs(left[:, 30:60]).max() < 0.6
    assert not left[~mask].any()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), seeds)
def test_weights_are_one_over_the_mean_square_around(n_rows, n_columns, seed):
    rng = np.random.default_rng(seed)
    gradient = rng.normal(0, 3, (n_rows * SQUARE, n_columns * SQUARE)).astype(np.float32)
    blocks = (gradient.astype(np.float64) ** 2).reshape(n_rows, SQUARE, n_columns, SQUARE)
    smooth = ndimage.gaussian_filter(blocks.mean(axis=(1, 3)), 3, mode="mirror", truncate=4)
    places = [(np.arange(n * SQUARE) + 0.5) / SQUARE - 0.5 for n in (n_rows, n_columns)]
    around = ndimage.map_coordinates(
        smooth, np.meshgrid(*places, indexing="ij"), order=1, mode="nearest"
    )
    np.testing.assert_allclose(weight_of(gradient, 0.5), 1 / (0.5 + around), rtol=1e-4)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), st.integers(1, 30), st.integers(0, 6), st.integers(0, 10), seeds)
def test_a_shape_is_matched_at_every_column(n_rows, n_columns, reach, start, seed):
    rng = np.random.default_rng(seed)
    slice_ = rng.normal(size=(4, n_rows, n_columns)).astype(np.float32)
    shape = rng.normal(size=(2, n_rows, 2 * reach + 1)).astype(np.float32)
    start = min(start, n_columns - 1)
    out = np.zeros((2, n_columns - start))
    _streak_loops.match_shape(*slice_, shape, start, out)
    down, along, down_weight, along_weight = np.pad(slice_, ((0, 0), (0, 0), (reach, reach)))
    for place in range(start, n_columns):
        part = np.s_[:, place : place + 2 * reach + 1]
        product = shape[0] * down_weight[part] * down[part]
        product += shape[1] * along_weight[part] * along[part]
        square = shape[0] ** 2 * down_weight[part] + shape[1] ** 2 * along_weight[part]
        np.testing.assert_allclose(out[:, place - start], [product.sum(), square.sum()], atol=1e-3)
