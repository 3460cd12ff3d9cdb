"""What napari is told of stackmend, without napari."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sysconfig
import tomllib
from pathlib import Path

import pytest
import yaml

import stackmend
from reference_data import ROOT

FOLDER = Path(stackmend.__file__).parent / "napari_plugin"
MANIFEST = yaml.safe_load((FOLDER / "napari.yaml").read_text(encoding="utf-8"))


def test_the_entry_point_names_the_manifest():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = project["entry-points"]["napari.manifest"]
    assert named == {MANIFEST["name"]: "stackmend.napari_plugin:napari.yaml"}


def test_all_commands_are_there():
    for command in MANIFEST["contributions"]["commands"]:
        module, name = command["python_name"].split(":")
        text = (FOLDER.parent.parent / Path(*module.split("."))).with_suffix(".py").read_text()
        defined = [node.name for node in ast.parse(text).body if hasattr(node, "name")]
        assert name in defined, command["id"]


def test_what_is_contributed_has_a_command():
    contributions = MANIFEST["contributions"]
    known = {command["id"] for command in contributions["commands"]}
    used = {each["command"] for kind in ("readers", "widgets") for each in contributions[kind]}
    assert used == known
    assert set(contributions) == {"commands", "readers", "widgets"}, "nothing is written by napari"


def test_npe2_finds_the_manifest_valid():
    npe2 = shutil.which("npe2", path=sysconfig.get_path("scripts"))
    if npe2 is None:
        pytest.skip("needs napari: pip install 'stackmend[napari]'")
    done = subprocess.run([npe2, "validate", "stackmend"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
