"""A channel at work: its slices read and evaluated in a row."""

from __future__ import annotations

from dataclasses import replace

from stackmend.chain import CORRECTION_REFUSED, Consecutive, Products
from stackmend.registry import IMAGE
from stackmend.tuning.chains import ChannelChain
from stackmend.tuning.raw import RawSlices


class Channel:
    """The slices of a channel, read and evaluated in a row."""

    def __init__(self, chain: ChannelChain, raw: RawSlices) -> None:
        self.chain, self.raw = chain, raw
        graph = chain.graph()
        self.masks = tuple(graph.masks())
        self.facts = {f"facts of {owner}": owner for owner in graph.facts()}
        facts = {f"facts of {owner}": index for owner, index in graph.facts().items()}
        graph = replace(graph, products={**graph.products, **graph.masks(), **facts})
        self._slices = Consecutive(graph, lambda n: chain.products_from(raw, n))

    def evaluate(self, number: int) -> Products:
        """The restored slice, the masks, and what steps say of it."""
        wanted = (IMAGE, CORRECTION_REFUSED, *self.masks, *self.facts)
        return self._slices.evaluate(number, wanted)

    def facts_of(self, products: Products) -> dict[str, float]:
        """What steps say of a slice, by step and name; nothing of one that was not evaluated."""
        found: dict[str, float] = {}
        for product, owner in self.facts.items():
            for name, value in products.get(product, {}).items():
                found[f"{owner}.{name}"] = round(float(value), 6)
        return found
