"""The graph of stages: what each node reads, and the evaluation of all of them for one slice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np

from stackmend.errors import StepError
from stackmend.registry import (
    IMAGE,
    LOSS,
    METHOD,
    UNDEFINED,
    Stage,
    Undefined,
    Unsettled,
    Window,
)

Parameter = tuple[str, str]
"""A parameter's full name: the id of its step in the chain, and its own name."""

Products = dict[str, Any]

Source = int | str
"""What a node reads: the index of an earlier node, or the name of a product given from outside."""


class Absence(Enum):
    """Stands for a product that there is none of; a type of its own, as ``None`` is a value."""

    ABSENT = "absent"


ABSENT = Absence.ABSENT
"""Given for a neighbour that cannot be used, or lies beyond the stack: windows go without it."""


def product_of_neighbour(name: str, offset: int) -> str:
    """The name under which a product of the slice ``offset`` places on is given to a graph."""
    return f"{name}@{offset:+d}" if offset else name


@dataclass(frozen=True)
class Node:
    """One stage in its place: what it reads, and which values it takes.

    Attributes
    ----------
    sources : tuple[Source, ...]
        What it reads, in calling order; of a stage with a window, each product of all slices in
        turn.
    swept : Mapping[str, int]
        The position in a combination from which a parameter has its value.
    depends : frozenset[int]
        Positions of all swept parameters, its own and those of the nodes it reads, so that equal
        values there mean an equal result.
    stage_index, offset : int
        Which stage of the chain it is, and for which slice, counted from the one that is computed.
    offsets : tuple[int, ...]
        Of a stage with a window: the slices it sees, counted from its own.
    variants : tuple[str, ...]
        Where a method chooses among images: the method of each of them.
    reads : tuple[str, ...]
        The names by which its stage is given what it reads; by position, where there are none.
    """

    stage: Stage
    owner: str
    sources: tuple[Source, ...]
    fixed: Mapping[str, Any]
    swept: Mapping[str, int]
    depends: frozenset[int]
    stage_index: int = 0
    offset: int = 0
    offsets: tuple[int, ...] = ()
    variants: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()

    def compute(self, inputs: Sequence[Any], combination: Sequence[Any] = ()) -> Any:
        """Run the stage.

        Raises
        ------
        StepError
            If it fails, naming the step and the stage.
        """
        values = self.values(combination)
        if self.offsets:
            inputs = self._windows(inputs, self.stage.radius(values))
        if any(each is ABSENT for each in inputs):
            return ABSENT
        if self.reads:
            inputs, values = (), {**dict(zip(self.reads, inputs, strict=True)), **values}
        try:
            result = self.stage.function(*inputs, **values)
            if self.stage.makes == IMAGE and result is None:
                if self.offset:
                    return ABSENT
                raise ValueError("nothing was settled for this slice, which no other may reach")
            if self.stage.makes == IMAGE and not _is_image(result):
                raise TypeError(f"an image must be a 2-D array, got {type(result).__name__}")
            if self.stage.makes == LOSS:
                result = _comparable(result)
        # A step may be anybody's code: what it raises becomes an error that names it.
        except Exception as error:
            where = f"{self.owner}: {self.stage.function.__name__}"
            raise StepError(f"{where} failed ({type(error).__name__}: {error})") from error
        if isinstance(result, np.ndarray):
            result.flags.writeable = False
        return result

    def values(self, combination: Sequence[Any] = ()) -> dict[str, Any]:
        """A value for each parameter."""
        swept = {name: combination[position] for name, position in self.swept.items()}
        return {**self.fixed, **swept}

    def used(self, combination: Sequence[Any] = ()) -> list[bool]:
        """Which of the sources are read: a window may see less than any combination needs."""
        if self.variants:
            method = self.values(combination)[METHOD]
            return [variant == method for variant in self.variants]
        if not self.offsets:
            return [True] * len(self.sources)
        radius = self.stage.radius(self.values(combination))
        products = len(self.sources) // len(self.offsets)
        return [abs(offset) <= radius for offset in self.offsets] * products

    def read(self, combination: Sequence[Any] = ()) -> Sequence[Source]:
        """The sources that it is given: all, or the one that a method chooses."""
        if not self.variants:
            return self.sources
        used = zip(self.sources, self.used(combination), strict=True)
        return [source for source, seen in used if seen]

    def _windows(self, inputs: Sequence[Any], radius: int) -> list[Any]:
        """What is read, each product as a window of the slices of which there are all of them."""
        size, centre = len(self.offsets), self.offsets.index(0)
        products = [inputs[start : start + size] for start in range(0, len(inputs), size)]
        if any(each[centre] is ABSENT for each in products):
            return [ABSENT]
        usable: list[int] = []
        for place, offset in enumerate(self.offsets):
            there = all(each[place] is not ABSENT for each in products)
            if there and abs(offset) <= radius:
                usable.append(place)
        offsets = [self.offsets[place] for place in usable]
        return [
            Window([each[place] for place in usable], usable.index(centre), offsets)
            for each in products
        ]


