"""``stackmend configs``: shipped protocols can be seen and used without the repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands import Main, one_line
from stackmend.resources import config, config_names


def test_all_are_listed_with_what_they_are_for(
    main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main("configs") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == config_names()
    assert all(len(line.split()) > 4 for line in lines)


@pytest.mark.parametrize("name", config_names())
def test_one_is_printed_as_it_is_shipped(
    main: Main, capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str
) -> None:
    assert main("configs", name) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[1:] == config(name).read_text(encoding="utf-8").splitlines()[1:]
    assert out.startswith("# yaml-language-server: $schema=protocol.schema.json\n")


def test_an_unknown_one(main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    assert main("configs", "nothing") == 2
    assert "no protocol named nothing" in one_line(capsys.readouterr().err)
