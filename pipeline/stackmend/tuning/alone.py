"""Leave it alone: the candidate of every search that a chosen combination must beat."""

from __future__ import annotations

from dataclasses import replace

from stackmend.registry import IMAGE, Undefined
from stackmend.result.journal import JournaledLosses
from stackmend.result.rows import LEAVE_IT_ALONE
from stackmend.sweep import LOSS, Choice, NoChoice, SearchResult, mean_loss
from stackmend.tuning.trial import Trial

LEFT_ALONE = "left_alone"
"""Status of a search in which no combination is better than leaving the slices alone."""

Untouched = dict[int, float | Undefined]
"""Losses of slices as they are, over the mask of the best combination or a common one."""


def untouched_losses(
    trial: Trial, result: SearchResult, store: JournaledLosses, of: str = LOSS
) -> Untouched:
    """The losses of the slices that a choice was made on; those that are not known are computed.

    ``of`` names the product: the loss, or the second one.
    """
    found = recalled_untouched(result, store, of)
    for number in counted_slices(result):
        if number not in found:
            found[number] = trial.loss_untouched(number, result.chosen, of)
            store.note(number, untouched_key(result, of), found[number])
    return found


def recalled_untouched(result: SearchResult, store: JournaledLosses, of: str = LOSS) -> Untouched:
    """The same as far as journals know them."""
    found: Untouched = {}
    for number in counted_slices(result):
        loss = store.recall(number, untouched_key(result, of))
        if loss is not None:
            found[number] = loss
    return found


def judged(trial: Trial, result: SearchResult, untouched: Untouched) -> SearchResult:
    """The result without its choice, if that is not better than to leave the slices alone.

    Tuned steps that make no image, like those that only find something, leave them alone anyway.
    """
    choice, alone = result.choice, mean_loss(list(untouched.values()))
    if isinstance(choice, NoChoice) or alone is None or choice.loss < alone:
        return result
    if not any(IMAGE in bound.component.makes for bound in trial.tuned):
        return result
    losses = f"{choice.loss:.4g} at best, {alone:.4g} untouched"
    reason = f"no combination beats leaving the slices alone (loss {losses}); nothing was applied"
    return replace(result, choice=NoChoice(LEFT_ALONE, reason, choice.slices_without_findings))


def is_complete(result: SearchResult, untouched: Untouched) -> bool:
    """Whether the losses are those of all slices that a choice was made on."""
    return untouched.keys() == set(counted_slices(result))


def counted_slices(result: SearchResult) -> list[int]:
    """The slices in which something was found; none where nothing is chosen."""
    if isinstance(result.choice, NoChoice):
        return []
    return [each for each in result.losses if each not in result.choice.slices_without_findings]


def untouched_key(result: SearchResult, of: str = LOSS) -> tuple[object, ...]:
    """Under what the loss of a slice as it is stands in journals: it is judged over a mask."""
    assert isinstance(result.choice, Choice)
    key = LEAVE_IT_ALONE, *result.choice.combination
    return key if of == LOSS else (of, *key)
