"""Parts of a run for a job array: each restores its slices, the last command joins them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from stackmend.errors import UsageError

T = TypeVar("T")


@dataclass(frozen=True)
class Shard:
    """The ``number``-th (from 1) of ``count`` parts; neighbouring slices stay together."""

    number: int
    count: int

    @classmethod
    def of(cls, text: str) -> Shard:
        """A shard as people write it, for instance ``2/5``.

        Raises
        ------
        UsageError
            If it is not written like that, or there is no such part.
        """
        match = re.fullmatch(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,5})", text)
        number, count = (int(match[1]), int(match[2])) if match else (0, 0)
        if not 1 <= number <= count:
            raise UsageError(
                f"--shard: must be a part and how many there are, such as 2/5, got {text}"
            )
        return cls(number, count)

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def part(self, items: Sequence[T]) -> Sequence[T]:
        """Its share of some items, as even as can be."""
        first, stop = (
            len(items) * number // self.count for number in (self.number - 1, self.number)
        )
        return items[first:stop]
