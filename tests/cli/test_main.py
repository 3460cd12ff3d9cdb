"""The command line from outside: exit statuses, help, versions, pipes."""

from __future__ import annotations

import re
import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path

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
from stackmend.cli import VERBS, module_of
from stackmend.cli.options import Options


def test_status_0_done(cell: Path, protocol: Write, stackmend: Call, tmp_path: Path) -> None:
    protocol()
    status, out, err = stackmend("run", "tiny.yaml", "--workers", 2)
    assert status == 0
    assert err.splitlines() == [
        "stackmend: searching, 4 combinations",
        "stackmend: restoring, 4 slices",
        "stackmend: making pictures for the report, 3 slices",
    ]
    assert ESCAPE not in out + err
    rows = dict(line.split(maxsplit=1) for line in out.splitlines() if not line.startswith(" "))
    assert rows["input"] == "cell: 4 x 48 x 64 uint8, pixel size unknown"
    assert re.search(
        r"^chosen +gf1_sigma \d+ px, of 8, 12\n +rb_radius \d+ px, of 5, 10$", out, re.MULTILINE
    )
    assert re.fullmatch(r"[\d.]+ on slice 1, lowest of 4; median [\d.]+", rows["loss"])
    assert re.search(r"^ +held out: [\d.]+ \(slice 2\)$", out, re.MULTILINE)
    assert (rows["stack"], rows["record"]) == (str(Path("result/stack")), "result/run.json")
    assert (tmp_path / rows["record"]).is_file()


def test_status_2_usage(stackmend: Call) -> None:
    status, out, err = stackmend("run")
    assert (status, out) == (2, "")
    assert "the following arguments are required: PROTOCOL" in err


def test_status_3_protocol(cell: Path, protocol: Write, stackmend: Call, tmp_path: Path) -> None:
    protocol(chain=[{"step": "standardise"}])
    status, out, err = stackmend("run", "tiny.yaml")
    assert (status, out) == (3, "")
    assert err.startswith("tiny.yaml: ")
    assert "nothing was run" in err
    assert "did you mean standardize?" in err
    assert "Traceback" not in err
    assert not (tmp_path / "result").exists()


def test_status_4_input(cell: Path, protocol: Write, stackmend: Call, tmp_path: Path) -> None:
    protocol()
    (cell / "slice2.tif").write_text("no image")
    status, out, err = stackmend("run", "tiny.yaml")
    assert (status, out) == (4, "")
    assert one_line(err).startswith("stackmend: slice2.tif: is not a TIFF file that can be read")
    assert not (tmp_path / "result").exists()


def test_status_5_a_step_failed(
    cell: Path, protocol: Write, stackmend: Call, clumsy: dict[str, str], tmp_path: Path
) -> None:
    protocol(chain=with_step({"step": "stumble"}), optimize=None)
    status, out, err = stackmend("run", "tiny.yaml", "--workers", 2, env=clumsy)
    assert (status, out) == (5, "")
    begun, said, story, again = err.splitlines()
    assert begun == "stackmend: restoring, 4 slices"
    why = r"stumble: stumbled failed \(RuntimeError: lost its footing\)"
    assert re.fullmatch(rf"stackmend: slice \d \(slice\d.tif\): {why}", said)
    assert story.startswith("stackmend: the whole story is in ")
    assert again == "stackmend: continue with: stackmend run tiny.yaml --workers 2"
    assert snapshot(tmp_path / "result") == {}


def test_status_6_nothing_found(
    cell: Path, protocol: Write, stackmend: Call, tmp_path: Path
) -> None:
    protocol()
    status, out, err = stackmend("run", "tiny.yaml", "--set", "find_charging.color_shift=0.99")
    assert (status, out) == (6, "")
    begun, said = err.splitlines()
    assert begun == "stackmend: searching, 4 combinations"
    assert said.startswith("stackmend: search: no combination finds any charging")
    assert snapshot(tmp_path / "result") == {}


@posix
def test_status_8_the_result_cannot_be_written(
    cell: Path, protocol: Write, stackmend: Call, tmp_path: Path
) -> None:
    """The file size limit of the shell stands for a full disk; it also holds in the workers."""
    import resource

    protocol(output={"path": "result", "dtype": "float32"}, optimize=None, chain=with_step())

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10000, 10000))

    status, out, err = stackmend("run", "tiny.yaml", "--workers", 2, preexec_fn=limit)
    assert (status, out) == (8, "")
    said, again = err.splitlines()[-2:]
    assert re.match(
        r"stackmend: .*stack: slice slice\d.tif cannot be written \(File too large\); ", said
    )
    assert again == "stackmend: continue with: stackmend run tiny.yaml --workers 2"
    assert snapshot(tmp_path / "result") == {}


@pytest.mark.parametrize("command", [None, *VERBS])
def test_help(main: Main, capsys: pytest.CaptureFixture[str], command: str | None) -> None:
    with pytest.raises(SystemExit) as caught:
        main(*([command] if command else []), "--help")
    out = capsys.readouterr().out
    assert caught.value.code == 0
    assert out.startswith(f"usage: stackmend {command or '[-h]'}")
    if command is None:
        assert all(re.search(rf"^ +{name} ", out, re.MULTILINE) for name in VERBS)
        assert "130 interrupted" in " ".join(out.split())


def test_version_and_no_command(main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main("--version")
    assert caught.value.code == 0
    assert re.fullmatch(r"stackmend \d+\.\d+.*\n", capsys.readouterr().out)
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2


def test_a_pipe_that_closes_early_is_no_error(shell: Start) -> None:
    process = shell("schema")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(timeout=PATIENCE) == 0


def test_an_output_that_cannot_show_every_letter(
    stackmend: Call, cell: Path, protocol: Write, tmp_path: Path
) -> None:
    cell.rename(tmp_path / "zelle-ä")
    protocol(input={"path": "zelle-ä"})
    env = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    status, out, err = stackmend("check", "tiny.yaml", env=env)
    assert (status, err) == (0, "")
    assert "zelle-?" in out


def test_the_module_and_the_script_are_the_same(stackmend: Call) -> None:
    script = Path(sys.executable).with_name("stackmend")
    if not script.exists():
        pytest.skip("the script is not beside this interpreter")
    status, out, _ = stackmend("--version")
    assert status == 0
    assert (
        subprocess.run([script, "--version"], capture_output=True, text=True, check=True).stdout
        == out
    )


def test_help_and_a_mistyped_option_answer_at_once() -> None:
    """What takes long to import is imported by what needs it."""
    code = """
import contextlib, io, sys
from stackmend.cli import VERBS, main
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    for words in (["--help"], ["run", "--hlep"], *([verb, "--help"] for verb in VERBS)):
        with contextlib.suppress(SystemExit):
            main(words)
heavy = {"joblib", "jsonschema", "numba", "numpy", "rich", "scipy", "tifffile", "yaml"}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_every_argument_of_a_verb_has_its_type_and_no_other_has() -> None:
    declared = {"verb", "command"}
    for verb in VERBS:
        parser = ArgumentParser()
        module = module_of(verb)
        module.add_arguments(parser)
        declared |= {action.dest for action in parser._actions} - {"help"}
        assert module.HELP
    assert declared == set(Options.__annotations__)
