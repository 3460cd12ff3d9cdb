"""The rows of ``slices.csv``, and what can become of a slice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from enum import StrEnum
from math import isfinite
from typing import Any


class Status(StrEnum):
    """What became of a slice."""

    RESTORED = "restored"
    CONSTANT = "constant"
    NOTHING_FOUND = "nothing_found"
    KEPT = "kept"
    BLANK = "blank"
    SKIPPED = "skipped"

    @property
    def words(self) -> str:
        """What is said of slices of this status."""
        return _WORDS[self]

    @property
    def unusable(self) -> bool:
        """Whether the slice could not be used."""
        return self in (Status.KEPT, Status.BLANK, Status.SKIPPED)


_WORDS = {
    Status.RESTORED: "restored",
    Status.CONSTANT: "constant and left as they are",
    Status.NOTHING_FOUND: "without findings",
    Status.KEPT: "unusable and kept as they are in the input",
    Status.BLANK: "unreadable and blank in the result",
    Status.SKIPPED: "unusable and left out",
}


@dataclass(frozen=True)
class SliceRow:
    """One row of ``slices.csv``, ``None`` where there is no value.

    Areas and places are in px, grey levels as in the files. ``mask_y`` and ``mask_x`` are the mean
    position of the masked pixels. ``reach_hash`` is that of all else that the slice depends on:
    its neighbours, and what a survey has settled for it alone.
    """

    slice: int
    channel: int
    name: str
    status: Status
    mask_area: int | None = None
    mask_y: float | None = None
    mask_x: float | None = None
    changed_fraction: float | None = None
    mean_before: float | None = None
    mean_after: float | None = None
    std_before: float | None = None
    std_after: float | None = None
    noise_before: float | None = None
    noise_after: float | None = None
    clipped: int = 0
    rmse_before: float | None = None
    rmse_after: float | None = None
    seconds: float = 0.0
    input_hash: str = ""
    output_hash: str = ""
    reach_hash: str = ""
    reason: str = ""

    def to_csv(self) -> dict[str, Any]:
        """With empty cells where there is no value."""
        return {name: "" if value is None else value for name, value in asdict(self).items()}

    @classmethod
    def from_csv(cls, row: Mapping[str, str]) -> SliceRow:
        """A row as it was written; columns that are not there have no value.

        Raises
        ------
        ValueError
            If a cell cannot be, or one is missing that every row has.
        """
        return cls._of({name: cell for name, cell in row.items() if cell not in ("", None)})

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> SliceRow:
        """A row as the journal has it.

        Raises
        ------
        ValueError
            As for ``from_csv``.
        """
        return cls._of({name: value for name, value in entry.items() if value is not None})

    @classmethod
    def _of(cls, known: Mapping[str, Any]) -> SliceRow:
        values = {}
        for column in fields(cls):
            if column.name in known:
                values[column.name] = _cell(column.name, known[column.name])
            elif column.default is MISSING:
                raise ValueError(f"{column.name} is missing")
        return cls(**values)


_WHOLE = ("slice", "channel", "mask_area", "clipped")
_TEXT = ("name", "input_hash", "output_hash", "reach_hash", "reason")


def _cell(name: str, value: Any) -> Any:
    if name in _TEXT:
        return str(value)
    if name == "status":
        return Status(value)
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be a number, got {value}") from error
    if not isfinite(number):
        return None
    return int(number) if name in _WHOLE else number
