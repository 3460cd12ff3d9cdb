"""Histograms of slices matched to each other."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import stackmend
from stackmend import steps
from stackmend.errors import WrongValue
from stackmend.kernels.histogram_matching import levels_of, matched

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from skimage.exposure import match_histograms

RANDOM = np.random.default_rng(5)
STACK = RANDOM.gamma(8, [[[8]], [[10]], [[7]], [[9]], [[11]]], (5, 61, 47)).clip(0, 255)
TYPES = {"uint8": 1, "int16": 3, "uint16": 200, "float32": 1 / 255}


def peer(stack, reference, chain):
    """What scikit-image makes of it, outward from the reference."""
    made = {reference: stack[reference].astype(np.float32)}
    outward = [*range(reference + 1, len(stack)), *range(reference - 1, -1, -1)]
    for number in outward:
        beside = (number - 1 if number > reference else number + 1) if chain else reference
        made[number] = match_histograms(stack[number].astype(np.float32), made[beside])
    return np.array([made[number] for number in range(len(stack))])


@pytest.mark.parametrize("chain", [True, False])
@pytest.mark.parametrize("reference", [0, 3, 4])
@pytest.mark.parametrize("dtype", TYPES)
def test_equals_the_peer(dtype, reference, chain):
    stack = (STACK * TYPES[dtype]).astype(dtype)
    made = steps.match_histogram(stack, reference=reference, chain=chain)
    assert np.array_equal(made[reference], stack[reference])
    np.testing.assert_allclose(made, peer(stack, reference, chain), rtol=1e-6)


def test_of_many_levels_the_histogram_is_thinned():
    stack = RANDOM.normal(100, 10, (3, 200, 210)).astype(np.float32)
    assert levels_of(stack[0]).values.size < 2048
    made = steps.match_histogram(stack, reference=1)
    np.testing.assert_allclose(made, peer(stack, 1, chain=True), atol=3e-3 * np.ptp(stack))
    assert np.sqrt(np.mean((made - peer(stack, 1, chain=True)) ** 2)) < 1e-4 * np.ptp(stack)
    assert made.min() == pytest.approx(stack[1].min(), abs=1e-3)


@given(
    image=hnp.arrays(np.float32, (4, 5), elements=st.floats(-100, 100, width=16)),
    other=hnp.arrays(np.float32, (3, 7), elements=st.floats(-100, 100, width=16)),
)
def test_any_image_is_matched_to_any_other(image, other):
    made = matched(image, levels_of(other))
    np.testing.assert_allclose(made, match_histograms(image, other), rtol=1e-6, atol=1e-6)


def test_constant_slices_stay_and_hand_nothing_on():
    stack = STACK.astype(np.uint8)
    stack[2] = 9
    made = steps.match_histogram(stack)
    assert (made[2] == 9).all()
    kept = [0, 1, 3, 4]
    assert np.array_equal(made[kept], steps.match_histogram(stack[kept]))


def test_a_chain_and_the_function_agree():
    stack = STACK.astype(np.uint8)
    protocol = {"protocol": 1, "chain": [{"step": "match_histogram", "reference": 2}]}
    made = stackmend.apply(protocol, stack)
    assert made.dtype == np.uint8
    expected = np.rint(steps.match_histogram(stack, reference=2)).clip(0, 255)
    assert np.array_equal(made, expected)


def test_a_reference_that_cannot_be_used_is_told():
    with pytest.raises(WrongValue, match=r"slice 7 is not restored here.*\(0 to 4\)"):
        steps.match_histogram(STACK, reference=7)
    with pytest.raises(WrongValue, match=r"one grey level only.*\(none\)"):
        steps.match_histogram(np.ones((3, 5, 5)))
