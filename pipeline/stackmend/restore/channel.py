"""A channel at work: its slices read and evaluated in a row."""

from __future__ import annotations

from dataclasses import replace

from stackmend.chain import CORRECTION_REFUSED, Consecutive, Products
from stackmend.kernels.rounding import to_dtype
from stackmend.registry import IMAGE, UNRESTORED
from stackmend.stacks import Pixels
from stackmend.tuning.chains import ChannelChain
from stackmend.tuning.raw import RawSlices, as_image


class Channel:
    """The slices of a channel, read and evaluated in a row."""

    def __init__(self, chain: ChannelChain, raw: RawSlices) -> None:
        self.chain, self.raw = chain, raw
        graph = chain.graph()
        self.masks = tuple(graph.masks())
        self.facts = {f"facts of {owner}": owner for owner in graph.facts()}
        facts = {f"facts of {owner}": index for owner, index in graph.facts().items()}
        graph = replace(graph, products={**graph.products, **graph.masks(), **facts})
        self._wanted = (IMAGE, UNRESTORED, CORRECTION_REFUSED, *self.masks, *self.facts)
        self._slices = Consecutive(graph, lambda n: chain.products_from(raw, n))

    def evaluate(self, number: int) -> Products:
        """The restored slice, the masks, what steps say of it, and where it is moved, as read."""
        return self._slices.evaluate(number, self._wanted)

    def facts_of(self, products: Products) -> dict[str, float]:
        """What steps say of a slice, by step and name; nothing of one that was not evaluated."""
        found: dict[str, float] = {}
        for product, owner in self.facts.items():
            for name, value in products.get(product, {}).items():
                found[f"{owner}.{name}"] = round(float(value), 6)
        return found


def truth_of(chain: ChannelChain, number: int, window: tuple[slice, slice]) -> Pixels | None:
    """The known truth of a slice, cut and moved like the slice; ``window`` is what is cut out."""
    truth = chain.reader.truth(number)
    if truth is None:
        return None
    graph = chain.graph()
    if UNRESTORED not in graph.products:
        return truth[window]

    def load(each: int) -> Products:
        known = chain.reader.truth(each) if 0 <= each < chain.reader.shape[0] else None
        if known is None:
            return chain.absent()
        return {IMAGE: as_image(known), **chain.given_for(each)}

    moved = Consecutive(graph, load).evaluate(number, (UNRESTORED,))[UNRESTORED]
    return to_dtype(moved, truth.dtype)[0]
