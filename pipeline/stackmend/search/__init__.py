"""Search: the combination of swept parameters with the lowest self-supervised loss.

Nothing here knows a step or a loss by name: a search is a graph of stages, a space, and some slices.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from stackmend.chain import Graph, Products
from stackmend.registry import Undefined
from stackmend.search.choice import Choice, Losses, NoChoice, choose, mean_loss
from stackmend.search.landmarks import landmarks
from stackmend.search.space import Axis, Combination, Space
from stackmend.search.strategies import Strategy, strategy
from stackmend.search.walk import distinct_work, most_alive, walk

__all__ = [
    "Axis",
    "Choice",
    "Combination",
    "Losses",
    "LossStore",
    "NoChoice",
    "SearchResult",
    "Space",
    "Strategy",
    "count_work",
    "distinct_work",
    "mean_loss",
    "most_alive",
    "search",
    "strategy",
]


class LossStore(Protocol):
    """Losses that outlive a search that is cut off."""

    def recall(self, number: int, combination: Combination) -> float | Undefined | None:
        """The loss of a combination on a slice, or ``None`` if it must be evaluated."""

    def note(self, number: int, combination: Combination, value: float | Undefined) -> None:
        """Keep a loss that has been evaluated."""


class Forgetful:
    """Knows nothing and keeps nothing."""

    def recall(self, number: int, combination: Combination) -> None:
        """Nothing is known."""

    def note(self, number: int, combination: Combination, value: float | Undefined) -> None:
        """It is not kept."""


@dataclass(frozen=True)
class SearchResult:
    """Every loss of a search, the choice made by them, and the distinct work that was done for one slice."""

    space: Space
    losses: Losses
    choice: Choice | NoChoice
    work: Counter[str]

    @property
    def combinations(self) -> tuple[Combination, ...]:
        """Everything that was evaluated, in order."""
        return tuple(next(iter(self.losses.values())))

    def mean(self, combination: Combination) -> float | None:
        """The mean loss of a combination over the slices where it has a value."""
        return mean_loss([row[combination] for row in self.losses.values()])

    @property
    def chosen(self) -> dict[tuple[str, str], Any]:
        """The winning values by full parameter name; empty if there is no choice."""
        if isinstance(self.choice, NoChoice):
            return {}
        return dict(zip(self.space.parameters, self.choice.combination, strict=True))

    @property
    def landmarks(self) -> dict[str, Combination]:
        """Named points to be looked at, the chosen one first; none if there is no choice."""
        if isinstance(self.choice, NoChoice):
            return {}
        return landmarks(
            {each: self.mean(each) for each in self.combinations}, self.choice.combination
        )


def count_work(graph: Graph, space: Space) -> Counter[str]:
    """How often each stage is evaluated for one slice when the whole grid is, by the product it makes."""
    return distinct_work(graph, list(space.grid())).counts()


def search(
    graph: Graph,
    space: Space,
    slices: Sequence[int],
    products_of: Callable[[int], Products],
    *,
    by: Strategy | None = None,
    workers: int = 1,
    done: Callable[[int, int], None] | None = None,
    memory: LossStore | None = None,
) -> SearchResult:
    """Evaluate the loss of combinations on every slice, and choose.

    Parameters
    ----------
    graph
        The tuned steps and the loss, compiled with the parameters of the space as swept.
    space
        The declared values.
    slices
        Numbers of the optimization slices.
    products_of
        The products of a slice before the first tuned step.
    by
        Proposes combinations, in rounds; the whole grid by default.
    workers
        Threads; any number gives the same losses.
    done
        Called with the number of losses evaluated so far and the number known to be needed.
    memory
        Knows losses that need not be evaluated again, and is told of the others.

    Raises
    ------
    StepError
        If a stage fails.
    """
    by = by or strategy("grid")
    memory = memory or Forgetful()
    losses: dict[int, dict[Combination, float | Undefined]] = {number: {} for number in slices}
    work: Counter[str] = Counter()
    evaluated, needed = itertools.count(1), 0

    def told() -> None:
        if done:
            done(next(evaluated), needed)

    for turn in itertools.count():
        combinations = by.propose(turn, space, _means(losses))
        if not combinations:
            break
        work += distinct_work(graph, combinations).counts()
        needed += len(combinations) * len(slices)
        for number in slices:
            losses[number] |= _row(graph, combinations, number, products_of, workers, memory, told)
    return SearchResult(space, losses, choose(space, losses), work)


def _row(
    graph: Graph,
    combinations: Sequence[Combination],
    number: int,
    products_of: Callable[[int], Products],
    workers: int,
    memory: LossStore,
    told: Callable[[], None],
) -> dict[Combination, float | Undefined]:
    """The losses of combinations on one slice; ``told`` is called for each."""
    row: dict[Combination, float | Undefined] = {}
    for combination in combinations:
        if (value := memory.recall(number, combination)) is not None:
            row[combination] = value
            told()

    def note(combination: Combination, value: float | Undefined) -> None:
        row[combination] = value
        memory.note(number, combination, value)
        told()

    unknown = [combination for combination in combinations if combination not in row]
    if unknown:
        walk(distinct_work(graph, unknown), products_of(number), workers=workers, done=note)
    return {combination: row[combination] for combination in combinations}


def _means(losses: Losses) -> dict[Combination, float | None]:
    combinations = next(iter(losses.values()))
    return {each: mean_loss([row[each] for row in losses.values()]) for each in combinations}
