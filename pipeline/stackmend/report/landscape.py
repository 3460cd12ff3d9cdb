"""A search as it can be looked at: every combination, and what each parameter does to the loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import isfinite
from typing import Any

from stackmend.result import Result
from stackmend.result.record import SearchRecord
from stackmend.result.rows import REFUSED, LossRow

FEW = 12
"""Up to so many values a parameter is shown value by value; beyond, in so many intervals."""

PAIRS = 10
"""Heat maps at the most: those of the pairs with the largest effect."""


@dataclass(frozen=True)
class Trial:
    """A combination: its place in the order of the search, its values as written, its mean loss.

    ``clean_changed`` is the largest share that it changes of a clean slice, ``masked_share`` that
    it masks of a slice, where these are known.
    """

    index: int
    values: tuple[str, ...]
    loss: float | None
    refused: bool = False
    clean_changed: float | None = None
    masked_share: float | None = None


@dataclass(frozen=True)
class Axis:
    """The distinct values of a parameter, in order, in groups of one.

    Where there are too many, in groups of several, labelled by the one in the middle.
    """

    name: str
    labels: tuple[str, ...]
    group: Mapping[str, int]

    @classmethod
    def of(cls, name: str, values: Sequence[str]) -> Axis:
        """The axis for the values that occur."""
        distinct = list(dict.fromkeys(values))
        found = {text: number(text) for text in distinct}
        numbers = {text: value for text, value in found.items() if value is not None}
        if len(numbers) == len(distinct):
            distinct.sort(key=numbers.__getitem__)
        if len(distinct) <= FEW:
            return cls(name, tuple(distinct), {text: place for place, text in enumerate(distinct)})
        group = {text: place * FEW // len(distinct) for place, text in enumerate(distinct)}
        labels = []
        for place in range(FEW):
            members = [text for text in distinct if group[text] == place]
            labels.append(f"{number(members[len(members) // 2]) or 0:.3g}")
        return cls(name, tuple(labels), group)


@dataclass(frozen=True)
class Search:
    """A search with all its trials; ``record`` is its part of the record of a finished run."""

    index: int
    record: SearchRecord | None
    names: tuple[str, ...]
    trials: tuple[Trial, ...]

    @property
    def scored(self) -> list[Trial]:
        """The trials that have a loss."""
        return [trial for trial in self.trials if trial.loss is not None]

    @property
    def _allowed(self) -> list[Trial]:
        """Those of them that no guard refused; all, where every one is refused."""
        return [trial for trial in self.scored if not trial.refused] or self.scored

    @property
    def best_refused(self) -> Trial | None:
        """The one with the lowest loss of those that a guard refused."""
        out = [trial for trial in self.scored if trial.refused]
        return min(out, key=loss_of, default=None)

    @property
    def chosen(self) -> Trial | None:
        """The combination that was applied."""
        return self.landmarks.get("global minimum")

    @property
    def landmarks(self) -> dict[str, Trial]:
        """The named points, the chosen one first."""
        places = dict(self.record.landmarks) if self.record else {}
        chosen = self.record is None or self.record.status == "chosen"
        if not places and chosen and self.scored:
            places = {"global minimum": min(self.scored, key=loss_of).index}
        by_index = {trial.index: trial for trial in self.trials}
        return {name: by_index[place] for name, place in places.items() if place in by_index}

    def axis(self, name: str) -> Axis:
        """The values of a parameter."""
        place = self.names.index(name)
        return Axis.of(name, [trial.values[place] for trial in self.trials])

    def lowest(self, *names: str) -> dict[tuple[int, ...], Trial]:
        """For each group of values of some parameters the best trial, whatever the others are."""
        axes = [(self.axis(name), self.names.index(name)) for name in names]
        best: dict[tuple[int, ...], Trial] = {}
        for trial in self._allowed:
            key = tuple(axis.group[trial.values[place]] for axis, place in axes)
            if key not in best or loss_of(trial) < loss_of(best[key]):
                best[key] = trial
        return best

    def losses_of(self, name: str) -> dict[int, list[float]]:
        """All losses for each group of values of a parameter."""
        axis, place = self.axis(name), self.names.index(name)
        found: dict[int, list[float]] = {}
        for trial in self._allowed:
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


def searches(source: Result) -> list[Search]:
    """Every search that left losses, with its part of the record (none for an unfinished run)."""
    tables: dict[int, list[LossRow]] = {}
    for row in source.losses:
        tables.setdefault(row.search, []).append(row)
    records = dict(enumerate(source.searches))
    return [_search(index, rows, records.get(index)) for index, rows in tables.items()]


def _search(index: int, rows: Sequence[LossRow], record: SearchRecord | None) -> Search:
    names: dict[str, None] = {}
    for row in rows:
        names.update(dict.fromkeys(row.values))
    found: dict[int, list[LossRow]] = {}
    for row in rows:
        if isinstance(row.combination, int):
            found.setdefault(row.combination, []).append(row)
    trials = tuple(_trial(place, own, tuple(names)) for place, own in found.items())
    return Search(index, record, tuple(names), trials)


def _trial(index: int, rows: Sequence[LossRow], names: Sequence[str]) -> Trial:
    """A combination, from its rows for all slices."""
    first = rows[0]
    return Trial(
        index,
        tuple(str(first.values.get(name, "")) for name in names),
        first.mean_loss,
        refused=any(row.status == REFUSED for row in rows),
        clean_changed=first.clean_changed,
        masked_share=max(
            (row.masked_share for row in rows if row.masked_share is not None), default=None
        ),
    )


def short(value: Any) -> str:
    """A value as a person would write it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    numeric = number(value) if isinstance(value, int | float | str) else None
    return str(value) if numeric is None else f"{numeric:.6g}"


def number(text: str | float) -> float | None:
    """A text as a finite number; ``None`` if it is none."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) else None
