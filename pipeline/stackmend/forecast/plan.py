"""What a run would do, find done already, and need; nothing is written where it would work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypedDict

from stackmend.forecast.costs import provisional
from stackmend.forecast.estimate import Need, need_of
from stackmend.forecast.foresight import Foreseen, PlannedSearch
from stackmend.job import Job
from stackmend.job.fit import grid_of
from stackmend.protocol import PixelGrid, StepEntry, Sweep
from stackmend.registry import FRAME
from stackmend.restore.identity import identity_of, still_open
from stackmend.restore.resume import Candidate, candidates
from stackmend.result import published_ledger
from stackmend.result.journal import Journal, Ledger
from stackmend.result.names import RECORD, STACKS
from stackmend.result.workspace import bytes_in
from stackmend.tuning.chains import ChannelChain


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

    Of each step, ``steps`` has its ``id``, its values under ``fixed``, lists of values under
    ``swept``, what they are in nm under ``lengths``, and under ``one_of`` the name of the chain,
    where it is in one of several.
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
    published = published_ledger(folder)
    job = _as_known(job, (published, running))
    foreseen = Foreseen(job, {**published.losses, **running.losses})
    searches = list(foreseen.searches())
    done = _done(job, foreseen.chains if foreseen.decided else None, running, published)
    unknown = [0.0 if each.decided else 1 - each.known / each.needed for each in searches]
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
        earlier_bytes=_earlier_bytes(folder),
        workers=workers,
        budget=budget,
        need=need_of(job, todo=done["todo"], unknown=unknown, workers=workers, budget=budget),
        warnings=[f"{problem.path}: {problem.message}" for problem in job.protocol.warnings],
    )


def _as_known(job: Job, ledgers: Sequence[Ledger]) -> Job:
    """The job in the shape that earlier work has, where only surveys say which that is."""
    chains = (chain for variant in job.protocol.variants for chain in provisional(job, variant))
    if not any(FRAME in chain.graph().products for chain in chains):
        return job
    for ledger in ledgers:
        _, *shape = ledger.work["layout"]["shape"] if ledger.work else job.shape
        if tuple(shape) != job.shape[1:]:
            return replace(job, frame=(0, 0, shape[0], shape[1]))
    return job


def _earlier_bytes(folder: Path) -> int:
    """What the stacks of a result in a folder take."""
    if not (folder / RECORD).exists():
        return 0
    return sum(bytes_in(folder / name) for name in STACKS)


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
    folder = job.workspace.folder
    path, masks = job.writer(folder=folder).path, job.masks(folder)
    kept = {"format": given.format, "compression": given.compression}
    beside = {"masks": masks and masks.writer.path}
    return {"path": path, "shape": job.shape, "dtype": str(job.dtype), **kept, **beside}


def _steps(job: Job) -> Iterator[dict[str, Any]]:
    protocol, grid = job.protocol, grid_of(job.reader)
    at = protocol.one_of.at if protocol.one_of else 0
    chains = {"": protocol.chain[:at]}
    chains |= protocol.one_of.chains if protocol.one_of else {}
    for name, chain in (*chains.items(), ("", protocol.chain[at:])):
        for entry in chain:
            swept = {key: list(sweep.values) for key, sweep in entry.sweeps.items()}
            values = entry.parameters.items()
            fixed = {key: value for key, value in values if not isinstance(value, Sweep)}
            lengths = _lengths(entry, grid)
            step = {"id": entry.id, "step": entry.name, "fixed": fixed, "swept": swept}
            yield {**step, "lengths": lengths, "one_of": name}


def _lengths(entry: StepEntry, grid: PixelGrid) -> dict[str, list[str | None]]:
    """What the values of a step are in nm or um, by parameter, where that can be said."""
    found: dict[str, list[str | None]] = {}
    for name, value in entry.parameters.items():
        declared = entry.step.schema["properties"][name]
        several = value.values if isinstance(value, Sweep) else (value,)
        texts = [grid.text(each, declared) for each in several]
        if any(texts):
            found[name] = texts
    return found


def _done(
    job: Job, chains: Sequence[ChannelChain] | None, running: Ledger, published: Ledger
) -> DoneBefore:
    """What journals have as finished, as far as that can be said before the search."""
    places = job.places
    found: list[Candidate] = []
    lost: dict[str, int] = {}
    if chains is not None:
        found, lost = candidates(job, places, identity_of(job, chains), running, published)
        todo = len(places) - len(found)
        return {"finished": len(found), "undecided": 0, "again": lost, "todo": todo}
    for variant in job.protocol.variants:
        swept: list[str] = []
        for entry in job.protocol.variant(variant):
            swept += [f"{entry.id}.{name}" for name in entry.sweeps]
        identity = still_open(identity_of(job, provisional(job, variant)), swept)
        before = [_with_open(ledger, swept) for ledger in (running, published)]
        found, lost = candidates(job, places, identity, *before)
        if found:
            break
    return {"finished": 0, "undecided": len(found), "again": lost, "todo": len(places)}


def _with_open(ledger: Ledger, swept: Sequence[str]) -> Ledger:
    """A ledger whose work does not say what is only known after the search."""
    opened = copy(ledger)
    opened.work = ledger.work and still_open(ledger.work, swept)
    return opened
