"""The tuned steps of one search in their place in the chain, compiled, and what they begin with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from stackmend.chain import (
    ABSENT,
    Bound,
    Consecutive,
    Graph,
    Products,
    compile_chain,
    product_of_neighbour,
)
from stackmend.errors import UsageError
from stackmend.protocol import OptimizeEntry
from stackmend.registry import IMAGE, INITIAL_IMAGE, PROBES, REFERENCE_MASK, Hiding, Loss
from stackmend.sweep import ALSO, Space
from stackmend.tuning.chains import ChannelChain
from stackmend.tuning.hidden import OWN_SLICE, hidden, own_slice
from stackmend.tuning.probes import Likeness, probed
from stackmend.tuning.reference import CommonMask, ReferenceMask

LOSS_ID = "loss"


class TunedSteps(ABC):
    """The tuned steps of one search, what stands before them, and its loss.

    Parameters
    ----------
    chain
        The chain of a channel; what stands before the tuned steps has its values, and surveys are
        settled.
    entry
        Says what is tuned, on which region, by which loss.
    space
        The declared values.
    common
        The mask that it shares with the searches of other chains, where it is one of several.
    """

    def __init__(
        self,
        chain: ChannelChain,
        entry: OptimizeEntry,
        space: Space,
        common: CommonMask | None = None,
    ) -> None:
        self.chain, self.entry, self.space = chain, entry, space
        self.common = common or CommonMask([self])
        named = [place for place, bound in enumerate(chain.steps) if bound.id in entry.steps]
        swept = {id for id, _ in space.parameters}.union(entry.own_steps)
        first = swept or set(entry.steps)
        self.first = min(place for place in named if chain.steps[place].id in first)
        self.last = max(named)
        self._started: dict[tuple[int, int], Products] = {}

    @property
    def loss_step(self) -> Bound:
        """The loss, to stand behind the tuned steps."""
        return Bound(self.entry.loss.loss, LOSS_ID, self.entry.loss.parameters)

    @property
    def losses(self) -> tuple[Bound, ...]:
        """The second loss, if there is one, and then the loss, whose products stay."""
        also = self.entry.also
        if also is None:
            return (self.loss_step,)
        *stages, last = also.loss.stages
        component = replace(also.loss, stages=(*stages, replace(last, makes=ALSO)))
        return Bound(component, ALSO, also.parameters), self.loss_step

    @property
    def reads(self) -> frozenset[str]:
        """What its losses read."""
        return frozenset().union(*(each.component.reads for each in self.losses))

    @property
    def tuned(self) -> tuple[Bound, ...]:
        """From the first swept step to the last named one."""
        return self.chain.steps[self.first : self.last + 1]

    @cached_property
    def _graph_before(self) -> Graph:
        return self.chain.upto(self.first).graph()

    @cached_property
    def _before(self) -> Consecutive:
        return Consecutive(self._graph_before, self.chain.products_of)

    @cached_property
    def _made_before(self) -> tuple[str, ...]:
        """Names of the products that the steps before the tuned ones make."""
        products = self._graph_before.products
        return tuple(name for name in products if name != INITIAL_IMAGE)

    def graph(self, then: Sequence[Bound] = ()) -> Graph:
        """The tuned steps, the losses, and steps behind them like the rest of the chain."""
        swept = {axis.parameter: axis.values for axis in self.space.axes}
        given = dict.fromkeys(self._given)
        if self.reference:
            given |= dict.fromkeys((REFERENCE_MASK, PROBES))
        tuned = probed(self.tuned) if self.probing else self.tuned
        if self.hiding:
            given |= dict.fromkeys((OWN_SLICE,))
            tuned = (*hidden(self.tuned, *self.hiding), *tuned)
        # What combinations mask too much, the search itself refuses.
        most_masked = self.chain.most_masked(but=[bound.id for bound in self.tuned])
        steps = *tuned, *self.losses, *then
        return compile_chain(steps, given=given, swept=swept, most_masked=most_masked)

    @property
    def hiding(self) -> tuple[Hiding, tuple[int, ...]] | None:
        """How a loss hides pixels from the tuned steps, and the places, if one does."""
        for bound in self.losses:
            assert isinstance(bound.component, Loss)
            if bound.component.hiding:
                return bound.component.hiding, bound.component.hiding.places_for(bound.parameters)
        return None

    @property
    def asking(self) -> bool:
        """Whether only some pixels of a slice are made for the loss, and never all of it."""
        return bool(self.hiding and self.hiding[0].looked_at)

    @property
    def probing(self) -> bool:
        """Whether a loss judges by what becomes of known faults."""
        return PROBES in self.reads

    @property
    def _given(self) -> tuple[str, ...]:
        """Names of the products that exist before the tuned steps."""
        return (*self._made_before, *self.chain.given)

    @cached_property
    def reference(self) -> ReferenceMask | None:
        """The mask that is common to all combinations, where a loss reads it."""
        if not self.reads & {REFERENCE_MASK, PROBES}:
            return None
        before = self.chain.steps[: self.first]
        return ReferenceMask(before, self.tuned, self.space, dict.fromkeys(self._given))

    @property
    def reach(self) -> int:
        """How many slices to either side the tuned steps and the loss see."""
        marking = [each.marking_reach for each in self.common.searches] if self.reference else []
        if self.probing:  # what is marked in the neighbours decides about their probes
            return self.graph().reach + max(marking)
        return max(self.graph().reach, *marking, 0)

    @property
    def marking(self) -> Any:
        """What decides about its own reference mask of a slice, as plain data."""
        steps = self.reference.steps if self.reference else ()
        chain = self.chain.upto(self.last + 1).identity()
        return {"chain": chain, "steps": [dict(bound.parameters) for bound in steps]}

    @property
    def marking_reach(self) -> int:
        """How many slices to either side of its start its own reference mask depends on."""
        return self.reference.reach if self.reference else 0

    def start(self, number: int, reach: int = 0, *, masked: bool = True) -> Products:
        """What the steps before the tuned ones make of a slice and its neighbours, in the region.

        The whole slice passes these steps, so a region has the scale that it will have when the
        whole slice is restored. The mask that the loss may need is among it, unless not ``masked``.

        Raises
        ------
        UsageError
            If there is no such slice.
        InputError, StepError
            If a slice cannot be read or computed.
        """
        self.check(number)
        wide = self.reference.reach if self.reference and masked else 0
        found = dict(self._begun(number, max(reach, wide)))
        if self.hiding:
            found |= own_slice(max(reach, wide))
        if self.reference and masked:
            found[REFERENCE_MASK] = self.common.of(number)
            if self.probing:
                found |= self._probes(number, found)
        return found

    def check(self, number: int) -> None:
        """Raise ``UsageError`` if there is no such slice."""
        count = self.chain.reader.shape[0]
        if not 0 <= number < count:
            raise UsageError(f"slice: there are 0 to {count - 1}, got {number}; choose one of them")

    def _probes(self, number: int, started: Products) -> Products:
        """The probes of a slice and of its neighbours."""
        images: dict[int, Any] = {}
        names: dict[int, str] = {}
        for name, image in started.items():
            product, at, offset = name.partition("@")
            if product == IMAGE:
                names[int(offset or 0)] = f"{PROBES}{at}{offset}"
                if image is not ABSENT:
                    images[int(offset or 0)] = image
        found: Products = dict.fromkeys(names.values(), ABSENT)
        if 0 in images:
            probes = self.common.probes(number, images)
            found |= {names[offset]: each for offset, each in probes.items()}
        return found

    @abstractmethod
    def likeness_key(self, number: int) -> str:
        """What decides about its own mask, and about what its faults are like, as a key."""

    def own_likenesses(self, number: int) -> list[Likeness]:
        """What the faults are like that its steps with their reference values find in a slice."""
        assert self.reference is not None
        made = self._marked(number, (IMAGE, *self.reference.names))
        return self.reference.likenesses(self._begun(number, 0)[IMAGE], made)

    def own_mask(self, number: int) -> Any:
        """The mask of a slice that its steps with their reference values make."""
        assert self.reference is not None
        return self.reference.of(self._marked(number, self.reference.names))

    def _marked(self, number: int, names: Sequence[str]) -> Products:
        """What the tuned steps make of a slice with their reference values."""
        assert self.reference is not None
        begun = self._begun(number, self.reference.reach)
        return self.reference.graph.evaluate(begun, names)

    def _begun(self, number: int, reach: int) -> Products:
        """What the steps before the tuned ones make; that of the last slice is remembered."""
        for (started, far), products in self._started.items():
            if started == number and far >= reach:
                return products
        found: Products = {}
        for offset in range(-reach, reach + 1):
            made = self._before.evaluate(number + offset, self._made_before)
            given = self.chain.given_for(number + offset)
            if made[IMAGE] is ABSENT:
                given = self.chain.absent()
            products = {**given, **made}
            for name, value in self._cut(products).items():
                found[product_of_neighbour(name, offset)] = value
        if found[IMAGE] is ABSENT:
            self.chain.reader.read(number)  # which says why, unless the slice is constant
        self._started = {(number, reach): found}
        return found

    def window(self, shape: Sequence[int]) -> tuple[slice, ...]:
        """The part of a slice that is looked at."""
        ends = zip("yx", shape, strict=True)
        return tuple(slice(*self.entry.region.get(axis, (0, size))) for axis, size in ends)

    def _cut(self, products: Products) -> Products:
        """Products of whole slices, cut to the region."""
        image = products[IMAGE]
        if not self.entry.region or image is ABSENT:
            return products
        return {name: self.cut(value, image.shape) for name, value in products.items()}

    def cut(self, value: Any, shape: tuple[int, ...]) -> Any:
        """A product of a whole slice of some shape, cut to the region."""
        window = self.window(shape)
        if isinstance(value, np.ndarray) and value.shape == shape:
            cut = np.ascontiguousarray(value[window])
            cut.flags.writeable = False
            return cut
        return value.cut(window) if hasattr(value, "cut") else value
