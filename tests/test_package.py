"""Wheel, sdist and editable install all carry the schemas and configurations."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile

import pytest

from reference_data import ROOT
from stackmend import resources

DATA = sorted(
    f"{name}/{path.relative_to(resources.folder(name)).as_posix()}"
    for name in ("schemas", "configs")
    for path in resources.folder(name).rglob("*")
    if path.is_file()
)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--directory", folder]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return folder


def test_there_is_data_to_carry():
    assert "configs/demo.yaml" in DATA
    assert "schemas/steps/find_charging.schema.json" in DATA


def test_wheel(built, tmp_path):
    (wheel,) = built.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {f"stackmend/{name}" for name in DATA} <= set(names)
    assert "stackmend/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not any("tests" in name or "/test_" in name for name in names)
    assert {"stackmend/report/templates/report.html", "stackmend/report/works.bib"} <= set(names)
    assert "stackmend/napari_plugin/napari.yaml" in names
    assert {f"stackmend/tuner/page/{name}" for name in ("index.html", "style.css")} <= set(names)
    assert "stackmend/tuner/page/main.js" in names
    assert runs_from(wheel, tmp_path) == str(tmp_path / "stackmend" / "schemas")


def test_sdist_gives_the_same_wheel(built, tmp_path):
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    assert all(
        (source / name).is_file()
        for name in (*DATA, "Makefile", "tests/test_package.py", "CITATION.cff")
    )
    command = [
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "-t",
        "wheel",
        "--directory",
        tmp_path / "dist",
    ]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (wheel,), (original,) = (tmp_path / "dist").glob("*.whl"), built.glob("*.whl")
    assert contents(wheel) == contents(original)


def contents(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def runs_from(wheel, folder) -> str:
    """Install the wheel somewhere else, run a command there, and say where it found its schemas."""
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--target",
        folder,
        wheel,
    ]
    subprocess.run(install, check=True, capture_output=True)
    env = os.environ | {"PYTHONPATH": str(folder)}
    check = [
        sys.executable,
        "-m",
        "stackmend",
        "check",
        folder / "stackmend" / "configs" / "demo.yaml",
    ]
    assert (
        "no errors"
        in subprocess.run(
            check, check=True, capture_output=True, text=True, env=env, cwd=folder
        ).stdout
    )
    code = "from stackmend import resources; print(resources.folder('schemas'))"
    return subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env=env,
        cwd=folder,
    ).stdout.strip()
