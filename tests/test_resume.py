"""A run that was cut off goes on where it stopped, and ends as if it had never been cut off."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tifffile

from kills import (
    KINDS,
    SLICES,
    contents,
    cut_off,
    facts,
    kill_and_finish,
    run_in_one_go,
    start,
    write_protocol,
    write_stack,
)
from stackmend import api
from stackmend.result.journal import Journal


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A stack of slices with dark blobs."""
    write_stack(tmp_path)
    return tmp_path


def protocol(folder: Path, *, format: str = "tiff-folder", gf2_sigma: float = 30) -> Path:
    return write_protocol(folder, {"format": format}, gf2_sigma=gf2_sigma)


def events(folder: Path, kind: str) -> list[dict[str, Any]]:
    lines = (folder / "log.jsonl").read_text().splitlines()
    return [event for event in map(json.loads, lines) if event["event"] == kind]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["TIFF folder", "OME-Zarr", "neighbours"])  # soak has them all
def test_killed_at_random_moments_the_result_is_that_of_a_run_in_one_go(
    folder: Path, kind: str
) -> None:
    file, whole, killed = write_protocol(folder, **KINDS[kind]), folder / "whole", folder / "out"
    events = run_in_one_go(kind, file, whole)
    assert kill_and_finish(kind, file, 3, random.Random(kind), events=events)
    assert facts(killed) == facts(whole)
    assert contents(killed) == contents(whole)
    records = [json.loads((result / "run.json").read_text()) for result in (killed, whole)]
    assert records[0]["output"] == records[1]["output"]
    assert not (killed / ".stackmend").exists()


def test_finished_slices_are_not_computed_again(folder: Path) -> None:
    file = protocol(folder)
    cut_off(file, after=9)
    before = {
        path: path.stat().st_mtime_ns
        for path in (folder / "out" / ".stackmend" / "partial").rglob("*.tif")
    }
    run = api.run(file, workers=1)
    kept = [event["slice"] for event in events(run.folder, "slice kept")]
    computed = [event["slice"] for event in events(run.folder, "slice")]
    assert len(kept) >= 9
    # What the first run had finished without its row having arrived is in the journal all the same.
    assert sorted([*kept, *computed[9:]]) == list(range(SLICES))
    assert any(
        "slices were done already" in event["message"] for event in events(run.folder, "note")
    )
    after = {path.name: path.stat().st_mtime_ns for path in (run.folder / "stack").iterdir()}
    assert all(after[path.name] == time for path, time in before.items())


def test_a_changed_protocol_is_noticed_and_said(folder: Path) -> None:
    cut_off(protocol(folder), after=8)
    entered = len(Journal(folder / "out" / ".stackmend" / "journal").ledger().slices)
    run = api.run(protocol(folder, gf2_sigma=15), workers=1)
    assert not events(run.folder, "slice kept")
    messages = [event["message"] for event in events(run.folder, "note")]
    assert entered >= 8
    assert (
        f"correct_charging.gf2_sigma was 30, now 15: {entered} slices will be computed again"
        in messages
    )
    assert (
        run.record["output"]["pixel_hash"]
        == api.run(protocol(folder, gf2_sigma=15), output=folder / "other", workers=1).record[
            "output"
        ]["pixel_hash"]
    )


@pytest.mark.parametrize("format", ["tiff-folder", "tiff"])
@pytest.mark.parametrize("what", ["input", "output", "journal"])
def test_what_has_changed_meanwhile_is_computed_again(folder: Path, format: str, what: str) -> None:
    file = protocol(folder, format=format)
    cut_off(file, after=8)
    partial, journal = (
        folder / "out" / ".stackmend" / "partial",
        folder / "out" / ".stackmend" / "journal",
    )
    changes: dict[str, Callable[[], Any]] = {
        "input": lambda: spoil(folder / "stack" / "s2.tif"),
        "output": lambda: spoil(
            partial / ("stack/s2.tif" if format == "tiff-folder" else "stack.tif"), 2
        ),
        "journal": lambda: cut_last_line(next(journal.glob("slices-*.jsonl"))),
    }
    changes[what]()
    run = api.run(file, workers=2)
    kept = {event["slice"] for event in events(run.folder, "slice kept")}
    assert kept
    assert (2 in kept) == (what == "journal")
    whole = api.run(file, output=folder / "whole", workers=1)
    assert facts(run.folder) == facts(whole.folder)


