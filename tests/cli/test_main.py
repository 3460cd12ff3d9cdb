"""The command line as a person meets it: exit statuses, messages, interruption, terminals and pipes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import PATIENCE

Write = Callable[..., Path]
Call = Callable[..., tuple[int, str, str]]
Start = Callable[..., subprocess.Popen[str]]
Main = Callable[..., int]

ESCAPE = "\x1b"
COMMANDS = ("run", "show", "check", "steps", "schema", "init")
posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals or terminals")


def snapshot(folder: Path) -> dict[str, bytes]:
    files = (
        file for file in folder.rglob("*") if file.is_file() and ".stackmend" not in file.parts
    )
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def one_line(text: str) -> str:
    """A message of one line, without traceback or escape codes."""
    assert text.count("\n") == 1, text
    assert ESCAPE not in text
    return text.rstrip("\n")


def with_step(*extra: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"step": "standardize"}, *extra, {"step": "destandardize"}]


# Exit statuses, one by one, from outside


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
    assert rows["input"] == "cell: 4 x 48 x 64 uint8"
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
    what = r"stackmend: slice \d \(slice\d.tif\): stumble: stumbled failed \(RuntimeError: lost its footing\)"
    assert re.fullmatch(what, said)
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


# Interruption


def wait_at(door: Path, process: subprocess.Popen[str]) -> None:
    """Wait until the command has come to the step that holds it."""
    deadline = time.monotonic() + PATIENCE
    while not list(door.iterdir()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def left_behind(group: int) -> list[str]:
    """Command lines of processes of a group that still run (where the system can tell)."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, process_group = stat.read_text().rpartition(") ")[2].split()[:3]
            if int(process_group) == group and state != "Z":
                found.append((stat.parent / "cmdline").read_text().replace("\0", " "))
        except OSError:  # it has ended meanwhile
            continue
    return found


