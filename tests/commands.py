"""What tests of the command line have in common."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import PATIENCE

Write = Callable[..., Path]
Call = Callable[..., tuple[int, str, str]]
Start = Callable[..., subprocess.Popen[str]]
Main = Callable[..., int]

ESCAPE = "\x1b"
posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals or terminals")


class Clock:
    """A clock that stands still until it is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def progress(phase: str, done: int, total: int, **more: Any) -> dict[str, Any]:
    """The fields of an event that says how far a phase has come."""
    return {"phase": phase, "done": done, "total": total, **more}


def snapshot(folder: Path) -> dict[str, bytes]:
    files = (
        file for file in folder.rglob("*") if file.is_file() and ".stackmend" not in file.parts
    )
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def one_line(text: str) -> str:
    """A message of one line, without traceback or escape codes."""
    assert text.count("\n") == 1, text
    assert ESCAPE not in text
    return text.rstrip("\n")


def with_step(*extra: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"step": "standardize"}, *extra, {"step": "destandardize"}]


def wait_at(door: Path, process: subprocess.Popen[str]) -> None:
    """Wait until the command has come to the step that holds it."""
    deadline = time.monotonic() + PATIENCE
    while not list(door.iterdir()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
