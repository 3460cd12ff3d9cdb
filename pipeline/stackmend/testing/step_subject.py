"""A step that is tried: its chain, its slices, and what it makes of one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.arrays.given import job_of, session_of
from stackmend.arrays.restoring import Restoring
from stackmend.arrays.stack import ArrayStack, stack_of
from stackmend.chain import (
    ABSENT,
    Bound,
    Consecutive,
    Graph,
    Node,
    Products,
    compile_chain,
    is_refusal,
)
from stackmend.errors import InputError, StepError
from stackmend.protocol.parameters import parameters_of
from stackmend.registry import IMAGE, METHOD, Component, Keeps, Step, Survey
from stackmend.testing.samples import sample
from stackmend.tuning.bindings import survey_of
from stackmend.tuning.chains import ChannelChain
from stackmend.tuning.tune import tune

Image = NDArray[np.float32]


@dataclass(frozen=True)
class StepSubject:
    """A step, or one variant of it, in a chain.

    ``place`` is where it stands among the entries of the chain, ``slices_in_memory`` how many
    slices of float32 it may take at once for each that it sees.
    """

    step: Step
    chain: tuple[Mapping[str, Any], ...]
    place: int
    stack: Any = field(default_factory=sample)
    slices_in_memory: float = 0

    def __str__(self) -> str:
        method = self.chain[self.place].get(METHOD)
        return f"{self.step.name}-{method}" if method else self.step.name

    def tried(self, stack: Any = None, **values: Any) -> Tried:
        """The step on a stack, its own if none is given, with some values of its parameters.

        Raises
        ------
        ProtocolError
            If its chain, or a value, is refused.
        InputError
            If a survey cannot settle.
        StepError
            If one fails.
        """
        entries = [dict(entry) for entry in self.chain]
        entries[self.place] |= values
        protocol = {"protocol": 1, "chain": entries, "output": {"dtype": "float32"}}
        return Tried.on(protocol, self.stack if stack is None else stack, self.place)

    @cached_property
    def usual(self) -> Tried:
        """The step with the values of its chain on its stack."""
        return self.tried()

    @cached_property
    def usual_products(self) -> list[Products]:
        """What it makes there of each slice."""
        return self.usual.all_products()

    @cached_property
    def own(self) -> Bound:
        """The step with its values, of one with variants the one that is tried."""
        entry = self.chain[self.place]
        given = {name: value for name, value in entry.items() if name not in ("step", "id")}
        return Bound(self.step, str(self), parameters_of(self.step, given))

    @property
    def component(self) -> Component:
        """The same without."""
        return self.own.component

    @property
    def survey(self) -> Survey | None:
        """Its survey, where one is needed with these values."""
        return survey_of(self.own)

    @property
    def keeps(self) -> Keeps | None:
        """The part of the stack that it leaves, where it leaves not all."""
        return self.step.keeps


@dataclass(frozen=True)
class Tried:
    """A chain on a stack, its surveys settled, and the step in it that is tried."""

    stack: ArrayStack
    chain: ChannelChain
    place: int
    restoring: Restoring

    @classmethod
    def on(cls, protocol: Mapping[str, Any], array: Any, place: int) -> Tried:
        """The chain of a protocol on an array."""
        stack = stack_of(array, None, "stackmend.testing")
        job = job_of(protocol, stack, None, "stackmend.testing")
        chains = tune(session_of(job, 1, None)).chains
        return cls(stack, chains[0], place, Restoring.of(stack, job, chains))

    @property
    def own(self) -> Bound:
        """The step with its values."""
        return self.chain.steps[self.place]

    @property
    def step(self) -> Step:
        """The same without."""
        component = self.own.component
        assert isinstance(component, Step)
        return component

    @property
    def numbers(self) -> range:
        """The slices of the stack."""
        return range(self.stack.shape[0])

    @cached_property
    def graph(self) -> Graph:
        """The stages of the step alone."""
        return compile_chain([self.own], given=self.given_names)

    @cached_property
    def given_names(self) -> tuple[str, ...]:
        """Names of what it is given."""
        product = self.own.survey_product
        return (*self._before.products, *([product] if product else []))

    @cached_property
    def _before(self) -> Graph:
        return compile_chain(self.chain.steps[: self.place], given=self.chain.given)

    @cached_property
    def _given(self) -> dict[int, Products]:
        return {}

    def given(self, number: int) -> Products:
        """What the step is given for a slice, by the steps before it and by its survey."""
        if number not in self._given:
            slices = Consecutive(self._before, self.chain.products_of)
            products = slices.evaluate(number, self._before.products)
            self._given[number] = {**products, **self.chain.given_for(number)}
        return self._given[number]

    def image(self, number: int) -> Any:
        """A slice as the step is given it."""
        return self.given(number)[IMAGE]

    def evaluated(
        self, numbers: Sequence[int], *, graph: Graph | None = None, image: Image | None = None
    ) -> list[Products]:
        """What the step makes of some slices in a row, all of it; of an image in their place.

        Raises
        ------
        StepError
            If a stage fails.
        """

        def load(number: int) -> Products:
            if number not in self.numbers:
                return dict.fromkeys(self.given_names, ABSENT)
            given = self.given(number)
            return given if image is None else {**given, IMAGE: image}

        slices = Consecutive(graph or self.graph, load)
        return [slices.evaluate(number, self.step.makes) for number in numbers]

    def all_products(self) -> list[Products]:
        """What the step makes of every slice of the stack."""
        return self.evaluated(self.numbers)

    def on_part(self, part: NDArray[Any], first: int) -> Tried:
        """The same where no more of the stack is at hand, with what surveys came to."""
        reader = self.stack.part(part, first, self.restoring.facts)
        return replace(self, chain=replace(self.chain, reader=reader))

    def watched(self, node_of: type[Node]) -> Graph:
        """The graph with other nodes in the place of its own."""
        nodes = tuple(node_of(**vars(node)) for node in self.graph.nodes)
        return replace(self.graph, nodes=nodes)


def is_refused(error: StepError | InputError) -> bool:
    """Whether a step, or its survey, has said that it cannot work so."""
    return isinstance(error, InputError) or is_refusal(error)
