"""``stackmend new-step``: what it writes installs, is clean, and passes its own tests at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from commands import posix, snapshot
from packages import environment, pip
from stackmend import api

PROTOCOL = """\
protocol: 1
input: {phantom: {slices: 2, height: 96, width: 128}}
output: {path: result}
chain:
  - {step: sharpen_edges, strength: {sweep: [0.2, 0.4]}}
optimize: {slices: [0], loss: sharpen_edges_loss}
requires: {stackmend-sharpen-edges: ">=0.1"}
"""
QUIET = ("-p", "no:napari", "-p", "no:npe2", "-p", "no:napari-plugin-engine", "-q")


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return api.new_step("sharpen_edges", into=tmp_path_factory.mktemp("written"))


@pytest.fixture(scope="module")
def installed(package, tmp_path_factory):
    """Runs Python in an environment in which the package is installed, as its authors have it."""
    python = environment(tmp_path_factory.mktemp("environment") / "venv")
    pip(python, "--editable", package)

    def run(*arguments, cwd=package):
        command = [str(each) for each in (python, *arguments)]
        return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)

    return run


def test_it_passes_its_own_tests(installed):
    done = installed("-m", "pytest", *QUIET)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout


def test_a_protocol_runs_its_step_and_its_loss(installed, tmp_path):
    (tmp_path / "protocol.yaml").write_text(PROTOCOL)
    done = installed("-m", "stackmend", "run", "protocol.yaml", "--workers", "2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "strength" in done.stdout


def test_a_second_one_of_that_name_is_refused_where_it_is_installed(installed, tmp_path):
    done = installed("-m", "stackmend", "new-step", "sharpen_edges", cwd=tmp_path)
    assert done.returncode == 2
    origin = "stackmend-sharpen-edges 0.1.0"
    said = f"there is a step sharpen_edges already, of {origin}; choose another name"
    assert done.stderr == f"stackmend: sharpen_edges: {said}\n"
    assert snapshot(tmp_path) == {}


@pytest.mark.parametrize("loss", [True, False])
def test_it_is_clean(loss, tmp_path):
    pytest.importorskip("ruff", reason="lint is tried where ruff is installed")
    for name in ("np", "s", "thirty_characters_are_the_most"):
        folder = api.new_step(name, into=tmp_path, loss=loss)
        for verb in (["check"], ["format", "--check"]):
            command = [sys.executable, "-m", "ruff", *verb, "--no-cache", "."]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout


@pytest.mark.slow  # mypy reads all of stackmend for it
def test_it_is_typed(installed):
    pytest.importorskip("mypy", reason="types are tried where mypy is installed")
    done = installed("-m", "mypy", "--cache-dir", os.devnull)
    assert done.returncode == 0, done.stdout


def test_what_is_written(main, tmp_path, capsys):
    package = api.new_step("sharpen_edges", into=tmp_path)
    assert sorted(snapshot(package)) == [
        ".gitignore",
        "README.md",
        "pyproject.toml",
        "stackmend_sharpen_edges/__init__.py",
        "stackmend_sharpen_edges/loss.py",
        "stackmend_sharpen_edges/py.typed",
        "stackmend_sharpen_edges/step.py",
        "tests/test_contracts.py",
        "tests/test_step.py",
    ]
    assert main("new-step", "soften", "--no-loss", "--into", tmp_path) == 0
    folder = tmp_path / "stackmend-soften"
    assert not (folder / "stackmend_soften" / "loss.py").exists()
    for file in folder.rglob("*.*"):
        if file.is_file():
            assert "loss" not in file.read_text(encoding="utf-8"), file
    said = capsys.readouterr().out
    assert said.splitlines() == [
        f"wrote {folder}; go on with:",
        f"  cd {folder}",
        "  pip install -e '.[test]'",
        "  pytest",
    ]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("2d", "the name of a step must be of at most 30 small letters, digits and _"),
        ("Sharpen", "the name of a step must be"),
        ("sharpen-edges", "the name of a step must be"),
        ("../sharpen", "the name of a step must be"),
        ("schärfen", "the name of a step must be"),
        ("", "the name of a step must be"),
        ("s" * 31, "the name of a step must be"),
        ("lambda", "is a word of Python or of protocols; choose another name"),
        ("one_of", "is a word of Python or of protocols; choose another name"),
        ("median_z", "there is a step median_z already, of stackmend; choose another name"),
    ],
)
def test_names_that_cannot_be(name, said, main, tmp_path, capsys):
    assert main("new-step", name) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"stackmend: {name}: {said}")
    assert snapshot(tmp_path) == {}


def test_folders_that_cannot_be(main, tmp_path, capsys):
    (tmp_path / "stackmend-sharpen").mkdir()
    (tmp_path / "file").touch()
    assert main("new-step", "sharpen") == 8
    assert main("new-step", "sharpen", "--into", "nowhere") == 8
    assert main("new-step", "sharpen", "--into", "file") == 8
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "stackmend: stackmend-sharpen: there is such a folder already; choose another name, or "
        "another place with --into",
        "stackmend: nowhere: there is no such folder; make it, or give another with --into",
        "stackmend: file: there is no such folder; make it, or give another with --into",
    ]
    assert list((tmp_path / "stackmend-sharpen").iterdir()) == []


@posix
def test_nothing_is_left_where_the_disk_fails(main, tmp_path, monkeypatch, capsys):
    whole = Path.write_text

    def full(path, *given, **how):
        if path.name == "step.py":
            raise OSError(28, "No space left on device")
        return whole(path, *given, **how)

    monkeypatch.setattr(Path, "write_text", full)
    assert main("new-step", "sharpen") == 8
    assert list(tmp_path.iterdir()) == []
    said = "cannot be written (No space left on device); make room and run again"
    assert capsys.readouterr().err == f"stackmend: stackmend-sharpen: {said}\n"
