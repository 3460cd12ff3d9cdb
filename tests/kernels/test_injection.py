"""Known charge: reproducible, within its limits, away from what is to be avoided."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from stackmend.kernels.injection import CLEARANCE, known_charge
from stackmend.kernels.injection_error import injection_error

SHAPE = (150, 220)


@pytest.mark.parametrize("kinds", [("blob",), ("tail",), ("stroke",), ("streak",)])
def test_is_reproducible_and_within_its_limits(kinds):
    fields = [known_charge(SHAPE, seed=(3, k), amplitude=(20, 40), kinds=kinds) for k in range(8)]
    again = [known_charge(SHAPE, seed=(3, k), amplitude=(20, 40), kinds=kinds) for k in range(8)]
    for field, same in zip(fields, again, strict=True):
        assert field.dtype == np.float32
        assert np.array_equal(field, same)
        assert field.min() == 0
        assert field.max() <= 40
    assert max(field.max() for field in fields) > 10
    assert not np.array_equal(fields[0], fields[1])


def test_the_box_of_a_shape_is_large_enough():
    small = known_charge(SHAPE, seed=(5,), amplitude=(60, 60))
    y, x = np.nonzero(small)
    steps = np.abs(np.diff(small, axis=1)), np.abs(np.diff(small, axis=0))
    assert y.size
    assert x.size
    for step in steps:  # nothing is cut off: faint pixels have neighbours that are as faint
        assert not np.any((step > 45) & (step > 0.75 * 60))


def test_stays_away_from_what_is_to_be_avoided():
    avoid = np.zeros(SHAPE, dtype=bool)
    avoid[40:60, 50:170] = True
    distance = ndimage.distance_transform_cdt(~avoid, metric="taxicab")
    drawn = 0
    for k in range(12):
        field = known_charge(SHAPE, seed=(9, k), avoid=avoid, size=(4, 8))
        drawn += np.count_nonzero(field)
        assert not np.any(field[distance < CLEARANCE])
    assert drawn > 5000


def test_no_place_left_leaves_nothing():
    assert not known_charge(SHAPE, seed=(1,), avoid=np.ones(SHAPE, dtype=bool)).any()


def test_streaks_lie_along_the_scan_line():
    field = known_charge(SHAPE, seed=(2, 4), kinds=("streak",), size=(5, 5), amplitude=(50, 50))
    along, down = np.abs(np.diff(field, axis=1)).max(), np.abs(np.diff(field, axis=0)).max()
    assert down > 3 * along


@pytest.mark.parametrize(
    "wrong",
    [
        {"amplitude": (0, 5)},
        {"size": (9, 3)},
        {"kinds": ("star",)},
        {"avoid": np.ones((2, 2), bool)},
    ],
)
def test_refuses_what_makes_no_sense(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        known_charge(SHAPE, seed=(0,), **wrong)


def test_error_and_harm_of_a_restoration():
    image = np.random.default_rng(0).random(SHAPE, dtype=np.float32) * 100
    field = known_charge(SHAPE, seed=(4, 2))
    assert injection_error([image + field], image, [field])[1] == pytest.approx(0, abs=1e-5)
    error, harm = injection_error([image], image, [field])
    assert (error, harm) == (0, 0)
    half = injection_error([image + field / 2], image, [field])[0]
    assert half == pytest.approx(injection_error([image + field], image, [field])[0] / 2, rel=1e-5)
    assert injection_error([image + 2], image, [field])[1] == pytest.approx(2, rel=1e-5)
    assert injection_error([image], image, [np.minimum(field, 7)]) is None