def spoil(file: Path, page: int = 0) -> None:
    """Change one pixel, and give the file its old time back."""
    times = file.stat().st_atime_ns, file.stat().st_mtime_ns
    pixels = tifffile.memmap(file, mode="r+")
    pixels.reshape(-1, *pixels.shape[-2:])[page if pixels.ndim == 3 else 0, 3, 4] += 1
    pixels.flush()
    os.utime(file, ns=times)


def cut_last_line(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-20])


def test_an_earlier_result_stays_until_the_new_one_is_complete(folder: Path) -> None:
    first = api.run(protocol(folder), workers=1)
    before = facts(first.folder)
    cut_off(protocol(folder, gf2_sigma=15), after=5)
    assert facts(first.folder) == before
    assert len(list((first.folder / "stack").iterdir())) == SLICES
    again = api.run(protocol(folder, gf2_sigma=15), workers=1)
    assert len(events(again.folder, "slice kept")) >= 5
    assert facts(again.folder) != before


def test_an_unchanged_run_has_nothing_to_do(folder: Path) -> None:
    first = api.run(protocol(folder), workers=2)
    before = snapshot(first.folder)
    heard: list[str] = []
    again = api.run(
        protocol(folder),
        workers=2,
        listener=lambda kind, fields: heard.append(str(fields.get("message"))),
    )
    assert f"nothing to do: all {SLICES} slices are what the record says" in heard
    assert snapshot(first.folder) == before
    assert again.record == first.record
    assert again.stack == first.stack


