"""Running a protocol: check, tune, apply, record, and put the result in its place."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from stackmend.addresses import Address
from stackmend.disk import remedy
from stackmend.errors import OutputError, Rejected, StepError, UsageError
from stackmend.forecast.estimate import Expected, expected
from stackmend.forecast.plan import RunPlan
from stackmend.job import CheckResult, Job
from stackmend.report import write_report
from stackmend.result import Record, names, published_ledger
from stackmend.result.journal import Journal
from stackmend.result.log import Listener, Log
from stackmend.runner.ask import check, input_of, plan, trial, workers_here
from stackmend.runner.shards import Shard
from stackmend.runner.stories import join, run_shard, run_whole
from stackmend.tuning.session import Session
from stackmend.tuning.trial import Trial
from stackmend.words import command_text
from stackmend.workers import memory as sizes
from stackmend.workers.cluster import ClusterWorkers, connected

__all__ = [
    "CheckResult",
    "RunPlan",
    "RunResult",
    "Trial",
    "check",
    "finish",
    "input_of",
    "plan",
    "run",
    "trial",
]


@dataclass(frozen=True)
class RunResult:
    """Where the results of a run are, and its record as in ``run.json``.

    A shard has no record, and no stack of its own. ``changed`` is false where all was as this run
    would have made it; ``masks`` is where these are, if they are wanted.
    """

    folder: Path
    stack: Path | None
    record: Mapping[str, Any] | None
    changed: bool = True
    masks: Path | None = None


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
    """Run a protocol, or go on with a run, and leave its results in the output folder.

    What an earlier run has finished is kept.

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
        What all processes may take together, for instance ``"8GB"`` or bytes; it may allow fewer
        workers.
    shard
        ``"2/5"`` for the second of five parts; ``finish`` joins them when all are done.
    listener
        Is told of every event and of progress.

    Raises
    ------
    StackmendError
        What can go wrong is drawn in ``stackmend.errors``. Earlier results in the folder are then
        untouched.
    """
    part = Shard.of(shard) if shard else None
    budget = None if memory is None else sizes.bytes_of(memory)
    job = check(protocol, input=input, output=output, set=set).job()
    with ExitStack() as until_done:
        if backend == "loky" and scheduler is None:
            expectation = partial(expected, job, workers_here(workers), budget)
        elif budget is None:
            everyone = until_done.enter_context(_cluster(job, backend, scheduler, workers))
            expectation = partial(Expected, everyone, skipped="a cluster computes the slices")
        else:
            what = (
                "is for this machine; give the workers of a cluster their limits where they start"
            )
            raise UsageError(f"--memory: {what}")
        with _result_folder(job, listener, shared=part is not None) as log:
            session, hopes = _session(job, log, expectation)
            if part:
                run_shard(session, hopes, part)
                return RunResult(job.workspace.folder, None, None)
            record, changed = run_whole(session, hopes)
    return _finished(job, record, changed, listener)


def finish(
    protocol: str | Path,
    *,
    input: str | Path | None = None,
    output: str | Path | None = None,
    set: Mapping[str, str] | None = None,
    workers: int | None = None,
    listener: Listener | None = None,
) -> RunResult:
    """Join what the shards of a run have made, and put the result in its place.

    No slice is computed.

    Parameters
    ----------
    protocol, input, output, set, workers, listener
        As for ``run``, and as they were for the shards.

    Raises
    ------
    Unfinished
        If slices are missing, with the shards to which they belong.
    StackmendError
        As for ``run``.
    """
    job = check(protocol, input=input, output=output, set=set).job()
    expectation = partial(Expected, workers_here(workers), skipped="the shards have done the work")
    with _result_folder(job, listener) as log:
        record, changed = join(*_session(job, log, expectation))
    return _finished(job, record, changed, listener)


def _session(job: Job, log: Log, expectation: Callable[[], Expected]) -> tuple[Session, Expected]:
    """What a run works with, and what it expects to need."""
    hopes = expectation()
    journal = Journal(job.workspace.journal)
    known = published_ledger(job.workspace.folder).read(journal.files())
    return Session(job, log, hopes.workers, journal, known), hopes


@contextmanager
def _result_folder(job: Job, listener: Listener | None, *, shared: bool = False) -> Iterator[Log]:
    """The result folder opened for a run; its log says how the run ended if it was cut short."""
    folder = job.workspace.folder
    job.workspace.open(shared=shared)
    log = Log(job.workspace.partial / names.LOG, listener)
    try:
        yield log
    except BaseException as error:
        with suppress(OSError):  # the disk may be full
            trace = traceback.format_exception(error)
            log.event("stopped", error=type(error).__name__, message=str(error), traceback=trace)
        if isinstance(error, StepError):
            error.add_note(f"the whole story is in {log.path}")
        if not isinstance(error, OSError):
            raise
        what = f"{folder}: the result cannot be written ({error.strerror or error})"
        raise OutputError(f"{what}; {remedy(error)}") from error
    finally:
        job.workspace.leave()


def _finished(job: Job, record: Record, changed: bool, listener: Listener | None) -> RunResult:
    """What a run hands over, with the report of it.

    If the report cannot be made, that is said and the result stands.

    Raises
    ------
    Rejected
        If it does not pass its gates.
    """
    folder = job.workspace.rejected if record.failed_gates else job.workspace.folder
    masks = job.masks(folder)
    where = masks.writer.path if masks else None
    result = RunResult(folder, job.writer(folder=folder).path, record.to_json(), changed, where)
    try:
        write_report(folder)
    # Whatever stops a page from being made, in our code or in a library: the restored stack is
    # complete.
    except Exception as error:  # noqa: BLE001 - see above
        reason = f"no report was made ({type(error).__name__}: {error})"
        again = command_text("stackmend", "report", folder)
        advice = f"the result is complete, try again: {again}"
        Log(None, listener).event("note", message=f"{reason}; {advice}")
    if record.failed_gates:
        advice = f"look at what is in {folder}, then change the chain or the gates"
        raise Rejected(f"{job.protocol.name}: {'; '.join(record.failed_gates)}; {advice}")
    return result


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
    paths = (job.protocol.input.path, job.workspace.folder)
    return connected(scheduler, [path for path in paths if path and not isinstance(path, Address)])
