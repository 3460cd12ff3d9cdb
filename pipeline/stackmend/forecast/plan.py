"""What a run would do, find done already, and need; nothing is written where it would work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from stackmend.forecast.estimate import Need, bytes_in, need, provisional
from stackmend.forecast.probe import search_in
from stackmend.job import Job
from stackmend.protocol import StepEntry
from stackmend.protocol.model import Sweep
from stackmend.restore.resume import candidates, identity_of
from stackmend.result import names
from stackmend.result.journal import Journal, Ledger
from stackmend.result.log import Log
from stackmend.search import distinct_work, strategy
from stackmend.tuning.chains import ChannelChain
from stackmend.tuning.tune import NotKnown, Session, channels_of, survey, untuned, work_through
from stackmend.workers.processes import Workers


@dataclass(frozen=True)
class PlannedStep:
    """One step; a swept parameter has the list of its values as ``swept``, a fixed one its value as ``fixed``."""

    id: str
    step: str
    fixed: Mapping[str, Any]
    swept: Mapping[str, Sequence[Any]]


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


@dataclass(frozen=True)
class DoneBefore:
    """What is finished.

    ``finished`` slices are in a journal of the same work: the run checks their content and keeps what holds.
    ``undecided`` ones are kept if the search chooses as it did before. ``again`` has the others by the reason.
    """

    finished: int
    undecided: int
    again: Mapping[str, int]
    todo: int


@dataclass(frozen=True)
class RunPlan:
    """All that can be said of a run before it begins."""

    name: str
    input: Mapping[str, Any]
    output: Mapping[str, Any]
    slices: Sequence[int]
    channels: Sequence[int]
    steps: Sequence[PlannedStep]
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
    running, published = (
        Journal(job.workspace.journal).ledger(),
        Ledger().read([folder / names.JOURNAL]),
    )
    guess = provisional(job)
    plans, searches = _searches(job, Ledger({}, {}, {**published.losses, **running.losses}), guess)
    done = _done(job, plans, guess, running, published)
    shares = [0.0 if each.decided else 1 - each.known / max(each.needed, 1) for each in searches]
    earlier = job.writer(folder=folder).path
    return RunPlan(
        name=job.protocol.name,
        input=_input(job),
        output=_output(job),
        slices=job.slices,
        channels=job.channels,
        steps=[_step(entry) for entry in job.protocol.chain],
        searches=searches,
        survey=_survey_needed(guess, job),
        done=done,
        busy=job.workspace.busy,
        earlier_bytes=bytes_in(earlier)
        if (folder / names.RECORD).exists() and earlier.exists()
        else 0,
        workers=workers,
        budget=budget,
        need=need(
            job, plans or guess, todo=done.todo, unknown=shares, workers=workers, budget=budget
        ),
        warnings=[f"{problem.path}: {problem.message}" for problem in job.protocol.warnings],
    )


def _input(job: Job) -> dict[str, Any]:
    reader = job.reader
    return {
        "label": reader.label,
        "path": job.protocol.input.path,
        "shape": reader.shape,
        "dtype": str(reader.dtype),
    }


def _output(job: Job) -> dict[str, Any]:
    given = job.protocol.output
    path = job.writer(folder=job.workspace.folder).path
    kept = {"format": given.format, "compression": given.compression}
    return {"path": path, "shape": job.shape, "dtype": str(job.dtype), **kept}


def _step(entry: StepEntry) -> PlannedStep:
    fixed = {
        name: value for name, value in entry.parameters.items() if not isinstance(value, Sweep)
    }
    return PlannedStep(
        entry.id, entry.name, fixed, {name: sweep.values for name, sweep in entry.sweeps.items()}
    )


def _survey_needed(plans: Sequence[ChannelChain], job: Job) -> bool:
    """Whether a step must know the whole stack first."""
    try:
        for plan in plans:
            survey(plan, _desk(job, Ledger()), upto=len(plan.steps))
    except NotKnown:
        return True
    return False


def _desk(job: Job, known: Ledger) -> Session:
    return Session(job, Log(), Workers(1), Journal(job.workspace.journal), known, dry=True)


def _searches(
    job: Job, known: Ledger, guess: Sequence[ChannelChain]
) -> tuple[tuple[ChannelChain, ...] | None, list[PlannedSearch]]:
    """The chains if everything that is searched is known from journals, and what is to be said of each search."""
    tuning, session, searches = untuned(job), _desk(job, known), []
    decided = True
    for entry in job.protocol.optimize:
        for channel, followers in channels_of(job, entry):
            missing: frozenset[str] = frozenset()
            try:
                if decided:
                    work_through(session, tuning, entry, channel, followers)
            except NotKnown as reason:
                decided, missing = False, reason.searches
            losses = sum(search in missing for search, _ in known.losses)
            searches.append(_search(job, guess[channel], entry, channel, decided, losses))
    try:
        for plan in tuning.plans if decided else ():
            survey(plan, session, upto=len(plan.steps))
    except NotKnown:
        decided = False
    return tuning.plans if decided else None, searches


def _search(
    job: Job, plan: ChannelChain, entry: Any, channel: int, decided: bool, known: int
) -> PlannedSearch:
    _, graph, space = search_in(job, plan, entry)
    by = strategy(entry.strategy.name, **entry.strategy.options)
    first = by.propose(0, space, {})
    work = distinct_work(graph, first)
    counted = Counter(
        task.node.stage.plural for task in work.tasks.values() if task.node.stage.plural
    )
    numbers = entry.slices.indices(job.reader.shape[0])
    needed = len(first) * len(numbers)
    return PlannedSearch(
        steps=entry.steps,
        channel=job.channels[channel],
        strategy=entry.strategy.name,
        loss=entry.loss.name,
        slices=numbers,
        combinations=len(first),
        at_most=by.at_most(space),
        distinct_work=dict(work.counts()),
        counted=dict(counted),
        known=needed if decided else min(known, needed),
        needed=needed,
        decided=decided,
    )


def _done(
    job: Job,
    plans: Sequence[ChannelChain] | None,
    guess: Sequence[ChannelChain],
    running: Ledger,
    published: Ledger,
) -> DoneBefore:
    """What journals have as finished, as far as that can be said before the search."""
    places = job.places
    if plans is not None:
        found, lost = candidates(job, places, identity_of(job, plans), running, published)
        return DoneBefore(len(found), 0, lost, len(places) - len(found))
    work = _open(identity_of(job, guess), job)
    running, published = (_with_open_work(each, job) for each in (running, published))
    found, lost = candidates(job, places, work, running, published)
    return DoneBefore(0, len(found), lost, len(places))


def _open(work: dict[str, Any], job: Job) -> dict[str, Any]:
    """The same without what is only known after the search and a look at the stack."""
    swept = {f"{entry.id}.{name}" for entry in job.protocol.chain for name in entry.sweeps}
    pixels = {
        name: value
        for name, value in work["pixels"].items()
        if name != "grey levels of the whole stack"
    }
    parameters = {
        n: v
        for n, v in work["pixels"]["parameters"].items()
        if n.split(" of channel ")[0] not in swept
    }
    return {**work, "pixels": {**pixels, "parameters": parameters}}


def _with_open_work(ledger: Ledger, job: Job) -> Ledger:
    work = ledger.work and _open(ledger.work, job)
    return Ledger(work, ledger.slices, ledger.losses, ledger.shards)
