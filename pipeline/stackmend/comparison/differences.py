"""What two runs differ in, and whether that can be why their pixels do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any


class Moves(StrEnum):
    """Whether a difference can move pixels."""

    CAN = "can move pixels"
    CANNOT = "cannot move pixels"
    OUTCOME = "outcome"


@dataclass(frozen=True)
class Difference:
    """Something in which two runs differ.

    Attributes
    ----------
    section
        The part of a run: ``protocol``, ``steps``, ``parameters``, ``search``, ...
    what
        The thing, for instance ``find_charging.gf1_sigma``.
    first, second
        What it is in each of them, as JSON has it.
    moves
        Whether it can move pixels, or is what came of the others.
    note
        Where the values come from, or what else is to be said.
    """

    section: str
    what: str
    first: Any
    second: Any
    moves: Moves
    note: str = ""


@dataclass(frozen=True)
class Comparison:
    """Two runs beside each other; ``beside`` is where and when they were made."""

    first: Path
    second: Path
    differences: Sequence[Difference]
    beside: Mapping[str, tuple[Any, Any]]

    @property
    def same_pixels(self) -> bool:
        """Whether all slices of both have the same pixels."""
        return not any(each.section == "pixels" for each in self.differences)

    def of(self, moves: Moves) -> list[Difference]:
        """The differences of a kind."""
        return [each for each in self.differences if each.moves is moves]

    def to_json(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "first": str(self.first),
            "second": str(self.second),
            "same_pixels": self.same_pixels,
            "can_move_pixels": len(self.of(Moves.CAN)),
            "differences": [asdict(each) for each in self.differences],
            "beside": {what: list(values) for what, values in self.beside.items()},
        }
