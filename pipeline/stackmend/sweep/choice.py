"""Which combination wins, and how far that choice can be trusted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from stackmend.chain import Parameter
from stackmend.registry import FAILED, NOTHING_FOUND, Undefined
from stackmend.sweep.space import Combination, Space

Losses = Mapping[int, Mapping[Combination, float | Undefined]]
"""For each optimization slice, the loss of each combination."""


REFUSED = "refused"
"""Status of a search all of whose combinations are out."""

NOTHING_TO_JUDGE = "no combination has anything to judge"
"""Said where a loss has no words of its own for it."""


@dataclass(frozen=True)
class Choice:
    """The winning combination and what is to be known about it.

    ``loss`` is its mean over the slices in which some combination finds anything; ``tied`` are the
    other combinations with exactly that loss; ``edges`` the parameters chosen at an end of their
    declared values; ``without_effect`` those whose value never changes the loss.
    """

    combination: Combination
    loss: float
    tied: tuple[Combination, ...]
    edges: Mapping[Parameter, str]
    without_effect: tuple[Parameter, ...]
    slices_without_findings: tuple[int, ...]


@dataclass(frozen=True)
class NoChoice:
    """Nothing is chosen, for want of something to choose by or for what speaks against it.

    ``status`` is ``nothing_found``, ``undefined``, ``failed`` where no combination can be computed,
    ``refused`` where every one is out, or what those who judge a choice say.
    """

    status: str
    reason: str
    slices_without_findings: tuple[int, ...]


def choose(
    space: Space,
    losses: Losses,
    nothing_found: str = NOTHING_TO_JUDGE,
    refused: Mapping[Combination, str] | None = None,
) -> Choice | NoChoice:
    """The combination with the lowest mean loss; the first in the declared order among equals.

    ``nothing_found`` says in the words of the loss that it had nothing to judge.

    A combination without a value on a slice, where another one finds anything, loses to any that
    has one. Those that are ``refused`` are out, for what they do, and those that have failed on any
    slice.
    """
    refused = refused or {}
    failed = failures(losses)
    losses = {number: _without(row, failed) for number, row in losses.items()}
    if not any(losses.values()):
        reason = next(iter(failed.values()))
        return NoChoice(FAILED, f"no combination can be computed ({reason})", ())
    empty = tuple(
        number
        for number, row in losses.items()
        if all(_found_nothing(value) for value in row.values())
    )
    counted = [row for number, row in losses.items() if number not in empty]
    if not counted:
        return NoChoice(NOTHING_FOUND, nothing_found, empty)
    standing = {
        combination: _standing([row[combination] for row in counted]) for combination in counted[0]
    }
    best = min(standing.values())
    if best[0] == len(counted):
        undefined = (
            value for row in counted for value in row.values() if isinstance(value, Undefined)
        )
        reason = next(value.reason for value in undefined if value.status != NOTHING_FOUND)
        return NoChoice("undefined", f"no combination has a defined loss ({reason})", empty)
    # What is out has no part in the choice; nothing may be left, or nothing that finds anything.
    allowed = {each: value for each, value in standing.items() if each not in refused}
    best = min(allowed.values(), default=best)
    if not allowed or best[0] == len(counted):
        every = "every combination that finds anything" if allowed else "every combination"
        why = " or ".join(sorted(set(refused.values())))
        return NoChoice(REFUSED, f"{every} {why}; nothing was applied", empty)
    winners = [combination for combination in allowed if allowed[combination] == best]
    return Choice(
        combination=winners[0],
        loss=best[1],
        tied=tuple(winners[1:]),
        edges=_edges(space, winners[0]),
        without_effect=_without_effect(space, standing),
        slices_without_findings=empty,
    )


def failures(losses: Losses) -> dict[Combination, str]:
    """The combinations that a step refuses on any slice, with the first reason."""
    found: dict[Combination, str] = {}
    for row in losses.values():
        for combination, value in row.items():
            if isinstance(value, Undefined) and value.status == FAILED:
                found.setdefault(combination, value.reason)
    return found


def _without(
    row: Mapping[Combination, float | Undefined], out: Collection[Combination]
) -> dict[Combination, float | Undefined]:
    return {combination: value for combination, value in row.items() if combination not in out}


def mean_loss(values: Sequence[float | Undefined]) -> float | None:
    """The mean of the losses that have a value."""
    numbers = [value for value in values if not isinstance(value, Undefined)]
    return sum(numbers) / len(numbers) if numbers else None


def _standing(values: Sequence[float | Undefined]) -> tuple[int, float]:
    missing = sum(isinstance(value, Undefined) for value in values)
    mean = mean_loss(values)
    return missing, float("inf") if mean is None else mean


def _found_nothing(value: float | Undefined) -> bool:
    return isinstance(value, Undefined) and value.status == NOTHING_FOUND


def _edges(space: Space, winner: Combination) -> dict[Parameter, str]:
    """Ordered parameters chosen at the end of their declared values, of three or more."""
    edges = {}
    for axis, value in zip(space.axes, winner, strict=True):
        if axis.numeric and len(axis.values) >= 3 and value in (min(axis.values), max(axis.values)):
            edges[axis.parameter] = "lower" if value == min(axis.values) else "upper"
    return edges


def _without_effect(
    space: Space, standing: Mapping[Combination, tuple[int, float]]
) -> tuple[Parameter, ...]:
    """Parameters for which the loss was compared and never differed, all others being equal."""
    found = []
    for position, axis in enumerate(space.axes):
        groups: dict[Combination, list[tuple[int, float]]] = defaultdict(list)
        for combination, value in standing.items():
            groups[combination[:position] + combination[position + 1 :]].append(value)
        pairs = [pair for group in groups.values() for pair in pairwise(group)]
        if pairs and all(a == b for a, b in pairs):
            found.append(axis.parameter)
    return tuple(found)
