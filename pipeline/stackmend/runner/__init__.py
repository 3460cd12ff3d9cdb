"""Running a protocol: check, tune, apply, record, and put the result in its place."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import joblib
import numpy as np

from stackmend import protocol as protocols
from stackmend import record
from stackmend.errors import OutputError, StepError
from stackmend.record import Listener, Log
from stackmend.registry import Undefined, steps
from stackmend.runner.apply import Application, SliceRow, apply_chain
from stackmend.runner.prepare import Findings, Job, examine_stack
from stackmend.runner.tune import Plan, Tuned, column_names, loss_rows, tune
from stackmend.runner.workspace import RECORD
from stackmend.search import Choice
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
    content = _record(job, plan, rows, log, workers=workers, times=times)
    log.event("finished", seconds=round(applied - start, 3))
    record.write_json(job.workspace.partial / RECORD, content)
    return RunResult(job.workspace.folder, job.workspace.folder / writer.path.name, content)


def _path(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path)


def _announce(job: Job, log: Log, workers: int) -> None:
    shape = list(job.reader.shape)
    log.event("started", protocol=job.protocol.name, input=job.reader.label, shape=shape, workers=workers)
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
        truth_writer.create()
    writer.create()
    application = Application(job.reader, writer, truth_writer, plan.graph(), plan.given, job.dtype)
    log.event("application started", slices=len(job.slices), format=format, dtype=str(job.dtype))
    log.progress("apply", 0, len(job.slices))
    rows = []
    for row in apply_chain(application, job.slices, min(workers, len(job.slices))):
        rows.append(row)
        log.event("slice", slice=row.slice, name=row.name, status=row.status, seconds=row.seconds)
        log.progress("apply", len(rows), len(job.slices))
    return writer, sorted(rows, key=lambda row: job.slices.index(row.slice))


def _warn_about(rows: list[SliceRow], log: Log) -> None:
    for status, text in (("constant", "constant and left as they are"), ("nothing_found", "without any charging")):
        numbers = [row.slice for row in rows if row.status == status]
        if numbers:
            shown = ", ".join(map(str, numbers[:20])) + (", ..." if len(numbers) > 20 else "")
            log.warn(f"{len(numbers)} of {len(rows)} slices are {text}: {shown}")
    clipped = sum(row.clipped for row in rows)
    if clipped:
        log.warn(f"{clipped} pixels were clipped to the range of the output type")


def _record(
    job: Job,
    plan: Plan,
    rows: list[SliceRow],
    log: Log,
    *,
    workers: int,
    times: dict[str, Any],
) -> dict[str, Any]:
    protocol = job.protocol
    return {
        "record": record.FORMAT,
        "status": "finished",
        "name": protocol.name,
        "protocol": {
            "file": protocol.file,
            "folder": protocol.folder,
            "text": protocol.source.decode("utf-8-sig"),
            **asdict(protocol.given),
        },
        "input": {
            "path": protocol.input.path,
            "phantom": protocol.input.phantom,
            "channel": protocol.input.channel,
            "label": job.reader.label,
            "shape": job.reader.shape,
            "dtype": str(job.reader.dtype),
            "pixel_size_nm": dict(zip("zyx", job.reader.metadata.pixel_size, strict=True)),
            "pixel_size_source": job.reader.metadata.source,
            "slices": job.slices,
            "notes": job.reader.notes,
            "pixel_hash": record.combined_hash(row.input_hash for row in rows),
        },
        "output": {
            "format": protocol.output.format,
            "dtype": str(job.dtype),
            "compression": protocol.output.compression,
            "shape": job.shape,
            "clipped": sum(row.clipped for row in rows),
            "pixel_hash": record.combined_hash(row.output_hash for row in rows),
        },
        "chain": [_step_record(job, plan, index) for index in range(len(plan.steps))],
        "skipped_steps": plan.skipped,
        "replaced_chain": plan.replaced,
        "searches": [_search_record(tuned) for tuned in plan.tuned],
        "truth": _truth_record(rows),
        "warnings": log.warnings,
        "environment": {**record.environment(), "workers": workers},
        "times": times,
    }


def _step_record(job: Job, plan: Plan, index: int) -> dict[str, Any]:
    bound = plan.steps[index]
    declared = {entry.id: entry for entry in job.protocol.chain} if not plan.replaced else {}
    chosen = {key for tuned in plan.tuned for key in tuned.result.chosen}
    parameters = {}
    for name, value in bound.parameters.items():
        entry = declared.get(bound.id)
        origin = entry.origins[name] if entry else "on_nothing_found"
        if (bound.id, name) in chosen:
            origin = f"chosen by search ({origin})"
        parameters[name] = {"value": value, "origin": origin}
    component = bound.component
    package = steps().origin(component.name)
    named = {"id": bound.id, "step": component.name, "package": package, "version": component.version}
    return {**named, "parameters": parameters}


def _search_record(tuned: Tuned) -> dict[str, Any]:
    result, choice = tuned.result, tuned.result.choice
    names = column_names(result.space.parameters)
    content: dict[str, Any] = {
        "steps": tuned.entry.steps,
        "loss": tuned.entry.loss.name,
        "loss_version": tuned.entry.loss.loss.version,
        "loss_parameters": tuned.entry.loss.parameters,
        "strategy": {"name": tuned.entry.strategy.name, **tuned.entry.strategy.options},
        "region": tuned.entry.region,
        "space": {name: axis.values for name, axis in zip(names, result.space.axes, strict=True)},
        "combinations": len(result.combinations),
        "slices": list(result.losses),
        "distinct_work": dict(result.work),
        "seconds": tuned.seconds,
        "slices_without_charging": choice.slices_without_charging,
    }
    if isinstance(choice, Choice):
        content |= {
            "status": "chosen",
            "chosen": dict(zip(names, choice.combination, strict=True)),
            "loss_of_choice": choice.loss,
            "held_out": {str(number): _plain_loss(value) for number, value in tuned.held_out.items()},
            "tied": len(choice.tied),
            "on_edge": choice.edges,
            "without_effect": choice.without_effect,
        }
    else:
        content |= {"status": choice.status, "reason": choice.reason}
    return content


def _plain_loss(value: float | Undefined) -> float | str:
    return value.status if isinstance(value, Undefined) else value


def _truth_record(rows: list[SliceRow]) -> dict[str, float] | None:
    before = [row.rmse_before for row in rows if row.rmse_before is not None]
    after = [row.rmse_after for row in rows if row.rmse_after is not None]
    if not before or not after:
        return None
    total_before, total_after = (float(np.sqrt(np.mean(np.square(values)))) for values in (before, after))
    return {"rmse_before": total_before, "rmse_after": total_after}
