"""Limits on what is measured: what exceeds them is kept apart, and said."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from commands import Main
from kills import CHAIN, contents, cut_off, facts, write_protocol
from stackmend import api
from stackmend.errors import Rejected
from stackmend.result import Record, read_record
from stops import every_state, is_tidying, write_small_stack

SEARCH = {
    "optimize": {"slices": [0], "validate": [1, 2]},
    "gf2_sigma": {"sweep": [15, 30]},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_small_stack(tmp_path, 3)
    return tmp_path


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither pictures nor a page."""
    monkeypatch.setattr("stackmend.runner.stories.collect", lambda *_: None)
    monkeypatch.setattr("stackmend.runner.write_report", lambda _: None)


def gated(folder: Path, **gates: float) -> Path:
    return write_protocol(folder, {"masks": True}, gates=gates, **SEARCH)


def rejected(file: Path) -> tuple[Record, str]:
    """The record of a run that does not pass, and what is said."""
    with pytest.raises(Rejected) as caught:
        api.run(file, workers=1)
    return read_record(file.parent / "out.rejected"), str(caught.value)


MEASURES: dict[str, Callable[[dict[str, str]], float]] = {
    "changed_fraction": lambda row: float(row["changed_fraction"]),
    "clipped_fraction": lambda row: int(row["clipped"]) / (40 * 48),
    "masked_fraction": lambda row: int(row["mask_area"]) / (40 * 48),
}


@pytest.mark.parametrize("gate", MEASURES)
def test_the_worst_slice_decides(quick: None, folder: Path, gate: str) -> None:
    for number, file in enumerate(sorted((folder / "stack").iterdir())):
        levels = tifffile.imread(file).astype(np.uint16)
        tifffile.imwrite(file, levels + 80 + 5 * number)  # more than uint8 can hold
    output = {"dtype": "uint8"}
    plain = api.run(write_protocol(folder, output), output=folder / "x", workers=1)
    measured = [MEASURES[gate](row) for row in facts(plain.folder)]
    worst = max(measured)
    assert worst > 0
    file = write_protocol(folder, output, gates={gate: worst})
    run = api.run(file, workers=1)  # what is at the limit passes
    assert run.record is not None
    known = {"gate": gate, "limit": worst, "value": worst}
    (recorded,) = run.record["gates"]
    assert recorded.items() >= known.items()
    limit = worst * 0.999
    record, said = rejected(write_protocol(folder, output, gates={gate: limit}))
    at = measured.index(worst)
    assert record.gates == ({**known, "limit": limit, "slice": at, "channel": 0},)
    assert f"{gate} is {worst:.4g} (worst slice {at}), {limit:.4g} allowed" in said


def test_the_share_of_slices_with_anything_masked(quick: None, folder: Path) -> None:
    record, said = rejected(gated(folder, masked_slices=0.9))
    assert "masked_slices is 1 (worst slice " in said
    areas = [int(row["mask_area"]) for row in facts(folder / "out.rejected")]
    assert record.gates[0]["slice"] == areas.index(max(areas))
    api.run(gated(folder, masked_slices=1), workers=1)


def test_the_gap_to_what_was_held_out(quick: None, folder: Path) -> None:
    run = api.run(gated(folder, held_out_gap=1), workers=1)
    assert run.record is not None
    (search,), (gate,) = run.record["searches"], run.record["gates"]
    losses = {int(number): loss for number, loss in search["held_out"].items()}
    worst = max(losses, key=lambda number: losses[number])
    gap = 1 - search["loss_of_choice"] / losses[worst]
    assert gate["value"] == pytest.approx(max(gap, 0))
    assert gap > 0
    assert gate["slice"] == worst
    record, _ = rejected(gated(folder, held_out_gap=gap * 0.99))
    assert [each["gate"] for each in record.gates] == ["held_out_gap"]


def test_what_cannot_be_measured_passes_and_is_said(quick: None, folder: Path) -> None:
    chain = [CHAIN[0], {**CHAIN[1], "color_shift": {"sweep": [0.98, 0.99]}}, *CHAIN[2:]]
    optimize = {"slices": [0], "validate": [1], "on_nothing_found": "skip"}
    gates = {"held_out_gap": 0, "masked_fraction": 0}
    run = api.run(
        write_protocol(folder, {}, chain=chain, optimize=optimize, gates=gates), workers=1
    )
    assert run.record is not None
    assert [gate["value"] for gate in run.record["gates"]] == [None, None]