def snapshot(folder: Path) -> dict[Path, tuple[int, bytes]]:
    return {
        file: (file.stat().st_ino, file.read_bytes())
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.mark.parametrize("format", ["tiff-folder", "tiff"])
def test_of_a_finished_result_only_what_changed_is_computed(folder: Path, format: str) -> None:
    file = protocol(folder, format=format)
    api.run(file, workers=2)
    for number in (2, 7):
        spoil(folder / "stack" / f"s{number}.tif")
    run = api.run(file, workers=2)
    assert {event["slice"] for event in events(run.folder, "slice")} == {2, 7}
    messages = [event["message"] for event in events(run.folder, "note")]
    assert "the input or the result has changed: 2 slices will be computed again" in messages
    assert run.record["slices"]["kept_from_earlier"] == SLICES - 2
    assert facts(run.folder) == facts(api.run(file, output=folder / "whole", workers=1).folder)


def test_a_stack_that_grew_costs_only_what_is_new(folder: Path) -> None:
    file = protocol(folder)
    api.run(file, workers=1, set={"input.slices": "0:20"})
    run = api.run(file, workers=1)
    assert {event["slice"] for event in events(run.folder, "slice")} == {20, 21, 22, 23}
    assert facts(run.folder) == facts(api.run(file, output=folder / "whole", workers=1).folder)


def test_another_format_of_the_same_pixels_is_only_written(folder: Path) -> None:
    first = api.run(protocol(folder), workers=1)
    run = api.run(protocol(folder, format="tiff"), workers=1)
    assert not events(run.folder, "slice")
    assert run.record["output"]["pixel_hash"] == first.record["output"]["pixel_hash"]


def test_a_wider_search_with_the_same_choice_keeps_the_stack(folder: Path) -> None:
    optimize = {"slices": [3]}
    file = write_protocol(folder, {}, gf2_sigma={"sweep": [30, 20]}, optimize=optimize)
    first = api.run(file, workers=1)
    chosen = first.record["searches"][0]["chosen"]["gf2_sigma"]
    inode = (first.folder / "stack").stat().st_ino
    write_protocol(folder, {}, gf2_sigma={"sweep": [chosen, chosen * 50]}, optimize=optimize)
    second = api.run(file, workers=1)
    assert second.record["searches"][0]["chosen"]["gf2_sigma"] == chosen
    assert not events(second.folder, "slice")
    assert (first.folder / "stack").stat().st_ino == inode
    assert second.record["searches"][0]["combinations"] == 2


def test_losses_of_a_search_that_was_cut_off_are_not_evaluated_again(
    folder: Path, monkeypatch: Any
) -> None:
    sweep = {"sweep": [10, 15, 20, 25, 30, 35]}
    file = write_protocol(folder, {}, gf2_sigma=sweep, optimize={"slices": [3, 4]})
    whole = api.run(file, output=folder / "whole", workers=1)

    def stop(kind: str, fields: Any) -> None:
        if kind == "progress" and fields["phase"] == "search" and fields["done"] == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        api.run(file, workers=1, listener=stop)
    noted: list[Any] = []
    original = Journal.enter_loss
    monkeypatch.setattr(
        Journal, "enter_loss", lambda self, *line: (noted.append(line), original(self, *line))
    )
    run = api.run(file, workers=1)
    untouched = 2
    assert len(noted) == 4 + untouched
    assert (run.folder / "losses.csv").read_text() == (whole.folder / "losses.csv").read_text()
    assert run.record["searches"][0]["chosen"] == whole.record["searches"][0]["chosen"]


def test_a_changed_slice_has_losses_of_its_own(folder: Path, monkeypatch: Any) -> None:
    file = write_protocol(folder, {}, gf2_sigma={"sweep": [10, 15]}, optimize={"slices": [3, 4]})
    api.run(file, workers=1)
    spoil(folder / "stack" / "s4.tif")
    noted: list[Any] = []
    original = Journal.enter_loss
    monkeypatch.setattr(
        Journal, "enter_loss", lambda self, *line: (noted.append(line), original(self, *line))
    )
    api.run(file, workers=1)
    untouched = 1
    assert len(noted) == 2 + untouched


@pytest.mark.parametrize("format", ["tiff-folder", "tiff"])
def test_a_corrected_pixel_size_is_written_without_computing(folder: Path, format: str) -> None:
    first = api.run(protocol(folder, format=format), workers=2)
    for file in (folder / "stack").iterdir():
        tifffile.imwrite(
            file, tifffile.imread(file), resolution=(2e6, 2e6), resolutionunit="CENTIMETER"
        )
    run = api.run(protocol(folder, format=format), workers=2)
    assert not events(run.folder, "slice")
    assert run.record["input"]["pixel_size_nm"] == {"z": None, "y": 5.0, "x": 5.0}
    assert run.record["output"]["pixel_hash"] == first.record["output"]["pixel_hash"]
    file = run.stack / "s0.tif" if format == "tiff-folder" else run.stack
    with tifffile.TiffFile(file) as tif:
        assert tif.pages[0].resolution == (2e6, 2e6)


def test_a_search_that_is_killed_goes_on(folder: Path, monkeypatch: Any) -> None:
    values = [5 + 0.25 * number for number in range(24)]
    file = write_protocol(folder, {}, gf2_sigma={"sweep": values}, optimize={"slices": [3]})
    journal = Journal(folder / "out" / ".stackmend" / "journal")
    start("TIFF folder", file, phase="search", moment=8)
    known = len(journal.ledger().losses)
    assert 0 < known < len(values)
    noted: list[Any] = []
    original = Journal.enter_loss
    monkeypatch.setattr(
        Journal, "enter_loss", lambda self, *line: (noted.append(line), original(self, *line))
    )
    run = api.run(file, workers=2)
    untouched = 1
    assert len(noted) == len(values) - known + untouched
    whole = api.run(file, output=folder / "whole", workers=2)
    assert (run.folder / "losses.csv").read_bytes() == (whole.folder / "losses.csv").read_bytes()
