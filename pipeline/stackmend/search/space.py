"""The parameter space: the Cartesian product of the declared values, in the declared order."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from stackmend.chain import Graph, Parameter

Indices = tuple[int, ...]
"""A combination, as the position of each parameter's value among its declared values."""


@dataclass(frozen=True)
class Space:
    """Swept parameters and their declared values; the last parameter varies fastest."""

    parameters: tuple[Parameter, ...]
    values: tuple[tuple[Any, ...], ...]

    def __len__(self) -> int:
        return math.prod(map(len, self.values))

    def combinations(self) -> Iterator[Indices]:
        """Every combination in the declared order."""
        return itertools.product(*(range(len(values)) for values in self.values))

    def at(self, indices: Sequence[int]) -> tuple[Any, ...]:
        """The parameter values of a combination."""
        return tuple(values[index] for values, index in zip(self.values, indices, strict=True))


def walking_order(graph: Graph, space: Space) -> tuple[int, ...]:
    """The nesting of loops, outermost first, in which the fewest intermediate results are alive at once.

    A result that depends on the parameters S stays useful while an outer loop turns over a parameter outside S: then
    one copy for every value of the parameters of S further in must be kept. The order with the smallest sum wins;
    with many parameters, the best of those reached by inserting one after the other.
    """
    sizes = [len(values) for values in space.values]
    dependencies = [node.depends for node in graph.nodes if node.depends]

    def alive(order: Sequence[int]) -> int:
        total = 0
        for depends in dependencies:
            inside = [position for position in order if position in depends]
            first_outside = next((i for i, position in enumerate(order) if position not in depends), len(order))
            total += math.prod(sizes[position] for position in inside if order.index(position) > first_outside)
        return total

    best: tuple[int, ...] = ()
    for position in range(len(sizes)):
        trials = [(*best[:place], position, *best[place:]) for place in range(len(best), -1, -1)]
        best = min(trials, key=alive)
    if len(sizes) <= 6:
        best = min(itertools.permutations(range(len(sizes))), key=alive)
    return best
