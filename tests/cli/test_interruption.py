"""Ctrl-C and termination: nothing is left behind, and how to go on is said."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from commands import (
    Main,
    Start,
    Write,
    posix,
    snapshot,
    wait_at,
    with_step,
)
from conftest import PATIENCE
from stackmend import api


def left_behind(group: int) -> list[str]:
    """Command lines of processes of a group that still run (where the system can tell)."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, process_group = stat.read_text().rpartition(") ")[2].split()[:3]
            if int(process_group) == group and state != "Z":
                found.append((stat.parent / "cmdline").read_text().replace("\0", " "))
        except OSError:  # it has ended meanwhile
            continue
    return found


@posix
@pytest.mark.parametrize("phase", ["search", "application"])
@pytest.mark.parametrize(
    ("name", "all_processes"),
    [("SIGINT", True), ("SIGINT", False), ("SIGTERM", False), ("SIGHUP", True)],
    ids=["ctrl-c", "int", "term", "hup"],
)
def test_status_130_interrupted(
    cell: Path,
    protocol: Write,
    shell: Start,
    main: Main,
    clumsy: dict[str, str],
    door: Path,
    tmp_path: Path,
    name: str,
    phase: str,
    all_processes: bool,
) -> None:
    """Ctrl-C of a terminal reaches the workers, too; ``kill`` only the command."""
    assert main("run", protocol(chain=with_step(), optimize=None), "--workers", 1, "--quiet") == 0
    earlier = snapshot(tmp_path / "result")
    steps, optimize = [{"step": "hold"}], None
    if phase == "search":
        steps = [{"step": "hold", "door": {"sweep": [1, 2, 3, 4]}}, {"step": "find_charging"}]
        optimize = {"steps": ["hold", "find_charging"], "slices": [0, 1, 2, 3]}
    protocol(chain=with_step(*steps), optimize=optimize)
    process = shell("run", "tiny.yaml", "--workers", 2, env=clumsy)
    wait_at(door, process)
    (os.killpg if all_processes else os.kill)(process.pid, getattr(signal, name))
    if phase == "search":  # its threads end what they have begun
        (door / "open").touch()
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (130, "")
    said = err.splitlines()[-1]
    assert said == "stackmend: interrupted; continue with: stackmend run tiny.yaml --workers 2"
    assert "Traceback" not in err
    deadline = time.monotonic() + PATIENCE
    while left_behind(process.pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert left_behind(process.pid) == []
    assert snapshot(tmp_path / "result") == earlier


@posix
@pytest.mark.parametrize("times", [2, 3])
def test_ctrl_c_again_and_again(
    cell: Path, protocol: Write, shell: Start, clumsy: dict[str, str], door: Path, times: int
) -> None:
    """Threads that are at work are not waited for: these would never come to an end."""
    steps = [{"step": "hold", "door": {"sweep": [1, 2]}}, {"step": "find_charging"}]
    optimize = {"steps": ["hold", "find_charging"], "slices": [0, 1]}
    protocol(chain=with_step(*steps), optimize=optimize)
    process = shell("run", "tiny.yaml", "--workers", 2, env=clumsy)
    wait_at(door, process)
    for _ in range(times):
        process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (130, "")
    ends = {
        "interrupted; continue with: stackmend run tiny.yaml --workers 2",
        "ended at once; the same command goes on",
    }
    assert err.splitlines()[-1].removeprefix("stackmend: ") in ends
    assert "Traceback" not in err
    assert left_behind(process.pid) == []


@posix
@pytest.mark.parametrize("columns", ["40", "100"])
def test_ctrl_c_leaves_the_terminal_in_order(
    cell: Path, protocol: Write, shell: Start, clumsy: dict[str, str], door: Path, columns: str
) -> None:
    import pty

    protocol(chain=with_step({"step": "hold"}), optimize=None)
    controller, terminal = pty.openpty()
    env = clumsy | {"TERM": "xterm", "COLUMNS": columns}
    process = shell("run", "tiny.yaml", "--workers", 1, stderr=terminal, env=env)
    os.close(terminal)
    wait_at(door, process)
    process.send_signal(signal.SIGINT)
    shown = b""
    try:
        while chunk := os.read(controller, 4096):
            shown += chunk
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(controller)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    text = shown.decode()
    assert text.rstrip().endswith(
        "stackmend: interrupted; continue with: stackmend run tiny.yaml --workers 1"
    )
    assert text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l") >= 0
    assert "stopped at 0 of 4 slices" in text


def test_the_command_to_continue_is_quoted(
    cell: Path,
    protocol: Write,
    main: Main,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(api, "run", interrupted)
    assert main("run", protocol(), "--output", "my out") == 130
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("stackmend: interrupted; continue with: stackmend run ")
    assert last.endswith("--output 'my out'")
