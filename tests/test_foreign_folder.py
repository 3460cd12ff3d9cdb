"""A folder that comes from somebody else: nothing in it is run, and its names are only names."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from commands import Call, Write

OTHERS = (
    *("PIL", "attr", "attrs", "cffi", "cloudpickle", "distributed", "dask", "google_crc32c"),
    *("h5py", "imagecodecs", "jinja2", "joblib", "jsonschema", "jsonschema_specifications"),
    *("kiwisolver", "llvmlite", "loky", "markdown_it", "markupsafe", "matplotlib", "mrcfile"),
    *("msgpack", "numba", "numcodecs", "numpy", "optuna", "packaging", "psutil", "pygments"),
    *("referencing", "rich", "rpds", "scipy", "skimage", "tifffile", "toolz", "tornado"),
    *("typing_extensions", "yaml", "zarr", "learn_charging", "steps", "words", "errors"),
)
BEFORE_US = {
    *("collections", "contextlib", "functools", "keyword", "operator", "reprlib", "types"),
    *("warnings", "importlib", "enum", "threading", "_weakrefset", "itertools"),
}
"""What ``python -m`` itself imports from the working folder before it looks for any program."""

NAMES = {*OTHERS, *sys.stdlib_module_names, "sitecustomize", "usercustomize"}

CANARY = """
import os
with open(os.path.join({folder!r}, "canary"), "a") as file:
    file.write(__name__ + " " + str(os.getpid()) + "\\n")
"""


def poison(folder: Path, names: set[str]) -> Path:
    """Put modules of such names into a folder; each notes that it was executed."""
    for name in names:
        (folder / f"{name}.py").write_text(CANARY.format(folder=str(folder)))
    (folder / ".numba_config.yaml").write_text(f"cache_dir: {folder / 'numba'}\n")
    return folder / "canary"


START = """
import sys
from stackmend.__main__ import start
if "--processes" in sys.argv:
    from stackmend.workers import processes
    processes.PROCESSES_PAY = 0
    sys.argv.remove("--processes")
raise SystemExit(start())
"""
"""The script that an installer makes of the entry point; it may start processes at once."""

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def program(tmp_path: Path, cell: Path, protocol: Write) -> Run:
    """Runs a command in the folder of the protocol, as unprotected as a shell would."""
    protocol()
    script = tmp_path / "bin" / "stackmend"
    script.parent.mkdir()
    script.write_text(START)
    ours = {"PYTHONSAFEPATH", "NUMBA_CACHE_DIR"}
    env = {name: value for name, value in os.environ.items() if name not in ours}

    def run(*words: object, module: bool = False) -> subprocess.CompletedProcess[str]:
        start = ["-m", "stackmend"] if module else [script]
        command = [sys.executable, *start, *map(str, words)]
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)

    return run


def assert_harmless(canary: Path, done: subprocess.CompletedProcess[str]) -> None:
    assert not canary.exists(), canary.read_text()
    assert done.returncode == 0, done.stderr


def test_no_command_imports_from_the_working_folder(program: Run, tmp_path: Path) -> None:
    """Neither do workers, and what clears up after them."""
    canary = poison(tmp_path, NAMES)
    assert_harmless(canary, program("run", "tiny.yaml", "--workers", 2, "--processes"))
    assert not (tmp_path / "numba").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "commands",
    [
        ["plan tiny.yaml --workers 2", "init --for cell"],
        ["run tiny.yaml --shard 1/1 --workers 2 --processes", "finish tiny.yaml", "report result"],
    ],
    ids=["looking", "shards"],
)
def test_no_other_command_does(program: Run, tmp_path: Path, commands: list[str]) -> None:
    canary = poison(tmp_path, NAMES)
    for command in commands:
        assert_harmless(canary, program(*command.split()))


@pytest.mark.slow
def test_no_command_for_a_cluster_does(
    program: Run, tmp_path: Path, dask: Callable[[], tuple[str, list[int]]]
) -> None:
    address, _ = dask()
    canary = poison(tmp_path, NAMES)
    words = ["run", "tiny.yaml", "--backend", "dask", "--scheduler", address]
    assert_harmless(canary, program(*words))


def test_the_module_takes_the_working_folder_off_the_path(program: Run, tmp_path: Path) -> None:
    canary = poison(tmp_path, NAMES - BEFORE_US)
    assert_harmless(canary, program("check", "tiny.yaml", module=True))


def test_what_a_user_puts_on_the_path_is_found(
    stackmend: Call, clumsy: dict[str, str], tmp_path: Path
) -> None:
    """PYTHONPATH may name any folder, the working folder too."""
    status, out, _ = stackmend("steps", "stumble", env=clumsy, cwd=tmp_path / "site")
    assert (status, out.split()[0]) == (0, "stumble")


def test_names_are_no_commands_in_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Matplotlib takes its settings from a file in the working folder."""
    matplotlib = pytest.importorskip("matplotlib")
    from stackmend.report import drawing

    with matplotlib.rc_context({"text.usetex": True}), drawing.style():
        assert not matplotlib.rcParams["text.usetex"]
