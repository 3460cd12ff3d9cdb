"""A tiny charged stack and a protocol that finds its charging, for tests that go through files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import yaml
from hypothesis import settings
from jsonschema import Draft7Validator
from numpy.typing import NDArray

from stackmend import disk, resources
from stackmend.result import Record

# No test is about time: the first call of a kernel may have to compile it. All examples are the
# same in every run, so that a change that breaks something is the one that is told so.
settings.register_profile("no clock", settings(), deadline=None, derandomize=True)
settings.load_profile("no clock")

MakeStack = Callable[..., NDArray[Any]]

CHAIN = [
    {"step": "standardize"},
    {"step": "find_charging", "inverse": True, "gf1_sigma": {"sweep": [8, 12]}, "min_area": 20},
    {
        "step": "correct_charging",
        "gf2_sigma": 8,
        "rb_radius": {"sweep": [5, 10]},
        "gf3_sigma": 3,
        "border": 4,
    },
    {"step": "destandardize"},
]
OPTIMIZE = {"slices": [1], "validate": [2], "loss": {"name": "charging_histogram", "distance": 4}}

PATIENCE = 600
"""Seconds after which what should have happened is given up; no outcome depends on them."""

# Two steps that no one would install: one fails on bright slices, the other waits at a door.
CLUMSY = """
import os
import time
from pathlib import Path
from stackmend.registry import Stage, Step

def stumbled(image, *, above):
    if image.mean() > above:
        raise RuntimeError("lost its footing")
    return image

def held(image, *, door):
    place = Path(os.environ["DOOR"])
    (place / f"waiting at {door}").touch()
    while not (place / "open").exists():
        time.sleep(0.01)
    return image

def number(name):
    declared = {"type": "number", "default": 0, "description": "A number.", "errorMessage": "is"}
    return {"properties": {name: declared}}

def step(name, function, parameter):
    stages = (Stage(function, makes="image"),)
    return Step(name=name, version=1, stages=stages, schema=number(parameter))

STUMBLE = step("stumble", stumbled, "above")
HOLD = step("hold", held, "door")
"""


@pytest.fixture(scope="session", autouse=True)
def _records_are_as_their_schema_says() -> Iterator[None]:
    """Hold every record that this process writes to ``schemas/record.schema.json``."""
    validator, to_json = Draft7Validator(resources.schema("record")), Record.to_json

    def held_to_the_schema(record: Record) -> dict[str, Any]:
        content = to_json(record)
        validator.validate(content)
        assert to_json(Record.from_json(content)) == content
        return content

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Record, "to_json", held_to_the_schema)
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_power_is_cut() -> Iterator[None]:
    """Do not wait for the disk in this process: only the tests of that need it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(disk, "make_lasting", lambda *_: None)
        patch.setattr(disk, "make_names_lasting", lambda *_: None)
        yield


@pytest.fixture(scope="session")
def charged() -> MakeStack:
    """Makes ``(Z, 48, 64)`` stacks with a dark blob and a bright one in each slice."""

    def make(count: int = 4, dtype: str = "uint8", seed: int = 1) -> NDArray[Any]:
        random = np.random.default_rng(seed)
        y, x = np.mgrid[:48, :64]
        stack = 0.5 + 0.03 * random.standard_normal((count, 48, 64))
        for index, image in enumerate(stack):
            image -= 0.35 * np.exp(-((y - 20 - index) ** 2 + (x - 20) ** 2) / 50)
            image += 0.35 * np.exp(-((y - 26) ** 2 + (x - 48 + index) ** 2) / 50)
        stack[:, 0, 0], stack[:, -1, -1] = 0, 1
        top = 1 if dtype == "float32" else np.iinfo(dtype).max
        return (stack.clip(0, 1) * top).astype(dtype)

    return make


@pytest.fixture
def cell(tmp_path: Path, charged: MakeStack) -> Path:
    """A folder with four charged slices."""
    folder = tmp_path / "cell"
    folder.mkdir()
    for index, image in enumerate(charged()):
        tifffile.imwrite(folder / f"slice{index}.tif", image)
    return folder


