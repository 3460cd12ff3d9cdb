"""The common-histogram loss: one mask and one range of grey levels for every combination."""

from __future__ import annotations

import numpy as np
import pytest

from stackmend.kernels.regions import regions_and_rings
from stackmend.losses.common_histogram import common_regions, grey_range, loss
from stackmend.registry import NOTHING_FOUND, UNDEFINED, Undefined

IMAGE = np.random.default_rng(1).integers(60, 90, (80, 120)).astype(np.float32)
MASK = np.zeros(IMAGE.shape, dtype=bool)
MASK[30:45, 40:60] = True


def of(image, mask=MASK, initial=IMAGE):
    return loss(image, common_regions(mask, regions=20, distance=10), grey_range(initial))


def test_is_the_distance_of_the_histograms_of_whole_grey_levels():
    charged = np.where(MASK, IMAGE + 12, IMAGE)
    ((region, ring),) = regions_and_rings(MASK, 20, 10)
    counts = [
        np.bincount(charged.ravel()[p].astype(int), minlength=256) / p.size for p in (region, ring)
    ]
    assert of(charged) == pytest.approx(np.abs(counts[0] - counts[1]).sum(), abs=1e-12)


def test_falls_as_charge_is_taken_away():
    losses = [of(np.where(MASK, IMAGE + charge, IMAGE)) for charge in (60, 30, 10, 0)]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] == pytest.approx(2)


def test_what_lies_beyond_the_range_counts_at_its_end():
    assert of(np.where(MASK, IMAGE - 500, IMAGE)) == pytest.approx(2)


def test_the_range_is_that_of_the_slice_before():
    assert grey_range(IMAGE) == (0, 256)
    assert grey_range(IMAGE / 100) == pytest.approx((0.6, 0.89))


def test_an_empty_reference_mask_and_one_without_surroundings():
    nothing = of(IMAGE, np.zeros_like(MASK))
    assert isinstance(nothing, Undefined)
    assert nothing.status == NOTHING_FOUND
    everything = of(IMAGE, np.ones_like(MASK))
    assert isinstance(everything, Undefined)
    assert everything.status == UNDEFINED
