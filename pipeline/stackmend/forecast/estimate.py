"""Time, memory and disk that a run will take, from what one slice takes."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, prod
from pathlib import Path
from typing import Any

import joblib

from stackmend import words
from stackmend.errors import UsageError
from stackmend.forecast.probe import Probe, SearchCost, Sought, middle_of, probe, search_in
from stackmend.job import Job
from stackmend.search import distinct_work, most_alive, strategy
from stackmend.tuning.chains import ChannelChain
from stackmend.tuning.tune import channels_of, space_of, untuned
from stackmend.workers import memory
from stackmend.workers.processes import Workers

ENOUGH_SLICES, ENOUGH_PIXELS = 32, 2**28
"""A run of so many slices and so many pixels in all is measured before it begins, for its record."""

GENEROUS = 256
"""Bytes a pixel that no slice needs: 64 arrays of its size. The built-in steps need a sixth of it."""

PROCESS = 500_000_000
"""Bytes that a process surely needs no more of beside its slices."""


@dataclass(frozen=True)
class Need:
    """What a run takes, by what was measured on one slice.

    Seconds are those of all workers together; ``workers`` is how many of those wanted have room in memory at a time.
    ``disk_bytes`` is what the new stack takes at most, and ``disk_free`` what there is.
    """

    slice: int
    survey_s: float
    search_s: float
    apply_s: float
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
        return self.survey_s + self.search_s + self.apply_s

    @property
    def fits_memory(self) -> bool:
        """Whether at least one worker has room."""
        return self.memory_bytes <= self.memory_room

    @property
    def fits_disk(self) -> bool:
        """Whether the new stack has room beside what is there."""
        return self.disk_bytes <= self.disk_free


def sought_in(job: Job) -> list[Sought]:
    """The searches of a protocol, in order."""
    return [
        (entry, channel)
        for entry in job.protocol.optimize
        for channel, _ in channels_of(job, entry)
    ]


def provisional(job: Job) -> tuple[ChannelChain, ...]:
    """The chains with the middle values of everything that is swept."""
    plans = untuned(job).plans
    for entry in job.protocol.optimize:
        space = space_of(job, entry)
        middle = dict(zip(space.parameters, middle_of(space), strict=True))
        for plan in plans:
            for position, bound in enumerate(plan.steps):
                values = {name: value for (id, name), value in middle.items() if id == bound.id}
                plan.steps[position] = replace(bound, parameters={**bound.parameters, **values})
    return plans


def need(
    job: Job,
    plans: Sequence[ChannelChain],
    *,
    todo: int,
    unknown: Sequence[float],
    workers: int,
    budget: int | None = None,
) -> Need:
    """Measure a slice, and reckon.

    Parameters
    ----------
    plans
        Chains without swept parameters.
    todo
        Slices to be restored.
    unknown
        For each search, the share of its losses that must be computed.
    workers
        Wanted.
    budget
        Bytes that all processes may have together; by default what the machine can give.
    """
    sought = sought_in(job)
    found = probe(job, plans, sought)
    room = memory.available() if budget is None else budget
    alive, search_s = 0, 0.0
    thread = max(
        found.worker_bytes - found.idle_bytes, 0
    )  # beside results: no more than a whole slice takes
    for (entry, channel), cost, share in zip(sought, found.searches, unknown, strict=True):
        seconds, most = _search(job, plans[channel], entry, cost)
        slices = len(entry.slices.indices(job.reader.shape[0]))
        held_out = len(entry.validate.indices(job.reader.shape[0])) if entry.validate else 0
        search_s += share * slices * (cost.before_s + seconds)
        search_s += share * held_out * (cost.before_s + sum(stage.seconds for stage in cost.stages))
        alive = max(alive, most if share else 0)
    fitting, taken = _fitting(found, alive, thread, workers, room)
    busy = max(1, min(fitting, joblib.cpu_count(), todo))
    start = found.start_s if fitting > 1 and todo else 0.0
    existing = next(
        path for path in (job.workspace.folder, *job.workspace.folder.parents) if path.exists()
    )
    return Need(
        slice=found.slice,
        survey_s=found.survey_s * len(job.slices) / busy,
        search_s=search_s / min(fitting, joblib.cpu_count()),
        apply_s=start + ceil(todo / busy) * found.slice_s,
        search_bytes=found.idle_bytes + alive + fitting * thread if alive else 0,
        worker_bytes=found.worker_bytes,
        memory_bytes=taken,
        memory_room=room,
        workers=fitting,
        disk_bytes=todo * slice_bytes(job),
        disk_free=shutil.disk_usage(existing).free,
    )


def slice_bytes(job: Job) -> int:
    """What a slice takes on disk at most (uncompressed), with its truth where that is known."""
    pixels = prod(job.shape[1:])
    truth = job.reader.dtype.itemsize if job.reader.truth(job.slices[0]) is not None else 0
    return pixels * (job.dtype.itemsize + truth)


def _search(job: Job, plan: ChannelChain, entry: Any, cost: SearchCost) -> tuple[float, int]:
    """Seconds of one thread for one slice, and the most bytes of results that are alive at a time."""
    _, graph, space = search_in(job, plan, entry)
    by = strategy(entry.strategy.name, **entry.strategy.options)
    first = by.propose(0, space, {})
    work = distinct_work(graph, first)
    seconds = sum(cost.stages[index].seconds for index, _ in work.tasks)
    sizes = {index: stage.bytes for index, stage in enumerate(cost.stages)}
    return seconds * by.at_most(space) / len(first), cost.given_bytes + most_alive(work, sizes)


def _fitting(found: Probe, alive: int, thread: int, wanted: int, room: int) -> tuple[int, int]:
    """How many workers have room, at least one, and what they need: while searching or restoring, whichever is more."""
    for count in range(wanted, 0, -1):
        searching = found.idle_bytes + alive + count * thread if alive else 0
        restoring = (
            found.worker_bytes if count == 1 else found.idle_bytes + count * found.worker_bytes
        )
        if max(searching, restoring) <= room or count == 1:
            return count, max(searching, restoring)
    raise AssertionError


@dataclass(frozen=True)
class Forecast:
    """What a run expects before it begins: workers that have room, and its need, or why that was not measured."""

    workers: Workers
    need: Need | None = None
    skipped: str = ""
    notes: tuple[str, ...] = ()

    def beside(self, **actual: Any) -> dict[str, Any]:
        """For the record: the estimate, and what it came to."""
        expected = None
        if self.need:
            keys = (
                "slice",
                "survey_s",
                "search_s",
                "apply_s",
                "search_bytes",
                "worker_bytes",
                "workers",
                "disk_bytes",
            )
            expected = {key: getattr(self.need, key) for key in keys}
        return {"expected": expected, "skipped": self.skipped, "actual": actual}


def forecast(job: Job, workers: Workers, budget: int | None) -> Forecast:
    """Measure before a run where it matters, and take no more workers than there is room for.

    Measuring takes a process start and some slices' time (about two seconds for slices of 7 megapixels). It is done
    where a budget is given; where memory could be short, that is, where the workers would not fit if each needed
    ``GENEROUS`` bytes a pixel; and where the run is so long that this does not count. All of that is decided by sizes
    alone. Otherwise it is safe to leave out: the workers need less than the machine has.

    Raises
    ------
    UsageError
        If the budget has no room for one worker.
    """
    pixels = prod(job.reader.shape[1:])
    count = len(job.places)
    scarce = PROCESS + workers.count * (PROCESS + GENEROUS * pixels) > memory.available()
    if budget is None and not scarce and (count < ENOUGH_SLICES or count * pixels < ENOUGH_PIXELS):
        return Forecast(
            workers,
            skipped=f"the run is short: fewer than {ENOUGH_SLICES} slices or 268 megapixels",
        )
    plans = provisional(job)
    found = need(
        job,
        plans,
        todo=count,
        unknown=[1.0] * len(sought_in(job)),
        workers=workers.count,
        budget=budget,
    )
    if budget is not None and not found.fits_memory:
        needed, given = words.size(found.memory_bytes), words.size(budget)
        what = f"one worker needs {needed} for such slices, got {given}"
        raise UsageError(f"--memory: {what}; give more, or sweep fewer values")
    notes = []
    if found.workers < workers.count:
        whose = "the budget" if budget is not None else "the memory that is free"
        notes.append(f"{found.workers} of {workers.count} workers: {whose} has room for no more")
    elif not found.fits_memory:
        needed, room = words.size(found.memory_bytes), words.size(found.memory_room)
        notes.append(f"memory may be short: {needed} are needed, {room} are free")
    return Forecast(replace(workers, count=found.workers), found, notes=tuple(notes))


def bytes_in(path: Path) -> int:
    """What a file, or all files of a folder, hold."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
