"""One search, that can be asked on any slice: for its loss, its image and every product."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from stackmend.chain import ABSENT, Bound, Graph, Products, product_of_neighbour
from stackmend.errors import UsageError
from stackmend.protocol import OptimizeEntry
from stackmend.registry import IMAGE, PROBES, REFERENCE_MASK, Undefined
from stackmend.sweep import LOSS, UNUSABLE, Combination, Compute, Space
from stackmend.tuning.chains import ChannelChain
from stackmend.tuning.hidden import NOTHING_HIDDEN, OWN_SLICE
from stackmend.tuning.memory import Memory
from stackmend.tuning.probes import UNTOUCHED, UNTOUCHED_PROBES
from stackmend.tuning.raw import load_image
from stackmend.tuning.reference import CommonMask, ReferenceMask
from stackmend.tuning.remembered import Evaluation, Given, RememberedSlices, never
from stackmend.tuning.spaces import Values, combination_of
from stackmend.tuning.tuned import LOSS_ID, TunedSteps
from stackmend.words import few


class Trial(TunedSteps):
    """The tuned steps of one search in their place in the chain: on any slice, for any values.

    Questions share what they can: what was computed for a slice and for some values is not computed
    again for the next question, as far as the memory holds it. Where it is shared with others,
    what stands before the tuned steps comes from it, too.
    """

    def __init__(
        self,
        chain: ChannelChain,
        entry: OptimizeEntry,
        space: Space,
        common: CommonMask | None = None,
        memory: Memory | None = None,
    ) -> None:
        super().__init__(chain, entry, space, common)
        self.shared = memory is not None
        self.cancelled: Callable[[], bool] = never
        self.memory = Memory() if memory is None else memory
        self._slices = RememberedSlices(chain, self.memory)

    def like(
        self, chain: ChannelChain, entry: OptimizeEntry, common: CommonMask | None = None
    ) -> Trial:
        """Another search of the same space, which has its memory if that is shared."""
        return Trial(chain, entry, self.space, common, self.memory if self.shared else None)

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
        self._refuse_bad(number)
        made = Evaluation(graph, self._given_to(graph, number), self.memory, combination)
        wanted = {name: graph.products[name] for name in names}
        return made.products(wanted, self.cancelled)

    def remembering(self, graph: Graph, number: int) -> Compute:
        """Computes the results of a graph on a slice for a search, so that they are remembered."""
        given = self._given_to(graph, number)

        def computed(index: int, combination: Combination, make: Callable[[], Any]) -> Any:
            key = Evaluation(graph, given, self.memory, combination).key(index)
            return self.memory.made(key, make)

        return computed

    def _refuse_bad(self, number: int) -> None:
        """Raise what is wrong with a slice that there is none of."""
        self.check(number)
        if bad := self._slices.raw(number).bad:
            raise bad

    def _given_to(self, graph: Graph, number: int) -> Callable[[str], Given]:
        """What is given to a graph for a slice, by the name under which it is given."""

        def given(name: str) -> Given:
            product, offset = graph.outside.get(name, (name, 0))
            if product == REFERENCE_MASK:
                return self._remembered(self.mask_key(number), lambda: self.common.of(number))
            if product == OWN_SLICE:
                return Given(f"{OWN_SLICE} {not offset}", lambda: not offset)
            if product == PROBES:
                return self._given_probes(name, number, graph.reach)
            return self._before_tuned(product, number + offset)

        return given

    def _remembered(self, key: str, make: Callable[[], Any]) -> Given:
        return Given(key, lambda: self.memory.made(key, make))

    def _given_probes(self, name: str, number: int, reach: int) -> Given:
        """The probes of a slice, or of a neighbour."""
        around = range(-reach, reach + 1)
        keys = [self._before_tuned(IMAGE, number + offset).key for offset in around]
        marks = [each.likeness_key(number) for each in self.common.searches]
        marks += [self.mask_key(number + offset) for offset in around]
        key = self.memory.key_of(CommonMask.probes, (name, number), *keys, *marks)
        return self._remembered(key, lambda: self.start(number, reach)[name])

    def mask_key(self, number: int) -> str:
        """What decides about the common mask of a slice, as a key."""
        keys = (each.likeness_key(number) for each in self.common.searches)
        return self.memory.key_of(CommonMask.of, None, *keys)

    def likeness_key(self, number: int) -> str:
        assert self.reference is not None
        graph = self.reference.graph
        made = Evaluation(graph, self._given_to(graph, number), self.memory)
        names = (IMAGE, *self.reference.names)
        parameters = [dict(bound.parameters) for bound in self.reference.steps]
        keys = (made.key(graph.products[name]) for name in names)
        return self.memory.key_of(ReferenceMask.likenesses, parameters, *keys)

    def _before_tuned(self, product: str, number: int) -> Given:
        """What the steps before the tuned ones make of a slice, in the region."""
        whole = self._whole_before(product, number)
        if not self.entry.region:
            return whole
        image = self._whole_before(IMAGE, number)
        region = sorted(self.entry.region.items())
        key = self.memory.key_of(TunedSteps.cut, region, whole.key, image.key)

        def cut() -> Any:
            around = image.load()
            return ABSENT if around is ABSENT else self.cut(whole.load(), around.shape)

        return self._remembered(key, cut)

    def _whole_before(self, product: str, number: int) -> Given:
        """The same of the whole slice."""
        if product in self.chain.given and product != IMAGE:
            return self._slices.given(product, number)
        graph = self._graph_before

        def given(name: str) -> Given:
            given, offset = graph.outside.get(name, (name, 0))
            return self._slices.given(given, number + offset)

        made = Evaluation(graph, given, self.memory)
        wanted = {product: graph.products[product]}
        key = made.key(wanted[product])
        return Given(key, lambda: made.products(wanted, self.cancelled)[product])

    def _begun(self, number: int, reach: int) -> Products:
        if not self.shared:  # then slices are asked for in a row, and less need be kept
            return super()._begun(number, reach)
        found: Products = {}
        for offset in range(-reach, reach + 1):
            for name in (*self._made_before, *self.chain.settled):
                given = self._before_tuned(name, number + offset)
                found[product_of_neighbour(name, offset)] = given.load()
        return found

    def _marked(self, number: int, names: Sequence[str]) -> Products:
        if not self.shared or self.reference is None:
            return super()._marked(number, names)
        graph = self.reference.graph
        made = Evaluation(graph, self._given_to(graph, number), self.memory)
        return made.products({name: graph.products[name] for name in names}, self.cancelled)

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
        steps = [UNTOUCHED]
        steps += [UNTOUCHED_PROBES] if self.probing else []
        steps += [NOTHING_HIDDEN] if self.hiding else []
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
    def undecided(self) -> tuple[str, ...]:
        """Those of them about which a later search decides, or a survey that waits for one."""
        found: list[str] = []
        for bound in self.rest:
            waits = bound.survey_product and bound.survey_product not in self.chain.settled
            if waits or not bound.is_known:
                found.append(bound.id)
        return tuple(found)


def _defined(loss: Any) -> float | Undefined:
    value: float | Undefined = UNUSABLE if loss is ABSENT else loss
    return value
