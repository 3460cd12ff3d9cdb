"""Slices in a row: what they share is computed once, and only what the next needs is kept."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from stackmend.chain.graph import Graph, Products, Source


class Consecutive:
    """Evaluates a graph on one slice after the other.

    Parameters
    ----------
    graph
        What is evaluated.
    load
        The products that are given for a slice, by its number, which may lie beyond the stack.
    """

    def __init__(self, graph: Graph, load: Callable[[int], Products]) -> None:
        self._graph, self._load = graph, load
        self._made: dict[tuple[int, int], Any] = {}
        self._given: dict[int, Products] = {}

    def evaluate(self, number: int, keep: Collection[str]) -> Products:
        """The wanted products of a slice.

        Raises
        ------
        StepError
            If a stage fails.
        """
        graph = self._graph
        known: dict[Source, Any] = {}
        for index, node in enumerate(graph.nodes):
            made = node.stage_index, number + node.offset
            if made in self._made:
                known[index] = self._made[made]
        products = graph.evaluate(self._given_for(number, keep, known), keep, known)

        # What the next slice needs again, by the slice that it belongs to.
        self._made = {}
        again: set[int] = set()
        for source in graph.shared:
            if isinstance(source, str):
                again.add(number + graph.outside[source][1])
            elif source in known:
                node = graph.nodes[source]
                self._made[node.stage_index, number + node.offset] = known[source]
        self._given = {each: value for each, value in self._given.items() if each in again}
        return products

    def _given_for(self, number: int, keep: Collection[str], known: Collection[Source]) -> Products:
        """What is read of this slice and its neighbours, by the names under which it is given."""
        given: Products = {}
        for name in sorted(self._graph.reads(keep, known)):  # what is told first is always the same
            product, offset = self._graph.outside.get(name, (name, 0))
            if number + offset not in self._given:
                self._given[number + offset] = self._load(number + offset)
            given[name] = self._given[number + offset][product]
        return given
