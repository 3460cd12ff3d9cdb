"""One search, that can be asked on any slice: for its loss, its image and every product."""

from __future__ import annotations

from collections import OrderedDict
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
from stackmend.registry import IMAGE, INITIAL_IMAGE, REFERENCE_MASK, Stage, Step, Undefined
from stackmend.search import LOSS, UNUSABLE, Combination, Space
from stackmend.tuning.chains import ChannelChain, load_image
from stackmend.tuning.reference import CommonMask, ReferenceMask
from stackmend.tuning.spaces import Values, combination_of
from stackmend.words import few

LOSS_ID = "loss"

REMEMBERED = 64
"""Results that are kept between one question and the next."""


def untouched(initial_image: Any) -> Any:
    """The image as it was before the tuned steps."""
    return initial_image


_UNTOUCHED = Step(name="untouched", version=1, stages=(Stage(untouched, makes=IMAGE),))


class Trial:
    """The tuned steps of one search in their place in the chain: on any slice, for any values.

    Questions share what they can: what was computed for a slice and for some values is not computed
    again for the next question, as far as ``REMEMBERED`` results allow.

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
        first = {id for id, _ in space.parameters}.union(entry.own_steps)
        self.first = min(place for place in named if chain.steps[place].id in first)
        self.last = max(named)
        self._known: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
        self._started: dict[tuple[int, int], Products] = {}

    @property
    def loss_step(self) -> Bound:
        """The loss, to stand behind the tuned steps."""
        return Bound(self.entry.loss.loss, LOSS_ID, self.entry.loss.parameters)

    @property
    def tuned(self) -> tuple[Bound, ...]:
        """From the first swept step to the last named one."""
        return self.chain.steps[self.first : self.last + 1]

    @cached_property
    def _before(self) -> Consecutive:
        return self.chain.upto(self.first).consecutive()

    @cached_property
    def _made_before(self) -> tuple[str, ...]:
        """Names of the products that the steps before the tuned ones make."""
        products = self.chain.upto(self.first).graph().products
        return tuple(name for name in products if name != INITIAL_IMAGE)

    def graph(self, then: Sequence[Bound] = ()) -> Graph:
        """The tuned steps, the loss, and steps behind it like the rest of the chain, all swept."""
        swept = {axis.parameter: axis.values for axis in self.space.axes}
        given = dict.fromkeys(self._given)
        if self.reference:
            given[REFERENCE_MASK] = None
        return compile_chain((*self.tuned, self.loss_step, *then), given=given, swept=swept)

    @property
    def _given(self) -> tuple[str, ...]:
        """Names of the products that exist before the tuned steps."""
        return (*self._made_before, *self.chain.given)

    @cached_property
    def reference(self) -> ReferenceMask | None:
        """The mask that is common to all combinations, where the loss reads it."""
        if REFERENCE_MASK not in self.loss_step.component.reads:
            return None
        before = self.chain.steps[: self.first]
        return ReferenceMask(before, self.tuned, self.space, dict.fromkeys(self._given))

    @property
    def reach(self) -> int:
        """How many slices to either side the tuned steps and the loss see."""
        marking = [each.marking_reach for each in self.common.searches] if self.reference else []
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
        count = self.chain.reader.shape[0]
        if not 0 <= number < count:
            raise UsageError(f"slice: there are 0 to {count - 1}, got {number}; choose one of them")
        wide = self.reference.reach if self.reference and masked else 0
        found = dict(self._begun(number, max(reach, wide)))
        if self.reference and masked:
            found[REFERENCE_MASK] = self.common.of(number)
        return found

    def own_mask(self, number: int) -> Any:
        """The mask of a slice that its steps with their reference values make."""
        assert self.reference is not None
        return self.reference.of(self._begun(number, self.reference.reach))

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

    def is_usable(self, number: int) -> bool:
        """Whether there is anything to be seen of a slice, in a chain that sees neighbours."""
        return self.start(number)[IMAGE] is not ABSENT

    def window(self, shape: Sequence[int]) -> tuple[slice, ...]:
        """The part of a slice that is looked at."""
        ends = zip("yx", shape, strict=True)
        return tuple(slice(*self.entry.region.get(axis, (0, size))) for axis, size in ends)

    def _cut(self, products: Products) -> Products:
        """Products of whole slices, cut to the region."""
        image = products[IMAGE]
        if not self.entry.region or image is ABSENT:
            return products
        window = self.window(image.shape)
        cut: Products = {}
        for name, value in products.items():
            if isinstance(value, np.ndarray) and value.shape == image.shape:
                cut[name] = np.ascontiguousarray(value[window])
                cut[name].flags.writeable = False
            else:
                cut[name] = value.cut(window) if hasattr(value, "cut") else value
        return cut

    def combination(self, values: Values | None = None) -> Combination:
        """A value for each swept parameter: those given, else the chain's or the first declared.

        Raises
        ------
        UsageError
            If a name is not that of a swept parameter.
        """
        own = {bound.id: bound.parameters for bound in self.chain.steps}
        return combination_of(self.space, own, values or {})

    def products(
        self,
        number: int,
        values: Values | None,
        names: Sequence[str],
        then: Sequence[Bound] = (),
    ) -> Products:
        """Some products of a slice, for values of the swept parameters.

        Parameters
        ----------
        number
            The slice.
        values
            By full name; the chain's own, or the first declared, where there are none.
        names
            Of the products wanted.
        then
            Steps to be evaluated behind the tuned ones and the loss.

        Raises
        ------
        UsageError
            If there is no such slice, parameter or product.
        InputError, StepError
            If a slice cannot be read or computed.
        """
        graph = self.graph(then)
        if unknown := [name for name in names if name not in graph.products]:
            what = f"there are {few(graph.products, 30)}, got {few(unknown)}"
            raise UsageError(f"products: {what}; choose some of them")
        combination = self.combination(values)
        results: dict[int | str, Any] = {}
        results.update(self.start(number, graph.reach))
        keys: list[tuple[Any, ...]] = []
        for index, node in enumerate(graph.nodes):
            own = tuple(combination[position] for position in sorted(node.depends))
            keys.append((number, node.owner, node.stage_index, node.offset, own))
            if keys[index] in self._known:
                self._known.move_to_end(keys[index])
                results[index] = self._known[keys[index]]

        # What only leads to something that is known may be forgotten, and is not needed.
        wanted = {name: graph.products[name] for name in names}
        for index in graph.ancestors(wanted.values(), results):
            node = graph.nodes[index]
            inputs = [results[source] for source in node.sources]
            results[index] = self._known[keys[index]] = node.compute(inputs, combination)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return {name: results[source] for name, source in wanted.items()}

    def loss(self, number: int, values: Values | None = None) -> float | Undefined:
        """The loss of a slice, corrected with values of the swept parameters."""
        return _defined(self.products(number, values, (LOSS,))[LOSS])

    def loss_untouched(self, number: int, values: Values | None = None) -> float | Undefined:
        """The loss of a slice as it is, with all else that it reads as the steps make it."""
        alone = Bound(_UNTOUCHED, f"{LOSS_ID} of the {_UNTOUCHED.name}", {})
        then = (alone, replace(self.loss_step, id=alone.id))
        return _defined(self.products(number, values, (LOSS,), then)[LOSS])

    def image(self, number: int, values: Values | None = None) -> Any:
        """The slice, or the region of it, as the whole chain restores it with these values."""
        image = self.products(number, values, (IMAGE,), then=self.rest)[IMAGE]
        if image is ABSENT:  # a constant slice passes as it is
            image = load_image(self.chain.reader, number)
            image = image[self.window(image.shape)]
        return image

    @property
    def rest(self) -> tuple[Bound, ...]:
        """The steps behind the tuned ones."""
        return self.chain.steps[self.last + 1 :]

    @property
    def rest_is_known(self) -> bool:
        """Whether these have a value for every parameter, so that no later search chooses one."""
        return all(bound.is_known for bound in self.rest)


def _defined(loss: Any) -> float | Undefined:
    value: float | Undefined = UNUSABLE if loss is ABSENT else loss
    return value