@posix
@pytest.mark.parametrize("phase", ["search", "application"])
@pytest.mark.parametrize(
    ("name", "all_processes"),
    [("SIGINT", True), ("SIGINT", False), ("SIGTERM", False)],
    ids=["ctrl-c", "int", "term"],
)
def test_status_130_interrupted(
    cell: Path,
    protocol: Write,
    shell: Start,
    main: Main,
    clumsy: dict[str, str],
    door: Path,
    tmp_path: Path,
    name: str,
    phase: str,
    all_processes: bool,
) -> None:
    """Ctrl-C of a terminal reaches the workers, too; ``kill`` only the command."""
    assert main("run", protocol(chain=with_step(), optimize=None), "--workers", 1, "--quiet") == 0
    earlier = snapshot(tmp_path / "result")
    steps, optimize = [{"step": "hold"}], None
    if phase == "search":
        steps = [{"step": "hold", "door": {"sweep": [1, 2, 3, 4]}}, {"step": "find_charging"}]
        optimize = {"steps": ["hold", "find_charging"], "slices": [0, 1, 2, 3]}
    protocol(chain=with_step(*steps), optimize=optimize)
    process = shell(
        "run", "tiny.yaml", "--workers", 2, env=clumsy,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    wait_at(door, process)
    (os.killpg if all_processes else os.kill)(process.pid, getattr(signal, name))
    if phase == "search":  # its threads end what they have begun
        (door / "open").touch()
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (130, "")
    said = err.splitlines()[-1]
    assert said == "stackmend: interrupted; continue with: stackmend run tiny.yaml --workers 2"
    assert "Traceback" not in err
    deadline = time.monotonic() + PATIENCE
    while left_behind(process.pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert left_behind(process.pid) == []
    assert snapshot(tmp_path / "result") == earlier


# Other ways to fail


def test_a_protocol_that_is_not_there(main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    assert main("run", "nowhere.yaml") == 2
    assert one_line(capsys.readouterr().err) == (
        "stackmend: nowhere.yaml: cannot be read (No such file or directory); give the path of a protocol file"
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


@pytest.mark.parametrize("workers", ["0", "-1", "two", "1.5"])
def test_a_number_of_workers_that_is_none(
    main: Main, capsys: pytest.CaptureFixture[str], workers: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main("run", "tiny.yaml", "--workers", workers)
    assert caught.value.code == 2
    assert f"must be a whole number, 1 or more, got {workers}" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["gf1_sigma", "=40", ""])
def test_an_assignment_that_is_none(
    main: Main, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main("run", "tiny.yaml", "--set", text)
    assert caught.value.code == 2
    assert "must be KEY=VALUE" in capsys.readouterr().err


def test_a_value_of_the_command_line_that_is_wrong(
    cell: Path, protocol: Write, main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main("check", protocol(), "--set", "find_charging.color_shift=1.7") == 3
    out = capsys.readouterr().out
    assert "command line  chain[1].color_shift" in out
    assert "--set find_charging.color_shift=1.7" in out
    assert "^^^ must be" in out


# The other commands


def test_check_says_what_it_found(
    cell: Path, protocol: Write, main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main("check", protocol()) == 0
    assert one_line(capsys.readouterr().out) == "tiny.yaml: no errors; cell: 4 x 48 x 64 uint8"
    assert main("check", protocol(optimize={"slices": [9]})) == 3
    captured = capsys.readouterr()
    assert "cell has 4 slices, 0 to 3" in captured.out
    assert captured.err == ""


def test_check_for_programs(
    cell: Path, protocol: Write, main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main("check", protocol(), "--format", "json") == 0
    content = json.loads(capsys.readouterr().out)
    assert content["stack"] == {"label": "cell", "shape": [4, 48, 64]}
    assert (content["status"], content["problems"]) == (0, [])
    assert main("check", protocol(optimize={"slices": [9]}), "--format", "json") == 3
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert (problem["path"], problem["message"]) == (
        "optimize.slices[0]",
        "cell has 4 slices, 0 to 3",
    )
    (cell / "slice0.tif").unlink()
    (cell / "slice1.tif").write_bytes(b"")
    assert main("check", protocol(), "--format", "json") == 4
    content = json.loads(capsys.readouterr().out)
    assert content["message"] == "slice1.tif: is empty (0 bytes); remove or replace it"


@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help(main: Main, capsys: pytest.CaptureFixture[str], command: str | None) -> None:
    with pytest.raises(SystemExit) as caught:
        main(*([command] if command else []), "--help")
    out = capsys.readouterr().out
    assert caught.value.code == 0
    assert out.startswith(f"usage: stackmend {command or '[-h]'}")
    if command is None:
        assert all(re.search(rf"^ +{name} ", out, re.MULTILINE) for name in COMMANDS)
        assert "130 interrupted" in " ".join(out.split())


def test_version_and_no_command(main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main("--version")
    assert caught.value.code == 0
    assert re.fullmatch(r"stackmend \d+\.\d+.*\n", capsys.readouterr().out)
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2


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


def test_schema(main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    from jsonschema import Draft202012Validator

    assert main("schema") == 0
    Draft202012Validator.check_schema(json.loads(capsys.readouterr().out))


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


# Terminals and pipes


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


@posix
@pytest.mark.parametrize("columns", ["40", "100"])
def test_ctrl_c_leaves_the_terminal_in_order(
    cell: Path, protocol: Write, shell: Start, clumsy: dict[str, str], door: Path, columns: str
) -> None:
    import pty

    protocol(chain=with_step({"step": "hold"}), optimize=None)
    controller, terminal = pty.openpty()
    env = clumsy | {"TERM": "xterm", "COLUMNS": columns}
    process = shell("run", "tiny.yaml", "--workers", 1, stderr=terminal, env=env)
    os.close(terminal)
    wait_at(door, process)
    process.send_signal(signal.SIGINT)
    shown = b""
    try:
        while chunk := os.read(controller, 4096):
            shown += chunk
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(controller)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    text = shown.decode()
    assert text.rstrip().endswith(
        "stackmend: interrupted; continue with: stackmend run tiny.yaml --workers 1"
    )
    assert text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l") >= 0
    assert "stopped at 0 of 4 slices" in text


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
