"""What one grey level of an 8-bit image is in images of other kinds."""

from __future__ import annotations

import numpy as np
import pytest

from stackmend.kernels.statistics import level_unit

RAMP = np.linspace(0, 200, 40001, dtype=np.float32).reshape(1, -1)


@pytest.mark.parametrize("scale", [1 / 255, 1.0, 257.0])
def test_fractions_are_measured_by_their_percentiles(scale: float) -> None:
    unit = level_unit(RAMP * np.float32(scale))
    assert unit == pytest.approx(scale, rel=0.01)


def test_whole_numbers_of_8_bits_are_what_they_are() -> None:
    assert level_unit(np.array([[3, 17]], np.float32)) == 1
    assert level_unit(np.array([[255, 0]], np.float32)) == 1


def test_a_mask_of_zeros_and_ones_is_no_8_bit_image() -> None:
    assert level_unit(np.eye(20, dtype=np.float32)) == pytest.approx(1 / 200)
