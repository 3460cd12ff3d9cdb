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


def test_a_protocol_in_a_new_file(
    cell: Path, main: Main, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "protocols").mkdir()
    file = tmp_path / "protocols" / "p.yaml"
    assert main("init", "--for", cell.name, "--output", "protocols/p.yaml") == 0
    out, err = capsys.readouterr()
    assert not out
    assert "nothing looks charged" in err
    assert yaml.safe_load(file.read_text(encoding="utf-8"))["input"]["path"] == f"../{cell.name}"
    assert main("check", "protocols/p.yaml") == 0
    before = file.read_bytes()
    assert main("init", "--for", cell.name, "--output", "protocols/p.yaml") == 8
    assert "there is such a file already" in capsys.readouterr().err
    assert file.read_bytes() == before
    assert main("init", "--output", "nowhere/p.yaml") == 8
