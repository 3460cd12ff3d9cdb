"""A search as it can be looked at: every combination with its loss, and what each parameter does to it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from stackmend import words
from stackmend.result.reading import Row, Source, number

FEW = 12
"""Up to so many distinct values a parameter is shown value by value; beyond, in so many intervals."""

PAIRS = 10
"""Heat maps at the most: those of the pairs with the largest effect."""


@dataclass(frozen=True)
class Trial:
    """One combination: its place in the order of the search, its values as written, its mean loss."""

    index: int
    values: tuple[str, ...]
    loss: float | None


@dataclass(frozen=True)
class Axis:
    """The distinct values of a parameter, in order, in groups of one; where there are too many, in groups of several.

    A group of several is labelled by its middle member.
    """

    name: str
    labels: tuple[str, ...]
    group: Mapping[str, int]

    @classmethod
    def of(cls, name: str, values: Sequence[str]) -> Axis:
        """The axis for the values that occur."""
        distinct = list(dict.fromkeys(values))
        numbers = {text: value for text in distinct if (value := number(text)) is not None}
        if len(numbers) == len(distinct):
            distinct.sort(key=numbers.__getitem__)
        if len(distinct) <= FEW:
            return cls(name, tuple(distinct), {text: place for place, text in enumerate(distinct)})
        group = {text: place * FEW // len(distinct) for place, text in enumerate(distinct)}
        members = [[text for text in distinct if group[text] == place] for place in range(FEW)]
        labels = tuple(f"{number(each[len(each) // 2]) or 0:.3g}" for each in members)
        return cls(name, labels, group)


@dataclass(frozen=True)
class Search:
    """A search with all its trials; ``record`` is its part of the run's record."""

    index: int
    record: Mapping[str, Any]
    names: tuple[str, ...]
    trials: tuple[Trial, ...]

    @property
    def scored(self) -> list[Trial]:
        """The trials that have a loss."""
        return [trial for trial in self.trials if trial.loss is not None]

    @property
    def chosen(self) -> Trial | None:
        """The combination that was applied."""
        return self.landmarks.get("global minimum")

    @property
    def landmarks(self) -> dict[str, Trial]:
        """The named points, the chosen one first."""
        places = dict(self.record.get("landmarks") or {})
        if not places and self.record.get("status", "chosen") == "chosen" and self.scored:
            places = {"global minimum": min(self.scored, key=loss_of).index}
        by_index = {trial.index: trial for trial in self.trials}
        return {name: by_index[place] for name, place in places.items() if place in by_index}

    def axis(self, name: str) -> Axis:
        """The values of a parameter."""
        place = self.names.index(name)
        return Axis.of(name, [trial.values[place] for trial in self.trials])

    def lowest(self, *names: str) -> dict[tuple[int, ...], Trial]:
        """For each group of values of some parameters the best trial, whatever the other parameters are."""
        axes = [(self.axis(name), self.names.index(name)) for name in names]
        best: dict[tuple[int, ...], Trial] = {}
        for trial in self.scored:
            key = tuple(axis.group[trial.values[place]] for axis, place in axes)
            if key not in best or loss_of(trial) < loss_of(best[key]):
                best[key] = trial
        return best

    def losses_of(self, name: str) -> dict[int, list[float]]:
        """All losses for each group of values of a parameter."""
        axis, place = self.axis(name), self.names.index(name)
        found: dict[int, list[float]] = {}
        for trial in self.scored:
            found.setdefault(axis.group[trial.values[place]], []).append(loss_of(trial))
        return found

    def effect(self, *names: str) -> float:
        """How much the lowest reachable loss depends on some parameters."""
        best = [loss_of(trial) for trial in self.lowest(*names).values()]
        return max(best) - min(best) if best else 0.0

    @property
    def swept(self) -> list[str]:
        """The parameters of which more than one value was tried."""
        return [name for name in self.names if len(self.axis(name).labels) > 1]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Pairs of parameters to be shown, in their order."""
        every = list(combinations(self.swept, 2))
        kept = sorted(every, key=lambda pair: -self.effect(*pair))[:PAIRS]
        return [pair for pair in every if pair in kept]


def loss_of(trial: Trial) -> float:
    """The loss of a trial that has one."""
    assert trial.loss is not None
    return trial.loss


def searches(source: Source) -> list[Search]:
    """Every search that left losses, with its part of the record (empty for an unfinished run)."""
    tables: dict[int, list[Row]] = {}
    for row in source.losses:
        tables.setdefault(int(row["search"]), []).append(row)
    return [_search(index, rows, source.searches) for index, rows in tables.items()]


def _search(index: int, rows: Sequence[Row], records: Sequence[Mapping[str, Any]]) -> Search:
    columns = list(rows[0])
    names = tuple(columns[columns.index("combination") + 1 : columns.index("loss")])
    names = tuple(name for name in names if any(row[name] != "" for row in rows))
    trials: dict[int, Trial] = {}
    for row in rows:
        place = int(row["combination"])
        if place not in trials:
            trials[place] = Trial(
                place, tuple(row[name] for name in names), number(row["mean_loss"])
            )
    return Search(
        index, records[index] if index < len(records) else {}, names, tuple(trials.values())
    )


@dataclass(frozen=True)
class EdgeAdvice:
    """A parameter chosen at an end of its range, and the change to the protocol that would widen it."""

    name: str
    value: str
    end: str
    line: int | None
    present: str
    suggestion: str


def edges(search: Search, source: Source) -> Iterator[EdgeAdvice]:
    """What to change where the choice lies on the edge of a range."""
    for name, end in (search.record.get("on_edge") or {}).items():
        declared = [
            each
            for each in search.record.get("space", {}).get(name, ())
            if isinstance(each, (int, float))
        ]
        if len(declared) < 2 or (end == "lower" and min(declared) == 0):
            continue  # below nothing there is hardly ever anything
        line = _line_of(name, search, source)
        text = (source.record.get("protocol") or {}).get("text", "").splitlines()
        present = text[line - 1].strip() if line and line <= len(text) else ""
        wider = sorted({*declared, _beyond(sorted(declared), end)})
        suggestion = f"{name.rpartition('.')[2]}: {{sweep: [{', '.join(map(short, wider))}]}}"
        yield EdgeAdvice(
            name, short(search.record["chosen"].get(name)), end, line, present, suggestion
        )


def _line_of(name: str, search: Search, source: Source) -> int | None:
    step_id, _, parameter = name.rpartition(".")
    for step in source.record.get("chain", ()):
        if step["id"] in search.record.get("steps", ()) and step_id in ("", step["id"]):
            found = re.search(
                r"line (\d+)", str(step["parameters"].get(parameter, {}).get("origin", ""))
            )
            if found:
                return int(found[1])
    return None


def _beyond(values: Sequence[float], end: str) -> float:
    """One more value: as far above the largest as that is above the next, or below the smallest by the same ratio."""
    if end == "upper":
        wider = values[-1] + (values[-1] - values[-2])
    else:
        wider = (
            values[0] * values[0] / values[1]
            if values[0] > 0
            else values[0] - (values[1] - values[0])
        )
    rounded = float(f"{wider:.2g}")
    whole = all(float(value).is_integer() for value in values)
    return (
        round(rounded)
        if whole and round(rounded) not in values and (rounded >= 1 or rounded < 0)
        else rounded
    )


def short(value: Any) -> str:
    """A value, or a cell of a table, as a person would write it."""
    numeric = number(value) if isinstance(value, str) else None
    return words.value(value if numeric is None else numeric)
