"""The slices that surveys look at, as the steps before them give them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from stackmend.chain import ABSENT, Bound, Consecutive
from stackmend.errors import StepError
from stackmend.registry import Survey
from stackmend.registry.stages import taken_by
from stackmend.result.arrays import encoded
from stackmend.result.hashes import combined_hash, digest
from stackmend.tuning.chains import ChannelChain
from stackmend.tuning.raw import RawSlices

Slices = tuple[int, ...]
"""One slice that is looked at, or two."""


@dataclass(frozen=True)
class Asked:
    """What a worker is asked to look at for one survey, and the records of it that are known."""

    bound: Bound
    survey: Survey
    keys: frozenset[Slices]
    known: Mapping[Slices, Mapping[str, Any]]

    def of(self, part: Sequence[Slices]) -> Asked:
        """The same for a part of it."""
        keys = self.keys.intersection(part)
        known = {key: self.known[key] for key in keys if key in self.known}
        return Asked(self.bound, self.survey, keys, known)

    @cached_property
    def numbers(self) -> frozenset[int]:
        """The slices that it looks at."""
        return frozenset(number for key in self.keys for number in key)

    @cached_property
    def preparation(self) -> tuple[Any, str]:
        """What surveys must have in common to share what is prepared of a slice."""
        prepare = self.survey.prepare
        values = taken_by(prepare, self.bound.decisive) if prepare else {}
        return prepare, digest({"values": encoded(values)})

    def prepared(self, products: Mapping[str, Any]) -> Any:
        """What it looks at of a slice.

        Raises
        ------
        StepError
            If that cannot be prepared.
        """
        try:
            return self.survey.prepared(products, self.bound.parameters)
        # As of stages: whatever anybody's code raises becomes an error that names the step.
        except Exception as error:
            name = getattr(self.survey.prepare, "__name__", "prepare")
            what = f"{name} failed ({type(error).__name__}: {error})"
            raise StepError(f"{self.bound.id}: {what}") from error

    def record_of(self, prepared: Sequence[Any], key: Slices) -> Any:
        """The encoded record of a slice or of two.

        Raises
        ------
        StepError
            If there is none, naming what was looked at.
        """
        beside = sorted(other[-1] for other in self.keys if other[0] == key[0])
        apart = beside.index(key[-1]) + 1
        try:
            return encoded(self.survey.record_of(prepared, self.bound.parameters, apart))
        except Exception as error:  # as above
            where = f"{self.bound.id}: {self.survey.look.__name__}"
            numbers = " and ".join(map(str, key))
            what = f"failed on slice {numbers} ({type(error).__name__}: {error})"
            raise StepError(f"{where} {what}") from error


class SeenSlices:
    """What some surveys look at, slice by slice; each is read and prepared once."""

    def __init__(self, chain: ChannelChain, raw: RawSlices, asked: Sequence[Asked]) -> None:
        self._chain, self._raw, self._asked = chain, raw, asked
        graph = chain.graph()
        reads = {name for each in asked for name in each.survey.reads}
        self._reads = reads.intersection(graph.products)
        self._evaluated = Consecutive(graph, lambda n: chain.products_from(raw, n))
        self._prepared: dict[int, dict[tuple[Any, str], Any]] = {}

    def of(self, asked: Asked, number: int) -> Any:
        """What a survey looks at of a slice; ``ABSENT`` where that cannot be used."""
        if number not in self._prepared:
            self._prepared[number] = self._made(number)
        return self._prepared[number][asked.preparation]

    def record_of(self, asked: Asked, key: Slices) -> Any:
        """The encoded record of a slice or of two that can be used."""
        return asked.record_of([self.of(asked, number) for number in key], key)

    def _made(self, number: int) -> dict[tuple[Any, str], Any]:
        """What all surveys look at of a slice, of which then nothing else is kept."""
        made: dict[tuple[Any, str], Any] = {}
        try:
            products = self._evaluated.evaluate(number, self._reads)
            for each in self._asked:
                if self._wants(each, number) and each.preparation not in made:
                    absent = any(products.get(name) is ABSENT for name in each.survey.reads)
                    made[each.preparation] = ABSENT if absent else each.prepared(products)
        except StepError as error:
            name = self._chain.reader.names[number]
            raise StepError(f"slice {number} ({name}): {error}") from error
        return made

    def usable(self, asked: Asked, key: Slices) -> bool:
        """Whether slices can be looked at; two only if neither is constant."""
        if not all(self._is_there(number, alone=len(key) == 1) for number in key):
            return False
        return all(self.of(asked, number) is not ABSENT for number in key)

    def _wants(self, asked: Asked, number: int) -> bool:
        """Whether a survey looks at a slice."""
        alone = (number,) in asked.keys
        return number in asked.numbers and self._is_there(number, alone=alone)

    def _is_there(self, number: int, *, alone: bool) -> bool:
        """Whether a slice can be read, and is not constant where others lie beside it."""
        pixels = self._raw.get(number).pixels
        return pixels is not None and (alone or bool(pixels.min() != pixels.max()))

    def hash(self, key: Collection[int]) -> str:
        """The hash of the pixels of some slices and of those in reach."""
        return combined_hash(self._hash_of(number) for number in key)

    def _hash_of(self, number: int) -> str:
        around = self._chain.around(number, self._chain.reach)
        return combined_hash(self._raw.get(each).hash for each in around)

    def forget_before(self, number: int) -> None:
        """Let go of slices that no later key has."""
        self._prepared = {each: made for each, made in self._prepared.items() if each >= number}
        self._raw.forget(number - 1)
