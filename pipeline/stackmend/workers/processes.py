"""Worker processes that leave Ctrl-C to the process that started them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from math import inf
from multiprocessing import resource_tracker
from typing import Any, TypeVar, cast

from joblib import Parallel
from joblib.externals import loky
from joblib.externals.loky.process_executor import BrokenProcessPool, TerminatedWorkerError

from stackmend import interrupts
from stackmend.errors import WorkerLost

T = TypeVar("T")

_WARNINGS = "PYTHONWARNINGS"
PROCESSES_PAY = 100
"""Megapixels from which on processes are started, which takes the time of some of these."""


@dataclass(frozen=True)
class Workers:
    """How many workers there are; these are processes of this machine."""

    count: int

    @property
    def threads(self) -> int:
        """How many threads of this process may work at a time."""
        return self.count

    def run(
        self, tasks: Sequence[Any], *, ordered: bool, megapixels: float = inf
    ) -> Generator[Any, None, None]:
        """Results of joblib's delayed calls, as they are finished or in the order of the calls.

        Where there is too little to do for processes to pay for their start, threads do it here;
        with one worker or one task, this thread. ``megapixels`` is what all tasks work on.
        """
        count = min(self.count, max(len(tasks), 1))
        here = count == 1 or megapixels < PROCESSES_PAY
        results: Generator[Any, None, None] | None = None
        try:
            with self.lost_ones_named(), nullcontext() if here else _starting_processes():
                results = Parallel(
                    n_jobs=count,
                    backend="threading" if here else "loky",
                    return_as="generator" if ordered else "generator_unordered",
                )(tasks)
        except KeyboardInterrupt as interrupt:
            if results is not None:
                results.throw(interrupt)
            raise
        return self.delivered(results)

    def delivered(self, results: Generator[Any, None, None]) -> Generator[Any, None, None]:
        """The same results; closing this generator stops the workers.

        One of joblib that is only dropped would warn.

        Raises
        ------
        WorkerLost
            If the system has ended a worker.
        """
        try:
            with self.lost_ones_named():
                # 'yield from' would close the results before they are told why.
                for result in results:  # noqa: UP028 - see above
                    yield result
        except GeneratorExit:
            with suppress(KeyboardInterrupt):
                results.throw(KeyboardInterrupt)
            raise

    @contextmanager
    def lost_ones_named(self) -> Iterator[None]:
        """An error of our own where a library says that a worker has gone."""
        try:
            yield
        except (BrokenProcessPool, TerminatedWorkerError) as error:
            raise WorkerLost(lost_text(self.count, str(error))) from error


@dataclass(frozen=True)
class Threads(Workers):
    """Workers that are threads of this process, whatever there is to do."""

    def run(
        self, tasks: Sequence[Any], *, ordered: bool, megapixels: float = inf
    ) -> Generator[Any, None, None]:
        """The same as of others."""
        return super().run(tasks, ordered=ordered, megapixels=0)


def lost_text(count: int, reason: str) -> str:
    """What is said of a worker that was lost, of so many."""
    signals = sorted(set(re.findall(r"SIG[A-Z]+", reason)) - {"SIGTERM"})
    by = f" ({', '.join(signals)})" if signals else ""
    if signals and "SIGKILL" not in signals:
        what = f"one of {count} has crashed{by}"
        return f"workers: {what}; run again, and report it with the log if it happens again"
    what = f"one of {count} was ended by the system{by}, most often for lack of memory"
    fewer = f"try --workers {count // 2}" if count > 1 else "free some memory"
    return f"workers: {what}; {fewer}, or give --memory"


def run_in_fresh_process(function: Callable[..., T], *arguments: Any) -> T:
    """What a function returns in a fresh process, which is gone afterwards."""
    with _starting_processes():
        executor = loky.ProcessPoolExecutor(1)
        result = executor.submit(function, *arguments)
    try:
        with Workers(1).lost_ones_named():
            return cast(T, result.result())
    finally:
        executor.shutdown(kill_workers=True)


@contextmanager
def _starting_processes() -> Iterator[None]:
    """Processes started meanwhile import nothing from the working folder, and see no Ctrl-C.

    This process stops them.
    """
    with _environment(PYTHONSAFEPATH="1"):
        # Or their start, in the middle of that of the workers, would let signals through again.
        # They leave Ctrl-C to others by themselves, but would end with the terminal.
        with interrupts.blocked("SIGHUP"):
            _start_trackers()
        with interrupts.held_back():
            yield


def _start_trackers() -> None:
    """Start, silenced, the processes that clear away what workers leave.

    After a failure, what they say is no news.
    """
    silence = "ignore:resource_tracker:UserWarning"
    warnings = ",".join(filter(None, (os.environ.get(_WARNINGS), silence)))
    with _environment(**{_WARNINGS: warnings}):
        for tracker in (resource_tracker, loky.backend.resource_tracker):
            tracker.ensure_running()


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    """Variables of the environment that processes started meanwhile have."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
