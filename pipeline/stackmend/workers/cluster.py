"""Workers of a Dask cluster, through joblib: tasks carry paths and numbers, never pixels."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from math import inf
from pathlib import Path
from typing import Any

import joblib
from joblib import Parallel, parallel_config

from stackmend.errors import UsageError, WorkerLost
from stackmend.result.environment import versions_of_workers
from stackmend.workers.processes import Workers

EXTRA = "pip install 'stackmend[dask]'"
SECONDS = 30
"""Time that a scheduler has to answer, and its workers to appear."""


@dataclass(frozen=True)
class ClusterWorkers(Workers):
    """The workers of a cluster; what needs threads (the search) is done on this machine."""

    client: Any

    @property
    def threads(self) -> int:
        """Threads on this machine."""
        return int(joblib.cpu_count())

    def run(
        self, tasks: Sequence[Any], *, ordered: bool, megapixels: float = inf
    ) -> Generator[Any, None, None]:
        """Results of joblib's delayed calls; those of a lost worker are computed by another."""
        with parallel_config(backend="dask", client=self.client):
            parallel = Parallel(return_as="generator" if ordered else "generator_unordered")
        return self.delivered(parallel(tasks))

    @contextmanager
    def lost_ones_named(self) -> Iterator[None]:
        """An error of our own where a task has cost worker after worker."""
        from distributed import KilledWorker

        try:
            yield
        except KilledWorker as error:
            what = "tasks have ended several workers of the cluster, most often for lack of memory"
            raise WorkerLost(
                f"workers: {what}; give each of them more, where they start"
            ) from error


@contextmanager
def connected(scheduler: str, paths: Sequence[Path]) -> Iterator[ClusterWorkers]:
    """The workers of the scheduler at an address.

    They are checked: they have our versions and see our files.

    Raises
    ------
    UsageError
        If there is no such scheduler, it has no workers, or they cannot do our work.
    """
    try:
        distributed: Any = import_module("distributed")
    except ImportError as error:
        raise UsageError(f"--backend dask: needs one more package; run: {EXTRA}") from error
    try:
        client = distributed.Client(scheduler, timeout=SECONDS, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        what = f"no scheduler answers at {scheduler} ({str(error) or type(error).__name__})"
        raise UsageError(
            f"--scheduler: {what}; check the address, for instance tcp://127.0.0.1:8786"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=SECONDS)
        except TimeoutError as error:
            what = f"the scheduler at {scheduler} has no workers"
            raise UsageError(
                f"--scheduler: {what}; start some with: dask worker {scheduler}"
            ) from error
        _check(client.run(_circumstances, [str(path) for path in paths]))
        yield ClusterWorkers(sum(client.ncores().values()), client)


def _circumstances(paths: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """What a worker has: its versions, and the files that it does not see."""
    return versions_of_workers(), [path for path in paths if not Path(path).exists()]


def _check(workers: Mapping[str, tuple[Mapping[str, str], Sequence[str]]]) -> None:
    ours = versions_of_workers()
    for address, (found, missing) in workers.items():
        others = [
            f"{name} {found.get(name)} instead of {ours[name]}"
            for name in ours
            if found.get(name) != ours[name]
        ]
        if others:
            what = f"the worker {address} has {', '.join(others)}"
            raise UsageError(
                f"--scheduler: {what}; pixels could differ: install the same versions everywhere"
            )
        if missing:
            what = f"the worker {address} does not see {missing[0]}"
            raise UsageError(
                f"--scheduler: {what}; "
                "input and output must lie on a file system that all workers share"
            )
