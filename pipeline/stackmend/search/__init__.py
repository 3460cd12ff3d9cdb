"""Search: the combination of swept parameters with the lowest self-supervised loss.

Nothing here knows a step or a loss by name: a search is a graph of stages, a space, and some
slices.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import ceil
from typing import Any, Protocol

from stackmend.chain import ABSENT, Graph, Products
from stackmend.registry import NOTHING_FOUND, Undefined
from stackmend.search.choice import (
    NOTHING_TO_JUDGE,
    REFUSED,
    Choice,
    Losses,
    NoChoice,
    choose,
    failures,
    mean_loss,
)
from stackmend.search.landmarks import landmarks
from stackmend.search.space import Axis, Combination, Space
from stackmend.search.strategies import Strategy, strategy
from stackmend.search.walk import distinct_work, distinct_work_for, most_alive, walk

__all__ = [
    "REFUSED",
    "Axis",
    "Choice",
    "Combination",
    "LossStore",
    "Losses",
    "NoChoice",
    "SearchResult",
    "Space",
    "Strategy",
    "count_work",
    "distinct_work",
    "distinct_work_for",
    "mean_loss",
    "mean_losses",
    "most_alive",
    "recall_search",
    "search",
    "strategy",
    "walk",
]

PICTURED = 64
"""Combinations of a round of which a picture is made: enough for a film that one sits through."""

LOSS = "loss"
"""The product by which combinations are compared."""

UNUSABLE = Undefined(NOTHING_FOUND, "the slice is constant")


class LossStore(Protocol):
    """Losses that outlive a search that is cut off."""

    def recall(self, number: int, combination: Combination) -> float | Undefined | None:
        """The loss of a combination on a slice, or ``None`` if it must be evaluated."""

    def note(self, number: int, combination: Combination, value: float | Undefined) -> None:
        """Keep a loss that has been evaluated."""


@dataclass(frozen=True)
class SearchResult:
    """Every loss of a search, the choice made by them, and the distinct work for one slice.

    ``refused`` are the combinations that are out. ``pictures`` has a picture of the first slice as
    some of the combinations restore it, if that was wanted.
    """

    space: Space
    losses: Losses
    choice: Choice | NoChoice
    work: Counter[str]
    refused: frozenset[Combination] = frozenset()
    pictures: Mapping[Combination, Any] = field(default_factory=dict)

    @property
    def combinations(self) -> tuple[Combination, ...]:
        """Everything that was evaluated, in order."""
        return tuple(next(iter(self.losses.values())))

    @cached_property
    def failed(self) -> Mapping[Combination, str]:
        """The combinations that some step refuses on any of the slices, with the reason."""
        return failures(self.losses)

    def mean(self, combination: Combination) -> float | None:
        """The mean loss over the slices where it has a value; of what has failed, none."""
        if combination in self.failed:
            return None
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
        return landmarks(mean_losses(self.losses, self.refused), self.choice.combination)


def count_work(graph: Graph, space: Space) -> Counter[str]:
    """How often the whole grid evaluates each stage for one slice, by the product it makes."""
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
    store: LossStore | None = None,
    picture: str = "",
    nothing_found: str = NOTHING_TO_JUDGE,
    refuse: Callable[[Sequence[Combination]], Collection[Combination]] | None = None,
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
    store
        Knows losses that need not be evaluated again, and is told of the others.
    picture
        Product that is made besides of at most ``PICTURED`` combinations a round, spread evenly, on
        the first slice; where losses must be evaluated anyway.
    nothing_found
        What is said where the loss has nothing to judge.
    refuse
        Says which of some combinations are out, whatever their loss.

    Raises
    ------
    StepError
        If a stage fails, and does not only refuse the values of a combination.
    """
    by = by or strategy("grid")
    losses: dict[int, dict[Combination, float | Undefined]] = {number: {} for number in slices}
    made: dict[Combination, Any] = {}
    work: Counter[str] = Counter()
    refused: set[Combination] = set()
    evaluated, needed = itertools.count(1), 0

    def count_one() -> None:
        if done:
            done(next(evaluated), needed)

    for turn in itertools.count():
        combinations = by.propose(turn, space, mean_losses(losses, refused))
        if not combinations:
            break
        work += distinct_work(graph, combinations).counts()
        needed += len(combinations) * len(slices)
        for number in slices:
            row = _Row(graph, combinations, number, store, count_one)
            losses[number] |= row.losses(products_of, workers, picture * (number == slices[0]))
            made |= row.made
        if refuse:
            refused.update(refuse(combinations))
    choice = choose(space, losses, nothing_found, refused)
    return SearchResult(space, losses, choice, work, frozenset(refused), made)


