"""The one mask over which losses may compare all combinations of a search."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from stackmend.chain import ABSENT, Bound, compile_chain, is_refusal
from stackmend.errors import StepError
from stackmend.registry import IMAGE, Probe, Step
from stackmend.sweep import Space
from stackmend.tuning.probes import Likeness, probes_beside, probes_like

REMEMBERED = 8
"""Slices of which a mask is kept."""


class Marking(Protocol):
    """A search that has a reference mask of its own."""

    @property
    def marking(self) -> Any:
        """What decides about its mask of a slice, as plain data."""

    @property
    def marking_reach(self) -> int:
        """How many slices to either side its mask depends on."""

    def own_mask(self, number: int) -> Any:
        """The mask of a slice, ``(Y, X)`` bool, or ``ABSENT``."""

    def likeness_key(self, number: int) -> str:
        """What decides about both in a memory."""

    def own_likenesses(self, number: int) -> list[Likeness]:
        """What the faults are like that it finds in a slice."""


class CommonMask:
    """The one mask of searches that are compared: the union of what each of them marks.

    One that refuses a slice adds nothing there, unless all do.
    """

    def __init__(self, searches: list[Marking]) -> None:
        self.searches = searches
        self._known: OrderedDict[int, Any] = OrderedDict()
        self._likenesses: dict[int, list[Likeness]] = {}

    def of(self, number: int) -> Any:
        """The mask of a slice, ``(Y, X)`` bool.

        Raises
        ------
        StepError
            If no search can say what it marks.
        """
        if number not in self._known:
            self._known[number] = self._union(number)
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return self._known[number]

    def probes(self, number: int, images: Mapping[int, Any]) -> dict[int, tuple[Probe, ...]]:
        """Images of a slice and its neighbours with known faults, like those found in the slice.

        ``images`` are by how far from the slice they are, itself among them.

        Raises
        ------
        StepError
            If no search can say what it marks.
        """
        mask = self.of(number)
        if number not in self._likenesses:
            likenesses: list[Likeness] = []
            for each in self.searches:
                try:
                    likenesses += each.own_likenesses(number)
                except StepError as error:
                    if not is_refusal(error):
                        raise
            self._likenesses = {number: likenesses}
        likenesses = self._likenesses[number]
        own = probes_like(images[0], likenesses, mask, number)
        found: dict[int, tuple[Probe, ...]] = {}
        for offset, image in images.items():
            found[offset] = own
            if offset:
                beside = self._of_neighbour(number + offset)
                given = image, own, likenesses, mask, beside, number, offset
                found[offset] = probes_beside(*given)
        return found

    def _of_neighbour(self, number: int) -> Any:
        """The mask of a neighbouring slice; ``None`` where no search can say what it marks."""
        try:
            mask = self.of(number)
        except StepError as error:
            if not is_refusal(error):
                raise
            return None
        return None if mask is ABSENT else mask

    def _union(self, number: int) -> Any:
        masks: list[Any] = []
        refused: list[StepError] = []
        for each in self.searches:
            try:
                masks.append(each.own_mask(number))
            except StepError as error:
                if not is_refusal(error):
                    raise
                refused.append(error)
        if not masks:
            raise refused[0]
        if any(mask is ABSENT for mask in masks):
            return ABSENT
        union = np.logical_or.reduce(masks)
        union.flags.writeable = False
        return union


class ReferenceMask:
    """The union of the masks that tuned steps make with their reference values.

    Where none of them makes a mask, those of the steps before stand for it, which are common.

    Parameters
    ----------
    before, tuned
        The steps before the first tuned one, and the tuned ones.
    space
        What is swept.
    given
        Names of the products that exist before the first tuned step.
    """

    def __init__(
        self, before: Sequence[Bound], tuned: Sequence[Bound], space: Space, given: Collection[str]
    ) -> None:
        marking = [place for place, bound in enumerate(tuned) if any(_masks(bound))]
        self.steps = tuple(_bound(bound, space) for bound in tuned)
        self._before = tuple(before)
        graph = compile_chain(self.steps, given=given)
        masks = graph.masks()
        self.graph = replace(graph, products={**graph.products, **masks})
        self.reach = graph.reach
        owners = {bound.id: bound for bound in self.steps}
        self._owners = {name: owners[graph.nodes[index].owner] for name, index in masks.items()}
        if not marking:
            for bound in before:
                self._owners.update(dict.fromkeys(_masks(bound), bound))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the masks, of which some may be given."""
        return tuple(self._owners)

    def of(self, masks: Mapping[str, Any]) -> Any:
        """The mask of a slice, ``(Y, X)`` bool, from the masks that are made of it."""
        if any(mask is ABSENT for mask in masks.values()):
            return ABSENT
        union = np.logical_or.reduce([self._widened(name, mask) for name, mask in masks.items()])
        union.flags.writeable = False
        return union

    def likenesses(self, image: Any, made: Mapping[str, Any]) -> list[Likeness]:
        """What the faults are like that are found in a slice, by each step that can make others.

        ``image`` is the slice before the first tuned step, ``made`` has what becomes of it, and the
        masks.
        """
        found: list[Likeness] = []
        masks = [mask for name, mask in made.items() if name != IMAGE]
        if made[IMAGE] is ABSENT or not masks or any(mask is ABSENT for mask in masks):
            return found
        own = np.logical_or.reduce(masks)
        for bound in (*self._before, *self.steps):
            component = bound.component
            if isinstance(component, Step) and component.recovery:
                images = image, made[IMAGE], own
                like = component.recovery.likeness_of(*images, parameters=bound.parameters)
                if like is not None:
                    found.append(Likeness(component.recovery, like, bound.parameters))
        return found

    def _widened(self, name: str, mask: Any) -> Any:
        component = self._owners[name].component
        assert isinstance(component, Step)
        widened = component.reference.widened
        return widened(mask) if widened else mask


def _masks(bound: Bound) -> Iterator[str]:
    return (stage.makes for stage in bound.component.stages if stage.mask_of)


def _bound(bound: Bound, space: Space) -> Bound:
    """A step with its reference values, else those that the protocol fixes, else its defaults."""
    component = bound.component
    assert isinstance(component, Step)
    swept: dict[str, Any] = {}
    for axis in space.axes:
        id, name = axis.parameter
        if id == bound.id:
            swept[name] = axis.values[0]
    values = {}
    for name in component.parameters:
        declared = component.schema["properties"][name]
        values[name] = bound.parameters.get(name)
        if name in swept:
            values[name] = declared.get("default", swept[name])
    return replace(bound, parameters={**values, **component.reference.parameters})
