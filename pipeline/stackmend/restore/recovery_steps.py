"""The steps that are tested on known faults, in their place in a chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stackmend.chain import Bound, Consecutive, Graph
from stackmend.registry import IMAGE, Stage, Step
from stackmend.tuning.chains import ChannelChain

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]

REACHED = "image that reaches the tested steps"


def image_there(image: Image) -> Image:
    """The slice as it is at a place of the chain."""
    return image


class Treated(NamedTuple):
    """A slice as it reaches the tested steps and as it leaves them; what all and one of them mark.

    All are of the part that the whole chain leaves of a slice.
    """

    before: Image
    after: Image
    marked: Mask
    own: Mask


@dataclass(frozen=True)
class StepsUnderTest:
    """Steps from ``first`` up to ``last`` of a chain, whose faults are those of one of them.

    Steps before these work on what is given to them, those behind are left out: what either do to
    tissue is not the doing of the tested ones. ``window`` is what the chain leaves of a slice.
    """

    chain: ChannelChain
    step: Bound
    first: int
    last: int
    window: tuple[slice, slice]

    @classmethod
    def around(
        cls, chain: ChannelChain, step: Bound, window: tuple[slice, slice]
    ) -> StepsUnderTest:
        """The steps that a step with known faults works with, and those of other such steps.

        These are all that need what it makes, as far as nothing else stands between.
        """
        place = [bound.id for bound in chain.steps].index(step.id)
        own = (group for group in _groups(chain.steps) if group[0] <= place < group[1])
        return cls(chain, step, *next(own), window)

    @property
    def others(self) -> bool:
        """Whether there are other steps in the chain that change grey levels."""
        rest = (*self.chain.steps[: self.first], *self.chain.steps[self.last :])
        steps = [bound.component for bound in rest]
        return any(
            IMAGE in step.makes and not (isinstance(step, Step) and step.keeps) for step in steps
        )

    @property
    def ids(self) -> tuple[str, ...]:
        """The tested steps."""
        return tuple(bound.id for bound in self.chain.steps[self.first : self.last])

    @cached_property
    def _graph(self) -> tuple[Graph, tuple[str, ...], frozenset[str]]:
        """The steps, what they mark, and what of that is the step's own, if it marks anything."""
        steps = self.chain.steps[: self.last]
        there = Step(name="reached", version=1, stages=(Stage(image_there, makes=REACHED),))
        watched = (*steps[: self.first], Bound(there, there.name, {}), *steps[self.first :])
        graph = replace(self.chain, steps=watched).graph()
        masks = graph.masks()
        own = {name for name, index in masks.items() if graph.nodes[index].owner == self.step.id}
        graph = replace(graph, products={**graph.products, **masks})
        return graph, tuple(masks), frozenset(own or masks)

    def treated(self, number: int, image: Image) -> Treated:
        """A slice, were it ``image``, before and after the tested steps."""
        graph, masks, own = self._graph

        def load(each: int) -> dict[str, Any]:
            if each != number:
                return self.chain.products_of(each)
            return self.chain.products_with(image, each)

        products = Consecutive(graph, load).evaluate(number, (REACHED, IMAGE, *masks))
        after = self._left(products[IMAGE])
        marked = np.zeros((2, *after.shape), np.bool_)
        for name in masks:
            found = self._left(products[name])
            marked[0] |= found
            if name in own:
                marked[1] |= found
        return Treated(self._left(products[REACHED]), after, marked[0], marked[1])

    def _left(self, whole: NDArray[Any]) -> NDArray[Any]:
        """The part of a slice that the whole chain leaves; it may be cut out already."""
        size = tuple(each.stop - each.start for each in self.window)
        return whole if whole.shape == size else whole[self.window]


def _groups(steps: Sequence[Bound]) -> list[tuple[int, int]]:
    """First step and the one behind the last, of each run of steps about known faults."""
    spans: list[tuple[int, int]] = []
    for place, bound in enumerate(steps):
        if isinstance(bound.component, Step) and bound.component.recovery:
            spans.append((place, _last_of(steps, place) + 1))
    spans += [pair for pair in _pairs(steps) if any(_overlap(pair, span) for span in spans)]
    found: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if found and begin <= found[-1][1]:
            begin, end = found[-1][0], max(found.pop()[1], end)
        found.append((begin, end))
    return found


def _last_of(steps: Sequence[Bound], place: int) -> int:
    """The last step that cannot work without what a step makes, or what these make."""
    made = set(steps[place].component.makes) - {IMAGE}
    last = place
    for later, bound in enumerate(steps[place + 1 :], start=place + 1):
        makes = set(bound.component.makes) - {IMAGE}
        if made.isdisjoint(bound.component.reads):
            made -= makes  # of the same name, but another thing
        else:
            last = later
            made |= makes
    return last


def _pairs(steps: Sequence[Bound]) -> list[tuple[int, int]]:
    """First step and the one behind the last, of pairs that open and close a product."""
    opened: dict[str, int] = {}
    found: list[tuple[int, int]] = []
    for place, bound in enumerate(steps):
        if not isinstance(bound.component, Step):
            continue
        if bound.component.closes in opened:
            found.append((opened.pop(bound.component.closes), place + 1))
        if bound.component.opens:
            opened[bound.component.opens] = place
    return found


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < other[1] and other[0] < one[1]
