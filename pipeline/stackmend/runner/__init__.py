"""Running a protocol: check, tune, apply, record, and put the result in its place."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import joblib

from stackmend import protocol as protocols
from stackmend.errors import OutputError, StepError, UsageError
from stackmend.forecast.estimate import Expected, expected
from stackmend.forecast.plan import RunPlan, plan_of
from stackmend.job import CheckResult, Job, examine_stack
from stackmend.protocol import CommandLine
from stackmend.report import write_report
from stackmend.result import Record, names, origin_of
from stackmend.result.journal import Journal, Ledger
from stackmend.result.log import Listener, Log
from stackmend.runner.run import join, run_shard, run_whole
from stackmend.runner.shards import Shard
from stackmend.tuning.session import Session
from stackmend.tuning.trial import Trial
from stackmend.tuning.tune import nth_trial
from stackmend.workers import memory as sizes
from stackmend.workers.cluster import ClusterWorkers, connected
from stackmend.workers.processes import Workers

__all__ = [
    "CheckResult",
    "RunPlan",
    "RunResult",
    "Trial",
    "check",
    "finish",
    "plan",
    "run",
    "trial",
]


@dataclass(frozen=True)
class RunResult:
    """Where the results of a run are, and its record as in ``run.json``; a shard has none, and no stack of its own.

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


def trial(
    protocol: str | Path,
    *,
    input: str | Path | None = None,
    set: Mapping[str, str] | None = None,
    search: int = 0,
) -> Trial:
    """A search of a protocol, to be asked on any slice, for any values; no output folder is needed.

    Parameters
    ----------
    protocol, input, set
        As for ``check``.
    search
        Which entry of ``optimize``, from 0; those before it are carried out first.

    Returns
    -------
    Trial
        With ``loss``, ``loss_untouched``, ``image`` and ``products``; values go by full name,
        ``{"find_charging.gf1_sigma": 40}``.

    Raises
    ------
    UsageError
        If the protocol has no such search.
    StackmendError
        As ``run``, as far as input, protocol and earlier searches go.
    """
    job = check(protocol, input=input, set=set).job(written=False)
    count = len(job.protocol.optimize)
    if not 0 <= search < count:
        what = f"the protocol has {count} searches, got {search}"
        raise UsageError(f"search: {what}; count from 0, and sweep a parameter if there is none")
    session = Session(job, Log(), _workers(None), Journal(None), Ledger())
    return nth_trial(session, search)


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
    with ExitStack() as until_done:
        if backend == "loky" and scheduler is None:
            expectation = partial(expected, job, _workers(workers), budget)
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
    expectation = partial(Expected, _workers(workers), skipped="the shards have done the work")
    with _result_folder(job, listener) as log:
        record, changed = join(*_session(job, log, expectation))
    return _finished(job, record, changed, listener)


def _session(job: Job, log: Log, expectation: Callable[[], Expected]) -> tuple[Session, Expected]:
    """What a run works with, and what it expects to need."""
    hopes = expectation()
    journal = Journal(job.workspace.journal)
    known = Ledger().read([job.workspace.folder / names.JOURNAL, *journal.files()])
    return Session(job, log, hopes.workers, journal, known), hopes


@contextmanager
def _result_folder(job: Job, listener: Listener | None, *, shared: bool = False) -> Iterator[Log]:
    """The result folder opened for a run; its log says how the run ended if it did not come to its end."""
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
        raise OutputError(f"{what}; make room and run again") from error


def _finished(job: Job, record: Record, changed: bool, listener: Listener | None) -> RunResult:
    """What a run hands over, with the report of it; if that cannot be made, it is said and the result stands."""
    folder = job.workspace.folder
    result = RunResult(folder, folder / job.writer().path.name, record.to_json(), changed)
    if not changed and (folder / names.REPORT).exists():
        return result
    try:
        write_report(folder)
    # Whatever stops a page from being made, in our code or in a library: the restored stack is complete.
    except Exception as error:  # noqa: BLE001 - see above
        reason = f"no report was made ({type(error).__name__}: {error})"
        advice = f"the result is complete, try again: stackmend report {folder}"
        Log(folder / names.LOG, listener).event("note", message=f"{reason}; {advice}")
    return result


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
