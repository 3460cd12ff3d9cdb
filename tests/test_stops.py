"""Wherever a run is stopped, the same command ends as if it had not been."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from kills import cut_off, write_protocol
from stackmend import api
from stackmend.result.names import JOURNAL, RECORD
from stops import FORMATS, ends_like, is_tidying, protocol, states_of, write_small_stack


@pytest.fixture(autouse=True)
def _plain_results(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make neither pictures nor pages, which have no part in this."""
    monkeypatch.setattr("stackmend.runner.stories.collect", lambda *_: None)
    monkeypatch.setattr("stackmend.runner.write_report", lambda _: None)


@pytest.mark.parametrize("kind", ["TIFF folder", "OME-Zarr"])
def test_a_run_stopped_while_it_publishes_and_tidies(tmp_path: Path, kind: str) -> None:
    """The first result of a folder; other moments and formats are those of ``make soak``."""
    write_small_stack(tmp_path, 2)
    file = protocol(tmp_path, kind)
    whole = api.run(file, output=tmp_path / "whole", workers=1).folder
    states = states_of(tmp_path, "first", lambda: api.run(file, workers=1))
    assert len(states) > 40
    tidying = [state for state in states if is_tidying(state)]
    assert len(tidying) > 10
    for state in tidying:
        ends_like(whole, file, state)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["TIFF", "OME-Zarr"])
@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize("unfinished", [True, False])
def test_masks_switched_on_or_off_and_stopped(
    tmp_path: Path, kind: str, wanted: bool, unfinished: bool
) -> None:
    """Over a finished result or an unfinished one; from every third state, to either end."""
    write_small_stack(tmp_path, 2)

    def written(masks: bool) -> Path:
        return write_protocol(tmp_path, {**FORMATS[kind], "masks": masks})

    wholes = {}
    for masks in (True, False):
        wholes[masks] = api.run(written(masks), output=tmp_path / f"{masks}", workers=1).folder
    if unfinished:
        cut_off(written(not wanted), after=1)
    else:
        api.run(written(not wanted), workers=1)
    for state in states_of(tmp_path, "x", lambda: api.run(written(wanted), workers=1))[::3]:
        back = state.with_name(f"{state.name} back")
        shutil.copytree(state, back)
        ends_like(wholes[wanted], written(wanted), state)
        ends_like(wholes[not wanted], written(not wanted), back)


# States that were once fatal, without the race that leads to them


FAST = ("TIFF folder", "OME-Zarr")
KINDS = [kind if kind in FAST else pytest.param(kind, marks=pytest.mark.slow) for kind in FORMATS]


@pytest.mark.parametrize("kind", KINDS)
def test_a_journal_without_its_stack_is_not_believed(tmp_path: Path, kind: str) -> None:
    write_small_stack(tmp_path, 2)
    file = protocol(tmp_path, kind)
    whole = api.run(file, output=tmp_path / "whole", workers=1).folder
    shutil.copytree(whole, tmp_path / "out")
    entries = tmp_path / "out" / ".stackmend" / "journal"
    entries.mkdir(parents=True)
    for entry, name in (("work", "work.jsonl"), ("slice", "slices-x-1.jsonl")):
        lines = (whole / JOURNAL).read_text().splitlines()
        chosen = [line for line in lines if json.loads(line)["entry"] == entry]
        (entries / name).write_text("\n".join(chosen))
    (stack,) = (tmp_path / "out").glob("stack*")
    before = stack.stat().st_ino
    ends_like(whole, file, tmp_path / "out")
    assert stack.stat().st_ino == before  # it stays as it is


@pytest.mark.parametrize("kind", KINDS)
def test_a_journal_of_a_first_run_without_its_stack(tmp_path: Path, kind: str) -> None:
    """Whatever part of the stack in the making is gone."""
    write_small_stack(tmp_path, 3)
    file = protocol(tmp_path, kind)
    whole = api.run(file, output=tmp_path / "whole", workers=1).folder
    cut_off(file, after=2)
    partial = tmp_path / "out" / ".stackmend" / "partial"
    every = [path for path in partial.rglob("*") if "stack" in str(path.relative_to(partial))]
    for lost in sorted(every)[:: max(len(every) // 4, 1)]:
        state = tmp_path / "state"
        shutil.copytree(tmp_path / "out", state)
        gone = state / lost.relative_to(tmp_path / "out")
        shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
        ends_like(whole, file, state)
        shutil.rmtree(state)


def test_show_settles_a_publication_that_was_cut_off(tmp_path: Path) -> None:
    write_small_stack(tmp_path, 2)
    api.run(protocol(tmp_path, "TIFF folder", 15), workers=1)
    states = states_of(tmp_path, "x", lambda: api.run(protocol(tmp_path, "TIFF folder"), workers=1))
    without = [state for state in states if not (state / RECORD).exists()]
    assert len(without) > 5
    for state in without:
        assert api.show(state).finished
        assert len(list((state / "stack").iterdir())) == 2
