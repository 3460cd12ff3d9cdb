"""A run that was cut off goes on where it stopped, and ends as if it had never been cut off."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from stackmend import api
from stackmend.runner.journal import Journal

SLICES = 24


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A stack of slices with dark blobs."""
    generator = np.random.default_rng(5)
    y, x = np.indices((96, 128))
    (tmp_path / "stack").mkdir()
    for number in range(SLICES):
        blob = 90 * np.exp(-((y - 40 - number) ** 2 + (x - 60) ** 2) / 80)
        pixels = np.clip(160 + generator.normal(0, 4, y.shape) - blob, 0, 255).astype(np.uint8)
        tifffile.imwrite(tmp_path / "stack" / f"s{number}.tif", pixels)
    return tmp_path


def protocol(folder: Path, *, format: str = "tiff-folder", gf2_sigma: float = 30) -> Path:
    chain = [
        {"step": "standardize"},
        {"step": "find_charging", "inverse": True, "gf1_sigma": 30},
        {"step": "correct_charging", "gf2_sigma": gf2_sigma, "rb_radius": 50},
        {"step": "destandardize"},
    ]
    file = folder / "protocol.yaml"
    content = {"protocol": 1, "input": {"path": "stack"}, "output": {"path": "out", "format": format}, "chain": chain}
    file.write_text(json.dumps(content))
    return file


def facts(folder: Path) -> list[dict[str, str]]:
    """Rows of slices.csv without the times."""
    with (folder / "slices.csv").open() as file:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)]


def events(folder: Path, kind: str) -> list[dict[str, Any]]:
    lines = (folder / "log.jsonl").read_text().splitlines()
    return [event for event in map(json.loads, lines) if event["event"] == kind]


def cut_off(file: Path, after: int) -> None:
    """Run in this process until so many slices are done, then stop as Ctrl-C does."""
    done = 0

    def stop(kind: str, fields: Any) -> None:
        nonlocal done
        done += kind == "slice"
        if done == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        api.run(file, workers=1, listener=stop)


@pytest.mark.parametrize("format", ["tiff-folder", "tiff"])
def test_killed_at_random_moments_the_result_is_that_of_a_run_in_one_go(folder: Path, format: str) -> None:
    file = protocol(folder, format=format)
    whole = api.run(file, output=folder / "whole", workers=2)
    command = [sys.executable, "-m", "stackmend", "run", str(file), "--workers", "2", "--quiet"]
    moments = random.Random(format)
    for _ in range(4):
        process = subprocess.Popen(command, start_new_session=True)
        # Until the application has begun, then a moment longer: most kills hit it in the middle.
        journal = folder / "out" / ".stackmend" / "journal"
        while process.poll() is None and not any(journal.glob("slices-*.jsonl")):
            time.sleep(0.01)
        time.sleep(moments.uniform(0, 0.1))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    subprocess.run(command, check=True)
    assert facts(folder / "out") == facts(whole.folder)
    record = json.loads((folder / "out" / "run.json").read_text())
    assert record["output"]["pixel_hash"] == whole.record["output"]["pixel_hash"]
    assert not (folder / "out" / ".stackmend").exists()
    if format == "tiff-folder":
        written = {path.name for path in (folder / "out" / "stack").iterdir()}
        assert written == {path.name for path in (folder / "stack").iterdir()}


def test_finished_slices_are_not_computed_again(folder: Path) -> None:
    file = protocol(folder)
    cut_off(file, after=9)
    before = {path: path.stat().st_mtime_ns for path in (folder / "out" / ".stackmend" / "partial").rglob("*.tif")}
    run = api.run(file, workers=1)
    kept = [event["slice"] for event in events(run.folder, "slice kept")]
    computed = [event["slice"] for event in events(run.folder, "slice")]
    assert len(kept) >= 9
    # What the first run had finished without its row having arrived is in the journal all the same.
    assert sorted([*kept, *computed[9:]]) == list(range(SLICES))
    assert any("slices were done already" in event["message"] for event in events(run.folder, "note"))
    after = {path.name: path.stat().st_mtime_ns for path in (run.folder / "stack").iterdir()}
    assert all(after[path.name] == time for path, time in before.items())


def test_a_changed_protocol_is_noticed_and_said(folder: Path) -> None:
    cut_off(protocol(folder), after=8)
    entered = len(Journal(folder / "out" / ".stackmend" / "journal").ledger().slices)
    run = api.run(protocol(folder, gf2_sigma=15), workers=1)
    assert not events(run.folder, "slice kept")
    messages = [event["message"] for event in events(run.folder, "note")]
    assert entered >= 8
    assert f"correct_charging.gf2_sigma was 30, now 15: {entered} slices will be computed again" in messages
    assert (
        run.record["output"]["pixel_hash"]
        == api.run(protocol(folder, gf2_sigma=15), output=folder / "other", workers=1).record["output"]["pixel_hash"]
    )


@pytest.mark.parametrize("format", ["tiff-folder", "tiff"])
@pytest.mark.parametrize("what", ["input", "output", "journal"])
def test_what_has_changed_meanwhile_is_computed_again(folder: Path, format: str, what: str) -> None:
    file = protocol(folder, format=format)
    cut_off(file, after=8)
    partial, journal = folder / "out" / ".stackmend" / "partial", folder / "out" / ".stackmend" / "journal"
    changes: dict[str, Callable[[], Any]] = {
        "input": lambda: spoil(folder / "stack" / "s2.tif"),
        "output": lambda: spoil(partial / ("stack/s2.tif" if format == "tiff-folder" else "stack.tif"), 2),
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
