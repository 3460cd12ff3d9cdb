"""The charging-histogram loss against its literal reading."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import literal
from stackmend.losses.charging_histogram import charged_regions, loss
from stackmend.registry import NOTHING_FOUND, UNDEFINED, Undefined

IMAGE = np.random.default_rng(1).random((80, 120), dtype=np.float32)


def blobs(*boxes, shape=IMAGE.shape):
    mask = np.zeros(shape, dtype=bool)
    for top, left, height, width in boxes:
        mask[top : top + height, left : left + width] = True
    return mask


def of(image, mask, *, regions=20, distance=10):
    return loss(image, charged_regions(mask, regions=regions, distance=distance))


@pytest.mark.parametrize("distance", [1, 4, 10])
@pytest.mark.parametrize("regions", [1, 2, 20])
def test_equals_the_literal_reading(regions, distance):
    mask = blobs((10, 10, 12, 9), (12, 60, 12, 9), (50, 30, 5, 30), (70, 100, 3, 3))
    assert of(IMAGE, mask, regions=regions, distance=distance) == pytest.approx(
        literal.loss(IMAGE, mask, regions, distance), abs=1e-12
    )


@given(
    boxes=st.lists(
        st.tuples(st.integers(0, 70), st.integers(0, 110), st.integers(1, 30), st.integers(1, 40)),
        max_size=6,
    ),
    scale=st.sampled_from([1.0, 255.0, 1e-3]),
)
def test_equals_the_literal_reading_for_any_mask(boxes, scale):
    mask = blobs(*boxes)
    image = IMAGE * np.float32(scale)
    value, expected = of(image, mask, distance=3), literal.loss(image, mask, distance=3)
    if isinstance(value, Undefined):
        assert np.isnan(expected)
        assert (value.status == NOTHING_FOUND) == (not mask.any())
    else:
        assert value == pytest.approx(expected, abs=1e-12)


def test_a_clean_region_has_a_lower_loss_than_a_charged_one():
    mask = blobs((30, 40, 15, 20))
    assert of(np.where(mask, IMAGE + 1, IMAGE), mask) == pytest.approx(2, abs=0.05)
    assert of(IMAGE, mask) < 1


def test_no_mask_is_nothing_found():
    value = of(IMAGE, blobs())
    assert isinstance(value, Undefined)
    assert value.status == NOTHING_FOUND


def test_no_clean_surroundings_is_undefined():
    value = of(IMAGE, np.ones(IMAGE.shape, dtype=bool))
    assert isinstance(value, Undefined)
    assert value.status == UNDEFINED
