"""Running a protocol: check, tune, apply, record, and put the result in its place."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import prod
from pathlib import Path
from time import perf_counter
from typing import Any

import joblib

from stackmend import protocol as protocols
from stackmend import record
from stackmend.errors import OutputError, StepError
from stackmend.record import Listener, Log
from stackmend.runner.apply import Application, Place, SliceRow, apply_chain
from stackmend.runner.journal import Journal, differences, identity_of
from stackmend.runner.prepare import Findings, Job, examine_stack
from stackmend.runner.recording import loss_rows, run_record
from stackmend.runner.tune import Plan, tune
from stackmend.runner.workspace import RECORD
from stackmend.stacks import Selected, Writer, new_stack

__all__ = ["Findings", "RunResult", "check", "run"]


@dataclass(frozen=True)
class RunResult:
    """Where the results of a run are, and its record."""

    folder: Path
    stack: Path
    record: Mapping[str, Any]


def check(
    protocol: str | Path,
    *,
    input: str | Path | None = None,
    output: str | Path | None = None,
    set: Mapping[str, str] | None = None,
) -> Findings:
    """Look for every problem of a protocol and, where it can be read, of its stack; nothing is computed or written.

    Parameters
    ----------
    protocol
        The YAML file.
    input, output
        Replace the paths in the file.
    set
        Values by path, for instance ``{"find_charging.gf1_sigma": "40"}``.

    Returns
    -------
    Findings
        With ``draft.problems``, in file order.
    """
    draft = protocols.examine(Path(protocol), input=_path(input), output=_path(output), set=set)
    return examine_stack(draft)


def run(
    protocol: str | Path,
    *,
    input: str | Path | None = None,
    output: str | Path | None = None,
    set: Mapping[str, str] | None = None,
    workers: int | None = None,
    listener: Listener | None = None,
) -> RunResult:
    """Run a protocol and leave its results in the output folder.

    Parameters
    ----------
    protocol, input, output, set
        As for ``check``.
    workers
        Parallel workers, one for each core by default; the pixels are the same for any number.
    listener
        Is told of every event and of progress.

    Raises
    ------
    StackmendError
        What can go wrong is drawn in ``stackmend.errors``. Earlier results in the folder are then untouched.
    """
    job = check(protocol, input=input, output=output, set=set).job()
    job.workspace.open()
    log = Log(job.workspace.partial / "log.jsonl", listener)
    try:
        result = _run(job, log, workers or joblib.cpu_count())
    except BaseException as error:
        with suppress(OSError):  # the disk may be full
            trace = traceback.format_exception(error)
            log.event("stopped", error=type(error).__name__, message=str(error), traceback=trace)
        if isinstance(error, StepError):
            error.add_note(f"the whole story is in {log.path}")
        if not isinstance(error, OSError):
            raise
        what = f"{job.workspace.folder}: the result cannot be written ({error.strerror or error})"
        raise OutputError(f"{what}; make room and run again") from error
    job.workspace.publish()
    return result


def _run(job: Job, log: Log, workers: int) -> RunResult:
    """Fill the workspace."""
    started, start = record.now(), perf_counter()
    _announce(job, log, workers)
    plan = tune(job, log, workers)
    record.write_table(job.workspace.partial / "losses.csv", list(loss_rows(plan)))
    tuned = perf_counter()
    writer, rows = _apply(job, plan, log, workers)
    _warn_about(rows, log)
    applied = perf_counter()
    record.write_table(job.workspace.partial / "slices.csv", [row.as_row() for row in rows])
    (job.workspace.partial / "protocol.yaml").write_bytes(job.protocol.source)
    times = {"started": started, "search_s": tuned - start, "apply_s": applied - tuned, "total_s": applied - start}
    content = run_record(job, plan, rows, warnings=log.warnings, workers=workers, times=times)
    log.event("finished", seconds=round(applied - start, 3))
    record.write_json(job.workspace.partial / RECORD, content)
    return RunResult(job.workspace.folder, job.workspace.folder / writer.path.name, content)


def _path(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path)


def _announce(job: Job, log: Log, workers: int) -> None:
    shape = list(job.reader.shape)
    about = {"protocol": job.protocol.name, "input": job.reader.label, "shape": shape, "workers": workers}
    log.event("started", **about, command=record.command())
    for note in job.reader.notes:
        log.event("note", message=note)
    for problem in job.protocol.warnings:
        log.warn(f"{problem.path}: {problem.message}")


def _apply(job: Job, plan: Plan, log: Log, workers: int) -> tuple[Writer, list[SliceRow]]:
    names = tuple(job.reader.names[index] for index in job.slices)
    how: dict[str, Any] = {"shape": job.shape, "names": names, "photometric": job.reader.photometric}
    how |= {"metadata": Selected(job.reader, job.slices), "compression": job.protocol.output.compression}
    format, folder = job.protocol.output.format, job.workspace.partial
    writer = new_stack(format, folder, dtype=job.dtype, **how)
    truth_writer = None
    if job.reader.truth(job.slices[0]) is not None:
        truth_writer = new_stack(format, folder, dtype=job.reader.dtype, stem="truth", **how)
    journal, entries = _continue(job, plan, log, [each for each in (writer, truth_writer) if each])
    application = Application(job.reader, writer, truth_writer, plan.graph(), plan.given, job.dtype, journal)
    log.event("application started", slices=len(job.slices), format=format, dtype=str(job.dtype))
    megapixels = prod(job.shape[1:]) / 1e6
    log.progress("apply", 0, len(job.slices), megapixels=megapixels)
    rows = []
    places = [Place(position, number, entries.get(number)) for position, number in enumerate(job.slices)]
    for row in apply_chain(application, places, min(workers, len(places))):
        rows.append(row)
        kind = "slice kept" if row.kept else "slice"
        log.event(kind, slice=row.slice, name=row.name, status=row.status, seconds=row.seconds)
        log.progress("apply", len(rows), len(job.slices), megapixels=megapixels)
    order = {number: position for position, number in enumerate(job.slices)}
    return writer, sorted(rows, key=lambda row: order[row.slice])


def _continue(
    job: Job, plan: Plan, log: Log, writers: Sequence[Writer]
) -> tuple[Journal, Mapping[int, Mapping[str, Any]]]:
    """The journal, with what an interrupted run of the same work has entered; otherwise everything begins anew."""
    journal, identity = Journal(job.workspace.journal), identity_of(job, plan)
    before = journal.identity()
    if before == identity:
        entries = journal.entries()
        if entries:
            log.event("note", message=f"going on: {len(entries)} of {len(job.slices)} slices were done already")
        return journal, entries
    if before is not None:
        changes = "; ".join(differences(before, identity))
        log.event("note", message=f"{changes}: {len(job.slices)} slices will be computed again")
    journal.clear()
    job.workspace.clear()
    for writer in writers:
        writer.create()
    journal.begin(identity)
    return journal, {}


def _warn_about(rows: list[SliceRow], log: Log) -> None:
    for status, text in (("constant", "constant and left as they are"), ("nothing_found", "without any charging")):
        numbers = [row.slice for row in rows if row.status == status]
        if numbers:
            shown = ", ".join(map(str, numbers[:20])) + (", ..." if len(numbers) > 20 else "")
            log.warn(f"{len(numbers)} of {len(rows)} slices are {text}: {shown}")
    clipped = sum(row.clipped for row in rows)
    if clipped:
        log.warn(f"{clipped} pixels were clipped to the range of the output type")
