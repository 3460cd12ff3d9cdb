"""Runs that are interrupted at any moment, once to four times, by any signal: for ``make soak``.

``python tests/interruptions.py [RUNS] [SEED]``; every end must be quiet, leave no process behind,
and the run must go on to the same pixels.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from kills import contents, write_protocol, write_stack

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
START = """
import sys
from stackmend.workers import processes
if sys.argv.pop(1) == "processes":
    processes.PROCESSES_PAY = 0
from stackmend.__main__ import start
raise SystemExit(start())
"""


def run(file: Path, kind: str, delays: list[float], chance: random.Random) -> tuple[int, str]:
    """A run in a session of its own, with a signal after each delay; its status and its words."""
    command = [sys.executable, "-c", START, kind, "run", str(file), "--workers", "2"]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    for delay in delays:
        time.sleep(delay)
        if process.poll() is None:
            to = os.killpg if chance.random() < 0.5 else os.kill
            to(process.pid, chance.choice(SIGNALS))
    out, err = process.communicate(timeout=600)
    assert alive(process.pid) == []
    return process.returncode, out + err


def alive(group: int) -> list[str]:
    """Processes of a session that are still there after some seconds."""
    for _ in range(200):
        found = subprocess.run(["pgrep", "-s", str(group)], capture_output=True, text=True)
        if not found.stdout.strip():
            return []
        time.sleep(0.05)
    return found.stdout.split()


def soak(runs: int, seed: int) -> None:
    """Interrupt so many runs, then let each end; count how they ended."""
    chance, ends = random.Random(seed), Counter[str]()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_stack(folder)
        sections = {"gf2_sigma": {"sweep": [15, 30]}, "optimize": {"slices": [3]}}
        file = write_protocol(folder, {"path": "whole"}, **sections)
        began = time.monotonic()
        assert run(file, "threads", [], chance)[0] == 0
        length = time.monotonic() - began
        file = write_protocol(folder, {}, **sections)
        for number in range(runs):
            delays = [chance.uniform(0, 1.2 * length)]
            delays += [chance.uniform(0, 0.1) for _ in range(chance.randint(0, 3))]
            kind = chance.choice(("threads", "processes"))
            status, said = run(file, kind, delays, chance)
            assert "Traceback" not in said, (number, said)
            assert "Error" not in said, (number, said)
            # while the interpreter starts, a signal ends it without a word
            assert status in (0, 130, *(-each for each in SIGNALS)), (number, status, said)
            ends[str(status)] += 1
        assert run(file, "threads", [], chance)[0] == 0
        assert contents(folder / "out") == contents(folder / "whole")
    print(f"{runs} interrupted runs, seed {seed}, by exit status: {dict(ends)}; no traceback")


if __name__ == "__main__":
    given = [int(each) for each in sys.argv[1:]]
    soak(*(given or [60]), *([] if given[1:] else [0]))
