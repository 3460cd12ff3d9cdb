"""What is said before a run is what the run then does; and nothing is written to find out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from conftest import CHAIN, OPTIMIZE
from kills import cut_off
from stackmend import api
from stackmend.errors import UsageError
from stackmend.forecast import costs, estimate
from stackmend.result import locks
from stackmend.result.workspace import Workspace
from stackmend.workers import memory, processes

Write = Callable[..., Path]
SLICES = 4


@pytest.fixture(autouse=True)
def measured_here(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices are measured in this process, but where it is about its memory."""
    if "own_process" not in request.keywords:
        monkeypatch.setattr(
            costs, "run_in_fresh_process", lambda function, *given: function(*given)
        )


def everything(folder: Path) -> dict[str, Any]:
    """Every file and folder, with its content and its time."""
    return {
        str(path.relative_to(folder)): (
            path.stat().st_mtime_ns,
            path.read_bytes() if path.is_file() else None,
        )
        for path in folder.rglob("*")
    }


def test_the_work_is_what_the_run_then_does(cell: Path, protocol: Write) -> None:
    file = protocol()
    (search,) = api.plan(file, workers=1).searches
    (done,) = api.run(file, workers=1).record["searches"]
    assert search.distinct_work == done["distinct_work"]
    assert search.combinations == search.at_most == done["combinations"] == 4
    assert search.counted == {"masks": 2, "rolling balls": 4, "backgrounds": 4}
    assert (search.slices, search.needed, search.known, search.decided) == ((1,), 4, 0, False)


@pytest.mark.parametrize(
    ("strategy", "most"),
    [
        ("grid", 4),
        ({"name": "refine", "rounds": 2, "budget": 7}, 11),
        ({"name": "sample", "count": 3}, 3),
    ],
)
def test_no_strategy_does_more_than_was_said(
    cell: Path, protocol: Write, strategy: Any, most: int
) -> None:
    file = protocol(optimize={**OPTIMIZE, "strategy": strategy})
    (search,) = api.plan(file, workers=1).searches
    (done,) = api.run(file, workers=1).record["searches"]
    assert search.combinations <= done["combinations"] <= search.at_most == most


@pytest.mark.own_process
def test_nothing_is_written(cell: Path, protocol: Write, tmp_path: Path) -> None:
    file = protocol()
    before = everything(tmp_path)
    api.plan(file, workers=2)
    assert everything(tmp_path) == before
    cut_off(file, after=2)
    locks.release(Workspace(tmp_path / "result")._lock_file)
    before = everything(tmp_path)
    assert ".stackmend" in "".join(before)
    api.plan(file, workers=2)
    assert everything(tmp_path) == before
    api.run(file, workers=1)
    before = everything(tmp_path)
    api.plan(file, workers=2)
    assert everything(tmp_path) == before


def test_what_an_interrupted_run_has_done_is_told(
    cell: Path, protocol: Write, tmp_path: Path
) -> None:
    file = protocol()
    cut_off(file, after=2)
    outlook = api.plan(file, workers=1)
    (search,) = outlook.searches
    assert search.decided
    assert outlook.need.search_s == 0
    assert (outlook.done["undecided"], outlook.done["again"]) == (0, {})
    assert 2 <= outlook.done["finished"] < SLICES
    assert outlook.done["todo"] == SLICES - outlook.done["finished"]
    assert outlook.need.disk_bytes == outlook.done["todo"] * 48 * 64
    assert outlook.earlier_bytes == 0
    kept = api.run(file, workers=1).record["slices"]["kept_from_earlier"]
    assert kept == outlook.done["finished"]


def test_a_finished_run_leaves_nothing_to_do(cell: Path, protocol: Write) -> None:
    file = protocol()
    api.run(file, workers=1)
    outlook = api.plan(file, workers=1)
    assert (outlook.done["finished"], outlook.done["todo"]) == (SLICES, 0)
    assert outlook.need.total_s == 0
    assert outlook.earlier_bytes > SLICES * 48 * 64


