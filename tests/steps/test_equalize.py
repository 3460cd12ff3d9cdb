"""Equalisation of the histogram around each pixel."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import stackmend
from components import load
from stackmend import steps
from stackmend.errors import WrongValue
from stackmend.kernels.adaptive_histogram import adaptive_histogram

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from skimage.exposure import equalize_adapthist

RANDOM = np.random.default_rng(7)
Y, X = np.mgrid[:101, :87]
STACK = (
    (90 + 40 * np.sin(Y / 17) * np.cos(X / 11) + RANDOM.normal(0, 9, (3, 101, 87)))
    .clip(0, 255)
    .astype(np.uint8)
)


SCALES = {"uint8": 1, "uint16": 257, "float32": 1 / 255}


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"kernel_size": 30, "clip_limit": 0.03, "nbins": 128},
        {"clip_limit": 0},
        {"kernel_size": 200, "nbins": 1000},
        {"kernel_size": 7, "clip_limit": 0.5, "nbins": 16},
    ],
)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_of_a_slice_it_is_what_the_peer_makes(dtype, values):
    image = (STACK[0] * np.float64(SCALES[dtype])).astype(dtype)
    made = steps.equalize(image, range="slice", output="0/1", **values)
    np.testing.assert_allclose(made, equalize_adapthist(image, **values), atol=1e-4)
    back = steps.equalize(image, range="slice", **values)
    assert (back.min(), back.max()) == pytest.approx((image.min(), image.max()), rel=1e-5)


def test_of_the_stack_all_slices_are_divided_alike():
    stack = STACK.copy()
    stack[1, 5, 5] = 255  # one pixel changes no other slice, and its own only around it
    plain, made = steps.equalize(STACK), steps.equalize(stack)
    assert np.array_equal(plain[[0, 2]], made[[0, 2]])
    assert np.abs(plain[1] - made[1])[60:].max() == 0
    flickering = steps.equalize(STACK, range="slice"), steps.equalize(stack, range="slice")
    assert np.abs(flickering[0][1] - flickering[1][1])[60:].max() > 1
    low, high = np.percentile(STACK, [0.1, 99.9])
    assert low - 1 <= plain.min()
    assert plain.max() <= high + 1


def test_a_chain_gives_the_type_of_the_input():
    for stack in (STACK, STACK.astype(np.uint16) * 257, (STACK.astype(np.int16) - 90)):
        chain = [{"step": "equalize", "clip_limit": 0.02}]
        made = stackmend.apply({"protocol": 1, "chain": chain}, stack)
        assert made.dtype == stack.dtype
        info = np.iinfo(stack.dtype)
        expected = np.rint(steps.equalize(stack, clip_limit=0.02)).clip(info.min, info.max)
        assert np.array_equal(made, expected)


def test_constant_slices_stay():
    constant = np.full((40, 33), 7, np.float32)
    assert np.array_equal(steps.equalize(constant, range="slice"), constant)
    mixed = STACK.astype(np.float32)
    mixed[1] = 50
    assert (steps.equalize(mixed)[1] == 50).all()
    with pytest.raises(WrongValue, match=r"one grey level, 7; take range: slice"):
        steps.equalize(constant[np.newaxis])


def test_an_empty_range_is_refused():
    with pytest.raises(ValueError, match="two grey levels, lower first, got 3 and 3"):
        adaptive_histogram(STACK[0], 3, 3, tile=None, clip_limit=0.01, bins=256)


def test_it_is_said_that_grey_levels_measure_nothing_behind_it(tmp_path):
    file = tmp_path / "protocol.yaml"
    file.write_text(
        "protocol: 1\ninput: {phantom: {}}\noutput: {path: result}\nchain: [{step: equalize}]\n"
    )
    [warning] = load(file).warnings
    assert "grey levels measure nothing any more" in warning.message
