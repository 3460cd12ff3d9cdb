"""The losses of the combinations of a round on one slice, and what is measured besides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil
from typing import Any, Protocol

from stackmend.chain import ABSENT, Graph, Products
from stackmend.registry import LOSS, NOTHING_FOUND, Undefined
from stackmend.sweep.space import Combination
from stackmend.sweep.walk import Compute, distinct_work_for, walk

PICTURED = 64
"""Combinations of a round of which a picture is made: enough for a film that one sits through."""

ALSO = "also"
"""The product that is a second loss, where there is one."""

UNUSABLE = Undefined(NOTHING_FOUND, "the slice is constant")


class LossStore(Protocol):
    """Losses that outlive a search that is cut off, and what is measured besides."""

    def recall(self, number: int, combination: Sequence[Any]) -> float | Undefined | None:
        """The loss of a combination on a slice, or ``None`` if it must be evaluated."""

    def note(self, number: int, combination: Sequence[Any], value: float | Undefined) -> None:
        """Keep a loss that has been evaluated."""


class Row:
    """Combinations on one slice.

    ``beside`` names numbers that are measured of each of them besides the loss; ``measured`` has
    these by name, ``made`` what else is made of them.
    """

    def __init__(
        self,
        combinations: Sequence[Combination],
        number: int,
        store: LossStore | None,
        count_one: Callable[[], None] | None = None,
        beside: Sequence[str] = (),
        compute: Compute | None = None,
    ) -> None:
        self.compute = compute
        self.combinations, self.number = combinations, number
        self.store, self.count_one, self.beside = store, count_one, beside
        self.made: dict[Combination, Any] = {}
        self.measured: dict[str, dict[Combination, float | Undefined]] = {}
        self.measured.update((name, {}) for name in beside)

    def losses(
        self,
        graph: Graph,
        products_of: Callable[[int], Products],
        workers: int,
        picture: str = "",
    ) -> dict[Combination, float | Undefined]:
        """The loss of each combination, those that are known from the store."""
        found = self._recalled()

        def note(target: str, combination: Combination, value: Any) -> None:
            if target == picture:
                if not isinstance(value, Undefined):
                    self.made[combination] = value
            elif target in self.measured:
                self.measured[target][combination] = UNUSABLE if value is ABSENT else value
                self._keep((target, *combination), self.measured[target][combination])
            else:
                found[combination] = UNUSABLE if value is ABSENT else value
                self._keep(combination, found[combination])
                self._count()

        unknown = [each for each in self.combinations if each not in found]
        if unknown:
            wanted: dict[str, Sequence[Combination]] = {LOSS: unknown}
            wanted |= dict.fromkeys(self.beside, unknown)
            if picture:
                wanted[picture] = self.combinations[:: ceil(len(self.combinations) / PICTURED)]
            work = distinct_work_for(graph, wanted)
            given = products_of(self.number)
            walk(work, given, workers=workers, done=note, compute=self.compute)
        return {combination: found[combination] for combination in self.combinations}

    def recalled(self) -> dict[Combination, float | Undefined] | None:
        """The losses from the store alone; ``None`` if it does not know all of them."""
        found = self._recalled()
        return found if len(found) == len(self.combinations) else None

    def _recalled(self) -> dict[Combination, float | Undefined]:
        """What the store knows whole: the loss and what is measured besides."""
        found: dict[Combination, float | Undefined] = {}
        for combination in self.combinations:
            value = self.store.recall(self.number, combination) if self.store else None
            if value is None or not self._recall_beside(combination):
                continue
            found[combination] = value
            self._count()
        return found

    def _count(self) -> None:
        if self.count_one:
            self.count_one()

    def _recall_beside(self, combination: Combination) -> bool:
        """Take over what the store knows of all else that is measured; whether that is all."""
        for name in self.beside if self.store else ():
            value = self.store.recall(self.number, (name, *combination)) if self.store else None
            if value is None:
                return False
            self.measured[name][combination] = value
        return True

    def _keep(self, key: Sequence[Any], value: float | Undefined) -> None:
        if self.store:
            self.store.note(self.number, key, value)
