"""Names and values of somebody else reach a terminal as text, in every command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import tifffile

from commands import Call, Main, Write, posix, with_step

FOREIGN = "x\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp\u2066"
Said = Callable[..., str]

pytestmark = posix  # elsewhere, no file can be called like that


@pytest.fixture
def foreign(cell: Path, protocol: Write, tmp_path: Path) -> str:
    """A protocol, a stack, its first slice and an output, all of such names; the file's name."""
    (cell / "slice0.tif").rename(cell / f"slice0{FOREIGN}.tif")
    cell.rename(tmp_path / FOREIGN)
    name = f"{FOREIGN}.yaml"
    protocol(name, chain=with_step(), optimize=None, input=None, output=None)
    return name


@pytest.fixture
def said(main: Main, capsys: pytest.CaptureFixture[str]) -> Said:
    """What a command says, on both streams, if it is harmless and the status is as expected."""

    def call(status: int, *words: object) -> str:
        try:
            got = main(*words)
        except SystemExit as left:
            got = int(str(left.code))
        captured = capsys.readouterr()
        text = captured.out + captured.err
        for line in text.split("\n"):
            assert line.isprintable(), (words, line)
        assert got == status, text
        return text

    return call


def test_every_command(foreign: str, said: Said) -> None:
    result = f"out{FOREIGN}"
    given = [foreign, "--input", FOREIGN, "--output"]
    for words in (
        ["check", *given, result],
        ["check", *given, result, "--format", "json"],
        ["plan", *given, result],
        ["run", *given, result, "--verbose", "--workers", 1],
        ["run", *given, f"2{FOREIGN}", "--json", "--workers", 1],
        ["run", *given, f"3{FOREIGN}", "--shard", "1/2", "--workers", 1],
        ["show", result],
        ["report", result],
        ["init", "--for", FOREIGN],
        ["init", "--for", FOREIGN, "--output", f"4{FOREIGN}"],
    ):
        text = said(0, *words)
        assert "\x1b" not in text


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (2, [FOREIGN]),
        (2, ["run", FOREIGN]),
        (2, ["run", "p.yaml", f"--{FOREIGN}"]),
        (2, ["run", "p.yaml", "--workers", FOREIGN]),
        (2, ["run", "p.yaml", "--set", FOREIGN]),
        (2, ["run", "tiny.yaml", "--set", f"{FOREIGN}=1"]),
        (2, ["run", "tiny.yaml", "--memory", FOREIGN]),
        (2, ["run", "tiny.yaml", "--shard", FOREIGN]),
        (4, ["check", "tiny.yaml", "--input", FOREIGN]),
        (4, ["run", "tiny.yaml", "--input", FOREIGN]),
        (2, ["steps", FOREIGN]),
        (4, ["show", FOREIGN]),
        (4, ["report", FOREIGN]),
        (4, ["init", "--for", FOREIGN]),
        (8, ["init", "--output", f"{FOREIGN}/p.yaml"]),
    ],
)
def test_every_mistake(
    cell: Path, protocol: Write, said: Said, status: int, words: list[str]
) -> None:
    protocol()
    assert "owned" in said(status, *words)


@pytest.mark.parametrize(
    "sections",
    [
        {"name": FOREIGN},
        {"input": {"path": FOREIGN}},
        {"input": {"path": "cell", "dataset": FOREIGN}},
        {"output": {"path": "out", "format": FOREIGN}},
        {"chain": [{"step": FOREIGN}]},
        {"chain": with_step({"step": "median_z", FOREIGN: 1})},
        {"chain": with_step({"step": "median_z", "id": FOREIGN})},
        {"optimize": {"slices": FOREIGN}},
        {"optimize": {"slices": [1], "loss": {"name": FOREIGN}}},
        {FOREIGN: 1},
    ],
)
def test_every_value(cell: Path, protocol: Write, said: Said, sections: dict[str, object]) -> None:
    """YAML escapes such characters, so that they arrive."""
    status = 0 if "name" in sections else 3
    if "dataset" in str(sections):
        status = 4
    said(status, "check", protocol(**sections))


def test_a_damaged_slice(cell: Path, protocol: Write, said: Said) -> None:
    (cell / f"a{FOREIGN}.tif").write_bytes(b"no image")
    assert "owned" in said(4, "check", protocol())


def test_a_command_to_continue_works_as_it_is_printed(tmp_path: Path) -> None:
    from stackmend.words import command_text

    words = ["a b", "it's", FOREIGN, "", "-x", "ä", "\\n", "$HOME", "\udcff"]
    code = "import json, sys; print(json.dumps(sys.argv[1:]))"
    line = f"{command_text(sys.executable, '-c', code)} {command_text(*words)}"
    assert line.isprintable()
    if not Path("/bin/bash").exists():
        pytest.skip("needs bash, for names with control characters")
    done = subprocess.run(["/bin/bash", "-c", line], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == words


def test_names_that_are_no_text(cell: Path, protocol: Write, stackmend: Call) -> None:
    """Bytes of an old computer, on the command line and in what is printed."""
    protocol(chain=with_step(), optimize=None)
    folder = os.fsdecode(os.fsencode(cell.parent) + b"/\xb5m")
    Path(folder).mkdir()
    tifffile.imwrite(Path(folder) / "a.tif", tifffile.imread(cell / "slice1.tif"))
    for words in (["check", "tiny.yaml", "--input", folder], ["init", "--for", folder]):
        status, out, err = stackmend(*words)
        assert "Traceback" not in err, err
        assert status in (0, 4, 8)
        assert r"\xb5m" in out + err
