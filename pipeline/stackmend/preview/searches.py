"""The search of an optimize entry while it goes on: its points, and what is chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any

from stackmend.chain import Parameter
from stackmend.errors import UsageError
from stackmend.preview.state import State
from stackmend.protocol import OptimizeEntry
from stackmend.registry import Undefined
from stackmend.result.journal import Journal
from stackmend.result.log import Log
from stackmend.sweep import REFUSED, Choice, Combination, NoChoice, mean_loss
from stackmend.tuning.chains import ChannelChain, FinishedSearch
from stackmend.tuning.contest import contest, none_taken
from stackmend.tuning.remembered import Cancelled
from stackmend.tuning.searching import Candidate, candidates, finished, identities_of
from stackmend.tuning.session import Session
from stackmend.tuning.tune import channels_of, untuned

EVERY_S = 0.1
"""How often news is told at the most."""

OPEN = "searching"
"""Status of a point while not all slices have been looked at."""


@dataclass(frozen=True)
class Point:
    """One combination of a search: its values by full name, and its mean loss so far.

    ``status`` is ``ok``, ``searching`` while slices are left, what a loss without a value says, or
    ``refused`` and ``failed`` where ``reason`` says why it is out.
    """

    values: Mapping[str, Any]
    alternative: str
    loss: float | None
    status: str
    reason: str = ""


@dataclass(frozen=True)
class SearchNews:
    """How far a search has come, and in the end what is chosen or why nothing is.

    ``losses`` has, in the end, the loss of each point on each slice, in the order of the points.
    """

    entry: int
    done: int
    needed: int
    points: tuple[Point, ...] = ()
    finished: bool = False
    chosen: Mapping[str, Any] | None = None
    alternative: str = ""
    loss: float | None = None
    untouched: float | None = None
    reason: str = ""
    losses: Mapping[int, tuple[float | None, ...]] = field(default_factory=dict)


Told = Callable[[SearchNews], None]


def entry_of(state: State, entry: int) -> OptimizeEntry:
    """An optimize entry of a sound state by its number."""
    assert state.job is not None
    every = state.job.protocol.optimize
    if not 0 <= entry < len(every):
        what = f"the protocol has {len(every)} searches, got {entry}"
        raise UsageError(f"search: {what}; count from 0, and sweep a parameter if there is none")
    return every[entry]


def chain_before(state: State, entry: int, channel: int) -> ChannelChain:
    """The chain of a channel with the values on the screen for what earlier entries search."""
    assert state.job is not None
    earlier = {id for each in state.job.protocol.optimize[:entry] for id in each.steps}
    values: dict[Parameter, Any] = {}
    for name, value in state.values.items():
        id, _, own = name.rpartition(".")
        if id in earlier:
            values[id, own] = value
    return untuned(state.job).chains[channel].with_values(values)


class _Telling(Journal):
    """A journal of the losses of a search that keeps them in mind, and writes nothing."""

    def __init__(self) -> None:
        super().__init__(None)
        self.known: dict[str, dict[Combination, float | Undefined]] = {}

    def enter_loss(self, search: str, values: Sequence[Any], value: float | Undefined) -> None:
        """Take note of a loss, or of what else is measured of a combination."""
        self.known.setdefault(search, {})[tuple(values)] = value


class Search:
    """One search of a state, which tells how far it has come.

    Parameters
    ----------
    state
        Without errors.
    entry
        Number of the optimize entry.
    session
        What it works with; its journal and its log are replaced.
    told
        Is told of news, and ``cancelled`` asked whether to go on.
    """

    def __init__(
        self,
        state: State,
        entry: int,
        session: Session,
        told: Told,
        cancelled: Callable[[], bool],
    ) -> None:
        self._state, self._entry, self._told, self._cancelled = state, entry, told, cancelled
        self._journal = _Telling()
        log = Log(None, self._listen)
        self._session = replace(session, journal=self._journal, log=log)
        self._asked: list[tuple[Candidate, Mapping[int, str]]] = []
        self._progress = 0, 0
        self._last = 0.0

    def outcome(self) -> SearchNews:
        """Search, and say what came of it.

        Raises
        ------
        Cancelled
            If it is not wanted any more.
        UsageError
            If there is nothing to choose.
        InputError, StepError
            If a slice cannot be read or computed, or a survey cannot settle.
        """
        job, entry = self._session.job, entry_of(self._state, self._entry)
        if entry not in job.protocol.searches:
            what = "none of its steps has a sweep, so there is nothing to choose"
            raise UsageError(f"search {self._entry}: {what}; sweep a parameter")
        channel, _ = channels_of(job, entry)[0]
        chain = chain_before(self._state, self._entry, channel)
        asked = candidates(self._session, chain, entry)
        for each in asked:
            if each.trial:
                each.trial.cancelled = self._cancelled
                self._asked.append((each, identities_of(each.trial)))
        found = [finished(self._session, each, channel, None) for each in asked]
        news = self._outcome_of(found)
        self._told(news)
        return news

    def _outcome_of(self, found: Sequence[FinishedSearch]) -> SearchNews:
        entries = [each.entry for each in found]
        best, results = contest(entries, [each.result for each in found])
        points: list[Point] = []
        losses: dict[int, list[float | None]] = {}
        for each in found:
            points += _points_of(each)
            for number, row in each.result.losses.items():
                own = (None if isinstance(value, Undefined) else value for value in row.values())
                losses.setdefault(number, []).extend(own)
        _, needed = self._progress
        news = SearchNews(self._entry, needed, needed, tuple(points), finished=True)
        news = replace(news, losses={number: tuple(row) for number, row in losses.items()})
        if best is None:
            several = len(results) > 1
            choice = none_taken(entries, results) if several else results[0].choice
            assert isinstance(choice, NoChoice)
            return replace(news, reason=choice.reason)
        choice = results[best].choice
        assert isinstance(choice, Choice)
        chosen = {f"{id}.{name}": value for (id, name), value in results[best].chosen.items()}
        return replace(
            news,
            chosen=chosen,
            alternative=entries[best].alternative,
            loss=choice.loss,
            untouched=found[best].loss_before,
        )

    def _listen(self, kind: str, fields: Mapping[str, Any]) -> None:
        if self._cancelled():
            raise Cancelled
        if kind != "progress" or fields["phase"] != "search":
            return
        self._progress = fields["done"], fields["total"]
        if monotonic() - self._last > EVERY_S:
            self._last = monotonic()
            self._told(SearchNews(self._entry, *self._progress, self._points_so_far()))

    def _points_so_far(self) -> tuple[Point, ...]:
        points: list[Point] = []
        for candidate, identities in self._asked:
            rows = [self._journal.known.get(each, {}) for each in identities.values()]
            size = len(candidate.space.axes)
            for combination in [each for each in rows[0] if len(each) == size]:
                values = [row[combination] for row in rows if combination in row]
                status = OPEN if len(values) < len(rows) else _status_of(values)
                named = _named(candidate.space.parameters, combination)
                alternative = candidate.entry.alternative
                points.append(Point(named, alternative, mean_loss(values), status))
        return tuple(points)


def _points_of(found: FinishedSearch) -> list[Point]:
    """The points of a finished search."""
    result, points = found.result, list[Point]()
    for combination in result.combinations:
        values = [row[combination] for row in result.losses.values()]
        status, reason = _status_of(values), found.failed.get(combination, "")
        if reason:
            status = "failed"
        elif combination in result.refused:
            status, reason = REFUSED, result.refused[combination]
        named = _named(result.space.parameters, combination)
        mean = result.mean(combination)
        points.append(Point(named, found.entry.alternative, mean, status, reason))
    return points


def _named(parameters: Sequence[Parameter], combination: Combination) -> dict[str, Any]:
    pairs = zip(parameters, combination, strict=True)
    return {".".join(parameter): value for parameter, value in pairs}


def _status_of(values: Sequence[float | Undefined]) -> str:
    """``ok`` where any slice has a loss, else what the first one says."""
    undefined = [value.status for value in values if isinstance(value, Undefined)]
    return undefined[0] if len(undefined) == len(values) else "ok"
