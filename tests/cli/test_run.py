"""``stackmend run``: what cannot be run, and what is shown of a run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from commands import (
    ESCAPE,
    Call,
    Main,
    Start,
    Write,
    one_line,
    posix,
    snapshot,
    with_step,
)
from conftest import PATIENCE
from stackmend import api


def test_a_protocol_that_is_not_there(main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    assert main("run", "nowhere.yaml") == 2
    assert one_line(capsys.readouterr().err) == (
        "stackmend: nowhere.yaml: cannot be read (No such file or directory); "
        "give the path of a protocol file"
    )


def test_a_stack_that_is_not_there(
    protocol: Write, main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main("run", protocol()) == 4
    assert (
        "there is no such file or folder; check input.path, or give the stack with --input"
        in one_line(capsys.readouterr().err)
    )


def test_an_output_below_a_file(
    cell: Path, protocol: Write, main: Main, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "result").write_text("mine")
    assert main("run", protocol()) == 3
    assert main("run", protocol(), "--output", "result/deep") == 3
    assert "result is a file; choose a folder for the results" in capsys.readouterr().err
    assert (tmp_path / "result").read_text() == "mine"


@pytest.mark.skipif(
    not Path("/proc/self").exists(), reason="needs a place where nothing can be made"
)
def test_an_output_where_nothing_can_be_made(
    cell: Path, protocol: Write, main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main("run", protocol(), "--output", "/proc/stackmend") in (3, 8)
    assert "/proc" in capsys.readouterr().err


def test_an_output_with_foreign_files(
    cell: Path, protocol: Write, main: Main, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "result").mkdir()
    (tmp_path / "result" / "notes.txt").write_text("mine")
    assert main("run", protocol()) == 3
    assert "holds files that are no result of a run (notes.txt)" in capsys.readouterr().err
    assert snapshot(tmp_path / "result") == {"notes.txt": b"mine"}


def test_no_color_where_nobody_wants_it(cell: Path, protocol: Write, stackmend: Call) -> None:
    protocol(chain=with_step(), optimize=None)
    for output, env in (("one", {"NO_COLOR": "1"}), ("two", {"FORCE_COLOR": "1"})):
        status, out, err = stackmend(
            "run", "tiny.yaml", "--workers", 1, "--output", output, env=env
        )
        assert status == 0
        assert ESCAPE not in out + err


def test_quiet_says_nothing(
    cell: Path, protocol: Write, main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    (cell / "Thumbs.db").touch()
    assert main("run", protocol(), "--workers", 1, "--quiet") == 0
    assert capsys.readouterr() == ("", "")
    assert main("run", protocol(), "--workers", 1, "--output", "other") == 0
    assert (
        capsys.readouterr().err.splitlines()[0]
        == "stackmend: cell: skipped what is no slice: Thumbs.db"
    )


@posix
@pytest.mark.parametrize("no_color", [True, False])
def test_a_terminal_shows_progress(
    cell: Path, protocol: Write, shell: Start, no_color: bool
) -> None:
    import pty

    protocol()
    controller, terminal = pty.openpty()
    env = {"TERM": "xterm-256color", "COLUMNS": "100"} | ({"NO_COLOR": "1"} if no_color else {})
    process = shell("run", "tiny.yaml", "--workers", 1, stderr=terminal, env=env)
    os.close(terminal)
    shown = b""
    while True:
        try:
            chunk = os.read(controller, 4096)
        except OSError:  # how Linux says that the other end is closed
            break
        if not chunk:
            break
        shown += chunk
    os.close(controller)
    out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert ESCAPE not in out
    text = shown.decode()
    assert "searching" in text
    assert "restoring" in text
    assert "4 slices, " in text
    assert text.rstrip().endswith("\x1b[?25h")
    colours = re.findall(r"\x1b\[[\d;]*m", text)
    assert bool([code for code in colours if re.search(r"3\d|9\d", code)]) is not no_color


def test_json(cell: Path, protocol: Write, main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    (cell / "Thumbs.db").touch()
    assert main("run", protocol(), "--workers", 1, "--json") == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    events = [json.loads(line) for line in captured.out.splitlines()]
    kinds = {event["event"] for event in events}
    assert {"started", "note", "progress", "search finished", "chosen", "slice", "result"} <= kinds
    result = events[-1]
    assert (result["event"], result["folder"], result["stack"]) == (
        "result",
        "result",
        [str(Path("result/stack"))],
    )
    assert result["slices"]["count"] == 4
    assert sum(result["slices"]["status"].values()) == 4


def test_json_of_a_failure(
    cell: Path, protocol: Write, main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main("run", protocol(), "--json", "--set", "find_charging.color_shift=0.99") == 6
    captured = capsys.readouterr()
    error = json.loads(captured.out.splitlines()[-1])
    assert (error["event"], error["status"], error["class"]) == ("error", 6, "NothingFound")
    assert captured.err == f"stackmend: {error['message']}\n"
    assert main("run", protocol(chain=[{"step": "standardise"}]), "--json") == 3
    (line,) = capsys.readouterr().out.splitlines()
    assert "did you mean standardize?" in json.loads(line)["problems"][0]["message"]


def test_a_reader_that_goes_away_does_not_stop_the_run(
    cell: Path, protocol: Write, shell: Any, tmp_path: Path
) -> None:
    protocol()
    process: subprocess.Popen[str] = shell("run", "tiny.yaml", "--json", "--workers", 1)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(timeout=60) == 0
    assert (tmp_path / "result" / "run.json").is_file()


@pytest.mark.parametrize(
    "pair", [("--quiet", "--verbose"), ("--quiet", "--json"), ("--verbose", "--json")]
)
def test_one_way_of_showing_at_a_time(
    main: Main, capsys: pytest.CaptureFixture[str], pair: tuple[str, str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main("run", "tiny.yaml", *pair)
    assert caught.value.code == 2
    assert "not allowed with" in capsys.readouterr().err


def test_verbose_names_every_slice(
    cell: Path, protocol: Write, main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main("run", protocol(), "--workers", 1, "--verbose") == 0
    shown = capsys.readouterr().err
    assert all(f"slice {number} (slice{number}.tif): restored, " in shown for number in range(4))
    assert "distinct work: " in shown


def test_every_option_reaches_the_run(
    main: Main, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: dict[str, Any] = {}

    def run(**how: Any) -> api.RunResult:
        heard.update(how)
        return api.RunResult(Path("out"), None, None)

    monkeypatch.setattr(api, "run", run)
    given = {"workers": 3, "backend": "dask", "scheduler": "tcp://h:1", "memory": "8GB"}
    given |= {"shard": "1/2", "input": Path("a"), "output": Path("b")}
    words = [word for name, value in given.items() for word in (f"--{name}", value)]
    assert main("run", "tiny.yaml", *words, "--set", "name=x") == 0
    del heard["listener"]
    assert heard == {**given, "protocol": Path("tiny.yaml"), "set": {"name": "x"}}
    assert "part 1/2 is done; when all parts are done: stackmend finish" in capsys.readouterr().err


@pytest.mark.parametrize("terminal", [True, False])
def test_a_warning_is_said_once_on_a_terminal(
    cell: Path,
    protocol: Write,
    main: Main,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    terminal: bool,
) -> None:
    """Where only one of the streams is a terminal, each of them has it."""
    chain = with_step({"step": "global_decharge", "gf1_sigma": 8, "gf3_sigma": 3})
    for stream in (sys.stdout, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: terminal, raising=False)
    monkeypatch.setenv("TERM", "dumb")
    assert main("run", protocol(chain=chain, optimize=None), "--workers", 1) == 0
    captured = capsys.readouterr()
    what = "on a standardised slice"
    assert what in " ".join(captured.err.split())
    assert (what in " ".join(captured.out.split())) is not terminal
    assert ("warnings   1, above" in captured.out) is terminal
