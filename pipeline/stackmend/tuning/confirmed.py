"""Losses that journals know, held against the slices: a choice rests on none that is only told."""

from __future__ import annotations

from collections.abc import Mapping
from math import isclose
from typing import Any

from stackmend.chain import Parameter, is_refusal
from stackmend.errors import StepError
from stackmend.job import Job
from stackmend.registry import FAILED, Undefined
from stackmend.result.journal import Journal, JournaledLosses, Loss
from stackmend.sweep import Choice, Combination, SearchResult
from stackmend.tuning.alone import Untouched, untouched_key
from stackmend.tuning.control import Control
from stackmend.tuning.trial import Trial

TOLERANCE = 1e-6
"""Relative difference by which processors may differ in the last bits of a loss."""

DOUBTED = "losses in the journal are not what the slices give: all of them are computed again"


def losses_hold(trial: Trial, result: SearchResult, store: JournaledLosses) -> bool:
    """Whether what was known of the winner is what it comes to; without one, of the first."""
    combination = _decisive(result)
    values = dict(zip(result.space.parameters, combination, strict=True))
    for number in result.losses:
        known = store.recall(number, combination)
        if known is not None and not _same(known, _loss_now(trial, number, values)):
            return False
    return True


def untouched_hold(
    trial: Trial, result: SearchResult, store: JournaledLosses, untouched: Untouched
) -> bool:
    """Whether the losses that were known of the slices as they are, are those."""
    return all(
        _same(loss, trial.loss_untouched(number, result.chosen))
        for number, loss in untouched.items()
        if store.recall(number, untouched_key(result)) is not None
    )


def shares_hold(job: Job, trial: Trial, result: SearchResult, control: Control) -> bool:
    """Whether what was known of the clean slices under the winner is what it changes there."""
    combination = _decisive(result)
    if not control.knew(combination):
        return True
    again = Control(job, trial, Journal(None), {})
    again.refused([combination], {}, 1, lambda *_: None)
    return all(
        _same(control.shares[place][combination], shares[combination])
        for place, shares in again.shares.items()
    )


def _loss_now(trial: Trial, number: int, values: Mapping[Parameter, Any]) -> Loss:
    """The loss of a combination, computed again."""
    try:
        return trial.loss(number, values)
    except StepError as error:
        if not is_refusal(error):
            raise
        return Undefined(FAILED, str(error))


def _decisive(result: SearchResult) -> Combination:
    """The winner; without one, the first combination."""
    choice = result.choice
    return choice.combination if isinstance(choice, Choice) else result.combinations[0]


def _same(one: Loss, other: Loss) -> bool:
    if isinstance(one, Undefined) or isinstance(other, Undefined):
        statuses = {each.status for each in (one, other) if isinstance(each, Undefined)}
        return isinstance(one, Undefined) and isinstance(other, Undefined) and len(statuses) == 1
    return isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE * TOLERANCE)