def test_a_changed_parameter_is_the_reason(cell: Path, protocol: Write) -> None:
    api.run(protocol(), workers=1)
    chain = [*CHAIN[:2], {**CHAIN[2], "gf3_sigma": 2}, CHAIN[3]]
    outlook = api.plan(protocol(chain=chain), workers=1)
    assert not outlook.searches[0].decided
    assert outlook.done["again"] == {"correct_charging.gf3_sigma was 3, now 2": SLICES}
    done = outlook.done
    assert (done["finished"], done["undecided"], done["todo"]) == (0, 0, SLICES)


def test_more_values_leave_the_choice_open(cell: Path, protocol: Write) -> None:
    """The losses that are known stay known; whether slices stay depends on what is chosen."""
    api.run(protocol(), workers=1)
    chain = [*CHAIN[:2], {**CHAIN[2], "rb_radius": {"sweep": [5, 10, 20]}}, CHAIN[3]]
    outlook = api.plan(protocol(chain=chain), workers=1)
    (search,) = outlook.searches
    assert (search.known, search.needed, search.decided) == (4, 6, False)
    done = outlook.done
    assert (done["finished"], done["undecided"], done["again"]) == (0, SLICES, {})


def test_other_slices_are_other_work(
    cell: Path, protocol: Write, charged: Callable[..., Any]
) -> None:
    api.run(protocol(), workers=1)
    tifffile.imwrite(cell / "slice1.tif", charged(seed=8)[1])  # the one that was searched
    (search,) = api.plan(protocol(), workers=1).searches
    assert (search.known, search.decided) == (0, False)
    for index, image in enumerate(charged(count=6)):
        tifffile.imwrite(cell / f"slice{index}.tif", image)
    outlook = api.plan(protocol(), workers=1)
    assert outlook.searches[0].decided
    assert (outlook.done["finished"], outlook.done["todo"]) == (SLICES, 2)


def test_a_survey_is_told(cell: Path, protocol: Write) -> None:
    chain = [{"step": "standardize", "per": "stack"}, *CHAIN[1:]]
    outlook = api.plan(protocol(chain=chain), workers=1)
    assert outlook.survey
    assert outlook.need.survey_s > 0
    assert not api.plan(protocol(), workers=1).survey


def test_another_run_at_work_is_told(cell: Path, protocol: Write, tmp_path: Path) -> None:
    file = protocol()
    place = Workspace(tmp_path / "result")
    assert not api.plan(file, workers=1).busy
    place.open()
    try:
        assert api.plan(file, workers=1).busy
    finally:
        place.close()


@pytest.mark.slow
@pytest.mark.own_process
def test_a_budget_bounds_the_workers(cell: Path, protocol: Write, tmp_path: Path) -> None:
    file = protocol()
    free = api.plan(file, workers=3).need
    assert free.workers == 3
    # A process that waits, two at work, and half of another: measured anew, it is not the same to
    # the byte.
    room = free.worker_bytes * 7 // 2
    tight = api.plan(file, workers=3, memory=room).need
    assert tight.workers == 2
    assert tight.memory_bytes <= room
    notes: list[str] = []
    run = api.run(
        file,
        workers=3,
        memory=room,
        listener=lambda kind, f: notes.append(f["message"]) if kind == "note" else None,
    )
    assert run.record["environment"]["workers"] == tight.workers
    assert f"{tight.workers} of 3 workers: the budget has room for no more" in notes
    whole = api.run(file, workers=3, output=tmp_path / "whole")
    assert run.record["output"]["pixel_hash"] == whole.record["output"]["pixel_hash"]


def test_a_budget_without_room_is_refused(cell: Path, protocol: Write, tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"--memory: one worker needs .* [MG]B for such slices, got 10.0 MB"
    ):
        api.run(protocol(), memory="10MB")
    assert not (tmp_path / "result" / "run.json").exists()
    assert not api.plan(protocol(), memory="10MB").fits


