"""Which combination wins, and how far that choice can be trusted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from stackmend.registry import NOTHING_FOUND, Undefined
from stackmend.search.space import Indices, Space

Losses = Mapping[int, Mapping[Indices, float | Undefined]]
"""For each optimization slice, the loss of each combination."""


@dataclass(frozen=True)
class Choice:
    """The winning combination and what is to be known about it.

    ``loss`` is its mean over the slices in which some combination finds charging; ``tied`` are the other
    combinations with exactly that loss; ``edges`` the parameters chosen at an end of their declared values;
    ``without_effect`` those whose value never changes the loss.
    """

    indices: Indices
    loss: float
    tied: tuple[Indices, ...]
    edges: Mapping[str, str]
    without_effect: tuple[str, ...]
    slices_without_charging: tuple[int, ...]


@dataclass(frozen=True)
class NoChoice:
    """There is nothing to choose by: ``status`` is ``nothing_found`` or ``undefined``."""

    status: str
    reason: str
    slices_without_charging: tuple[int, ...]


def choose(space: Space, losses: Losses) -> Choice | NoChoice:
    """The combination with the lowest mean loss; the first in the declared order among equals.

    A combination without a value on a slice, where another one finds charging, loses to any that has one.
    """
    empty = tuple(number for number, row in losses.items() if all(_found_nothing(value) for value in row.values()))
    counted = [row for number, row in losses.items() if number not in empty]
    if not counted:
        return NoChoice(NOTHING_FOUND, "no combination finds any charging", empty)
    combinations = list(space.combinations())
    standing = {indices: _standing([row[indices] for row in counted]) for indices in combinations}
    best = min(standing.values())
    if best[0] == len(counted):
        undefined = (value for row in counted for value in row.values() if isinstance(value, Undefined))
        reason = next(value.reason for value in undefined if value.status != NOTHING_FOUND)
        return NoChoice("undefined", f"no combination has a defined loss ({reason})", empty)
    winners = [indices for indices in combinations if standing[indices] == best]
    return Choice(
        indices=winners[0],
        loss=best[1],
        tied=tuple(winners[1:]),
        edges=_edges(space, winners[0]),
        without_effect=_without_effect(space, standing),
        slices_without_charging=empty,
    )


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


def _edges(space: Space, winner: Indices) -> dict[str, str]:
    """Ordered parameters of three values or more whose chosen value is the smallest or the largest."""
    edges = {}
    for (_, name), values, index in zip(space.parameters, space.values, winner, strict=True):
        numeric = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
        if numeric and len(values) >= 3 and values[index] in (min(values), max(values)):
            edges[name] = "lower" if values[index] == min(values) else "upper"
    return edges


def _without_effect(space: Space, standing: Mapping[Indices, tuple[int, float]]) -> tuple[str, ...]:
    names = []
    for position, (_, name) in enumerate(space.parameters):
        groups: dict[Indices, list[tuple[int, float]]] = defaultdict(list)
        for indices, value in standing.items():
            groups[indices[:position] + indices[position + 1 :]].append(value)
        if len(space.values[position]) > 1 and all(a == b for group in groups.values() for a, b in pairwise(group)):
            names.append(name)
    return tuple(names)
