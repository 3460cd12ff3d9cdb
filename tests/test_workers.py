"""Workers that the system ends: an error of its own, and the same command goes on."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from commands import Main, posix
from kills import contents, facts, write_protocol, write_stack
from stackmend import api
from stackmend.errors import WorkerLost
from stackmend.workers import processes
from stackmend.workers.cluster import ClusterWorkers
from stackmend.workers.processes import lost_text


def workers_of(process: psutil.Process) -> list[psutil.Process]:
    """The workers among its children."""
    found = []
    for child in process.children(recursive=True):
        try:
            words = " ".join(child.cmdline())
        except psutil.Error:
            continue
        if "loky" in words and "tracker" not in words:
            found.append(child)
    return found


def run_and_lose(file: Path, number: int, after: int = 1, **how: Any) -> None:
    """Run; when so many slices are done, a worker is sent a signal."""
    done = 0

    def strike(kind: str, _: Any) -> None:
        nonlocal done
        done += kind == "slice"
        if kind == "slice" and done == after:
            workers_of(psutil.Process())[0].send_signal(number)

    api.run(file, workers=2, listener=strike, **how)


@posix
@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV"])
def test_a_worker_that_dies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(processes, "PROCESSES_PAY", 0)
    write_stack(tmp_path)
    file = write_protocol(tmp_path, {})
    with pytest.raises(WorkerLost, match=name) as caught:
        run_and_lose(file, getattr(signal, name))
    assert caught.value.exit_status == 9
    assert ("for lack of memory; try --workers 1" in str(caught.value)) == (name == "SIGKILL")
    run = api.run(file, workers=1)
    assert run.record is not None
    assert run.record["slices"]["kept_from_earlier"] > 0
    whole = api.run(file, output=tmp_path / "whole", workers=1)
    assert facts(run.folder) == facts(whole.folder)
    assert contents(run.folder) == contents(whole.folder)


@posix
def test_how_to_go_on_is_said_and_works(tmp_path: Path, main: Main) -> None:
    """The command that is printed is pasted."""
    write_stack(tmp_path)
    file = write_protocol(tmp_path, {})
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import test_workers, psutil
from stackmend.workers import processes
from stackmend.workers.cluster import ClusterWorkers
from stackmend.cli.terminal import progress
processes.PROCESSES_PAY = 0
from stackmend.result.log import Log
event, seen = Log.event, []
def struck(self, kind, **fields):
    event(self, kind, **fields)
    if kind == "slice" and not seen:
        seen.append(kind)
        test_workers.workers_of(psutil.Process())[0].kill()
Log.event = struck
from stackmend.cli import main
sys.exit(main())
"""
    words = ["run", str(file), "--output", "my out", "--workers", "2"]
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 9, done.stderr
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("stackmend: continue with: stackmend run ")
    command = shlex.split(last.removeprefix("stackmend: continue with: "))
    assert main(*command[1:], "--quiet") == 0
    assert (tmp_path / "my out" / "run.json").exists()


def test_what_is_said_of_a_worker() -> None:
    assert "free some memory, or give --memory" in lost_text(1, "SIGKILL(-9)")
    assert "try --workers 2" in lost_text(4, "")
    assert "has crashed (SIGSEGV)" in lost_text(4, "SIGSEGV(-11), SIGTERM(-15)")


def test_tasks_that_cost_worker_after_worker_of_a_cluster() -> None:
    distributed = pytest.importorskip("distributed", reason="pip install 'stackmend[dask]'")
    lost = distributed.KilledWorker("slices", None, 4)
    with (
        pytest.raises(WorkerLost, match=r"several workers of the cluster.*give each of them more"),
        ClusterWorkers(2, None).lost_ones_named(),
    ):
        raise lost