@pytest.mark.own_process
def test_without_a_budget_short_memory_takes_fewer_workers(
    cell: Path, protocol: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    need = api.plan(protocol(), workers=3).need
    monkeypatch.setattr(memory, "available", lambda: need.worker_bytes * 3)
    notes: list[str] = []
    run = api.run(
        protocol(),
        workers=3,
        listener=lambda kind, f: notes.append(f["message"]) if kind == "note" else None,
    )
    assert run.record["environment"]["workers"] < 3
    assert any("workers: the memory that is free has room for no more" in note for note in notes)


@pytest.mark.parametrize("text", ["8 apples", "-1", "", "1.5.2GB", "iB"])
def test_what_is_no_size_is_refused(cell: Path, protocol: Write, text: str) -> None:
    with pytest.raises(UsageError, match="must be a size such as 8GB"):
        api.plan(protocol(), memory=text)


@pytest.mark.slow
@pytest.mark.own_process
def test_the_record_has_the_estimate_beside_what_it_came_to(
    cell: Path, protocol: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = api.run(protocol(), workers=1).record["estimate"]
    assert short["expected"] is None
    assert "short" in short["skipped"]
    monkeypatch.setattr(estimate, "ENOUGH_SLICES", 1)
    monkeypatch.setattr(estimate, "ENOUGH_PIXELS", 1)
    monkeypatch.setattr(processes, "PROCESSES_PAY", 0)
    told = api.run(protocol(), workers=2, output=cell.parent / "other").record["estimate"]
    assert told["skipped"] == ""
    for name, value in told["actual"].items():
        assert value > 0
        assert told["expected"][name] > 0
    # Memory is mostly that of the interpreter and its libraries here, so the two must be alike.
    assert 0.5 < told["actual"]["worker_bytes"] / told["expected"]["worker_bytes"] < 2
    assert (
        told["expected"]["disk_bytes"] <= told["actual"]["disk_bytes"]
    )  # the headers of the files come on top


@pytest.mark.parametrize(("constant", "measured"), [((), 2), ((2, 0), 1), ((0, 1, 2, 3), 2)])
def test_a_constant_slice_is_measured_only_where_there_are_no_others(
    cell: Path, protocol: Write, constant: tuple[int, ...], measured: int
) -> None:
    """It is left as it is, so its time would say nothing about the others."""
    for index in constant:
        tifffile.imwrite(cell / f"slice{index}.tif", np.full((48, 64), 7, np.uint8))
    chain = [{"step": "standardize"}, {"step": "destandardize"}]
    assert api.plan(protocol(chain=chain, optimize=None), workers=1).need.slice == measured


def test_a_constant_optimization_slice_is_passed_over(cell: Path, protocol: Write) -> None:
    tifffile.imwrite(cell / "slice1.tif", np.full((48, 64), 7, np.uint8))
    assert api.plan(protocol(optimize={**OPTIMIZE, "slices": [1, 3]}), workers=1).need.slice == 3


@pytest.mark.slow
@pytest.mark.own_process
def test_a_full_sparse_bigtiff_is_planned_and_begun(
    tmp_path: Path, charged: Callable[..., Any]
) -> None:
    """20 GB of slices, three with content: neither the plan nor the run reads the others."""
    file, shape = tmp_path / "huge.tif", (2000, 2560, 4096)
    stack = tifffile.memmap(
        file, shape=shape, dtype="uint8", bigtiff=True, photometric="minisblack"
    )
    stack[:3] = np.tile(charged(3), (1, 54, 64))[:, :2560, :4096]
    stack.flush()
    del stack
    if file.stat().st_blocks * 512 > 2**30:
        pytest.skip("the file system has no sparse files")
    if shutil.disk_usage(tmp_path).free < 22e9:
        pytest.skip("22 GB must be free, or the check says that the result has no room")
    chain = [
        {"step": "standardize"},
        {"step": "find_charging", "inverse": True, "gf1_sigma": 12, "min_area": 20},
    ]
    chain += [
        {"step": "correct_charging", "gf2_sigma": 8, "rb_radius": 5, "gf3_sigma": 3},
        {"step": "destandardize"},
    ]
    protocol = tmp_path / "huge.yaml"
    content = {
        "protocol": 1,
        "input": {"path": "huge.tif"},
        "output": {"path": "out"},
        "chain": chain,
    }
    protocol.write_text(json.dumps(content))
    outlook = api.plan(protocol, workers=2)
    assert outlook.need.disk_bytes == np.prod(shape)
    assert outlook.need.worker_bytes < 3e9
    run = api.run(protocol, set={"input.slices": '"0:1"'}, workers=2)
    assert run.record["slices"]["restored"] == 1
