"""Standard streams that are closed, full or have lost their reader, as under cron."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from commands import Main, Write, posix
from stackmend import api
from stackmend.cli.terminal import streams
from stackmend.errors import OutputError

Shell = Callable[[str], subprocess.CompletedProcess[str]]

full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")


@pytest.fixture
def line(cell: Path, protocol: Write, tmp_path: Path) -> Shell:
    """Runs a line in a shell; ``stackmend`` is the command."""
    protocol(chain=[{"step": "standardize"}, {"step": "destandardize"}], optimize=None)

    def run(text: str) -> subprocess.CompletedProcess[str]:
        command = text.replace("stackmend", f"'{sys.executable}' -m stackmend")
        return subprocess.run(
            ["/bin/sh", "-c", command], cwd=tmp_path, capture_output=True, text=True
        )

    return run


@posix
@full
@pytest.mark.parametrize("end", ["<&- >&- 2>&-", "> /dev/full 2> /dev/full"])
def test_a_run_does_its_work_all_the_same(line: Shell, tmp_path: Path, end: str) -> None:
    done = line(f"stackmend run tiny.yaml --workers 1 {end}")
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "rror" not in done.stderr
    assert len(api.show(tmp_path / "result").slices) == 4


@posix
@full
def test_an_answer_that_nobody_gets_is_an_error(line: Shell) -> None:
    done = line("stackmend check tiny.yaml > /dev/full")
    assert done.returncode == 8
    what = "standard output: cannot be written to (No space left on device)"
    assert done.stderr == f"stackmend: {what}; make room, or send it elsewhere\n"
    assert line("stackmend check tiny.yaml >&-").returncode == 0  # nobody wants it
    assert line("stackmend check nowhere.yaml 2> /dev/full").returncode == 2


@posix
@full
def test_help_and_usage(line: Shell) -> None:
    for end in (">&-", "> /dev/full"):
        done = line(f"stackmend run --help {end}")
        assert (done.returncode, done.stderr) == (0, "")
    for end in ("2>&-", "2> /dev/full"):
        assert line(f"stackmend run --hlep {end}").returncode == 2


@posix
def test_a_file_never_takes_the_place_of_a_closed_stream(tmp_path: Path) -> None:
    """Or what a library says would go into a slice."""
    code = """
import os
from stackmend.cli.terminal.streams import make_ready
make_ready()
print(os.open("file", os.O_CREAT | os.O_WRONLY) > 2, file=open("said", "w"))
"""
    env = {**os.environ, "CODE": code}
    text = f"'{sys.executable}' -c \"$CODE\" <&- >&- 2>&-"
    subprocess.run(["/bin/sh", "-c", text], cwd=tmp_path, env=env, check=True)
    assert (tmp_path / "said").read_text() == "True\n"


@pytest.mark.parametrize("error", [BrokenPipeError(32, "Broken pipe"), OSError(28, "No space")])
def test_what_is_lost_and_what_is_not(
    main: Main, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    class Refusing:
        def write(self, _: str) -> None:
            raise error

        def fileno(self) -> int:
            raise OSError

    monkeypatch.setattr(sys, "stdout", Refusing())
    streams.say("lost", sys.stdout)
    if isinstance(error, BrokenPipeError):
        streams.answer("the reader has enough")
    else:
        with pytest.raises(OutputError, match="No space"):
            streams.answer("lost")