def is_refusal(error: BaseException) -> bool:
    """Whether a step, or its survey, has said of its values and slices that it cannot work so.

    It says so by ``ValueError`` (a survey by ``Unsettled``, too); all else is a fault.
    """
    cause = error.__cause__
    if isinstance(cause, StepError):  # which says of which slice
        return is_refusal(cause)
    return isinstance(cause, (ValueError, Unsettled))


def _comparable(loss: Any) -> Any:
    """A loss as it can be compared: one that is no finite number would win by chance."""
    if isinstance(loss, Undefined) or np.isfinite(loss):
        return loss
    return Undefined(UNDEFINED, f"the loss is {loss}, which is no number to compare")


def _is_image(result: Any) -> bool:
    return isinstance(result, np.ndarray) and result.ndim == 2


@dataclass(frozen=True)
class Graph:
    """Nodes in an order in which each comes after what it reads, and where each product ends up.

    Attributes
    ----------
    reach : int
        How many slices to either side of its own it reads.
    outside : Mapping[str, tuple[str, int]]
        What it can be given: the product, and of which slice, by the name under which it is given.
    shared : frozenset[Source]
        What the same graph needs again for the next slice.
    """

    nodes: tuple[Node, ...]
    products: Mapping[str, Source]
    reach: int = 0
    outside: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    shared: frozenset[Source] = frozenset()

    def evaluate(
        self,
        given: Mapping[str, Any],
        keep: Collection[str] | None = None,
        known: dict[Source, Any] | None = None,
    ) -> Products:
        """Evaluate what is wanted, each node once, for one slice; nothing may be swept.

        Parameters
        ----------
        given
            Products from outside, by name; at least ``image``.
        keep
            Names of the products wanted at the end (all by default); others are freed as soon as
            they are used up.
        known
            Results, by the index of their node, that need not be computed; shared ones are added to
            them.
        """
        wanted = self._wanted(keep)
        values: dict[Source, Any] = dict(known or {})
        values.update(given)
        needed = self.ancestors(wanted.values(), values)
        uses = Counter(source for index in needed for source in self.nodes[index].sources)
        uses.update(wanted.values())
        for index in needed:
            node = self.nodes[index]
            values[index] = node.compute([values[source] for source in node.sources])
            if known is not None and index in self.shared:
                known[index] = values[index]
            for source in node.sources:
                uses[source] -= 1
                if not uses[source]:
                    values.pop(source, None)
        return {name: values[source] for name, source in wanted.items() if source in values}

    def reads(self, keep: Collection[str] | None, known: Collection[Source] = ()) -> set[str]:
        """Names of what must be given for some products, where some results are known."""
        wanted = self._wanted(keep).values()
        needed = self.ancestors(wanted, known)
        sources = {source for index in needed for source in self.nodes[index].sources}
        return {source for source in (*sources, *wanted) if isinstance(source, str)}

    def _wanted(self, keep: Collection[str] | None) -> dict[str, Source]:
        return {name: each for name, each in self.products.items() if keep is None or name in keep}

    def ancestors(
        self,
        wanted: Iterable[Source],
        known: Collection[Source] = (),
        combination: Sequence[Any] | None = None,
    ) -> list[int]:
        """Indices of the nodes that must be computed for some results, in order.

        Of variants to choose from all, or that of a combination.
        """
        needed: set[int] = set()
        pending = list(wanted)
        while pending:
            source = pending.pop()
            if isinstance(source, int) and source not in needed and source not in known:
                needed.add(source)
                node = self.nodes[source]
                pending.extend(node.sources if combination is None else node.read(combination))
        return sorted(needed)

    def origins(self, names: Iterable[str]) -> list[Source | None]:
        """What makes some products: the stage, or their name where they are given."""
        sources = [self.products.get(name) for name in names]
        return [self.nodes[each].stage_index if isinstance(each, int) else each for each in sources]

    def masks(self) -> dict[str, int]:
        """The nodes that make a mask to be shown and counted, by names of their own."""
        found = [i for i, node in enumerate(self.nodes) if node.stage.mask_of and not node.offset]
        return {f"mask {count}": index for count, index in enumerate(found)}

    def facts(self) -> dict[str, int]:
        """The nodes that say numbers of a slice, by the steps they belong to."""
        return {
            node.owner: index
            for index, node in enumerate(self.nodes)
            if node.stage.facts and not node.offset
        }
