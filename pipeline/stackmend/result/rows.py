"""The rows of ``slices.csv`` and ``losses.csv``, and what can become of a slice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from enum import StrEnum
from math import isfinite
from typing import Any

from stackmend.result.cells import cell_of, text_of

LEAVE_IT_ALONE = "leave it alone"
"""The candidate of every search that changes nothing."""


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
        return {name: _as_cell(value) for name, value in asdict(self).items()}

    @classmethod
    def from_csv(cls, row: Mapping[str, str]) -> SliceRow:
        """A row as it was written; columns that are not there have no value.

        Raises
        ------
        ValueError
            If a cell cannot be, or one is missing that every row has.
        """
        known = {name: cell for name, cell in row.items() if cell or name in _TEXT}
        return cls._of(
            {name: text_of(cell) if name in _TEXT else cell for name, cell in known.items()}
        )

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


@dataclass(frozen=True)
class LossRow:
    """One row of ``losses.csv``: a combination of a search on a slice, and its loss.

    ``combination`` is its place in the order of the search, or ``LEAVE_IT_ALONE`` for the slice as
    it is. ``values`` are those of the swept parameters, as they were or, read back, as they are
    written. ``mean_loss`` is the mean over the slices of the search. ``status`` says why there is
    no loss, or that the combination is out. ``clean_changed`` is the largest share of the pixels
    that it changes of any clean slice, where there are such.
    """

    search: int
    channel: int
    slice: int
    combination: int | str
    values: Mapping[str, Any]
    loss: float | None = None
    mean_loss: float | None = None
    status: str = "ok"
    clean_changed: float | None = None

    def to_csv(self) -> dict[str, Any]:
        """With a column for each parameter, and empty cells where there is no value."""
        place = {name: getattr(self, name) for name in _LOSS_PLACE}
        value = {name: getattr(self, name) for name in _LOSS_VALUE}
        if self.clean_changed is None:
            del value["clean_changed"]
        cells = {**place, **self.values, **value}
        return {name: _as_cell(value) for name, value in cells.items()}

    @classmethod
    def from_csv(cls, row: Mapping[str, str]) -> LossRow:
        """A row as it was written; the columns that are nothing else are parameters.

        Raises
        ------
        ValueError
            If a cell cannot be, or one is missing that every row has.
        """
        known = {name: cell for name, cell in row.items() if cell}
        own = [name for name in known if name not in (*_LOSS_PLACE, *_LOSS_VALUE)]
        found: dict[str, Any] = {}
        for name in _LOSS_PLACE:
            alone = name == "combination" and row.get(name) == LEAVE_IT_ALONE
            found[name] = LEAVE_IT_ALONE if alone else _number(name, row.get(name))
        for name in ("loss", "mean_loss", "clean_changed"):
            found[name] = _number(name, known[name]) if name in known else None
        values = {name: text_of(known[name]) for name in own}
        return cls(**found, values=values, status=row.get("status", ""))


_LOSS_PLACE = ("search", "channel", "slice", "combination")
_LOSS_VALUE = ("loss", "mean_loss", "status", "clean_changed")
_WHOLE = ("slice", "channel", "mask_area", "clipped", "search", "combination")
_TEXT = ("name", "input_hash", "output_hash", "reach_hash", "reason")


def _as_cell(value: Any) -> Any:
    """A value as it stands in a table; empty where there is none."""
    if value is None:
        return ""
    return cell_of(value) if isinstance(value, str) else value


def _cell(name: str, value: Any) -> Any:
    if name in _TEXT:
        return str(value)
    if name == "status":
        if value not in list(Status):
            raise ValueError(f"status must be one of {', '.join(Status)}, got {value}")
        return Status(value)
    return _number(name, value)


def _number(name: str, value: Any) -> float | None:
    """The number in a cell; ``None`` for one that is not finite."""
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be a number, got {value}") from error
    if not isfinite(number):
        return None
    return int(number) if name in _WHOLE else number
