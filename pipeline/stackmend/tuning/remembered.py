"""A graph of stages evaluated with a memory: what it knows by content is not computed again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stackmend.chain import ABSENT, Graph, Products, Source
from stackmend.registry import IMAGE, Each
from stackmend.result.arrays import encoded
from stackmend.result.hashes import digest
from stackmend.tuning.chains import ChannelChain
from stackmend.tuning.memory import Memory
from stackmend.tuning.raw import RawSlice, as_image, read_raw


class Cancelled(Exception):
    """What was asked for is not wanted any more."""


def never() -> bool:
    """What is asked for stays wanted."""
    return False


@dataclass(frozen=True)
class Given:
    """A product that is given to a graph: the key of its content, and how to come by it."""

    key: str
    load: Callable[[], Any]


MISSING = Given("absent", lambda: ABSENT)
"""Given for a neighbour that cannot be used."""


class RememberedSlices:
    """What a chain is given for the slices of its channel."""

    def __init__(self, chain: ChannelChain, memory: Memory) -> None:
        self.chain, self.memory = chain, memory
        self._settled: dict[tuple[str, int], str] = {}

    def raw(self, number: int) -> RawSlice:
        """A slice as it was read.

        Raises
        ------
        InputError
            If it cannot be read, and that is not tolerated.
        """
        reader, tolerant = self.chain.reader, self.chain.tolerant
        key = self.memory.key_of(read_raw, (number, tolerant), self.memory.name_of(reader))
        found: RawSlice = self.memory.made(key, lambda: read_raw(reader, number, tolerant=tolerant))
        return found

    def given(self, product: str, number: int) -> Given:
        """A product that is given for a slice; of a neighbour that cannot be used, nothing.

        Raises
        ------
        InputError
            If the slice cannot be read, and that is not tolerated.
        """
        chain = self.chain
        if not 0 <= number < chain.reader.shape[0]:
            return MISSING
        raw = self.raw(number)
        if raw.bad and not chain.windowed:
            raise raw.bad
        if raw.pixels is None or (chain.windowed and self.is_constant(raw)):
            return MISSING
        if product == IMAGE:
            pixels, key = raw.pixels, f"image {raw.hash} {raw.pixels.shape}"
            return Given(key, lambda: self.memory.made(key, lambda: as_image(pixels)))
        value = chain.settled.get(product)
        if isinstance(value, Each):
            value = value.values.get(number)
        return Given(self._key_of_settled(product, number, value), lambda: value)

    def _key_of_settled(self, product: str, number: int, value: Any) -> str:
        if (product, number) not in self._settled:
            self._settled[product, number] = digest({"settled": encoded(value)})
        return self._settled[product, number]

    def is_constant(self, raw: RawSlice) -> bool:
        """Whether a slice has one grey level."""
        pixels = raw.pixels
        assert pixels is not None
        key = f"constant {raw.hash} {pixels.shape}"
        constant: bool = self.memory.made(key, lambda: bool(pixels.min() == pixels.max()))
        return constant


class Evaluation:
    """A graph on one slice, for one combination, with a memory.

    Parameters
    ----------
    graph
        What is evaluated.
    given
        What is given from outside, by its name there.
    memory
        Knows results, and is told of the others.
    combination
        Values of the swept parameters.
    """

    def __init__(
        self,
        graph: Graph,
        given: Callable[[str], Given],
        memory: Memory,
        combination: Sequence[Any] = (),
    ) -> None:
        self._graph, self._memory, self._combination = graph, memory, combination
        self._outside = given
        self._given: dict[str, Given] = {}
        self._keys: dict[Source, str] = {}
        self._held: dict[int, Any] = {}

    def key(self, source: Source) -> str:
        """The key of a result, or of what is given."""
        if source not in self._keys:
            self._keys[source] = self._key_of(source)
        return self._keys[source]

    def _key_of(self, source: Source) -> str:
        if isinstance(source, str):
            return self._from_outside(source).key
        node = self._graph.nodes[source]
        used = node.used(self._combination)
        values = node.values(self._combination)
        inputs = [
            self.key(each) if seen else "" for each, seen in zip(node.sources, used, strict=True)
        ]
        return self._memory.key_of(node.stage.function, values, *inputs)

    def _from_outside(self, name: str) -> Given:
        if name not in self._given:
            self._given[name] = self._outside(name)
        return self._given[name]

    def products(
        self, wanted: Mapping[str, Source], cancelled: Callable[[], bool] = never
    ) -> Products:
        """Some results, by any names; ``cancelled`` is asked before each stage.

        Raises
        ------
        Cancelled
            If they are not wanted any more.
        InputError, StepError
            If a slice cannot be read or computed.
        """
        missing, known = self.frontier(wanted.values())
        values: dict[Source, Any] = {source: self.known(source) for source in known}
        uses = Counter(wanted.values())
        for index in missing:
            uses.update(self._graph.nodes[index].sources)
        for index in missing:
            if cancelled():
                raise Cancelled
            values[index] = self._computed(index, values)
            for source in self._graph.nodes[index].sources:
                uses[source] -= 1
                if not uses[source]:
                    values.pop(source, None)
        return {name: values[source] for name, source in wanted.items()}

    def frontier(self, wanted: Collection[Source]) -> tuple[list[int], list[Source]]:
        """The nodes that must be computed for some results, in order, and what that begins with.

        What is remembered stays at hand for as long as this evaluation does.
        """
        self._memory.keep([self.key(index) for index in self._graph.ancestors(wanted)])
        missing: set[int] = set()
        known: list[Source] = []
        pending = list(wanted)
        while pending:
            source = pending.pop()
            if source in missing or source in known:
                continue
            if isinstance(source, str) or self._recalled(source):
                known.append(source)
                continue
            missing.add(source)
            node = self._graph.nodes[source]
            used = zip(node.sources, node.used(self._combination), strict=True)
            pending += [each for each, seen in used if seen]
        return sorted(missing), known

    def _recalled(self, index: int) -> bool:
        """Whether a result is remembered; it is then held."""
        if index not in self._held:
            value = self._memory.get(self.key(index), self)
            if value is self:
                return False
            self._held[index] = value
        return True

    def known(self, source: Source) -> Any:
        """What is given from outside, or a result that is known."""
        if isinstance(source, str):
            return self._from_outside(source).load()
        return self._held[source]

    def _computed(self, index: int, values: Mapping[Source, Any]) -> Any:
        node = self._graph.nodes[index]
        inputs = [values.get(source, ABSENT) for source in node.read(self._combination)]
        return self._memory.made(self.key(index), lambda: node.compute(inputs, self._combination))
