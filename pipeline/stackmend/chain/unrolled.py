"""A graph over all slices that its stages see, from the nodes of one slice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from stackmend.chain.graph import Graph, Node, Source, product_of_neighbour


class Unrolled:
    """Nodes of one slice, and how many slices to either side each of them sees.

    A node whose result is seen from other slices stands in the graph once for each of these.
    """

    def __init__(
        self, nodes: Sequence[Node], available: Mapping[str, Source], radii: Sequence[int]
    ) -> None:
        self.nodes, self.available, self.radii = nodes, available, radii

    def graph(self) -> Graph:
        """The graph over all slices that are seen."""
        wide = self._wanted_around()
        outside: dict[str, tuple[str, int]] = {}
        places: dict[tuple[Source, int], Source] = {}
        nodes: list[Node] = []

        def place(source: Source, offset: int) -> Source:
            if isinstance(source, int):
                return places[source, offset]
            name = product_of_neighbour(source, offset)
            outside[name] = source, offset
            return name

        for index, node in enumerate(self.nodes):
            radius = self.radii[index]
            around = range(-radius, radius + 1)
            for offset in range(-wide[index], wide[index] + 1):
                sources: list[Source] = []
                for source in node.sources:
                    sources += [place(source, offset + each) for each in around]
                places[index, offset] = len(nodes)
                seen = tuple(around) if node.offsets else ()
                own = replace(node, sources=tuple(sources), offset=offset, offsets=seen)
                nodes.append(own)
        products = {name: place(source, 0) for name, source in self.available.items()}
        shared = self._shared(nodes, outside, wide)
        return Graph(tuple(nodes), products, max(wide.values()), outside, shared)

    def _wanted_around(self) -> dict[Source, int]:
        """For how many slices to either side each product is wanted."""
        wide: dict[Source, int] = defaultdict(int)
        for index in reversed(range(len(self.nodes))):
            for source in self.nodes[index].sources:
                wide[source] = max(wide[source], wide[index] + self.radii[index])
        return wide

    def _shared(
        self,
        nodes: Sequence[Node],
        outside: Mapping[str, tuple[str, int]],
        wide: Mapping[Source, int],
    ) -> frozenset[Source]:
        """What the next slice needs again.

        Of every stage only the slice farthest on is new to it. That, the products at the end,
        the masks and the facts read others at some lowest offset; what lies farther on than this is
        needed again.
        """
        lowest = dict.fromkeys(self.available.values(), 0)
        shown = (i for i, node in enumerate(self.nodes) if node.stage.mask_of or node.stage.facts)
        lowest |= dict.fromkeys(shown, 0)
        for index, node in enumerate(self.nodes):
            for source in node.sources:
                offset = wide[index] - self.radii[index]
                lowest[source] = min(lowest.get(source, offset), offset)
        again = {i for i, n in enumerate(nodes) if n.offset > lowest.get(n.stage_index, n.offset)}
        given = {name for name, (product, at) in outside.items() if at > lowest.get(product, at)}
        return frozenset((*again, *given))