def recall_search(
    space: Space,
    slices: Sequence[int],
    by: Strategy,
    store: LossStore,
    nothing_found: str = NOTHING_TO_JUDGE,
    refuse: Callable[[Sequence[Combination]], Collection[Combination] | None] | None = None,
) -> SearchResult | None:
    """The result of a search all of whose losses are in a store; ``None`` if any is not.

    ``refuse`` is as for ``search``, or ``None`` where it does not know.
    """
    losses: dict[int, dict[Combination, float | Undefined]] = {number: {} for number in slices}
    refused: set[Combination] = set()
    for turn in itertools.count():
        combinations = by.propose(turn, space, mean_losses(losses, refused))
        if not combinations:
            break
        out = refuse(combinations) if refuse else ()
        if out is None:
            return None
        refused.update(out)
        for number in slices:
            for combination in combinations:
                value = store.recall(number, combination)
                if value is None:
                    return None
                losses[number][combination] = value
    choice = choose(space, losses, nothing_found, refused)
    return SearchResult(space, losses, choice, Counter(), frozenset(refused))


class _Row:
    """Combinations on one slice; ``made`` has what else is made of them."""

    def __init__(
        self,
        graph: Graph,
        combinations: Sequence[Combination],
        number: int,
        store: LossStore | None,
        count_one: Callable[[], None],
    ) -> None:
        self.graph, self.combinations, self.number = graph, combinations, number
        self.store, self.count_one = store, count_one
        self.made: dict[Combination, Any] = {}

    def losses(
        self, products_of: Callable[[int], Products], workers: int, picture: str
    ) -> dict[Combination, float | Undefined]:
        """The loss of each combination, those that are known from the store."""
        found: dict[Combination, float | Undefined] = {}
        for combination in self.combinations:
            value = self.store.recall(self.number, combination) if self.store else None
            if value is not None:
                found[combination] = value
                self.count_one()

        def note(target: str, combination: Combination, value: Any) -> None:
            if target != LOSS:
                if not isinstance(value, Undefined):
                    self.made[combination] = value
                return
            found[combination] = value if value is not ABSENT else UNUSABLE
            if self.store:
                self.store.note(self.number, combination, found[combination])
            self.count_one()

        unknown = [each for each in self.combinations if each not in found]
        if unknown:
            wanted: dict[str, Sequence[Combination]] = {LOSS: unknown}
            if picture:
                wanted[picture] = self.combinations[:: ceil(len(self.combinations) / PICTURED)]
            work = distinct_work_for(self.graph, wanted)
            walk(work, products_of(self.number), workers=workers, done=note)
        return {combination: found[combination] for combination in self.combinations}


def mean_losses(
    losses: Losses, refused: Collection[Combination] = ()
) -> dict[Combination, float | None]:
    """The mean loss of each combination over the slices where it has a value.

    Those that are out, or have failed on any slice, have none.
    """
    found: dict[Combination, float | None] = {}
    failed = failures(losses)
    for each in next(iter(losses.values())):
        out = each in refused or each in failed
        found[each] = None if out else mean_loss([row[each] for row in losses.values()])
    return found
