"""A whole restoration: every step brings the stack nearer to its truth, and ends are the same."""

from __future__ import annotations

import signal
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import stackmend
from kills import start
from restorations import ENDS, PHANTOM, SMALL, chosen_chain, write_restoration
from stackmend import api
from stackmend.stacks.phantom_model import Phantom

SLOW = pytest.mark.slow
WHEN = (0.1, 0.2, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9)  # of all events; the searches are in the first 0.7


def hash_of(run: api.RunResult) -> str:
    assert run.record is not None
    return str(run.record["output"]["pixel_hash"])


def test_the_error_falls_after_each_step(tmp_path: Path) -> None:
    run = api.run(write_restoration(tmp_path, PHANTOM), workers=1)
    assert run.record is not None
    searches = run.record["searches"]
    assert [search["status"] for search in searches] == ["chosen"] * 4
    chain = chosen_chain(searches)

    # The same chain, ended behind each step that puts something right.
    phantom = Phantom(**PHANTOM)
    stack, truth = (
        np.stack([each(index) for index in range(phantom.slices)])
        for each in (phantom.image, phantom.clean)
    )
    results = [stack]
    names = [step["step"] for step in chain]
    for end in ENDS:
        part = {"protocol": 1, "chain": chain[: names.index(end) + 1]}
        results.append(stackmend.apply({**part, "output": {"dtype": "float32"}}, stack))
    errors = [float(np.sqrt(np.mean((each - truth.astype(float)) ** 2))) for each in results]
    assert errors[-1] == pytest.approx(run.record["truth"]["rmse_after"])
    assert all(after < 0.97 * before for before, after in pairwise(errors))
    assert errors[-1] < 0.6 * errors[0]

    # Beside its mean, no slice gets worse by any step.
    spreads = [(each - truth.astype(float)).std(axis=(1, 2)) for each in results]
    assert all((after < 1.01 * before).all() for before, after in pairwise(spreads))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, int]:
    """A run in one go with one worker: its protocol, its hash, and how many events it had."""
    folder, events = tmp_path_factory.mktemp("restoration"), []
    file = write_restoration(folder, SMALL)

    def count(kind: str, _: Any) -> None:
        events.append(kind)

    run = api.run(file, output=folder / "whole", workers=1, listener=count)
    assert run.record is not None
    assert len(run.record["searches"]) == 4
    return file, hash_of(run), len(events)


@pytest.mark.parametrize("when", [0.4, *(pytest.param(x, marks=SLOW) for x in WHEN)])
def test_killed_and_gone_on_with_it_gives_the_same(
    whole: tuple[Path, str, int], tmp_path: Path, when: float
) -> None:
    file = write_restoration(tmp_path, SMALL)
    killed = start("TIFF folder", file, moment=round(when * whole[2]))
    assert killed.returncode == -signal.SIGKILL
    assert hash_of(api.run(file, workers=2)) == whole[1]


def test_shards_give_the_same(whole: tuple[Path, str, int]) -> None:
    file, hash, _ = whole
    output = file.parent / "shards"
    for part in ("2/2", "1/2"):
        api.run(file, output=output, workers=1, shard=part)
    assert hash_of(api.finish(file, output=output, workers=1)) == hash


def test_a_cluster_gives_the_same(
    whole: tuple[Path, str, int], dask: Callable[[], tuple[str, list[int]]]
) -> None:
    address, _ = dask()
    file, hash, _ = whole
    run = api.run(file, output=file.parent / "cluster", backend="dask", scheduler=address)
    assert hash_of(run) == hash
