"""Curtains, shading, flicker and noise of the phantom: as strong as asked, and in no truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from stackmend.stacks.phantom_model import Phantom

ARTEFACTS = {
    "curtains": 0.04,
    "shading_gain": 0.08,
    "shading_offset": 0.05,
    "flicker": 0.03,
    "shot_noise": 0.04,
}
PLAIN = Phantom(
    slices=30, height=160, width=224, seed=3, dtype="float32", charge=(), tissue="cells"
)


def added(index: int, **asked: float) -> NDArray[np.float64]:
    """What artefacts add to a slice of grey range 1."""
    phantom = replace(PLAIN, **asked)
    return phantom.image(index).astype(np.float64) - phantom.clean(index)


def likeness(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    return float(np.corrcoef(first.ravel(), second.ravel())[0, 1])


@pytest.mark.parametrize("name", ARTEFACTS)
def test_each_is_none_unless_asked_for(name: str) -> None:
    assert not added(2).any()
    assert added(2, **{name: ARTEFACTS[name]}).any()


def test_the_truth_has_none() -> None:
    charged = replace(PLAIN, charge=("streaks",))
    assert np.array_equal(replace(charged, **ARTEFACTS).clean(4), charged.clean(4))


def test_slices_come_out_alike_in_any_order_and_stack() -> None:
    phantom = replace(PLAIN, dtype="uint8", **ARTEFACTS)
    again = [phantom.image(index) for index in (9, 4)]
    longer = replace(phantom, slices=500)
    assert np.array_equal(again[1], longer.image(4))
    assert np.array_equal(again[0], longer.image(9))


def test_curtains_are_as_strong_as_asked_and_run_down() -> None:
    curtains = [added(index, curtains=0.04) for index in range(0, 30, 3)]
    assert 0.03 < np.mean([each.std() for each in curtains]) < 0.05
    for each in curtains:
        assert np.abs(np.diff(each, axis=0)).mean() < 0.1 * np.abs(np.diff(each, axis=1)).mean()
        # Their strength changes on the way down.
        assert 0.2 < likeness(each[:20], each[-20:]) < 0.98


def test_some_curtains_last_and_some_do_not() -> None:
    first, *later = (added(index, curtains=0.04) for index in (0, 1, 6, 29))
    alike = [likeness(first, each) for each in later]
    assert alike[0] > alike[1] > alike[2]
    assert 0.7 < alike[0] < 0.99
    assert alike[1] > 0.15


def test_curtains_are_of_several_widths() -> None:
    spectrum = np.zeros(PLAIN.width // 2 + 1)
    for index in range(0, 30, 5):
        spectrum += np.mean(np.abs(np.fft.rfft(added(index, curtains=0.04), axis=1)) ** 2, axis=0)
    frequency = np.fft.rfftfreq(PLAIN.width)
    shares = []
    for low, high in ((0.005, 0.03), (0.03, 0.1), (0.1, 0.5)):
        shares.append(spectrum[(frequency >= low) & (frequency < high)].sum() / spectrum.sum())
    assert min(shares) > 0.1


def test_the_shading_is_that_of_all_slices_and_slow() -> None:
    offset = [added(index, shading_offset=0.05) for index in (0, 17)]
    assert np.allclose(offset[0], offset[1], atol=1e-6)
    assert abs(offset[0].mean()) < 1e-6
    assert np.isclose(offset[0].std(), 0.05, rtol=1e-3)
    assert np.abs(np.diff(offset[0], axis=1)).max() < 0.05 / 10
    gains = [added(index, shading_gain=0.08) / PLAIN.clean(index) for index in (0, 17)]
    assert np.allclose(gains[0], gains[1], atol=1e-4)
    assert np.isclose(gains[0].std(), 0.08, rtol=1e-2)


def test_flicker_is_one_gain_and_one_offset_in_each_slice() -> None:
    means = []
    for index in range(12):
        phantom = replace(PLAIN, flicker=0.03)
        clean = phantom.clean(index)
        gain, offset = np.polyfit(clean.ravel(), phantom.image(index).ravel(), 1)
        assert np.allclose(phantom.image(index), gain * clean + offset, atol=1e-5)
        means.append(float(np.mean(phantom.image(index) - clean)))
    assert 0.005 < np.std(means) < 0.05


def test_noise_is_that_asked_for_at_mid_grey_and_grows_with_the_grey_level() -> None:
    grey = np.concatenate([PLAIN.clean(index).ravel() for index in range(4)])
    noise = np.concatenate([added(index, shot_noise=0.04).ravel() for index in range(4)])
    spreads = [noise[np.abs(grey - level) < 0.04].std() for level in (0.5, 0.62)]
    assert np.isclose(spreads[0], 0.04, rtol=0.05)
    assert spreads[1] > 1.04 * spreads[0]
    assert abs(likeness(noise[:-1], noise[1:])) < 0.02
