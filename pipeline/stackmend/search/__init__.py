"""Search: the combination of swept parameters with the lowest self-supervised loss.

Nothing here knows a step or a loss by name: a search is a graph of stages, a space, and some slices.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stackmend.chain import Graph, Products
from stackmend.registry import Undefined
from stackmend.search.choice import Choice, Losses, NoChoice, choose, mean_loss
from stackmend.search.space import Indices, Space, walking_order
from stackmend.search.walk import distinct_work, walk

__all__ = ["Choice", "Losses", "NoChoice", "SearchResult", "Space", "count_work", "mean_loss", "search"]


@dataclass(frozen=True)
class SearchResult:
    """Every loss of a search, the choice made by them, and the distinct work that was done for one slice."""

    space: Space
    losses: Losses
    choice: Choice | NoChoice
    work: Counter[str]

    def mean(self, indices: Indices) -> float | None:
        """The mean loss of a combination over the slices where it has a value."""
        return mean_loss([row[indices] for row in self.losses.values()])

    @property
    def chosen(self) -> dict[tuple[str, str], Any]:
        """The winning values by full parameter name; empty if there is no choice."""
        if isinstance(self.choice, NoChoice):
            return {}
        return dict(zip(self.space.parameters, self.space.at(self.choice.indices), strict=True))


def count_work(graph: Graph, space: Space) -> Counter[str]:
    """How often each stage is evaluated for one slice, by the product it makes."""
    return distinct_work(graph, space, space.combinations(), walking_order(graph, space)).counts()


def search(
    graph: Graph,
    space: Space,
    slices: Sequence[int],
    products_of: Callable[[int], Products],
    *,
    workers: int = 1,
    done: Callable[[int], None] | None = None,
) -> SearchResult:
    """Evaluate the loss of every combination on every slice, and choose.

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
    workers
        Threads; any number gives the same losses.
    done
        Called with the number of losses evaluated so far.

    Raises
    ------
    StepError
        If a stage fails.
    """
    work = distinct_work(graph, space, space.combinations(), walking_order(graph, space))
    losses: dict[int, Mapping[Indices, float | Undefined]] = {}
    for number in slices:
        before = len(losses) * len(space)

        def count(answered: int, before: int = before) -> None:
            if done:
                done(before + answered)

        answers = walk(work, products_of(number), workers=workers, done=count)
        losses[number] = {indices: answers[indices] for indices in space.combinations()}
    return SearchResult(space, losses, choose(space, losses), work.counts())
