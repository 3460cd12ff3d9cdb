"""Time, memory and disk that a run will take, from what one slice takes."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, prod

import joblib

from stackmend.errors import InputError, UsageError
from stackmend.forecast.costs import Costs, SearchCosts, costs_of, provisional, searches_of
from stackmend.job import Job
from stackmend.protocol import OptimizeEntry
from stackmend.restore.fill import slice_bytes
from stackmend.restore.recovery import restorations
from stackmend.result.record import Estimate
from stackmend.sweep import distinct_work, most_alive, strategy
from stackmend.tuning.chains import ChannelChain
from stackmend.tuning.spaces import space_of
from stackmend.tuning.trial import Trial
from stackmend.words import size
from stackmend.workers import memory
from stackmend.workers.processes import Workers

ENOUGH_SLICES, ENOUGH_PIXELS = 32, 2**28
"""A run of so many slices and pixels in all is measured before it begins, for its record."""

GENEROUS = 256
"""Bytes a pixel that no slice needs: 64 arrays. The built-in steps need a sixth of it."""

PROCESS = 500_000_000
"""Bytes that a process surely needs no more of beside its slices."""

_RECORDED = (
    "slice",
    "survey_s",
    "search_s",
    "apply_s",
    "recovery_s",
    "search_bytes",
    "worker_bytes",
    "workers",
    "disk_bytes",
)


@dataclass(frozen=True)
class Need:
    """What a run takes, by what was measured on one slice.

    Seconds are those of all workers together; ``workers`` is how many of those wanted have room in
    memory at a time. ``disk_bytes`` is what the new stack takes at most, and ``disk_free`` what
    there is.
    """

    slice: int
    survey_s: float
    search_s: float
    apply_s: float
    recovery_s: float
    search_bytes: int
    worker_bytes: int
    memory_bytes: int
    memory_room: int
    workers: int
    disk_bytes: int
    disk_free: int

    @property
    def total_s(self) -> float:
        """From the start to the end."""
        return self.survey_s + self.search_s + self.apply_s + self.recovery_s

    @property
    def fits_memory(self) -> bool:
        """Whether at least one worker has room."""
        return self.memory_bytes <= self.memory_room

    @property
    def fits_disk(self) -> bool:
        """Whether the new stack has room beside what is there."""
        return self.disk_bytes <= self.disk_free


def need_of(
    job: Job,
    *,
    todo: int,
    unknown: Sequence[float],
    workers: int,
    budget: int | None = None,
) -> Need:
    """Measure a slice, and reckon.

    Parameters
    ----------
    todo
        Slices to be restored.
    unknown
        For each search, the share of its losses that must be computed.
    workers
        Wanted.
    budget
        Bytes that all processes may have together; by default what the machine can give.
    """
    costs = costs_of(job)
    room = memory.available() if budget is None else budget
    cores = int(joblib.cpu_count())
    search_s, alive = _searching(job, costs, unknown)
    fitting, taken = _fitting(costs, alive, workers, room)
    thread = _thread(costs)
    busy = max(1, min(fitting, cores, todo))
    start = costs.start_s if fitting > 1 and todo else 0.0
    folder = job.workspace.folder
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    return Need(
        slice=costs.slice,
        survey_s=costs.survey_s * len(job.slices) / busy,
        search_s=search_s / min(fitting, cores),
        apply_s=start + ceil(todo / busy) * costs.slice_s,
        recovery_s=restorations(job, provisional(job)) * costs.slice_s if todo else 0.0,
        search_bytes=costs.idle_bytes + alive + fitting * thread if alive else 0,
        worker_bytes=costs.worker_bytes,
        memory_bytes=taken,
        memory_room=room,
        workers=fitting,
        disk_bytes=todo * slice_bytes(job),
        disk_free=shutil.disk_usage(existing).free,
    )


def _thread(costs: Costs) -> int:
    """What a thread of a search takes beside results: no more than a whole slice."""
    return max(costs.worker_bytes - costs.idle_bytes, 0)


def _searching(job: Job, costs: Costs, unknown: Sequence[float]) -> tuple[float, int]:
    """Seconds of one thread for all searches, and the most bytes of results alive at a time."""
    total, alive = 0.0, 0
    for (entry, channel), found, share in zip(
        searches_of(job), costs.searches, unknown, strict=True
    ):
        chain = provisional(job, entry.alternative)[channel]
        seconds, most = _one_search(job, chain, entry, found)
        slices = len(entry.slices.indices(job.reader.shape[0]))
        held_out = len(entry.validate.indices(job.reader.shape[0])) if entry.validate else 0
        once = sum(stage_s for stage_s, _ in found.stages)
        total += share * slices * (found.before_s + seconds)
        total += share * held_out * (found.before_s + once)
        total += share * len(entry.clean) * (found.before_s + seconds)
        alive = max(alive, most if share else 0)
    return total, alive


def _one_search(
    job: Job, chain: ChannelChain, entry: OptimizeEntry, costs: SearchCosts
) -> tuple[float, int]:
    """Seconds of one thread for one slice, and the most bytes of results alive at a time."""
    if not costs.stages:
        return 0.0, 0
    trial = Trial(chain, entry, space_of(job.protocol, entry))
    graph = trial.graph()
    by = strategy(**entry.strategy)
    work = distinct_work(graph, by.propose(0, trial.space, {}))
    seconds = sum(costs.stages[index][0] for index, _ in work.tasks)
    rounds = by.at_most(trial.space) / max(len(work.answers["loss"]), 1)
    sizes = {index: nbytes for index, (_, nbytes) in enumerate(costs.stages)}
    return seconds * rounds, costs.given_bytes + most_alive(work, sizes)


def _fitting(costs: Costs, alive: int, wanted: int, room: int) -> tuple[int, int]:
    """How many workers have room, at least one, and what they need: searching or restoring."""
    count = wanted
    while True:
        searching = costs.idle_bytes + alive + count * _thread(costs) if alive else 0
        restoring = costs.worker_bytes
        if count > 1:
            restoring = costs.idle_bytes + count * costs.worker_bytes
        if max(searching, restoring) <= room or count == 1:
            return count, max(searching, restoring)
        count -= 1


@dataclass(frozen=True)
class Expected:
    """What a run expects: workers that have room, and its need, or why that was not measured."""

    workers: Workers
    need: Need | None = None
    skipped: str = ""
    notes: tuple[str, ...] = ()

    def beside(self, **actual: float | None) -> Estimate:
        """For the record: the estimate, and what it came to."""
        expected = None
        if self.need:
            expected = {key: getattr(self.need, key) for key in _RECORDED}
        return {"expected": expected, "skipped": self.skipped, "actual": actual}


def expected(job: Job, workers: Workers, budget: int | None) -> Expected:
    """Measure before a run where it matters, and take no more workers than there is room for.

    Measuring takes a process start and some slices' time (about two seconds for slices of 7
    megapixels). It is done where a budget is given; where memory could be short, that is, where the
    workers would not fit if each needed ``GENEROUS`` bytes a pixel; and where the run is so long
    that this does not count. All of that is decided by sizes alone. Otherwise it is safe to leave
    out: the workers need less than the machine has.

    Raises
    ------
    UsageError
        If the budget has no room for one worker.
    """
    pixels = prod(job.reader.shape[1:])
    count = len(job.places)
    scarce = PROCESS + workers.count * (PROCESS + GENEROUS * pixels) > memory.available()
    short = count < ENOUGH_SLICES or count * pixels < ENOUGH_PIXELS
    if budget is None and not scarce and short:
        limits = f"fewer than {ENOUGH_SLICES} slices or {ENOUGH_PIXELS // 10**6} megapixels"
        return Expected(workers, skipped=f"the run is short: {limits}")
    everything = [1.0] * len(searches_of(job))
    try:
        need = need_of(job, todo=count, unknown=everything, workers=workers.count, budget=budget)
    except InputError as error:  # a survey may need more slices; if all do not do, the run says so
        if budget is not None:
            raise
        return Expected(workers, skipped=f"no slice could be measured ({error})")
    if budget is not None and not need.fits_memory:
        what = f"one worker needs {size(need.memory_bytes)} for such slices, got {size(budget)}"
        raise UsageError(f"--memory: {what}; give more, or sweep fewer values")
    notes = []
    if need.workers < workers.count:
        whose = "the budget" if budget is not None else "the memory that is free"
        notes.append(f"{need.workers} of {workers.count} workers: {whose} has room for no more")
    elif not need.fits_memory:
        taken, room = size(need.memory_bytes), size(need.memory_room)
        notes.append(f"memory may be short: {taken} are needed, {room} are free")
    return Expected(replace(workers, count=need.workers), need, notes=tuple(notes))
