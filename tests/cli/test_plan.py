"""``stackmend plan``: for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from commands import (
    Main,
    Write,
)


def test_the_command_tells_people_and_programs(
    cell: Path, protocol: Write, main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    protocol()
    assert main("plan", "tiny.yaml", "--workers", 1) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 100
    assert "4 combinations: 2 masks, 4 rolling balls, 4 backgrounds; on slice 1" in out
    assert "to do      4 slices" in out
    assert main("plan", "tiny.yaml", "--format", "json", "--workers", 1) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["done"]["todo"] == 4
    assert content["fits"] == {"memory": True, "disk": True}
    assert main("plan", "nowhere.yaml") == 2
