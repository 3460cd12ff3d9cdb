"""One search, that can be asked on any slice: for its loss, its image and every product."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from stackmend.chain import ABSENT, Bound, Products
from stackmend.errors import UsageError
from stackmend.protocol import OptimizeEntry
from stackmend.registry import IMAGE, Undefined
from stackmend.sweep import LOSS, UNUSABLE, Combination, Space
from stackmend.tuning.chains import ChannelChain
from stackmend.tuning.probes import UNTOUCHED, UNTOUCHED_PROBES
from stackmend.tuning.raw import load_image
from stackmend.tuning.reference import CommonMask
from stackmend.tuning.spaces import Values, combination_of
from stackmend.tuning.tuned import LOSS_ID, TunedSteps
from stackmend.words import few

REMEMBERED = 64
"""Results that are kept between one question and the next."""


class Trial(TunedSteps):
    """The tuned steps of one search in their place in the chain: on any slice, for any values.

    Questions share what they can: what was computed for a slice and for some values is not computed
    again for the next question, as far as ``REMEMBERED`` results allow.
    """

    def __init__(
        self,
        chain: ChannelChain,
        entry: OptimizeEntry,
        space: Space,
        common: CommonMask | None = None,
    ) -> None:
        super().__init__(chain, entry, space, common)
        self._known: OrderedDict[tuple[Any, ...], Any] = OrderedDict()

    def is_usable(self, number: int) -> bool:
        """Whether there is anything to be seen of a slice, in a chain that sees neighbours."""
        return self.start(number)[IMAGE] is not ABSENT

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

    def loss_untouched(
        self, number: int, values: Values | None = None, of: str = LOSS
    ) -> float | Undefined:
        """The loss of a slice as it is, with all else that it reads as the steps make it.

        ``of`` names the product: the loss, or the second one.
        """
        id = f"{LOSS_ID} of the {UNTOUCHED.name}"
        steps = (UNTOUCHED, UNTOUCHED_PROBES) if self.probing else (UNTOUCHED,)
        losses = (replace(each, id=f"{each.id} of the {UNTOUCHED.name}") for each in self.losses)
        then = (*(Bound(step, id, {}) for step in steps), *losses)
        return _defined(self.products(number, values, (of,), then)[of])

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
