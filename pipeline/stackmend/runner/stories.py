"""A run, a shard of one, and the joining of shards: each from the search to the end.

All three begin alike: announce, survey and search, and see what is done already. A run then
restores what is missing; so does a shard with its part, and leaves the rest to ``join``, which
restores nothing. What both end with is in ``_complete``: pictures, record, publication.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter

from stackmend.errors import OutputError, Unfinished
from stackmend.forecast.estimate import Expected
from stackmend.job import SliceOfChannel
from stackmend.pictures.collect import collect
from stackmend.pictures.searches import thumbnail_step
from stackmend.restore.apply import Application
from stackmend.restore.fill import Filling, ask_for_room, check_stack, make_room
from stackmend.restore.identity import Identity, identity_of
from stackmend.restore.recovery import recovery
from stackmend.restore.resume import Done, finished
from stackmend.result import Record, names, published_ledger
from stackmend.result.environment import command
from stackmend.result.gate_record import fails
from stackmend.result.journal import Ledger, shards_text
from stackmend.result.log import now
from stackmend.result.record import Times
from stackmend.result.rows import SliceRow
from stackmend.runner.gates import gates_of
from stackmend.runner.recording import protocol_record
from stackmend.runner.shards import Shard
from stackmend.runner.writing import (
    earlier_text,
    record_in_place,
    write_beside,
    write_losses,
)
from stackmend.tuning.chains import Tuning
from stackmend.tuning.framing import framed
from stackmend.tuning.session import Session
from stackmend.tuning.tune import tune
from stackmend.words import counted, few
from stackmend.workers import memory


def run_whole(session: Session, expected: Expected) -> tuple[Record, bool]:
    """Search, restore what is missing, and put the result in its place.

    Returns the record, and whether it is new.
    """
    begun = _begin(session, expected, session.job.places, pictured=True)
    return _complete(begun)


def run_shard(session: Session, expected: Expected, part: Shard) -> None:
    """Search, or take over what another shard found; restore a part, to be joined."""
    begun = _begin(session, expected, part.part(session.job.places), shard=part)
    _report_done(begun)
    filling = _filled(begun, shared=True)
    session.journal.enter_shard(
        {
            "shard": str(part),
            "host": platform.node(),
            "workers": session.workers.count,
            "started": begun.started,
            "search_s": begun.search_s,
            "total_s": perf_counter() - begun.start,
            "slices": filling.total,
        }
    )


def join(session: Session, expected: Expected) -> tuple[Record, bool]:
    """Put together what shards have restored.

    Raises
    ------
    Unfinished
        If slices are missing, with the shards to which they belong.
    """
    begun = _begin(session, expected, session.job.places, pictured=True)
    if len(begun.done.kept) < len(begun.places):
        raise Unfinished(_missing(begun))
    return _complete(begun)


@dataclass(frozen=True)
class _Begun:
    """Work whose searches are done: what will be applied where, and what is finished already."""

    session: Session
    expected: Expected
    places: Sequence[SliceOfChannel]
    tuning: Tuning
    identity: Identity
    done: Done
    published: Ledger
    started: str
    start: float
    search_s: float
    search_bytes: int


def _begin(
    session: Session,
    expected: Expected,
    places: Sequence[SliceOfChannel],
    *,
    shard: Shard | None = None,
    pictured: bool = False,
) -> _Begun:
    started, start = now(), perf_counter()
    _announce(session, expected, shard)
    tuning = tune(session, picture_of=thumbnail_step if pictured else None)
    session = replace(session, job=framed(session.job, tuning.chains))
    search_s, search_bytes = perf_counter() - start, memory.peak()
    identity = identity_of(session.job, tuning.chains)
    if shard is None:
        write_losses(session.job, tuning)
    published = published_ledger(session.job.workspace.folder)
    done = finished(session, places, tuning.chains, identity, published)
    return _Begun(
        session,
        expected,
        places,
        tuning,
        identity,
        done,
        published,
        started,
        start,
        search_s,
        search_bytes,
    )


def _announce(session: Session, expected: Expected, shard: Shard | None) -> None:
    job, log = session.job, session.log
    log.event(
        "started",
        protocol=job.protocol.name,
        input=job.reader.label,
        shape=list(job.reader.shape),
        channels=job.channels,
        slices=len(job.places),
        workers=session.workers.count,
        command=command(),
        given={name: each for name, each in protocol_record(job).items() if name != "text"},
        **({"shard": str(shard)} if shard else {}),
    )
    for note in (*job.reader.notes, *expected.notes):
        log.event("note", message=note)
    if job.protocol.elsewhere is not None:
        what = f"the protocol writes outside of its own folder, to {job.protocol.elsewhere}"
        log.event("note", message=f"{what}; --output chooses another")
    for problem in job.protocol.warnings:
        log.warn(f"{problem.path}: {problem.message}")


def _complete(begun: _Begun) -> tuple[Record, bool]:
    """Restore what is missing, and leave stack, pictures and record in their place."""
    session = begun.session
    job, log = session.job, session.log
    unchanged, stays = _compared(begun)
    if unchanged is not None:
        job.workspace.close()
        return unchanged, False
    rows = [row for row, _ in begun.done.kept.values()]
    peaks: list[int] = []
    # What fails leaves the stack in place to the result that is there, and has one of its own.
    stays = stays and not any(map(fails, gates_of(job, begun.tuning, rows)))
    if not stays:
        filling = _filled(begun)
        rows, peaks = filling.rows, filling.peaks
    rows = _in_order(begun, rows)
    restored = perf_counter()
    recovered = recovery(session, begun.tuning, rows)
    stack = job.writer(folder=job.workspace.folder) if stays else job.writer()
    collect(job, begun.tuning, rows, stack, log, session.workers)
    end = perf_counter()
    times: Times = {
        "started": begun.started,
        "search_s": begun.search_s,
        "apply_s": restored - begun.start - begun.search_s,
        "pictures_s": end - restored - sum(each.seconds for each in recovered),
        "total_s": end - begun.start,
    }
    actual = {"search_bytes": begun.search_bytes, "worker_bytes": max(peaks, default=None)}
    record = write_beside(
        session,
        begun.tuning,
        begun.identity,
        rows,
        recovered,
        gates=gates_of(job, begun.tuning, rows),
        times=times,
        expected=begun.expected,
        actual=actual,
        kept=len(begun.done.kept),
        stays=stays,
    )
    if record.failed_gates:
        job.workspace.reject()
    else:
        job.workspace.publish(stacks=not stays)
    return record, True


def _compared(begun: _Begun) -> tuple[Record | None, bool]:
    """The record of the result in place, if nothing is to be done; and whether its stack stays.

    What is to be done, and why, is said.
    """
    session = begun.session
    job, log = session.job, session.log
    unchanged: Record | None = None
    stays, altered = _stays(begun), list[str]()
    if stays:
        unchanged, altered = record_in_place(job)
        stays = not any(what.split(" ")[0] in names.STACKS for what in altered)
        if session.known.refuted:
            altered.append(f"{names.JOURNAL} has other losses than the slices give")
    if unchanged is not None and not altered:
        count = len(begun.places)
        log.event("note", message=f"nothing to do: all {count} slices are what the record says")
        return unchanged, True
    _report_done(begun)
    for what in altered:
        log.event("note", message=f"{what}: it is made again")
    if not stays and (earlier := earlier_text(job)):
        log.event("note", message=f"{earlier} is replaced by this one")
    return None, stays


def _stays(begun: _Begun) -> bool:
    """Whether the stack of the result in place is what this run would make."""
    complete = len(begun.done.kept) == len(begun.places) and not begun.done.in_place
    work, job = begun.published.work, begun.session.job
    if not complete or work is None:
        return False
    same = all(work[part] == begun.identity[part] for part in ("layout", "beside"))
    return same and job.writer(folder=job.workspace.folder).opens()


def _filled(begun: _Begun, *, shared: bool = False) -> Filling:
    """The stack where this run works, with every slice in it that is its own."""
    session = begun.session
    application = Application.of(session.job, begun.tuning.chains)
    make_room(session, application, begun.identity, shared=shared)
    if shared:
        session.job.workspace.share()
    ask_for_room(session.job, len(begun.places) - begun.done.in_place)
    filling = Filling(session, application, len(begun.places))
    filling.fill(begun.places, begun.done)
    if shared:
        return filling
    application.output.finish()
    try:
        check_stack(session.job, application, filling.rows)
    except OutputError:
        session.journal.end()
        raise
    return filling


def _report_done(begun: _Begun) -> None:
    """Say what is kept of earlier work, and why the rest is not."""
    log, done = begun.session.log, begun.done
    if done.kept:
        kept = f"{len(done.kept)} of {counted(len(begun.places), 'slice')} were done already"
        log.event("note", message=f"going on: {kept}")
    for reason, count in done.lost.items():
        log.event("note", message=f"{reason}: {counted(count, 'slice')} will be computed again")


def _missing(begun: _Begun) -> str:
    """What ``finish`` says about slices that are not there."""
    missing = [place.number for place in begun.places if place not in begun.done.kept]
    ended = shards_text(begun.session.journal.ledger().shards)
    count = f"{len(missing)} of {len(begun.places)} slices are not done ({few(missing, 20)})"
    advice = "run the shards that are missing, or everything with stackmend run"
    return f"finish: {'; '.join(filter(None, (count, ended, advice)))}"


def _in_order(begun: _Begun, rows: Sequence[SliceRow]) -> list[SliceRow]:
    channels = begun.session.job.channels
    found = {(row.slice, row.channel): row for row in rows}
    return [found[place.number, channels[place.channel]] for place in begun.session.job.places]