@pytest.fixture
def protocol(tmp_path: Path) -> Callable[..., Path]:
    """Writes a protocol for ``cell``; keywords replace its sections (``None`` leaves one out)."""

    def write(name: str = "tiny.yaml", **sections: Any) -> Path:
        content = {
            "protocol": 1,
            "name": "tiny",
            "input": {"path": "cell"},
            "output": {"path": "result"},
        }
        content |= {"chain": CHAIN, "optimize": OPTIMIZE, **sections}
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        content = {key: value for key, value in content.items() if value is not None}
        file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        return file

    return write


@pytest.fixture
def door(tmp_path: Path) -> Path:
    """A folder in which ``hold`` says that it is reached, and waits for a file ``open``."""
    folder = tmp_path / "door"
    folder.mkdir()
    return folder


@pytest.fixture
def clumsy(tmp_path: Path, door: Path) -> dict[str, str]:
    """An environment with one more package, which has the steps ``stumble`` and ``hold``."""
    site = tmp_path / "site"
    info = site / "clumsy-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "clumsy.py").write_text(CLUMSY)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: clumsy\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[stackmend.steps]\nstumble = clumsy:STUMBLE\nhold = clumsy:HOLD\n"
    )
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    return {"PYTHONPATH": path, "DOOR": str(door)}


def hear_interrupts() -> None:
    """Undo that a shell lets what it runs in the background ignore Ctrl-C; for a new process."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts ``python -m stackmend ...`` as a shell would: in the test's folder, a new session."""
    started: list[subprocess.Popen[str]] = []

    def start(
        *arguments: object, env: Mapping[str, str] | None = None, **how: Any
    ) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "stackmend", *map(str, arguments)]
        how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "cwd": tmp_path} | how
        if os.name == "posix":
            how.setdefault("preexec_fn", hear_interrupts)
        environment = {**os.environ, **(env or {})}
        process = subprocess.Popen(
            command, text=True, encoding="utf-8", env=environment, start_new_session=True, **how
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()


@pytest.fixture
def stackmend(shell: Callable[..., subprocess.Popen[str]]) -> Callable[..., tuple[int, str, str]]:
    """Runs the command in a process of its own: exit status, standard output, standard error."""

    def call(*arguments: object, **how: Any) -> tuple[int, str, str]:
        process = shell(*arguments, **how)
        out, err = process.communicate(timeout=PATIENCE)
        return process.returncode, out, err

    return call


@pytest.fixture
def main(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., int]]:
    """The command in this process, for what need not be seen from outside."""
    from stackmend.cli import main as command

    monkeypatch.chdir(tmp_path)
    before = signal.getsignal(signal.SIGTERM)
    yield lambda *arguments: command([str(each) for each in arguments])
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], tuple[str, list[int]]]]:
    """Starts what is missing of a scheduler and two workers, processes of their own.

    Gives the scheduler's address and the workers' processes.
    """
    pytest.importorskip("distributed", reason="the cluster needs: pip install 'stackmend[dask]'")
    from distributed import Client

    folder = tmp_path_factory.mktemp("dask")
    started: list[subprocess.Popen[bytes]] = []

    def start(*words: object) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", *map(str, words), "--no-dashboard"]
        with (folder / f"{len(started)}.log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        started.append(process)
        return process

    place = folder / "scheduler.json"
    start(
        "distributed.cli.dask_scheduler",
        "--host",
        "127.0.0.1",
        "--port",
        0,
        "--scheduler-file",
        place,
    )
    workers: list[subprocess.Popen[bytes]] = []

    def ready() -> tuple[str, list[int]]:
        workers[:] = [worker for worker in workers if worker.poll() is None]
        with Client(scheduler_file=str(place), timeout=60, set_as_default=False) as client:
            while len(workers) < 2:
                address = client.scheduler.address
                workers.append(
                    start(
                        "distributed.cli.dask_worker",
                        address,
                        "--nthreads",
                        1,
                        "--nworkers",
                        1,
                        "--no-nanny",
                    )
                )
            client.wait_for_workers(2, timeout=60)
            return client.scheduler.address, [worker.pid for worker in workers]

    deadline = threading.Event()
    for _ in range(600):
        if place.exists():
            break
        deadline.wait(0.1)
    yield ready
    for process in reversed(started):
        process.kill()
        process.wait()
