"""The loss by known charge: what is left of it, and what is done elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from stackmend.losses.injection_error import harm, loss, recovered
from stackmend.registry import NOTHING_FOUND, UNDEFINED, Probe, Undefined

IMAGE = np.full((40, 60), 100, np.float32)
FAULT = np.zeros_like(IMAGE)
FAULT[10:30, 10:50] = -40


NOWHERE = np.zeros(IMAGE.shape, dtype=bool)


def judged(restored, unit=1.0, fault=FAULT, mask=NOWHERE):
    probe = Probe((IMAGE + fault) * unit, fault * unit, 8 * unit)
    return recovered([restored * unit] * 2, [probe] * 2, IMAGE * unit, mask)


@pytest.mark.parametrize("unit", [1.0, 1 / 200, 256.0])
def test_is_what_is_left_in_grey_levels_of_8_bit(unit):
    assert loss(judged(IMAGE + FAULT / 4, unit)) == pytest.approx(10, rel=1e-4)
    assert harm(judged(IMAGE + FAULT / 4, unit)) == pytest.approx(0, abs=1e-4)


def test_harm_is_what_is_done_elsewhere():
    found = judged(np.where(FAULT == 0, IMAGE + 3, IMAGE))
    assert (loss(found), harm(found)) == (0, 3)


def test_what_is_done_to_charge_that_was_found_is_no_harm():
    mask = NOWHERE.copy()
    mask[:5] = True
    assert harm(judged(np.where(mask, IMAGE + 50, IMAGE), mask=mask)) == 0


def test_without_charge_or_room_for_it_there_is_none():
    nothing = recovered([IMAGE] * 2, (), IMAGE, NOWHERE)
    assert isinstance(nothing, Undefined)
    assert nothing.status == NOTHING_FOUND
    small = np.where(np.arange(60) < 6, FAULT.min(), 0) * np.ones_like(IMAGE)
    few = judged(IMAGE, fault=small.astype(np.float32))
    assert isinstance(few, Undefined)
    assert (few.status, loss(few), harm(few)) == (UNDEFINED, few, few)
