"""``stackmend steps``: the list, and an explanation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from commands import (
    Call,
    Main,
    one_line,
)


def test_steps(main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    assert main("steps") == 0
    out = capsys.readouterr().out
    for name in (
        "standardize",
        "find_charging",
        "correct_charging",
        "destandardize",
        "charging_histogram",
    ):
        assert re.search(rf"^{name} .*\[stackmend", out, re.MULTILINE)
    for name in ("find_charging", "charging_histogram"):
        assert main("steps", name) == 0
        assert capsys.readouterr().out.startswith(f"{name}  (")
    assert main("steps", "find_charge") == 2
    assert one_line(capsys.readouterr().err).startswith(
        "stackmend: no step named find_charge is installed"
    )


def test_the_installed_step_of_another_package_is_listed(
    stackmend: Call, clumsy: dict[str, str]
) -> None:
    status, out, _ = stackmend("steps", env=clumsy)
    assert status == 0
    assert re.search(r"^stumble .*\[clumsy 1.0\]", out, re.MULTILINE)


def test_a_list_with_what_cannot_be_used_is_no_success(
    stackmend: Call, clumsy: dict[str, str], tmp_path: Path
) -> None:
    points = next((tmp_path / "site").rglob("entry_points.txt"))
    points.write_text(f"{points.read_text()}broken = clumsy:NOTHING\n")
    status, out, err = stackmend("steps", env=clumsy)
    assert status == 2
    assert re.search(r"^broken +UNUSABLE: ", out, re.MULTILINE)
    assert re.search(r"^stumble .*\[clumsy 1.0\]", out, re.MULTILINE)
    assert one_line(err).startswith("stackmend: broken: cannot be used")
