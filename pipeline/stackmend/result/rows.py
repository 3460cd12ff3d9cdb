"""The rows of ``slices.csv`` and ``losses.csv``, and what can become of a slice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields
from enum import StrEnum
from math import isfinite
from typing import Any

from stackmend.result.cells import cell_of, text_of
from stackmend.result.encoding import numbers_of
from stackmend.words import percent

LEAVE_IT_ALONE = "leave it alone"
"""The candidate of every search that changes nothing."""


REFUSED = "refused"
"""Status of a combination that is out."""

MOST_MASKED = 0.4
"""Share of a slice above which a mask is not believed: too little is left that is clean."""

REST_RESTORED = "what is masked is not corrected, the other steps work"
"""Reason of a slice of which more is masked, where the chain has other steps as well."""


class Status(StrEnum):
    """What became of a slice."""

    RESTORED = "restored"
    CONSTANT = "constant"
    NOTHING_FOUND = "nothing_found"
    OVERMASKED = "overmasked"
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
    Status.OVERMASKED: f"left as they are, with more than {percent(MOST_MASKED)} masked",
    Status.KEPT: "unusable and kept as they are in the input",
    Status.BLANK: "unreadable and blank in the result",
    Status.SKIPPED: "unusable and left out",
}


def words_of(status: Status, reason: str) -> str:
    """What is said of slices of a status, which some have for more than one reason."""
    if status is Status.OVERMASKED and reason == REST_RESTORED:
        return f"restored by the other steps alone, with more than {percent(MOST_MASKED)} masked"
    return status.words


@dataclass(frozen=True)
class SliceRow:
    """One row of ``slices.csv``, ``None`` where there is no value.

    Areas and places are in px, grey levels as in the files. ``mask_y`` and ``mask_x`` are the mean
    position of the masked pixels, ``masked_change`` is how much brighter they become on average.
    ``mask_hash`` is that of the mask, as truth values, where masks are written.
    ``reach_hash`` is that of all else that the slice depends on: its neighbours, and what a survey
    has settled for it alone. ``fingerprint`` is that of the restored pixels, numbers as a text,
    which stands in the journal and in a file of its own. ``facts`` are what steps say of the slice,
    by step and name, each in a column of its own.
    """

    slice: int
    channel: int
    name: str
    status: Status
    mask_area: int | None = None
    mask_y: float | None = None
    mask_x: float | None = None
    masked_change: float | None = None
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
    mask_hash: str = ""
    reach_hash: str = ""
    reason: str = ""
    fingerprint: str = ""
    facts: Mapping[str, float] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """What became of it; also where nothing was found in it, and it was changed all the same.

        Only some steps find anything.
        """
        if self.status is Status.NOTHING_FOUND and self.changed_fraction:
            return f"{self.status.words}, but changed by other steps"
        return words_of(self.status, self.reason)

    def to_csv(self) -> dict[str, Any]:
        """With empty cells where there is no value."""
        cells = asdict(self)
        del cells["fingerprint"]
        cells |= cells.pop("facts")
        return {name: _as_cell(value) for name, value in cells.items()}

    @classmethod
    def from_csv(cls, row: Mapping[str, str]) -> SliceRow:
        """A row as it was written; columns that are not there have no value.

        Raises
        ------
        ValueError
            If a cell cannot be, or one is missing that every row has.
        """
        known: dict[str, Any] = {}
        facts: dict[str, float | None] = {}
        for name, cell in row.items():
            if cell and "." in name:
                facts[name] = _number(name, cell)
            elif name in _TEXT:
                known[name] = text_of(cell)
            elif cell:
                known[name] = cell
        return cls._of({**known, "facts": facts})

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
    no loss, or that the combination is out, ``reason`` why a step refuses it. ``clean_changed`` is
    the largest share of the pixels that it changes of any clean slice, where there are such;
    ``masked_share`` the share that it masks of this slice, ``also`` its second loss there.
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
    masked_share: float | None = None
    also: float | None = None
    reason: str = ""

    def to_csv(self) -> dict[str, Any]:
        """With a column for each parameter, and empty cells where there is no value."""
        place = {name: getattr(self, name) for name in _LOSS_PLACE}
        value = {name: getattr(self, name) for name in _LOSS_VALUE}
        for name in _LOSS_BESIDE:
            if value[name] is None:
                del value[name]
        if not self.reason:
            del value["reason"]
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
        for name in ("loss", "mean_loss", *_LOSS_BESIDE):
            found[name] = _number(name, known[name]) if name in known else None
        values = {name: text_of(known[name]) for name in own}
        status, reason = row.get("status", ""), text_of(row.get("reason") or "")
        return cls(**found, values=values, status=status, reason=reason)


_LOSS_PLACE = ("search", "channel", "slice", "combination")
_LOSS_BESIDE = ("clean_changed", "masked_share", "also")
_LOSS_VALUE = ("loss", "mean_loss", "status", *_LOSS_BESIDE, "reason")
_WHOLE = ("slice", "channel", "mask_area", "clipped", "search", "combination")
_HASHES = ("input_hash", "output_hash", "mask_hash", "reach_hash")
_TEXT = ("name", *_HASHES, "reason", "fingerprint")


def _as_cell(value: Any) -> Any:
    """A value as it stands in a table; empty where there is none."""
    if value is None:
        return ""
    return cell_of(value) if isinstance(value, str) else value


def _cell(name: str, value: Any) -> Any:
    if name == "facts":
        numbers = {fact: _number(fact, each) for fact, each in dict(value).items()}
        return {fact: number for fact, number in numbers.items() if number is not None}
    if name == "fingerprint":
        numbers_of(str(value))
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


def slices_by_words(rows: Sequence[SliceRow]) -> dict[str, list[int]]:
    """The slices that were not simply restored, by what became of them."""
    found: dict[str, list[int]] = {}
    for row in sorted(rows, key=lambda row: list(Status).index(row.status)):
        if row.status is not Status.RESTORED:
            found.setdefault(row.words, []).append(row.slice)
    return found
