"""Every command that is printed works as it is printed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from commands import Main, Write, with_step
from stackmend import api

COMMAND = re.compile(
    r"(?:continue with: |try again: |^repeat +)(stackmend .+)$|'(stackmend [^']+)'", re.MULTILINE
)
NAME = "my 'best' $HOME; x"


@pytest.fixture
def printed(
    main: Main, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[str]]:
    """Runs a command that ends with some status; the commands that it prints."""
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setattr("stackmend.cli.summary.text_width", lambda: 300)

    def call(status: int, *words: object) -> list[str]:
        assert main(*words) == status
        captured = capsys.readouterr()
        return [one or other for one, other in COMMAND.findall(captured.out + captured.err)]

    return call


@pytest.fixture
def given(cell: Path, protocol: Write, tmp_path: Path) -> list[str]:
    """A command line whose parts all need quotes."""
    cell.rename(tmp_path / NAME)
    protocol(f"{NAME}.yaml", chain=with_step({"step": "median_z"}), optimize=None)
    moved = ["--input", NAME, "--output", f"out of {NAME}", "--set", "median_z.radius=2"]
    return ["run", f"{NAME}.yaml", *moved, "--workers", "1", "--quiet"]


def interrupt(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def test_what_continues_and_repeats_a_run(
    given: list[str],
    printed: Callable[..., list[str]],
    main: Main,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(api, "run", interrupt)
        [again] = printed(130, *given)
    assert shlex.split(again) == ["stackmend", *given]
    assert printed(0, *shlex.split(again)[1:]) == []
    folder = tmp_path / f"out of {NAME}"
    [repeat] = printed(0, "show", folder)
    words = shlex.split(repeat)[1:]
    assert words[-1] == "NEW_FOLDER"
    assert printed(0, *words, "--quiet", "--workers", 1) == []
    first, second = (api.show(place).record for place in (folder, tmp_path / "NEW_FOLDER"))
    assert first.chain == second.chain
    assert [row.output_hash for row in api.show(folder).slices] == [
        row.output_hash for row in api.show(tmp_path / "NEW_FOLDER").slices
    ]


def test_what_makes_a_report_again(
    given: list[str],
    printed: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    def fail(_: Path) -> None:
        raise ImportError("no page today")

    given = [word for word in given if word != "--quiet"]
    with monkeypatch.context() as patch:
        patch.setattr("stackmend.runner.write_report", fail)
        report, _ = sorted(printed(0, *given))
    page = tmp_path / f"out of {NAME}" / "report.html"
    assert not page.exists()
    assert printed(0, *shlex.split(report)[1:]) == []
    assert page.exists()


@pytest.mark.parametrize(
    ("status", "words"),
    [(2, ["steps", "nothing"]), (3, ["check", "empty.yaml"]), (0, ["init"])],
)
def test_what_is_advised(
    printed: Callable[..., list[str]],
    main: Main,
    tmp_path: Path,
    status: int,
    words: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "empty.yaml").write_text("")
    commands = [each for each in printed(status, *words) if "FILE" not in each]
    assert commands
    for command in commands:
        assert main(*shlex.split(command.partition(" >")[0])[1:]) == 0
        capsys.readouterr()


def test_a_report_that_cannot_be_loaded(
    main: Main, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: object) -> None:
        raise ImportError("cannot import name 'Environment' from 'jinja2'")

    monkeypatch.setattr(api, "report", fail)
    assert main("report", "result") == 1
    said = capsys.readouterr().err
    assert said.startswith("stackmend: stackmend cannot be loaded as it is installed (cannot")
    assert "Traceback" not in said


def test_where_a_protocol_writes_is_said(
    cell: Path, protocol: Write, main: Main, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (cell / "inner").mkdir()
    sections: dict[str, Any] = {"chain": with_step(), "optimize": None}
    file = protocol(
        "inner/p.yaml", input={"path": "../cell"}, output={"path": "../out"}, **sections
    )
    assert main("check", file) == 0
    assert f"writes outside of its own folder, to {tmp_path / 'out'}" in capsys.readouterr().out
    assert main("run", file, "--workers", 1) == 0
    said = f"the protocol writes outside of its own folder, to {tmp_path / 'out'}; --output"
    assert said in capsys.readouterr().err
    assert main("run", file, "--workers", 1, "--output", tmp_path / "chosen") == 0
    assert "outside" not in capsys.readouterr().err
