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
from typing import Any

from stackmend.chain import Graph, Products
from stackmend.registry import LOSS, Undefined
from stackmend.sweep.choice import (
    NOTHING_TO_JUDGE,
    REFUSED,
    Choice,
    Losses,
    NoChoice,
    choose,
    failures,
    mean_loss,
)
from stackmend.sweep.landmarks import landmarks
from stackmend.sweep.row import ALSO, PICTURED, UNUSABLE, LossStore, Row
from stackmend.sweep.space import Axis, Combination, Space
from stackmend.sweep.strategies import Strategy, strategy
from stackmend.sweep.walk import Compute, distinct_work, distinct_work_for, most_alive, walk

__all__ = [
    "ALSO",
    "LOSS",
    "PICTURED",
    "REFUSED",
    "UNUSABLE",
    "Axis",
    "Choice",
    "Combination",
    "Compute",
    "LossStore",
    "Losses",
    "NoChoice",
    "SearchResult",
    "Space",
    "Strategy",
    "choose",
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

Measured = Mapping[str, Losses]
"""What is measured of each combination on each slice besides its loss, by name."""

Refuse = Callable[[Sequence[Combination], Measured], Mapping[Combination, str]]
"""Says which of some combinations are out, and what each does."""


@dataclass(frozen=True)
class SearchResult:
    """Every loss of a search, the choice made by them, and the distinct work for one slice.

    ``refused`` has the combinations that are out, and what each of them does. ``pictures`` has a
    picture of the first slice as some of the combinations restore it, if that was wanted;
    ``measured`` what is measured of each combination besides its loss.
    """

    space: Space
    losses: Losses
    choice: Choice | NoChoice
    work: Counter[str]
    refused: Mapping[Combination, str] = field(default_factory=dict)
    measured: Measured = field(default_factory=dict)
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
    beside: Sequence[str] = (),
    nothing_found: str = NOTHING_TO_JUDGE,
    refuse: Refuse | None = None,
    compute_on: Callable[[int], Compute] | None = None,
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
    beside
        Products that are numbers, measured of every combination on every slice besides the loss.
    nothing_found
        What is said where the loss has nothing to judge.
    refuse
        Says which of some combinations are out, whatever their loss, and what each of them does.
    compute_on
        What computes the results on a slice, or knows them, as for ``walk``.

    Raises
    ------
    StepError
        If a stage fails, and does not only refuse the values of a combination.
    """
    by = by or strategy("grid")
    losses: dict[int, dict[Combination, float | Undefined]] = {number: {} for number in slices}
    made: dict[Combination, Any] = {}
    work: Counter[str] = Counter()
    measured = _nothing_measured(beside, slices)
    refused: dict[Combination, str] = {}
    evaluated, needed = itertools.count(1), 0

    def count_one() -> None:
        if done:
            done(next(evaluated), needed)

    for turn in itertools.count():
        combinations = by.propose(turn, space, mean_losses(losses, refused))
        if not combinations:
            break
        compared = dict.fromkeys((LOSS, *(name for name in beside if name == ALSO)), combinations)
        work += distinct_work_for(graph, compared).counts()
        needed += len(combinations) * len(slices)
        for number in slices:
            compute = compute_on(number) if compute_on else None
            row = Row(combinations, number, store, count_one, beside, compute)
            shown = picture * (number == slices[0])
            losses[number] |= row.losses(graph, products_of, workers, shown)
            for name, values in row.measured.items():
                measured[name][number] |= values
            made |= row.made
        if refuse:
            refused.update(refuse(combinations, measured))
    choice = choose(space, losses, nothing_found, refused)
    return SearchResult(space, losses, choice, work, refused, measured, made)


def recall_search(
    space: Space,
    slices: Sequence[int],
    by: Strategy,
    store: LossStore,
    beside: Sequence[str] = (),
    nothing_found: str = NOTHING_TO_JUDGE,
    refuse: Callable[[Sequence[Combination], Measured], Mapping[Combination, str] | None]
    | None = None,
) -> SearchResult | None:
    """The result of a search all of whose losses are in a store; ``None`` if any is not.

    ``refuse`` is as for ``search``, or ``None`` where it does not know.
    """
    losses: dict[int, dict[Combination, float | Undefined]] = {number: {} for number in slices}
    measured = _nothing_measured(beside, slices)
    refused: dict[Combination, str] = {}
    for turn in itertools.count():
        combinations = by.propose(turn, space, mean_losses(losses, refused))
        if not combinations:
            break
        for number in slices:
            row = Row(combinations, number, store, beside=beside)
            known = row.recalled()
            if known is None:
                return None
            losses[number] |= known
            for name, values in row.measured.items():
                measured[name][number] |= values
        out = refuse(combinations, measured) if refuse else {}
        if out is None:
            return None
        refused.update(out)
    choice = choose(space, losses, nothing_found, refused)
    return SearchResult(space, losses, choice, Counter(), refused, measured)


def _nothing_measured(
    names: Sequence[str], slices: Sequence[int]
) -> dict[str, dict[int, dict[Combination, float | Undefined]]]:
    return {name: {number: {} for number in slices} for name in names}


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
