"""A result opened and tuned in a viewer of napari, without a screen.

To run this test: ``pip install 'stackmend[napari]' PySide6-Essentials``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from conftest import PATIENCE
from stackmend import api

pytestmark = pytest.mark.skipif(
    not (find_spec("napari") and any(map(find_spec, ("PySide6", "PyQt6", "PyQt5")))),
    reason="needs napari and Qt: pip install 'stackmend[napari]' PySide6-Essentials",
)

SESSION = Path(__file__).with_name("session.py")
NO_OPENGL = 77


def test_a_person_tunes_a_result(cell, protocol, tmp_path):
    file = protocol(input={"path": "cell", "pixel_size": [4, 5], "spacing": 10})
    api.run(file)
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("protocol: 1\ninput: {path: cell}\nchain: [{step: standardise}]\n")
    command = [sys.executable, SESSION, tmp_path / "result", file, wrong]
    done = subprocess.run(
        command, capture_output=True, encoding="utf-8", check=False, timeout=PATIENCE
    )
    if done.returncode == NO_OPENGL:
        pytest.skip("needs OpenGL without a screen: apt-get install libegl1 libgl1")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    layers = [line for line in lines if line["what"] == "layer"]
    assert [layer["kind"] for layer in layers] == ["before", "after", "mask"]
    for layer in layers:
        assert layer["scale"] == [10, 4, 5]
        assert layer["units"] == ["nanometer"] * 3
        assert layer["shape"] == [4, 48, 64]

    seen = {line["what"]: line for line in lines}
    for what, position in {"moved": 1, "moved on": 1, "looked": 2, "undone": 1}.items():
        assert seen[what]["position"] == position
        assert seen[what]["shown"], what
        assert seen[what]["exact"] == [True, True], what
    assert seen["opened"]["stored"]
    assert "find_charging.gf1_sigma" in seen["opened"]["fields"]
    assert seen["changed"]["changed"]
    assert seen["moved on"]["values"]["find_charging.gf1_sigma"] not in (8, 12)
    assert seen["as before"]["same"]
    assert seen["closed"] == {"what": "closed", "docked": False, "black": False}
    assert seen["protocol"]["kinds"] == ["before", "after", "mask"]
    assert seen["protocol"]["taken"]

    # What was saved is a protocol, its sweep as it was; what is wrong is said, without a traceback.
    assert "min_area: 400" in (tmp_path / "tuned.yaml").read_text()
    assert "sweep" in (tmp_path / "tuned.yaml").read_text()
    assert not api.check(tmp_path / "tuned.yaml").draft.problems
    assert "tuned.yaml" in seen["saved"]["said"]
    assert seen["wrong"]["layers"] == 0
    assert "did you mean standardize?" in seen["wrong"]["said"][-1]
    assert "Traceback" not in done.stderr