def test_the_earlier_result_stays_and_the_other_is_kept_apart(folder: Path, main: Main) -> None:
    before = api.run(write_protocol(folder, {"masks": True}), workers=1).folder
    everything = {file: file.read_bytes() for file in before.rglob("*") if file.is_file()}
    file = gated(folder, changed_fraction=0.001, clipped_fraction=1)
    assert main("run", file, "--workers", 1, "--quiet") == 6
    assert {file: file.read_bytes() for file in before.rglob("*") if file.is_file()} == everything
    other = folder / "out.rejected"
    plain = api.run(
        write_protocol(folder, {"masks": True}, **SEARCH), output=folder / "plain", workers=1
    )
    assert contents(other) == contents(plain.folder)
    assert not (other / ".stackmend").exists()
    assert not (before / ".stackmend").exists()

    # It is a result like others, which says what it is.
    shown = api.show(other)
    assert not shown.altered
    assert any("a gate failed: changed_fraction is " in each for each in shown.warnings)
    page = (other / "report.html").read_text(encoding="utf-8")
    assert "The result was rejected: changed_fraction is " in page
    assert "<b>failed:</b> changed_fraction" in page
    assert "clipped_fraction is 0 (worst slice" in page


def test_the_summary_has_every_gate(folder: Path, main: Main, capsys: Any) -> None:
    file = gated(folder, changed_fraction=0.001, clipped_fraction=1)
    assert main("run", file, "--workers", 1) == 6
    assert "changed_fraction is " in capsys.readouterr().err
    assert main("show", folder / "out.rejected") == 0
    lines = capsys.readouterr().out.splitlines()
    gates = [line.split() for line in lines if line.split()[:1] == ["gate"]]
    assert [line[1] for line in gates] == ["FAILED:", "clipped_fraction"]


def test_a_limit_that_comes_later_takes_nothing_from_the_result(quick: None, folder: Path) -> None:
    """The stack that is there stays in its place; the same slices go apart, computed once."""
    api.run(write_protocol(folder, {"masks": True}, **SEARCH), workers=1)
    everything = contents(folder / "out")
    record, _ = rejected(gated(folder, changed_fraction=0.001))
    assert record.slices["kept_from_earlier"] == 3
    assert contents(folder / "out") == contents(folder / "out.rejected") == everything
    assert not read_record(folder / "out").gates
    # With a limit that it keeps, it is the result, and nothing is computed either.
    run = api.run(gated(folder, changed_fraction=1), workers=1)
    assert run.record is not None
    assert run.record["slices"]["kept_from_earlier"] == 3


def test_a_rejected_result_that_is_put_in_place_is_taken_over(quick: None, folder: Path) -> None:
    """Where its owner decides for it, and changes the limit."""
    rejected(gated(folder, changed_fraction=0.001))
    assert not (folder / "out").exists()
    (folder / "out.rejected").rename(folder / "out")
    run = api.run(gated(folder, changed_fraction=1), workers=1)
    assert run.record is not None
    assert run.record["slices"]["kept_from_earlier"] == 3


def test_shards_are_judged_when_they_are_joined(quick: None, folder: Path) -> None:
    file = gated(folder, changed_fraction=0.001)
    for number in (1, 2):
        api.run(file, workers=1, shard=f"{number}/2")
    with pytest.raises(Rejected):
        api.finish(file, workers=1)
    assert len(facts(folder / "out.rejected")) == 3
    assert not (folder / "out").exists()


def test_what_is_not_a_result_is_not_replaced(quick: None, folder: Path) -> None:
    mine = folder / "out.rejected" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    (problem,) = api.check(gated(folder, changed_fraction=0.5)).draft.problems
    assert problem.path == "gates"
    assert "holds files that are no result of a run (mine.txt)" in problem.message
    assert api.check(write_protocol(folder, {})).draft.problems == ()


def test_a_later_rejected_result_replaces_the_earlier_one(quick: None, folder: Path) -> None:
    rejected(gated(folder, changed_fraction=0.001))
    first = contents(folder / "out.rejected")
    cut_off(gated(folder, changed_fraction=0.001), after=2)
    assert contents(folder / "out.rejected") == first
    rejected(gated(folder, changed_fraction=0.002))
    assert read_record(folder / "out.rejected").gates[0]["limit"] == 0.002
    assert contents(folder / "out.rejected") == first


@pytest.mark.slow
def test_stopped_on_its_way_it_gets_there_all_the_same(quick: None, folder: Path) -> None:
    """Neither folder ever holds a mixture; the same command ends as if it had not been stopped."""
    file = gated(folder, changed_fraction=0.001)
    rejected(file)
    whole = contents(folder / "out.rejected")
    shutil.rmtree(folder / "out.rejected")
    (folder / "both").mkdir()
    content = file.read_text().replace('"out"', '"both/out"')
    for at, state in enumerate(_states(folder, content)):
        if at % 4 == 0 or is_tidying(state / "out.rejected"):
            (folder / "p.json").write_text(content.replace('"both/out"', f'"{state.name}/out"'))
            with pytest.raises(Rejected):
                api.run(folder / "p.json", workers=1)
            assert contents(state / "out.rejected") == whole, state
            assert not (state / "out").exists()


def _states(folder: Path, content: str) -> Iterator[Path]:
    (folder / "p.json").write_text(content)

    def work() -> None:
        with suppress(Rejected):
            api.run(folder / "p.json", workers=1)

    for at, state in enumerate(every_state(folder / "both", folder / "states", work)):
        yield state.rename(folder / f"state{at}")
