"""All that takes minutes: ``python tests/soak.py [KILLS]``, a line for each part.

Runs that are killed at random moments, stopped at every file operation, robbed of their workers,
and on a disk that is full; every end must be that of a run in one go.
"""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from drifting import drifted, write_chain, write_drifted
from full_disk import SLICES, full_and_on
from kills import (
    KINDS,
    contents,
    facts,
    kill_and_finish,
    run_in_one_go,
    write_protocol,
    write_stack,
)
from stackmend import api, disk
from stackmend.errors import WorkerLost
from stackmend.workers import processes
from stops import FORMATS, enumerated
from test_workers import run_and_lose


def soak_kills(kills: int) -> None:
    """Kill runs so often, over all kinds; every end must be that of a run in one go."""
    moments, share = random.Random(0), -(-kills // len(KINDS))
    for kind, sections in KINDS.items():
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            write_stack(folder)
            file, whole = write_protocol(folder, **sections), folder / "whole"
            events, hit, turns = run_in_one_go(kind, file, whole), 0, 0
            while hit < share:
                hit += kill_and_finish(
                    kind, file, share - hit, moments, events=events, longest=0.05
                )
                turns += 1
                assert facts(folder / "out") == facts(whole)
                assert contents(folder / "out") == contents(whole)
                shutil.rmtree(folder / "out")
            print(
                f"{kind}: {hit} kills in {turns} results, each as if there had been none",
                flush=True,
            )


def soak_alignment(kills: int) -> None:
    """Kill runs that look at pairs first and move slices onto a larger canvas."""
    moments = random.Random(1)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_drifted(folder, drifted(24))
        find = {"step": "estimate_alignment", "canvas": "union"}
        chain = [find, {"step": "standardize", "per": "stack"}, {"step": "find_streaks"}]
        chain += [{"step": "fill_streaks"}, {"step": "destandardize"}, {"step": "apply_alignment"}]
        output = {"path": "out", "masks": True}
        file, whole = write_chain(folder, *chain, output=output), folder / "whole"
        events, hit, turns = run_in_one_go("", file, whole), 0, 0
        while hit < kills:
            hit += kill_and_finish("", file, kills - hit, moments, events=events, longest=0.05)
            turns += 1
            for name in ("transforms.csv", "transforms.json"):
                assert (folder / "out" / name).read_bytes() == (whole / name).read_bytes()
            assert facts(folder / "out") == facts(whole)
            assert contents(folder / "out") == contents(whole)
            shutil.rmtree(folder / "out")
        print(f"alignment: {hit} kills in {turns} results, each as if there had been none")


def soak_memory(least: int = 50, most: int = 2000) -> None:
    """The most memory of a run that lays slices on each other, for few and for many of them.

    What is kept of a slice to its end must be small beside the slices that are looked at.
    """
    found = {}
    for count in (least, most):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            write_drifted(folder, drifted(count))
            command = [sys.executable, "-c", _MEMORY, write_chain(folder, {"step": "align"})]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            found[count] = int(done.stdout)
    megabytes = ", ".join(f"{bytes / 1e6:.0f} MB for {count}" for count, bytes in found.items())
    print(f"memory: {megabytes} slices", flush=True)
    assert found[most] - found[least] < 32_000 * (most - least)


_MEMORY = """
import sys
from stackmend import api
from stackmend.workers import memory
api.run(sys.argv[1], workers=1)
print(memory.peak())
"""


def soak_stops() -> None:
    """Stop runs at every file operation: first ones, over other results, and mixed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(disk, "make_lasting", lambda *_: None)
        patch.setattr(disk, "make_names_lasting", lambda *_: None)
        patch.setattr("stackmend.runner.stories.collect", lambda *_: None)
        patch.setattr("stackmend.runner.write_report", lambda _: None)
        for kind in FORMATS:
            with tempfile.TemporaryDirectory() as place:
                print(f"{kind}: stopped in {enumerated(Path(place), kind)} states", flush=True)


def soak_workers(deaths: int) -> None:
    """End workers, so often, after one more slice each time."""
    signals = (signal.SIGKILL, signal.SIGSEGV)
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        patch.setattr(processes, "PROCESSES_PAY", 0)
        folder = Path(place)
        write_stack(folder)
        file, lost = write_protocol(folder, {}), 0
        whole = api.run(file, output=folder / "whole", workers=1)
        for turn in range(deaths):
            try:
                run_and_lose(file, signals[turn % 2], after=1 + turn % 20)
            except WorkerLost:
                lost += 1
            api.run(file, workers=1)
            assert facts(folder / "out") == facts(whole.folder)
            assert contents(folder / "out") == contents(whole.folder)
            shutil.rmtree(folder / "out")
        print(f"workers: {lost} of {deaths} runs lost one", flush=True)


def soak_disk() -> None:
    """Fill the disk at every tenth of a run, for all formats."""
    for kind, output in FORMATS.items():
        for tenth in range(1, 10):
            with tempfile.TemporaryDirectory() as place:
                full_and_on(Path(place), output, SLICES * tenth // 10)
        print(f"{kind}: the disk was full at every tenth", flush=True)


if __name__ == "__main__":
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    soak_memory()
    soak_alignment(kills)
    soak_stops()
    soak_workers(kills + 10)
    soak_disk()
    soak_kills(kills)
