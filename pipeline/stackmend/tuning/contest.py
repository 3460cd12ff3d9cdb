"""Several chains of which one is taken: the one with the lowest loss that passes its guards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from stackmend.protocol import OptimizeEntry
from stackmend.registry import NOTHING_FOUND, Undefined
from stackmend.sweep import Choice, NoChoice, SearchResult
from stackmend.tuning.alone import LEFT_ALONE
from stackmend.tuning.chains import FinishedSearch

OUTDONE = "outdone"
"""Status of a search whose choice is not taken, as that of another chain has a lower loss."""


def contest(
    entries: Sequence[OptimizeEntry], results: Sequence[SearchResult]
) -> tuple[int | None, list[SearchResult]]:
    """The place of the search whose choice is taken, and the results, those outdone without one.

    Losses are those of one mask, so they can be compared. Among equals the first is taken; a
    choice that has a loss on fewer slices comes behind.
    """
    standing: dict[int, tuple[int, float]] = {}
    for place, result in enumerate(results):
        if isinstance(result.choice, Choice):
            standing[place] = _without_loss(result, result.choice), result.choice.loss
    if not standing:
        return None, list(results)
    best = min(standing, key=standing.__getitem__)
    judged: list[SearchResult] = []
    for place, result in enumerate(results):
        if place != best and isinstance(result.choice, Choice):
            lower = f"{entries[best].alternative} has the lower loss"
            reason = f"{lower} ({standing[best][1]:.4g}, this {result.choice.loss:.4g} at best)"
            empty = result.choice.slices_without_findings
            result = replace(result, choice=NoChoice(OUTDONE, reason, empty))
        judged.append(result)
    return best, judged


def second_across(taken: FinishedSearch, found: Sequence[FinishedSearch]) -> FinishedSearch:
    """The search whose choice is taken, with the best by its second loss of all chains."""
    second = taken.second
    for other in found:
        rival = other.second.best_loss if other.second else None
        if second is None or second.best_loss is None or rival is None:
            continue
        if rival < second.best_loss:
            name = other.entry.alternative
            second = replace(second, best=None, best_loss=rival, chain=name)
    return replace(taken, second=second)


def none_taken(entries: Sequence[OptimizeEntry], results: Sequence[SearchResult]) -> NoChoice:
    """Why no chain is taken."""
    said: list[str] = []
    choices: list[NoChoice] = []
    for entry, result in zip(entries, results, strict=True):
        assert isinstance(result.choice, NoChoice)
        choices.append(result.choice)
        said.append(f"{entry.alternative}: {result.choice.reason}")
    if all(choice.status == NOTHING_FOUND for choice in choices):
        return choices[0]
    empty = choices[0].slices_without_findings
    return NoChoice(LEFT_ALONE, f"no chain of one_of is taken ({'; '.join(said)})", empty)


def _without_loss(result: SearchResult, choice: Choice) -> int:
    """On how many slices a choice has no loss."""
    values = [row[choice.combination] for row in result.losses.values()]
    return sum(isinstance(value, Undefined) for value in values)
