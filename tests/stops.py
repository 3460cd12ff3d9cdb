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
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from kills import CHAIN, contents, cut_off, facts, write_protocol
from stackmend import api
from stackmend.result.names import RECORD

FORMATS: dict[str, dict[str, Any]] = {
    "TIFF folder": {"format": "tiff-folder"},
    "TIFF": {"format": "tiff"},
    "compressed TIFF": {"format": "tiff", "compression": "zlib"},
    "OME-Zarr": {"format": "ome-zarr"},
    "OME-Zarr 0.4": {"format": "ome-zarr-0.4", "pyramid": True},
    "TIFF folder with masks": {"format": "tiff-folder", "masks": True},
    "compressed TIFF with masks": {"format": "tiff", "compression": "zlib", "masks": True},
    "OME-Zarr with labels": {"format": "ome-zarr", "masks": True},
}

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
                with suppress(FileNotFoundError):
                    digest.update(file.read_bytes() if file.is_file() else b"/")
        name = f"{digest.hexdigest()} {empty or ''}"
        if name in self.found:
            return
        state = self.states / str(len(self.found))
        while True:
            try:
                shutil.copytree(self.folder, state)
                break
            except shutil.Error:  # another thread has gone on meanwhile
                shutil.rmtree(state)
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


def write_small_stack(folder: Path, count: int = 3) -> None:
    """Slices with a dark blob each."""
    generator = np.random.default_rng(5)
    y, x = np.indices((40, 48))
    (folder / "stack").mkdir(parents=True)
    for number in range(count):
        blob = 90 * np.exp(-((y - 20 - number) ** 2 + (x - 20) ** 2) / 80)
        image = np.clip(160 + generator.normal(0, 4, y.shape) - blob, 0, 255)
        tifffile.imwrite(folder / "stack" / f"s{number}.tif", image.astype(np.uint8))


def protocol(folder: Path, kind: str, gf2_sigma: float = 30) -> Path:
    return write_protocol(folder, FORMATS[kind], chain=CHAIN, gf2_sigma=gf2_sigma)


def ends_like(whole: Path, file: Path, state: Path) -> None:
    """The same command, in a state that was left behind."""
    run = api.run(file, output=state, workers=1)
    assert facts(state) == facts(whole), state
    assert contents(state) == contents(whole), state
    assert not (state / ".stackmend").exists(), state
    assert run.record is not None


def states_of(folder: Path, name: str, work: Callable[[], Any], seed: int = 0) -> list[Path]:
    return every_state(folder / "out", folder / f"states {name}", work, seed=seed)


def is_tidying(state: Path) -> bool:
    """Whether the result is on its way up, or there."""
    return (state / ".stackmend" / "complete").exists() or (state / RECORD).exists()


def enumerated(folder: Path, kind: str) -> int:
    """All of it for one format: stopped everywhere, over other results, and mixed; how many."""
    write_small_stack(folder)
    file, tried = protocol(folder, kind), 0
    whole = api.run(file, output=folder / "whole", workers=1).folder

    def try_all(name: str, work: Callable[[], Any], seed: int) -> None:
        nonlocal tried
        for state in states_of(folder, name, work, seed):
            ends_like(whole, protocol(folder, kind), state)
            tried += 1
        shutil.rmtree(folder / f"states {name}")
        shutil.rmtree(folder / "out")

    def other() -> None:
        api.run(protocol(folder, kind, 15), workers=1)

    for seed in range(3):
        try_all("first", lambda: api.run(file, workers=1), seed)
        # Over the result of other values, and these again over it.
        api.run(protocol(folder, kind, 15), workers=1)
        try_all("second", lambda: api.run(protocol(folder, kind), workers=1), seed)
        # Stopped on the way, then other values stopped anywhere: the first come back.
        cut_off(protocol(folder, kind), after=2)
        try_all("mixed", other, seed)
    return tried
