"""The loss of blurs that are taken away."""

from __future__ import annotations

import numpy as np
import pytest

import stackmend
from components import bound, evaluate
from reference_data import arrays, needs_reference
from stackmend import registry, steps
from stackmend.chain import Bound
from stackmend.registry import Undefined

PARAMETERS = {"smallest": 5, "largest": None, "penalty": 1, "image_range": None}


def losses(image, sigmas, **changes):
    """The loss of each blur, and that of the slice as it is."""
    loss = Bound(registry.losses().get("flatness"), "loss", PARAMETERS | changes)
    given = {"initial_image": image}
    step = [bound("flatten", method="gaussian", sigma=float(each)) for each in sigmas]
    found = [evaluate(image, each, loss, **given)["loss"] for each in step]
    return [*found, evaluate(image, loss, **given)["loss"]]


@needs_reference
def test_losses_are_the_published_ones():
    stored = arrays()
    image, sigmas = stored["C_input"].astype(np.float32), stored["C_sigmas"]
    *found, untouched = losses(image, sigmas)
    np.testing.assert_allclose(found, stored["C_loss"], atol=1e-3)
    assert sigmas[np.argmin(found)] == stored["C_sigma"]
    assert min(found) < untouched
    # Grey levels of 8 bit are fewer, which must not make the slice as it is look flat.
    *rounded, untouched = losses(np.rint(255 * image), sigmas)
    np.testing.assert_allclose(rounded, stored["C_loss"], atol=1e-3)
    assert min(rounded) < untouched


def shaded(shape=(96, 80)):
    """Fine structure on a slope."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    noise = np.random.default_rng(2).normal(0, 8, shape)
    return (90 + 0.8 * y + 0.5 * x + noise).clip(0, 255).astype(np.float32)


def test_the_smallest_blur_has_one_and_the_largest_is_avoided():
    found = losses(shaded(), (5, 10, 15, 19))
    assert found[0] == pytest.approx(1, abs=1e-3)  # but for rounding at the edges of bins
    free = losses(shaded(), (5, 10, 15, 19), penalty=0)
    near = losses(shaded(), (5, 10, 15, 19), largest=14)
    assert near[1] == pytest.approx(free[1], abs=1e-5)
    assert near[3] == pytest.approx(free[3] + 1 / 3, abs=1e-5)


@pytest.mark.parametrize("scale", [1 / 255, 257, 1e5])
def test_the_grey_range_does_not_matter(scale):
    one, other = losses(shaded(), (10,)), losses(shaded() * np.float32(scale), (10,))
    assert other == pytest.approx(one, abs=0.06)


def test_what_has_no_value():
    constant = losses(np.full((40, 40), 7, np.float32), (5, 10))
    assert all(isinstance(each, Undefined) for each in constant)
    [narrow, _] = losses(np.arange(40, dtype=np.float32)[np.newaxis], (5,))
    assert isinstance(narrow, Undefined)
    assert "fewer than 2 px" in narrow.reason


@pytest.mark.parametrize(("dtype", "scale"), [("uint8", 1), ("uint16", 257), ("float32", 1 / 255)])
def test_a_search_applies_the_blur_that_it_chooses(dtype, scale):
    stack = np.stack([np.rint(shaded()) * scale] * 2).astype(dtype)
    chain = [{"step": "flatten", "method": "gaussian", "sigma": {"sweep": [5, 10, 15]}}]
    optimize = {"slices": [0], "loss": "flatness"}
    found = losses(stack[0].astype(np.float32), (5, 10, 15))
    protocol = {"protocol": 1, "chain": chain, "optimize": optimize}
    made = stackmend.apply(protocol | {"output": {"dtype": "float32"}}, stack)
    best = (5, 10, 15)[int(np.argmin(found[:3]))]
    assert min(found[:3]) < found[3]
    assert np.array_equal(made, steps.flatten(stack, method="gaussian", sigma=best))


def test_both_methods_are_searched_at_once():
    fields = np.random.default_rng(3).normal(128, 20, (8, 64, 64)).astype(np.float32)
    sweep = {"method": {"sweep": ["stack", "gaussian"]}, "sigma": {"sweep": [5, 10]}}
    optimize = {"slices": [0], "loss": "flatness"}
    protocol = {"protocol": 1, "chain": [{"step": "flatten", **sweep}], "optimize": optimize}
    table = stackmend.search(protocol, fields).table
    assert [row["flatten.method"] for row in table] == ["stack", "stack", "gaussian", "gaussian"]
    assert table[0]["loss"] == table[1]["loss"] != table[3]["loss"]
    assert {row["status"] for row in table} == {"ok"}
