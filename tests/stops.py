"""Runs that are stopped before every single file operation: what is there then is kept, as a state.

A state is what a kill would leave at that moment. Of files that are about to be written there is a
second state besides, in which they are there and empty.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_WRITING = os.O_WRONLY | os.O_RDWR
_CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate")

_recorder: Recorder | None = None


class Recorder:
    """Keeps the states of a folder, each once, in the order in which they occur."""

    def __init__(self, folder: Path, states: Path) -> None:
        self.folder, self.states = folder, states
        self.found: dict[str, Path] = {}
        self._busy = threading.RLock()
        self._looking = False

    def look(self, event: str, arguments: tuple[Any, ...]) -> None:
        """An operation is about to be done."""
        with self._busy:
            if self._looking or not self._concerns(event, arguments):
                return
            self._looking = True
            try:
                self._keep()
                if event == "open" and not Path(str(arguments[0])).exists():
                    self._keep(Path(str(arguments[0])))
            finally:
                self._looking = False

    def _concerns(self, event: str, arguments: tuple[Any, ...]) -> bool:
        if event == "open":
            path, _, flags = arguments
            return (
                isinstance(path, (str, os.PathLike)) and bool(flags & _WRITING) and self._in(path)
            )
        if event not in _CHANGES:
            return False
        return isinstance(arguments[0], int) or arguments[-1] != -1 or self._in(arguments[0])

    def _in(self, path: Any) -> bool:
        return os.fspath(path).startswith(str(self.folder))

    def _keep(self, empty: Path | None = None) -> None:
        if not self.folder.exists():
            return
        digest = hashlib.sha256()
        for file in sorted(self.folder.rglob("*")):
            if file.name not in ("log.jsonl", "lock"):
                digest.update(str(file.relative_to(self.folder)).encode())
                digest.update(file.read_bytes() if file.is_file() else b"/")
        name = f"{digest.hexdigest()} {empty or ''}"
        if name in self.found:
            return
        state = self.states / str(len(self.found))
        shutil.copytree(self.folder, state)
        if empty is not None:
            new = state / empty.relative_to(self.folder)
            new.parent.mkdir(parents=True, exist_ok=True)
            new.touch()
        self.found[name] = state


def _heard(event: str, arguments: tuple[Any, ...]) -> None:
    if _recorder is not None:
        _recorder.look(event, arguments)


sys.addaudithook(_heard)


@contextmanager
def recorded(folder: Path, states: Path) -> Iterator[Recorder]:
    """Every state that a folder passes through meanwhile."""
    global _recorder
    states.mkdir(parents=True, exist_ok=True)
    _recorder = Recorder(folder, states)
    try:
        yield _recorder
    finally:
        _recorder = None


@contextmanager
def removals_in_any_order(seed: int) -> Iterator[None]:
    """Folders are listed in an order of chance, so that trees are removed in one."""
    chance, genuine = random.Random(seed), os.scandir

    class Listing:
        def __init__(self, entries: list[Any]) -> None:
            self.entries = iter(entries)

        def __iter__(self) -> Iterator[Any]:
            return self.entries

        def __next__(self) -> Any:
            return next(self.entries)

        def __enter__(self) -> Listing:
            return self

        def __exit__(self, *_: object) -> None:
            self.close()

        def close(self) -> None:
            pass

    def shuffled(*where: Any) -> Listing:
        with genuine(*where) as entries:
            found = list(entries)
        chance.shuffle(found)
        return Listing(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "scandir", shuffled)
        yield


def every_state(
    folder: Path, states: Path, work: Callable[[], Any], *, seed: int = 0
) -> list[Path]:
    """The states that a folder passes through while some work is done, and the last one."""
    with removals_in_any_order(seed), recorded(folder, states) as recorder:
        work()
    last = states / "last"
    shutil.copytree(folder, last)
    return [*recorder.found.values(), last]
