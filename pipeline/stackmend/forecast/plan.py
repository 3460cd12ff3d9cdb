"""What a run would do, find done already, and need; nothing is written where it would work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypedDict

from stackmend.forecast.costs import provisional
from stackmend.forecast.estimate import Need, need_of
from stackmend.job import Job
from stackmend.protocol import OptimizeEntry
from stackmend.protocol.model import Sweep
from stackmend.restore.identity import identity_of, still_open
from stackmend.restore.resume import candidates
from stackmend.result.journal import Journal, JournaledLosses, Ledger, Loss
from stackmend.result.log import Log
from stackmend.result.names import JOURNAL, RECORD
from stackmend.result.workspace import bytes_in
from stackmend.search import SearchResult, Strategy, distinct_work, recall_search, strategy
from stackmend.tuning.alone import is_complete, judged, recalled_untouched
from stackmend.tuning.chains import ChannelChain, survey_of
from stackmend.tuning.control import Control
from stackmend.tuning.outcome import follow
from stackmend.tuning.trial import Trial, space_of
from stackmend.tuning.tune import channels_of, is_void, search_identity, untuned


@dataclass(frozen=True)
class PlannedSearch:
    """One search on one channel.

    Attributes
    ----------
    combinations : int
        Of the first round, which is all of them for a grid.
    at_most : int
        Of all rounds.
    distinct_work : Mapping[str, int]
        How often each product is computed for one slice in the first round.
    counted : Mapping[str, int]
        The same in the words that people have for some of them.
    known, needed : int
        Losses that journals have, and those of the first round on all slices.
    decided : bool
        Whether the run would have nothing to search.
    """

    steps: Sequence[str]
    channel: int
    strategy: str
    loss: str
    slices: Sequence[int]
    combinations: int
    at_most: int
    distinct_work: Mapping[str, int]
    counted: Mapping[str, int]
    known: int
    needed: int
    decided: bool


class DoneBefore(TypedDict):
    """What is finished.

    ``finished`` slices are in a journal of the same work: the run checks their content and keeps
    what holds. ``undecided`` ones are kept if the search chooses as it did before. ``again`` has
    the others by the reason.
    """

    finished: int
    undecided: int
    again: Mapping[str, int]
    todo: int


@dataclass(frozen=True)
class RunPlan:
    """All that can be said of a run before it begins.

    Of each step, ``steps`` has its ``id``, its values under ``fixed``, and lists of values under
    ``swept``.
    """

    name: str
    input: Mapping[str, Any]
    output: Mapping[str, Any]
    slices: Sequence[int]
    channels: Sequence[int]
    steps: Sequence[Mapping[str, Any]]
    searches: Sequence[PlannedSearch]
    survey: bool
    done: DoneBefore
    busy: bool
    earlier_bytes: int
    workers: int
    budget: int | None
    need: Need
    warnings: Sequence[str]

    @property
    def fits(self) -> bool:
        """Whether there is room in memory and on disk."""
        return self.need.fits_memory and self.need.fits_disk

    def as_dict(self) -> dict[str, Any]:
        """All of it as plain data, with what follows from it."""
        fits = {"memory": self.need.fits_memory, "disk": self.need.fits_disk}
        return {**asdict(self), "total_s": self.need.total_s, "fits": fits}


def plan_of(job: Job, workers: int, budget: int | None) -> RunPlan:
    """Say what a run would do; one slice is measured for that, outside of the result folder.

    Raises
    ------
    StackmendError
        As a run would: also where journals know already that nothing can be chosen.
    """
    folder = job.workspace.folder
    running = Journal(job.workspace.journal).ledger()
    published = Ledger().read([folder / JOURNAL])
    foreseen = _Foreseen(job, {**published.losses, **running.losses})
    searches = list(foreseen.searches())
    done = _done(job, foreseen.chains if foreseen.decided else None, running, published)
    unknown = [0.0 if each.decided else 1 - each.known / each.needed for each in searches]
    earlier = job.writer(folder=folder).path
    has_earlier = (folder / RECORD).exists() and earlier.exists()
    return RunPlan(
        name=job.protocol.name,
        input=_input(job),
        output=_output(job),
        slices=job.slices,
        channels=job.channels,
        steps=list(_steps(job)),
        searches=searches,
        survey=foreseen.surveys,
        done=done,
        busy=job.workspace.busy,
        earlier_bytes=bytes_in(earlier) if has_earlier else 0,
        workers=workers,
        budget=budget,
        need=need_of(job, todo=done["todo"], unknown=unknown, workers=workers, budget=budget),
        warnings=[f"{problem.path}: {problem.message}" for problem in job.protocol.warnings],
    )


def _input(job: Job) -> dict[str, Any]:
    reader = job.reader
    path = job.protocol.input.path
    return {
        "label": reader.label,
        "path": path,
        "shape": reader.shape,
        "dtype": str(reader.dtype),
        "pixel_size": reader.metadata.text,
        "notes": reader.notes,
    }


def _output(job: Job) -> dict[str, Any]:
    given = job.protocol.output
    path = job.writer(folder=job.workspace.folder).path
    kept = {"format": given.format, "compression": given.compression}
    return {"path": path, "shape": job.shape, "dtype": str(job.dtype), **kept}


def _steps(job: Job) -> Iterator[dict[str, Any]]:
    for entry in job.protocol.chain:
        swept = {name: list(sweep.values) for name, sweep in entry.sweeps.items()}
        values = entry.parameters.items()
        fixed = {name: value for name, value in values if not isinstance(value, Sweep)}
        yield {"id": entry.id, "step": entry.name, "fixed": fixed, "swept": swept}


class _Foreseen:
    """The chains as far as the losses that are known decide about them."""

    def __init__(self, job: Job, known: Mapping[tuple[str, str], Loss]) -> None:
        self._job, self._known = job, known
        self._guess = provisional(job)
        self.chains = list(untuned(job).chains)
        self.surveys = any(survey_of(bound) for chain in self._guess for bound in chain.steps)
        # What surveys settle decides about losses, and is not looked up here: it takes a look at
        # every slice.
        self.decided = not self.surveys

    def searches(self) -> Iterator[PlannedSearch]:
        """What is to be said of each search; the chains follow those that are decided."""
        for entry in self._job.protocol.optimize:
            for channel, followers in channels_of(self._job, entry):
                yield self._search(entry, channel, followers)

    def _search(
        self, entry: OptimizeEntry, channel: int, followers: Sequence[int]
    ) -> PlannedSearch:
        job = self._job
        by = strategy(**entry.strategy)
        numbers = entry.slices.indices(job.reader.shape[0])
        trial = Trial(self._guess[channel], entry, space_of(job.protocol, entry))
        first = by.propose(0, trial.space, {})
        needed = known = len(first) * len(numbers)
        if self.decided and not is_void(self.chains[channel], entry):
            trial = Trial(self.chains[channel], entry, trial.space)
            store = self._store(trial, numbers)
            result = self._recalled(trial, by, store)
            known = 0
            for number in numbers:
                known += sum(store.recall(number, each) is not None for each in first)
            self._follow(entry, followers, result)
        elif not self.decided:
            known = 0
        work = distinct_work(trial.graph(), first)
        plurals = (task.node.stage.plural for task in work.tasks.values())
        return PlannedSearch(
            steps=entry.steps,
            channel=job.channels[channel],
            strategy=entry.strategy["name"],
            loss=entry.loss.name,
            slices=numbers,
            combinations=len(first),
            at_most=by.at_most(trial.space),
            distinct_work=dict(work.counts()),
            counted=dict(Counter(plural for plural in plurals if plural)),
            known=known,
            needed=needed,
            decided=self.decided,
        )

    def _recalled(self, trial: Trial, by: Strategy, store: JournaledLosses) -> SearchResult | None:
        """What the search will come to, if journals know all of it."""
        job = self._job
        numbers = trial.entry.slices.indices(job.reader.shape[0])
        control = Control(job, trial, Journal(None), self._known)
        result = recall_search(trial.space, numbers, by, store, refuse=control.recalled)
        if result is None:
            return None
        untouched = recalled_untouched(result, store)
        return judged(trial, result, untouched) if is_complete(result, untouched) else None

    def _store(self, trial: Trial, numbers: Sequence[int]) -> JournaledLosses:
        identities = {number: search_identity(trial, number) for number in numbers}
        journal = Journal(self._job.workspace.journal)
        return JournaledLosses(journal, self._known, identities)

    def _follow(
        self, entry: OptimizeEntry, followers: Sequence[int], result: SearchResult | None
    ) -> None:
        if result is None:
            self.decided = False
            return
        followed = [self.chains[each] for each in followers]
        for each, chain in zip(followers, follow(followed, entry, result, Log()), strict=True):
            self.chains[each] = chain


def _done(
    job: Job, chains: Sequence[ChannelChain] | None, running: Ledger, published: Ledger
) -> DoneBefore:
    """What journals have as finished, as far as that can be said before the search."""
    places = job.places
    if chains is not None:
        found, lost = candidates(job, places, identity_of(job, chains), running, published)
        todo = len(places) - len(found)
        return {"finished": len(found), "undecided": 0, "again": lost, "todo": todo}
    swept: list[str] = []
    for entry in job.protocol.chain:
        swept += [f"{entry.id}.{name}" for name in entry.sweeps]
    identity = still_open(identity_of(job, provisional(job)), swept)
    for ledger in (running, published):
        if ledger.work is not None:
            ledger.work = still_open(ledger.work, swept)
    found, lost = candidates(job, places, identity, running, published)
    return {"finished": 0, "undecided": len(found), "again": lost, "todo": len(places)}
