"""Running a protocol: check, tune, apply, record, and put the result in its place."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import joblib

from stackmend import protocol as protocols
from stackmend.errors import OutputError, StepError, UsageError
from stackmend.forecast.estimate import Forecast, forecast
from stackmend.forecast.plan import RunPlan, plan_of
from stackmend.job import CheckResult, Job, examine_stack
from stackmend.protocol import CommandLine
from stackmend.result import names, origin_of
from stackmend.result.log import Listener, Log
from stackmend.runner.run import Work
from stackmend.runner.shards import Shard
from stackmend.workers import memory as sizes
from stackmend.workers.cluster import ClusterWorkers, connected
from stackmend.workers.processes import Workers

__all__ = ["CheckResult", "RunPlan", "RunResult", "check", "finish", "plan", "run"]


@dataclass(frozen=True)
class RunResult:
    """Where the results of a run are, and its record; a shard has none, and no stack of its own.

    ``changed`` is false where all was as this run would have made it.
    """

    folder: Path
    stack: Path | None
    record: Mapping[str, Any] | None
    changed: bool = True


def check(
    protocol: str | Path,
    *,
    input: str | Path | None = None,
    output: str | Path | None = None,
    set: Mapping[str, str] | None = None,
) -> CheckResult:
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
    CheckResult
        With ``draft.problems``, in file order.
    """
    file = Path(protocol)
    base, given = _origin(file)
    draft = protocols.examine(
        file, input=_path(input), output=_path(output), set=set, base=base, given=given
    )
    return examine_stack(draft)


def _origin(file: Path) -> tuple[Path | None, CommandLine | None]:
    """Where relative paths start, and what the command line had added, for a protocol that was run.

    Its copy in a result folder means what the original meant; any other file stands for itself.
    """
    origin = origin_of(file)
    if origin is None:
        return None, None
    given = CommandLine(_path(origin.input), _path(origin.output), origin.set)
    return Path(origin.folder), given


def plan(
    protocol: str | Path,
    *,
    input: str | Path | None = None,
    output: str | Path | None = None,
    set: Mapping[str, str] | None = None,
    workers: int | None = None,
    memory: str | int | None = None,
) -> RunPlan:
    """Say what a run would do, what it would find done already, and what it needs; nothing is written there.

    One slice is restored into the system's folder for temporary files, to measure time and memory.

    Parameters
    ----------
    protocol, input, output, set, workers, memory
        As for ``run``.

    Raises
    ------
    StackmendError
        As ``run``, as far as it can be known before.
    """
    job = check(protocol, input=input, output=output, set=set).job()
    return plan_of(job, _workers(workers).count, None if memory is None else sizes.bytes_of(memory))


def run(
    protocol: str | Path,
    *,
    input: str | Path | None = None,
    output: str | Path | None = None,
    set: Mapping[str, str] | None = None,
    workers: int | None = None,
    backend: str = "loky",
    scheduler: str | None = None,
    memory: str | int | None = None,
    shard: str | None = None,
    listener: Listener | None = None,
) -> RunResult:
    """Run a protocol and leave its results in the output folder; what an earlier run has finished is kept.

    Parameters
    ----------
    protocol, input, output, set
        As for ``check``.
    workers
        Parallel workers, one for each core by default; the pixels are the same for any number.
    backend : {'loky', 'dask'}
        Processes of this machine, or the workers of a Dask cluster.
    scheduler
        The address of the cluster's scheduler, for instance ``tcp://127.0.0.1:8786``.
    memory
        What all processes may take together, for instance ``"8GB"`` or bytes; it may allow fewer workers.
    shard
        ``"2/5"`` for the second of five parts; ``finish`` joins them when all are done.
    listener
        Is told of every event and of progress.

    Raises
    ------
    StackmendError
        What can go wrong is drawn in ``stackmend.errors``. Earlier results in the folder are then untouched.
    """
    part = Shard.of(shard) if shard else None
    budget = None if memory is None else sizes.bytes_of(memory)
    job = check(protocol, input=input, output=output, set=set).job()
    look = partial(forecast, budget=budget)
    if backend == "loky" and scheduler is None:
        return _carry_out(job, _workers(workers), listener, part=part, look=look)
    if budget is not None:
        raise UsageError(
            "--memory: is for this machine; give the workers of a cluster their limits where they start"
        )
    with _cluster(job, backend, scheduler, workers) as everyone:
        return _carry_out(job, everyone, listener, part=part, look=_computed_elsewhere)


def finish(
    protocol: str | Path,
    *,
    input: str | Path | None = None,
    output: str | Path | None = None,
    set: Mapping[str, str] | None = None,
    workers: int | None = None,
    listener: Listener | None = None,
) -> RunResult:
    """Join what the shards of a run have made, and put the result in its place; no slice is computed.

    Parameters
    ----------
    protocol, input, output, set, workers, listener
        As for ``run``, and as they were for the shards.

    Raises
    ------
    UsageError
        If slices are missing, with the shards to which they belong.
    StackmendError
        As for ``run``.
    """
    job = check(protocol, input=input, output=output, set=set).job()
    return _carry_out(job, _workers(workers), listener, compute=False, look=_nothing_to_compute)


def _nothing_to_compute(_: Job, workers: Workers) -> Forecast:
    return Forecast(workers, skipped="the shards have done the work")


def _computed_elsewhere(_: Job, workers: Workers) -> Forecast:
    return Forecast(workers, skipped="a cluster computes the slices")


def _carry_out(
    job: Job,
    workers: Workers,
    listener: Listener | None,
    *,
    look: Callable[[Job, Workers], Forecast],
    part: Shard | None = None,
    compute: bool = True,
) -> RunResult:
    """Do the work in the result folder, and say in its log how it ended."""
    folder = job.workspace.folder
    job.workspace.open(shared=part is not None)
    log = Log(job.workspace.partial / names.LOG, listener)
    try:
        record, changed = Work(job, log, look(job, workers)).do(part=part, compute=compute)
    except BaseException as error:
        with suppress(OSError):  # the disk may be full
            trace = traceback.format_exception(error)
            log.event("stopped", error=type(error).__name__, message=str(error), traceback=trace)
        if isinstance(error, StepError):
            error.add_note(f"the whole story is in {log.path}")
        if not isinstance(error, OSError):
            raise
        what = f"{folder}: the result cannot be written ({error.strerror or error})"
        raise OutputError(f"{what}; make room and run again") from error
    return RunResult(folder, folder / job.writer().path.name if record else None, record, changed)


def _workers(count: int | None) -> Workers:
    return Workers(count or joblib.cpu_count())


def _cluster(
    job: Job, backend: str, scheduler: str | None, workers: int | None
) -> AbstractContextManager[ClusterWorkers]:
    if backend != "dask" or scheduler is None:
        raise UsageError("--backend dask and --scheduler ADDRESS go together; give both or neither")
    if workers is not None:
        raise UsageError(
            "--workers: the cluster has as many workers as it has; leave it out with --backend dask"
        )
    job.workspace.folder.mkdir(parents=True, exist_ok=True)
    given = job.protocol.input.path
    return connected(scheduler, [path for path in (given, job.workspace.folder) if path])


def _path(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path)
