"""find_charging, correct_charging and global_decharge against a literal reading and known truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from benchmarks import literal
from components import bound, evaluate
from stackmend.kernels.regions import cityblock_distance

PARAMETERS = {"gf1_sigma": 9, "color_shift": 0.12, "gf2_sigma": 7, "rb_radius": 6, "gf3_sigma": 2.5}


def halo(shape=(90, 140), *, sign=1.0, seed=0):
    """Texture with two halos, and the texture alone; 0..1."""
    rng = np.random.default_rng(seed)
    texture = 0.5 + 0.05 * ndimage.gaussian_filter(rng.standard_normal(shape), 1.5)
    y, x = np.indices(shape)
    bumps = 0.4 * np.exp(-((y - 40) ** 2 + (x - 50) ** 2) / 60) + 0.35 * np.exp(
        -((y - 62) ** 2 + (x - 110) ** 2) / 40
    )
    return (texture + sign * bumps).astype(np.float32), texture.astype(np.float32)


def decharged(image, *, inverse, **given):
    values = PARAMETERS | given
    find = {name: values[name] for name in ("gf1_sigma", "color_shift")}
    correct = {name: values[name] for name in ("gf2_sigma", "rb_radius", "gf3_sigma")}
    return evaluate(
        image, bound("find_charging", inverse=inverse, **find), bound("correct_charging", **correct)
    )


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize(
    "changed", [{}, {"gf2_sigma": 0}, {"rb_radius": 2}, {"rb_radius": 30}, {"color_shift": 0.05}]
)
def test_equals_the_literal_reading(inverse, changed):
    image = literal.standardize(halo(sign=-1 if inverse else 1)[0])
    made = decharged(image, inverse=inverse, **changed)
    expected, mask = literal.correct(image, inverse=inverse, **(PARAMETERS | changed))
    assert mask.any()
    detection = 1 - made["flattened"] if inverse else made["flattened"]
    threshold = np.float32((PARAMETERS | changed)["color_shift"])
    margin = np.abs(detection - literal.reconstruct(detection, threshold) - threshold)
    differing = made["charging_mask"] != mask
    assert not np.any(differing & (margin > 2e-6))
    same = cityblock_distance(differing, 10) > 10
    np.testing.assert_allclose(made["image"][same], expected[same], rtol=0, atol=5e-6)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_recovers_a_known_truth(sign):
    image, truth = halo(sign=sign)
    made = decharged(image, inverse=sign < 0, gf1_sigma=30, gf2_sigma=30, rb_radius=10, gf3_sigma=2)
    charged = made["charging_mask"]
    before, after = (
        np.abs(image - truth)[charged].mean(),
        np.abs(made["image"] - truth)[charged].mean(),
    )
    assert after < 0.2 * before
    outside = cityblock_distance(charged, 10) > 10
    assert np.array_equal(made["image"][outside], image[outside])


def test_the_wrong_polarity_finds_nothing():
    image, _ = halo(sign=1)
    assert not decharged(image, inverse=True, gf1_sigma=30)["charging_mask"].any()


def test_small_regions_are_left_out():
    image, _ = halo()
    areas = np.bincount(ndimage.label(decharged(image, inverse=False)["charging_mask"])[0].ravel())[
        1:
    ]
    smallest = int(areas.min())
    find = {"gf1_sigma": 9, "color_shift": 0.12}
    kept = evaluate(image, bound("find_charging", min_area=smallest, **find))["charging_mask"]
    assert np.count_nonzero(kept) == areas.sum() - smallest, (
        "an area equal to min_area is too small"
    )


@pytest.mark.parametrize("border", [0, 1, 10])
def test_the_border_fades_by_city_block_distance(border):
    image, _ = halo()
    find, correct = bound("find_charging", gf1_sigma=9), bound("correct_charging", border=border)
    made = evaluate(image, find, correct)
    distance = ndimage.distance_transform_cdt(~made["charging_mask"], metric="taxicab")
    expected = np.clip((border - distance) / (border + 1), 0, 1)
    expected[made["charging_mask"]] = 1
    np.testing.assert_allclose(made["blend_weight"], expected, atol=1e-7)


def test_nothing_found_changes_nothing():
    image = halo()[1]
    made = decharged(image, inverse=False, color_shift=0.9)
    assert not made["charging_mask"].any()
    assert np.array_equal(made["image"], image)


@pytest.mark.parametrize("inverse", [False, True])
def test_global_form(inverse):
    image = 200 * halo(sign=-1 if inverse else 1)[0]
    made = evaluate(
        image,
        bound(
            "global_decharge", gf1_sigma=9, gf2_sigma=7, rb_radius=6, gf3_sigma=2, inverse=inverse
        ),
    )
    flat = image - literal.gaussian(image, 9)
    flat = flat - literal.gaussian(flat, 7)
    background = literal.gaussian(literal.ball(flat if inverse else 1 - flat, 6), 2)
    change = np.minimum(0, background)
    expected = image - change if inverse else image + change
    np.testing.assert_allclose(made["image"], expected, rtol=0, atol=1e-3)
    assert not np.array_equal(made["image"], image)


def test_global_form_for_bright_charging_changes_nothing_on_a_standardised_slice_and_says_so():
    image = literal.standardize(halo()[0])
    step = bound("global_decharge")
    assert np.array_equal(evaluate(image, step)["image"], image)
    assert "changes nothing" in step.component.caution(step.parameters, frozenset({"scale"}))
    assert step.component.caution(step.parameters, frozenset()) is None
    assert step.component.caution(step.parameters | {"inverse": True}, frozenset({"scale"})) is None
