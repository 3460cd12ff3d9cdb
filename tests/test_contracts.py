"""Every step and loss of ours keeps the contracts that those of other people are asked to keep."""

from __future__ import annotations

import numpy as np
import pytest

from drifting import drifted
from stackmend import registry
from stackmend.testing import loss_contracts, sample, step_contracts

# Learning that takes a tenth of the time, and is learning all the same.
LEARN = {"step": "learn_charging", "members": 1, "rounds": 1, "copies": 2, "hidden": 16}

# A model is learnt from, and grey levels are counted in, so many numbers at any size of a slice.
FIXED = {"slices_in_memory": 300}
FEW = {"stack": sample()[:4], **FIXED}

ALIKE = {"stack": drifted(4), **FIXED}
"""Slices that show the same, which can be laid on each other."""

FIND_PLACES = {"step": "estimate_alignment", "missing": "interpolate"}

OF_STEPS = {
    "align": {"chain": [{"step": "align", "missing": "interpolate"}], **ALIKE},
    "apply_alignment": {"chain": [FIND_PLACES, "apply_alignment"], **ALIKE},
    "correct_charging": {"chain": ["standardize", "find_charging", "correct_charging"]},
    "destandardize": {"chain": ["standardize", "destandardize"]},
    "estimate_alignment": {"chain": [FIND_PLACES, "apply_alignment"], **ALIKE},
    "equalize": FIXED,
    "fill_streaks": {"chain": ["find_streaks", "fill_streaks"]},
    "find_charging": {"chain": ["standardize", "find_charging"]},
    "find_learnt_charging": {"chain": [LEARN, "find_learnt_charging"], **FEW},
    "learn_charging": {"chain": [LEARN], **FEW},
    "subtract_charge": {"chain": [LEARN, "find_learnt_charging", "subtract_charge"], **FEW},
}
"""What a step needs around it and beyond what is usual; the others stand alone."""

SLOW = {
    "denoise-bilateral-ends-of-ranges",
    "equalize-ends-of-ranges",
    "learn_charging-ends-of-ranges",
}
"""Ends of ranges that take seconds, such as a tile for every pixel."""


def streaked():
    """Slices with a bright body and tails along its rows, which the steps for streaks find."""
    y, x = np.mgrid[:80, :120]
    body = np.exp(-((np.hypot(y - 36, x - 55) / 9) ** 6))
    tails = np.exp(-(((y - 36) / 9) ** 6) - np.abs(x - 55) / 15)
    random = np.random.default_rng(0)
    stack = 120 + 5 * random.standard_normal((3, 80, 120)) + 90 * np.maximum(body, 0.6 * tails)
    return stack.clip(0, 255).astype(np.uint8)


def own_steps():
    for step in registry.steps().usable():
        how = dict(OF_STEPS.get(step.name, {}))
        if step.name in ("find_streaks", "fill_streaks"):
            how["stack"] = streaked()
        for each in step_contracts(step.name, **how):
            marks = [*each.marks, *([pytest.mark.slow] if each.id in SLOW else [])]
            yield pytest.param(*each.values, id=each.id, marks=marks)


def own_losses():
    mask = np.zeros(sample().shape[1:], bool)
    mask[20:30, 20:40] = True
    for loss in registry.losses().usable():
        yield from loss_contracts(loss.name, products={"charging_mask": mask})


@pytest.mark.parametrize("contract", [*own_steps()])
def test_step(contract):
    contract.check()


@pytest.mark.parametrize("contract", [*own_losses()])
def test_loss(contract):
    contract.check()
