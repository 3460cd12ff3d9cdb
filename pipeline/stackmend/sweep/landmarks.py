"""Named points of a search, so that a person can see what a loss means.

They are its best, its worst, and what lies between.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

from stackmend.sweep.space import Combination
from stackmend.sweep.strategies import Scored

GLOBAL_MINIMUM = "global minimum"
LOCAL_MINIMUM = "local minimum"
AWAY = "away from the minimum"
LOCAL_MAXIMUM = "local maximum"
HIGHEST = "highest loss"


def landmarks(scored: Scored, chosen: Combination) -> dict[str, Combination]:
    """The global minimum, a local minimum, a point away from the minimum, and a local maximum.

    *Neighbours* are two combinations with a loss that differ in one parameter alone, with no
    combination between them: on a grid, one position apart in the values of one parameter (numbers
    in their order, others as declared). A *level* is a largest set of combinations of exactly equal
    loss that are connected through neighbours. It is a local minimum if it has neighbours and none
    of them is lower, a local maximum if none is higher.

    The global minimum is the chosen combination. The local minimum is the lowest that is not part
    of its level, nor of equal loss. The local maximum is the highest; where there is none, as among
    random samples, the highest loss stands for it. Away from the minimum is the combination, none
    of the other three, whose loss is nearest to the middle between the lowest and the highest.
    Among equals the first in the order of ``scored`` is taken. What does not exist is left out.

    Parameters
    ----------
    scored
        The mean loss of each combination, ``None`` where it has no value.
    chosen
        One of them, with the lowest loss.
    """
    losses = {each: loss for each, loss in scored.items() if loss is not None}
    lowest = losses[chosen]
    found = {GLOBAL_MINIMUM: chosen}
    minima, maxima = _extremes(losses)
    others = [each for each in minima if losses[each] > lowest]
    if others:
        found[LOCAL_MINIMUM] = min(others, key=losses.__getitem__)
    highest = max(losses, key=losses.__getitem__)
    if maxima:
        found[LOCAL_MAXIMUM] = max(maxima, key=losses.__getitem__)
    elif losses[highest] > lowest:
        found[HIGHEST] = highest
    middle = (lowest + losses[highest]) / 2
    rest = [each for each, loss in losses.items() if each not in found.values() and loss > lowest]
    if rest:
        found[AWAY] = min(rest, key=lambda each: abs(losses[each] - middle))
    order = (GLOBAL_MINIMUM, LOCAL_MINIMUM, AWAY, LOCAL_MAXIMUM, HIGHEST)
    return {name: found[name] for name in order if name in found}


def _extremes(losses: Mapping[Combination, float]) -> tuple[list[Combination], list[Combination]]:
    """The first combination of each level that is a local minimum, and of each local maximum."""
    neighbours = _neighbours(losses)
    minima, maxima = [], []
    seen: set[Combination] = set()
    for first, loss in losses.items():
        if first in seen:
            continue
        level, around = _level(first, losses, neighbours)
        seen |= level
        if around and min(around) > loss:
            minima.append(first)
        if around and max(around) < loss:
            maxima.append(first)
    return minima, maxima


def _level(
    first: Combination,
    losses: Mapping[Combination, float],
    neighbours: Mapping[Combination, set[Combination]],
) -> tuple[set[Combination], set[float]]:
    """The combinations of a level, and the losses of its neighbours."""
    level, pending = {first}, [first]
    around: set[float] = set()
    while pending:
        for other in neighbours[pending.pop()] - level:
            if losses[other] == losses[first]:
                level.add(other)
                pending.append(other)
            else:
                around.add(losses[other])
    return level, around


def _neighbours(losses: Mapping[Combination, float]) -> dict[Combination, set[Combination]]:
    found: dict[Combination, set[Combination]] = {each: set() for each in losses}
    for a, b in _pairs(losses):
        found[a].add(b)
        found[b].add(a)
    return found


def _pairs(losses: Mapping[Combination, float]) -> Iterator[tuple[Combination, Combination]]:
    for position in range(len(next(iter(losses)))):
        values = list(dict.fromkeys(each[position] for each in losses))
        if all(isinstance(value, (int, float)) for value in values):
            values.sort()
        rank = {value: place for place, value in enumerate(values)}
        lines: dict[Combination, list[Combination]] = {}
        for each in losses:
            lines.setdefault(each[:position] + each[position + 1 :], []).append(each)
        for line in lines.values():
            line.sort(key=lambda each: rank[each[position]])
            yield from pairwise(line)
