"""The searches of two runs: what was asked, what was measured, what was chosen."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from stackmend.comparison.differences import Difference, Moves
from stackmend.result import Record
from stackmend.result.encoding import as_json
from stackmend.result.record import SearchRecord
from stackmend.result.rows import LossRow
from stackmend.verification.recorded import Recorded

ASKED = (
    *("steps", "channel", "loss", "loss_version", "loss_parameters", "strategy", "region"),
    *("space", "slices", "max_changed", "one_of"),
)
"""What decides about the losses of a search, and so about its choice."""


def searches(first: Record, second: Record) -> Iterator[Difference]:
    """What was asked: by the choice alone it can move pixels, and not where that is the same."""
    same = _chosen(first) == _chosen(second)
    moves = Moves.CANNOT if same else Moves.CAN
    note = "the choice is the same" if same else "by the choice"
    for place, (old, new) in enumerate(zip_longest(first.searches, second.searches)):
        if old is None or new is None:
            there = _steps(old), _steps(new)
            yield Difference("search", f"search {place}", *there, moves, note)
            continue
        for name in ASKED:
            values = as_json(getattr(old, name)), as_json(getattr(new, name))
            if values[0] != values[1]:
                yield Difference("search", f"{name} of search {place}", *values, moves, note)


def _steps(search: SearchRecord | None) -> list[str] | None:
    return None if search is None else list(search.steps)


def _chosen(record: Record) -> list[Any]:
    return [as_json(search.chosen) for search in record.searches]


def losses(first: Recorded, second: Recorded) -> Iterator[Difference]:
    """Combinations that both have measured on the same slice, with other losses."""
    old, new = _by_place(first), _by_place(second)
    both = [key for key in old if key in new]
    others = [key for key in both if old[key] != new[key]]
    if not others:
        return
    apart = []
    for key in others:
        one, other = old[key], new[key]
        if one is not None and other is not None:
            apart.append(abs(one - other))
    note = f"{len(others)} of {len(both)} losses differ"
    note += f", by {max(apart):.4g} at most" if apart else ""
    worst = others[apart.index(max(apart))] if len(apart) == len(others) else others[0]
    what = ", ".join(f"{name} {value}" for name, value in worst[4]) or str(worst[3])
    yield Difference(
        *("losses", f"search {worst[0]}, slice {worst[2]}: {what}", old[worst], new[worst]),
        Moves.OUTCOME,
        note,
    )


def _by_place(known: Recorded) -> dict[tuple[Any, ...], float | None]:
    found: dict[tuple[Any, ...], float | None] = {}
    for row in known.losses or ():
        found[_place(row)] = row.loss
    return found


def _place(row: LossRow) -> tuple[Any, ...]:
    values = tuple(row.values.items())
    name = row.combination if isinstance(row.combination, str) else ""
    return row.search, row.channel, row.slice, name, values


def choices(first: Record, second: Record) -> Iterator[Difference]:
    """What was chosen, and how good it was found to be."""
    for place, (old, new) in enumerate(zip(first.searches, second.searches, strict=False)):
        values = _choice(old), _choice(new)
        if values[0] != values[1]:
            yield Difference("choice", f"choice of search {place}", *values, Moves.CAN)
        for name in ("loss_of_choice", "loss_before", "refused"):
            numbers = getattr(old, name), getattr(new, name)
            if numbers[0] != numbers[1]:
                yield Difference("choice", f"{name} of search {place}", *numbers, Moves.OUTCOME)


def _choice(search: SearchRecord) -> Any:
    return as_json(search.chosen) if search.status == "chosen" else search.status
