"""What is written beside a restored stack: losses, rows, protocol, journal and record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from statistics import median
from typing import Any

from stackmend.errors import InputError
from stackmend.forecast.estimate import Expected
from stackmend.job import Job
from stackmend.kernels.fingerprint import LEVELS
from stackmend.registry import Each
from stackmend.restore.identity import Identity
from stackmend.result import Record, altered_parts, atomic, names, read_record
from stackmend.result.arrays import encoded
from stackmend.result.fingerprints import write_fingerprints
from stackmend.result.gate_record import GateRecord, fails, gate_text
from stackmend.result.hashes import combined_hash
from stackmend.result.inventory import HASHED, contents_of, hashes_of, part_hash
from stackmend.result.journal import Ledger
from stackmend.result.record import Times, write_record
from stackmend.result.recovery_record import RecoveryRecord
from stackmend.result.rows import SliceRow, Status, slices_by_words
from stackmend.result.workspace import bytes_in
from stackmend.runner.frozen import effective_copy
from stackmend.runner.recording import facts_of_masks, protocol_record, run_record
from stackmend.runner.searched import loss_rows
from stackmend.tuning.bindings import survey_of
from stackmend.tuning.chains import ChannelChain, Tuning
from stackmend.tuning.session import Session
from stackmend.words import counted, few, figure, percent

OTHER_SHARE = 3
"""By what factor the masked share may differ from what it was where the values were chosen."""

MASKED = 0.15
"""Share of masked pixels of a slice above which the mask is doubtful."""


def write_losses(job: Job, tuning: Tuning) -> None:
    """The loss of every combination, when the searches are done."""
    losses = [row.to_csv() for row in loss_rows(tuning)]
    atomic.write_table(job.workspace.partial / names.LOSSES, losses)


def write_beside(
    session: Session,
    tuning: Tuning,
    identity: Identity,
    rows: Sequence[SliceRow],
    recovery: Sequence[RecoveryRecord],
    *,
    gates: Sequence[GateRecord],
    times: Times,
    expected: Expected,
    actual: Mapping[str, Any],
    kept: int,
    stays: bool,
) -> Record:
    """Everything that goes with the stack, the record last; returns the record.

    ``times`` are those of the run, ``expected`` and ``actual`` what it was to need and what it
    came to, ``kept`` how many slices it took over, ``stays`` whether the stack is that in place.
    """
    job, log = session.job, session.log
    partial = job.workspace.partial
    for gate in filter(fails, gates):
        log.warn(f"a gate failed: {gate_text(gate)}")
    ledger = _write_tables(session, tuning, identity, rows)
    actual = {
        "search_s": times["search_s"],
        "apply_s": times["apply_s"],
        "recovery_s": sum(each.seconds for each in recovery),
        "disk_bytes": sum(bytes_in(partial / name) for name in names.STACKS),
        **actual,
    }
    record = run_record(
        job,
        tuning,
        rows,
        recovery,
        gates=gates,
        warnings=log.warnings,
        workers=session.workers.count,
        times=times,
        estimate=expected.beside(**actual),
        kept=kept,
        shards=ledger.shards,
    )
    log.event("finished", seconds=round(times["total_s"], 3))
    stacks = job.workspace.folder if stays else partial
    return write_record(partial, replace(record, files=_write_fingerprints(partial, stacks, rows)))


def _write_fingerprints(partial: Path, stacks: Path, rows: Sequence[SliceRow]) -> dict[str, str]:
    """Write the fingerprints with the hashes of all files; returns those of the parts."""
    hashes: dict[str, str] = {}
    files: dict[str, str] = {}
    for name in HASHED:
        contents = contents_of((stacks if name in names.STACKS else partial) / name)
        if name == names.FINGERPRINTS or contents is None:
            continue
        hashes[name] = part_hash(contents)
        files |= {f"{name}/{path}": hash for path, hash in contents.items() if path}
    write_fingerprints(partial, LEVELS, rows, files)
    return {**hashes, **hashes_of(partial, [names.FINGERPRINTS])}


def _write_tables(
    session: Session, tuning: Tuning, identity: Identity, rows: Sequence[SliceRow]
) -> Ledger:
    """The slices, the protocol, what surveys settled, and the journal; returns what is in that."""
    job, log = session.job, session.log
    partial = job.workspace.partial
    pixels = prod(job.shape[1:])
    for warning in (*_doubts(rows, pixels, facts_of_masks(tuning)), *_outside(job, rows, pixels)):
        log.warn(warning)
    atomic.write_table(partial / names.SLICES, [row.to_csv() for row in rows])
    (partial / names.PROTOCOL).write_bytes(job.protocol.source)
    effective = effective_copy(protocol_record(job), job.workspace.folder)
    atomic.write_text(partial / names.EFFECTIVE, effective)
    if any(_settled(chain) for chain in tuning.chains):
        channels = zip(job.channels, tuning.chains, strict=True)
        settled = {str(number): _settled(chain) for number, chain in channels}
        atomic.write_json(partial / names.SURVEYS, {"surveys": 1, "channels": settled})
    else:  # an unfinished run may have left what it settled
        (partial / names.SURVEYS).unlink(missing_ok=True)
    tables = _tables(job, tuning.chains[0], rows)
    for name in names.TRANSFORMS:
        if name in tables:
            atomic.write_text(partial / name, tables[name])
        else:
            (partial / name).unlink(missing_ok=True)
    ledger = _ledger(session, tuning, identity, rows)
    atomic.write_text(partial / names.JOURNAL, "".join(ledger.lines()))
    return ledger


def _tables(job: Job, chain: ChannelChain, rows: Sequence[SliceRow]) -> dict[str, str]:
    """What was settled, as steps hand it to other programs, by the names of the files."""
    sizes = dict(zip("zyx", job.reader.metadata.pixel_size, strict=True))
    own = (row.input_hash for row in rows if row.channel == job.channels[0])
    facts = {"pixel_size_nm": sizes, "input_hash": combined_hash(own)}
    found: dict[str, str] = {}
    for bound in chain.steps:
        survey, settled = survey_of(bound), chain.settled.get(bound.survey_product or "")
        if survey and survey.tables and isinstance(settled, Each):
            found |= survey.tables(settled, facts)
    return found


def _settled(chain: ChannelChain) -> dict[str, Any]:
    """What surveys came to, by the step and its product."""
    found: dict[str, Any] = {}
    for product, value in chain.settled.items():
        if isinstance(value, Each):
            found[product] = {"each": encoded(value.values)}
            if value.about:
                found[product]["about"] = encoded(value.about)
        elif value is not None:
            found[product] = {"all": encoded(value)}
    return found


def _ledger(
    session: Session, tuning: Tuning, identity: Identity, rows: Sequence[SliceRow]
) -> Ledger:
    """What a later run need not compute again, as far as this one has used it."""
    running = session.journal.ledger()
    ledger = Ledger()
    ledger.work, ledger.looks, ledger.shards = identity, running.looks, running.shards
    searches: set[str] = set()
    for found in tuning.searches:
        searches.update(found.identities)
    known = {**session.known.losses, **running.losses}
    ledger.losses = {key: value for key, value in known.items() if key[0] in searches}
    ledger.slices = {(row.slice, row.channel): row for row in rows}
    return ledger


def record_in_place(job: Job) -> tuple[Record | None, list[str]]:
    """The record of the result in place, if this run would write the same, and what is altered."""
    folder = job.workspace.folder
    try:
        before, found = read_record(folder), altered_parts(folder, stacks=True)
    except (InputError, OSError):  # it is damaged, and will be written anew
        gone = "cannot be read" if (folder / names.RECORD).exists() else "is gone"
        return None, [f"{names.RECORD} {gone}"]
    then = before.protocol
    now = {**protocol_record(job), "file": then["file"], "folder": then["folder"]}
    return before if now == then and not found else None, found


def _reasons(rows: Sequence[SliceRow]) -> dict[str, list[int]]:
    """What steps have to say against slices that could be used all the same."""
    found: dict[str, list[int]] = {}
    for row in rows:
        if row.reason and row.status in (Status.RESTORED, Status.NOTHING_FOUND):
            found.setdefault(row.reason, []).append(row.slice)
    return found


def earlier_text(job: Job) -> str:
    """What result there is already, to be told from others; empty where there is none."""
    try:
        before = read_record(job.workspace.folder)
    except (InputError, OSError):
        return ""
    started = before.times["started"][:16].replace("T", " ")
    return f"the result of {started} (pixels {before.output.pixel_hash[:12]})"


def _outside(job: Job, rows: Sequence[SliceRow], pixels: int) -> Iterator[str]:
    """Where much more or less is masked than where the values were chosen."""
    tuned = job.protocol.envelope.get("masked")
    areas = [row.mask_area for row in rows if row.mask_area is not None]
    if not tuned or not areas:
        return
    low, high = tuned
    found = median(areas) / pixels
    if found > OTHER_SHARE * high or found < low / OTHER_SHARE:
        what = f"{percent(found)} of a slice are masked (median)"
        where = f"{percent(low)} to {percent(high)} where the values were chosen"
        yield f"{what}, {where}: look at the result, or tune the protocol again"


def _doubts(rows: Sequence[SliceRow], pixels: int, facts: Mapping[str, str]) -> Iterator[str]:
    """What a person should know about the slices, of so many pixels each."""
    for words, numbers in slices_by_words(rows).items():
        count = f"{len(numbers)} of {counted(len(rows), 'slice')}"
        yield f"{count} are {words}: {few(numbers, 20)}"
    yield from _best_of_nothing(rows, facts)
    for doubt, numbers in _reasons(rows).items():
        count = f"{len(numbers)} of {counted(len(rows), 'slice')}"
        yield f"{doubt} (in {count}: {few(numbers, 20)})"
    masked = [row.slice for row in rows if (row.mask_area or 0) > MASKED * pixels]
    if masked:
        where = f"{len(masked)} of {counted(len(rows), 'slice')} ({few(masked, 20)})"
        advice = "look whether so much is to be corrected"
        yield f"more than {percent(MASKED)} of the pixels are masked in {where}: {advice}"
    clipped = sum(row.clipped for row in rows)
    if clipped:
        pixel = "pixel was" if clipped == 1 else "pixels were"
        yield f"{clipped} {pixel} clipped to the range of the output type"


def _best_of_nothing(rows: Sequence[SliceRow], facts: Mapping[str, str]) -> Iterator[str]:
    """What steps say of the slices in which nothing was found, where it is the most."""
    nothing = [row.facts for row in rows if row.status is Status.NOTHING_FOUND]
    found = []
    for name, words in facts.items():
        values = [each[name] for each in nothing if name in each]
        if values:
            found.append(f"{words} {figure(max(values))}")
    if found:
        yield f"where nothing was found, there is at most: {'; '.join(found)}"
