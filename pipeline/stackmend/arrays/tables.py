"""What searches came to, as plain values: what was chosen, why not, and every combination."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from stackmend.registry import FAILED, Undefined
from stackmend.sweep import REFUSED, Choice, Combination, NoChoice
from stackmend.tuning.chains import FinishedSearch

CHOSEN = "chosen"
"""Status of the combination that is taken, and of a search that has one."""


def chosen_values(searches: Sequence[FinishedSearch]) -> dict[str, Any]:
    """The chosen values by full name."""
    found: dict[str, Any] = {}
    for each in searches:
        found |= {f"{id}.{name}": value for (id, name), value in each.result.chosen.items()}
    return found


def decisive(searches: Sequence[FinishedSearch]) -> FinishedSearch:
    """The last search whose choice is taken, or the last one where there is none."""
    taken = [each for each in searches if isinstance(each.result.choice, Choice)]
    return (taken or searches)[-1]


def reasons(searches: Sequence[FinishedSearch]) -> str:
    """Why nothing was chosen, of each entry that has no choice; empty where all have one."""
    said: list[str] = []
    for _, group in groupby(searches, lambda each: each.entry.path):
        choices = [each.result.choice for each in group]
        if not any(isinstance(choice, Choice) for choice in choices):
            said += [choice.reason for choice in choices if isinstance(choice, NoChoice)]
    return "; ".join(dict.fromkeys(said))


def table_of(searches: Sequence[FinishedSearch]) -> list[dict[str, Any]]:
    """A row for each combination of all searches: values, mean loss and status.

    Where there are several searches, or chains of which one is taken, a row says which.
    """
    rows: list[dict[str, Any]] = []
    for index, each in enumerate(searches):
        names = [f"{id}.{name}" for id, name in each.result.space.parameters]
        for combination in each.result.combinations:
            row: dict[str, Any] = {"search": index} if len(searches) > 1 else {}
            if each.entry.alternative:
                row["one_of"] = each.entry.alternative
            row |= zip(names, combination, strict=True)
            row["loss"] = each.result.mean(combination)
            row["status"] = _status(each, combination)
            rows.append(row)
    return rows


def losses_of(searches: Sequence[FinishedSearch]) -> dict[int, list[float | None]]:
    """For each slice the losses of all rows of the table; of those not searched there, none."""
    numbers = sorted({number for each in searches for number in each.result.losses})
    found: dict[int, list[float | None]] = {number: [] for number in numbers}
    for each in searches:
        for combination in each.result.combinations:
            for number in numbers:
                value = each.result.losses.get(number, {}).get(combination)
                found[number].append(number_or_none(value))
    return found


def number_or_none(value: float | Undefined | None) -> float | None:
    """A loss, if it has a value."""
    return None if isinstance(value, Undefined) else value


def _status(each: FinishedSearch, combination: Combination) -> str:
    choice = each.result.choice
    if isinstance(choice, Choice) and combination == choice.combination:
        return CHOSEN
    if combination in each.failed or combination in each.result.failed:
        return FAILED
    if combination in each.result.refused:
        return REFUSED
    values = [row[combination] for row in each.result.losses.values()]
    undefined = [value.status for value in values if isinstance(value, Undefined)]
    return undefined[0] if len(undefined) == len(values) else "ok"
