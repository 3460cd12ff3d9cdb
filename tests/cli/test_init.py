"""``stackmend init``: what it prints is valid."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from commands import (
    Main,
)


def test_a_starting_protocol_is_valid_as_it_stands(
    main: Main, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main("init") == 0
    (tmp_path / "p.yaml").write_text(capsys.readouterr().out, encoding="utf-8")
    assert main("check", "p.yaml") == 0
    assert main("init", "--for", "nowhere") == 4


@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_starting_protocol_for_a_stack(
    cell: Path, main: Main, capsys: pytest.CaptureFixture[str], tmp_path: Path, count: int
) -> None:
    for index in range(count, 4):
        (cell / f"slice{index}.tif").unlink()
    odd = cell.rename(tmp_path / "my 'cell' #3: ä")
    assert main("init", "--for", odd.name) == 0
    text = capsys.readouterr().out
    (tmp_path / "p.yaml").write_text(text, encoding="utf-8")
    assert main("check", "p.yaml") == 0
    assert f"{count} x 48 x 64 uint8" in capsys.readouterr().out
    assert yaml.safe_load(text)["input"]["path"] == odd.name
