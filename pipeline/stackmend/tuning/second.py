"""The second loss of a search: what it says of the choice, and where it decides instead."""

from __future__ import annotations

from dataclasses import replace

from stackmend.registry import NOTHING_FOUND, UNDEFINED, Undefined
from stackmend.result.journal import JournaledLosses
from stackmend.sweep import ALSO, Choice, NoChoice, SearchResult, choose, mean_loss
from stackmend.tuning.alone import counted_slices, untouched_losses
from stackmend.tuning.opinion import SecondOpinion
from stackmend.tuning.trial import Trial


def deciding(trial: Trial, result: SearchResult) -> Trial | None:
    """The same search by the second loss first, if only that has a value on any slice."""
    also = trial.entry.also
    if also is None or not isinstance(result.choice, NoChoice):
        return None
    if result.choice.status not in (NOTHING_FOUND, UNDEFINED):
        return None
    rows = result.measured.get(ALSO, {}).values()
    if all(isinstance(value, Undefined) for row in rows for value in row.values()):
        return None
    entry = replace(trial.entry, loss=also, also=trial.entry.loss)
    return trial.like(trial.chain, entry, trial.common)


def second_opinion(
    trial: Trial, result: SearchResult, store: JournaledLosses
) -> SecondOpinion | None:
    """What the second loss says of a choice that was made by the first; nothing without one."""
    if trial.entry.also is None or not isinstance(result.choice, Choice):
        return None
    numbers = counted_slices(result)
    losses = {number: result.measured[ALSO][number] for number in numbers}
    of_choice = mean_loss([row[result.choice.combination] for row in losses.values()])
    untouched = untouched_losses(trial, result, store, ALSO)
    best = choose(result.space, losses, refused={**result.refused, **result.failed})
    if not isinstance(best, Choice):
        return SecondOpinion(untouched, of_choice, None, None)
    return SecondOpinion(untouched, of_choice, best.combination, best.loss)
