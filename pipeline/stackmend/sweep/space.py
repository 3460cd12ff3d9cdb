"""The parameter space: which values each swept parameter may have, and the combinations of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from stackmend.chain import Graph, Parameter

Combination = tuple[Any, ...]
"""A value for each swept parameter, in the order of the space."""


@dataclass(frozen=True)
class Axis:
    """One swept parameter: its declared values and the range, if any, that they came from.

    ``log`` says that the range is logarithmic, ``whole`` that only whole numbers are allowed.
    """

    parameter: Parameter
    values: tuple[Any, ...]
    from_range: bool = False
    log: bool = False
    whole: bool = False

    @property
    def numeric(self) -> bool:
        """Whether the values are numbers, so that there are values between them."""
        return all(
            isinstance(value, (int, float)) and not isinstance(value, bool) for value in self.values
        )


@dataclass(frozen=True)
class Space:
    """All swept parameters; the grid is their product, the last parameter varying fastest."""

    axes: tuple[Axis, ...]

    def __len__(self) -> int:
        return math.prod(len(axis.values) for axis in self.axes)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Full names, in order."""
        return tuple(axis.parameter for axis in self.axes)

    def grid(self) -> Iterator[Combination]:
        """Every combination of declared values, in the declared order."""
        return itertools.product(*(axis.values for axis in self.axes))


def walking_order(graph: Graph, sizes: Sequence[int]) -> tuple[int, ...]:
    """The nesting of loops, outermost first, that keeps the fewest results alive at once.

    A result that depends on the parameters S stays useful while an outer loop turns over a
    parameter outside S: then one copy for every value of the parameters of S further in must be
    kept. The order with the smallest sum wins; with many parameters, the best of those reached by
    inserting one after the other.

    Parameters
    ----------
    graph
        What is evaluated.
    sizes
        How many values each swept parameter has.
    """
    dependencies = [node.depends for node in graph.nodes if node.depends]

    def alive(order: Sequence[int]) -> int:
        total = 0
        for depends in dependencies:
            inside = [place for place, position in enumerate(order) if position in depends]
            outside = next(
                (place for place, position in enumerate(order) if position not in depends),
                len(order),
            )
            total += math.prod(sizes[order[place]] for place in inside if place > outside)
        return total

    best: tuple[int, ...] = ()
    for position in range(len(sizes)):
        trials = [(*best[:place], position, *best[place:]) for place in range(len(best), -1, -1)]
        best = min(trials, key=alive)
    if len(sizes) <= 6:
        best = min(itertools.permutations(range(len(sizes))), key=alive)
    return best
