"""Runs that are killed again and again: a few times in tests, fifty times by ``make soak``."""

from __future__ import annotations

import csv
import json
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from stackmend import api
from stackmend.result.journal import Journal
from stackmend.result.workspace import Workspace

CHARGING = [
    {"step": "find_charging", "inverse": True, "gf1_sigma": 30},
    {"step": "correct_charging", "gf2_sigma": 30, "rb_radius": 50},
    {"step": "destandardize"},
]
CHAIN = [{"step": "standardize"}, *CHARGING]
NEIGHBOURS = [
    {"step": "standardize", "per": "stack"},
    {"step": "median_z", "radius": 2, "threshold": 0.1},
    *CHARGING,
]
"""Knows the whole stack before the first slice, and sees four slices beside each."""

KINDS: dict[str, dict[str, Any]] = {
    "TIFF folder": {"output": {"format": "tiff-folder"}},
    "TIFF": {"output": {"format": "tiff"}},
    "BigTIFF": {"output": {"format": "tiff"}},
    "compressed TIFF": {"output": {"format": "tiff", "compression": "zlib"}},
    "OME-Zarr": {"output": {"format": "ome-zarr"}},
    "masks": {"output": {"format": "tiff", "compression": "zlib", "masks": True}},
    "labels": {"output": {"format": "ome-zarr", "masks": True}},
    "neighbours": {"output": {"format": "tiff-folder"}, "chain": NEIGHBOURS},
}
"""Kinds of runs, by their output or what they know of other slices, and the protocol for them."""

_RUN = """
import os, signal, sys, threading
from stackmend import api
from stackmend.stacks.tiff import file_writer

file, output, big, phase, moment, delay = sys.argv[1:]
if big:
    file_writer.CLASSIC_LIMIT = 0
seen = 0

def kill():
    os.killpg(0, signal.SIGKILL)

def count(kind, fields):
    global seen
    seen += not phase or fields.get("phase") == phase
    if seen == int(moment):
        threading.Timer(float(delay), kill).start() if float(delay) else kill()

api.run(file, output=output or None, workers=2, listener=count)
print(seen)
"""
"""A run that counts its events (those of one phase, or all) and may be killed at one of them."""

SLICES = 24


def charged(count: int = SLICES) -> NDArray[np.uint8]:
    """A stack with a dark blob in each slice."""
    generator = np.random.default_rng(5)
    y, x = np.indices((96, 128))
    blobs = [90 * np.exp(-((y - 40 - number) ** 2 + (x - 60) ** 2) / 80) for number in range(count)]
    return np.stack(
        [
            np.clip(160 + generator.normal(0, 4, y.shape) - blob, 0, 255).astype(np.uint8)
            for blob in blobs
        ]
    )


def write_protocol(
    folder: Path, output: dict[str, Any], *, chain: Any = CHAIN, gf2_sigma: Any = 30, **more: Any
) -> Path:
    """A protocol for the stack in a folder, without a search unless asked for."""
    correcting = {"correct_charging": {"gf2_sigma": gf2_sigma}}
    chain = [entry | correcting.get(entry["step"], {}) for entry in chain]
    file = folder / "protocol.yaml"
    content = {
        "protocol": 1,
        "input": {"path": "stack"},
        "output": {"path": "out", **output},
        "chain": chain,
        **more,
    }
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def write_stack(folder: Path) -> None:
    """The stack, as a folder of slices."""
    (folder / "stack").mkdir(parents=True)
    for number, pixels in enumerate(charged()):
        tifffile.imwrite(folder / "stack" / f"s{number}.tif", pixels)


def facts(folder: Path) -> list[dict[str, str]]:
    """Rows of slices.csv without the times."""
    with (folder / "slices.csv").open(encoding="utf-8") as file:
        return [
            {name: value for name, value in row.items() if name != "seconds"}
            for row in csv.DictReader(file)
        ]


def start(
    kind: str,
    file: Path,
    output: Path | str = "",
    *,
    phase: str = "",
    moment: int = 0,
    delay: float = 0,
) -> subprocess.CompletedProcess[str]:
    """A run in processes of its own; at its ``moment``-th event, or later, all are killed."""
    how = [file, output, "big" if kind == "BigTIFF" else "", phase, moment, delay]
    command = [sys.executable, "-c", _RUN, *map(str, how)]
    done = subprocess.run(command, start_new_session=True, stdout=subprocess.PIPE, text=True)
    assert done.returncode in (0, -signal.SIGKILL)
    return done


def run_in_one_go(kind: str, file: Path, output: Path) -> int:
    """Run without a kill; the number of events, so that kills can be spread over all of them."""
    return int(start(kind, file, output).stdout)


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


def kill_and_finish(
    kind: str, file: Path, kills: int, moments: random.Random, *, events: int, longest: float = 0
) -> int:
    """Run and be killed, so often; then let it end. How many kills hit a run before its end.

    The moment is one of so many events, or up to ``longest`` seconds after it. What had been
    entered in the journal before a kill must not be computed again after it.
    """
    workspace = Workspace(file.parent / "out")
    log = workspace.partial / "log.jsonl"
    survived = []
    for _ in range(kills):
        moment, delay = moments.randint(1, events), moments.uniform(0, longest)
        killed = start(kind, file, moment=moment, delay=delay).returncode != 0
        if not killed or not log.exists():  # it had ended, or just been published
            break
        survived.append(
            (len(computed_by_run(log)), set(Journal(workspace.journal).ledger().slices))
        )
    start(kind, file)
    runs = computed_by_run(workspace.folder / "log.jsonl")
    for before, finished in survived:
        assert not finished & set().union(*runs[before:])
    return len(survived)


def computed_by_run(log: Path) -> list[set[tuple[int, int]]]:
    """The slices that were computed by each of the runs that wrote into a log."""
    runs: list[set[tuple[int, int]]] = []
    for line in log.read_text(encoding="utf-8").splitlines() if log.exists() else []:
        try:
            event = json.loads(line)
        except ValueError:  # a kill cut it off
            continue
        if event["event"] == "started":
            runs.append(set())
        if event["event"] == "slice":
            runs[-1].add((event["slice"], event["channel"]))
    return runs


def contents(result: Path) -> dict[str, bytes]:
    """Every file of a result's stack, and of its masks where there are any."""
    found = {}
    for stack in (*sorted(result.glob("stack*")), *sorted(result.glob("masks*"))):
        found |= {str(file.relative_to(result)): file.read_bytes() for file in _files(stack)}
    return found


def _files(path: Path) -> list[Path]:
    return (
        [path] if path.is_file() else [file for file in sorted(path.rglob("*")) if file.is_file()]
    )
