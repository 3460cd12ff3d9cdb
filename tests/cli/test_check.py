"""``stackmend check``: for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from commands import (
    Main,
    Write,
    one_line,
)


def test_check_says_what_it_found(
    cell: Path, protocol: Write, main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main("check", protocol()) == 0
    assert one_line(capsys.readouterr().out) == (
        "tiny.yaml: no errors; cell: 4 x 48 x 64 uint8, pixel size unknown"
    )
    assert main("check", protocol(optimize={"slices": [9]})) == 3
    captured = capsys.readouterr()
    assert "cell has 4 slices, 0 to 3" in captured.out
    assert captured.err == ""


def test_check_for_programs(
    cell: Path, protocol: Write, main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main("check", protocol(), "--format", "json") == 0
    content = json.loads(capsys.readouterr().out)
    assert content["stack"] == {
        "label": "cell",
        "shape": [4, 48, 64],
        "pixel_size_nm": [None, None, None],
        "pixel_size_source": None,
        "notes": [],
    }
    assert (content["status"], content["problems"]) == (0, [])
    assert main("check", protocol(optimize={"slices": [9]}), "--format", "json") == 3
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert (problem["path"], problem["message"]) == (
        "optimize.slices[0]",
        "cell has 4 slices, 0 to 3",
    )
    (cell / "slice0.tif").unlink()
    (cell / "slice1.tif").write_bytes(b"")
    assert main("check", protocol(), "--format", "json") == 4
    content = json.loads(capsys.readouterr().out)
    assert content["message"] == "slice1.tif: is empty (0 bytes); remove or replace it"


def test_a_value_of_the_command_line_that_is_wrong(
    cell: Path, protocol: Write, main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main("check", protocol(), "--set", "find_charging.color_shift=1.7") == 3
    out = capsys.readouterr().out
    assert "command line  chain[1].color_shift" in out
    assert "--set find_charging.color_shift=1.7" in out
    assert "^^^ must be" in out


def test_what_a_run_would_note_is_said_before(
    cell: Path, protocol: Write, main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    (cell / "notes.txt").touch()
    file = protocol(input={"path": str(cell), "pixel_size": 5, "spacing": 10})
    assert main("check", file) == 0
    said = capsys.readouterr().out
    assert "pixel size z 10, y 5, x 5 nm (the protocol)" in said
    assert "note: cell: skipped what is no slice: notes.txt" in said
    assert main("plan", file) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "pixel size z 10, y 5, x 5 nm (the protocol)" in said
    assert "skipped what is no slice: notes.txt" in said
