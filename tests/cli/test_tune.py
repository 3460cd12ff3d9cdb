"""``stackmend tune``: what is said before, while and after the page is served."""

from __future__ import annotations

import re
import signal
import socket
import sys
import webbrowser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from commands import Main, Start, Write, one_line, posix
from stackmend.cli import tune
from tuner_client import Page


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C comes as soon as it can."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    event = SimpleNamespace(wait=interrupt)
    monkeypatch.setattr(tune, "threading", SimpleNamespace(Event=lambda: event))


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Addresses that a browser was started with, on a computer with a screen."""
    addresses: list[str] = []
    monkeypatch.setattr(webbrowser, "open", addresses.append)
    monkeypatch.setenv("DISPLAY", ":0")
    return addresses


@posix
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_page_is_served_until_the_signal(cell: Path, protocol: Write, shell: Start, name: str):
    process = shell("tune", protocol(), "--no-browser")
    assert process.stderr is not None
    said = process.stderr.readline()
    found = re.fullmatch(r"stackmend: the page is at http://127.0.0.1:(\d+)/\?token=(\S+)\n", said)
    assert found
    port = found[1]
    tunnel = f"ssh -L {port}:127.0.0.1:{port} "
    assert process.stderr.readline().startswith(f"stackmend: from another computer: {tunnel}")
    access: Any = SimpleNamespace(port=int(port), token=found[2])
    page = Page(access)
    assert page.hello()["sound"]
    process.send_signal(signal.Signals[name])
    out, err = process.communicate()
    assert (process.returncode, out) == (0, "")
    assert err.splitlines()[-1] == "stackmend: ended; what was saved is in its files"
    assert "Traceback" not in err
    page.close()


@pytest.mark.usefixtures("at_once")
def test_the_browser_gets_an_address_that_is_good_once(
    cell: Path, protocol: Write, main: Main, opened: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main("tune", protocol()) == 0
    (address,) = opened
    assert "?once=" in address
    token = re.search(r"token=(\S+)", capsys.readouterr().err)
    assert token
    assert token[1] not in address


@pytest.mark.usefixtures("at_once")
def test_no_browser_is_opened_where_there_is_no_screen(
    cell: Path,
    protocol: Write,
    main: Main,
    opened: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert main("tune", protocol()) == 0
    assert main("tune", protocol(), "--no-browser") == 0
    assert opened == []
    assert capsys.readouterr().err.count("ssh -L") == 2


@pytest.mark.usefixtures("at_once")
def test_a_stack_is_looked_at(cell: Path, main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    assert main("tune", cell.name, "--no-browser") == 0
    assert "ended" in capsys.readouterr().err


def test_a_port_that_is_taken(
    cell: Path, protocol: Write, main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main("tune", protocol(), "--no-browser", "--port", port) == 2
    said = one_line(capsys.readouterr().err)
    assert said.startswith(f"stackmend: port {port}: is taken")
    assert "choose another with --port" in said


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1"])
def test_a_port_that_is_none(main: Main, capsys: pytest.CaptureFixture[str], port: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main("tune", "tiny.yaml", f"--port={port}")
    assert caught.value.code == 2
    assert f"must be a whole number from 1 to 65535, got {port}" in capsys.readouterr().err


def test_packages_that_are_not_there(
    protocol: Write,
    main: Main,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("stackmend.tuner.find_spec", lambda name: None)
    assert main("tune", protocol()) == 2
    assert one_line(capsys.readouterr().err) == (
        "stackmend: tune: needs more packages, starlette, uvicorn, websockets; "
        "run: pip install 'stackmend[tune]'"
    )


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["nowhere.yaml"], 2, "nowhere.yaml: cannot be read"),
        (["nowhere"], 4, "there is no such file or folder; give a protocol or a stack"),
        (["latin.yaml"], 3, "is not UTF-8 text (byte 0xe4); save it as UTF-8"),
        (["tiny.yaml", "--set", "nothing.at.all=1"], 2, "--set nothing.at.all=1"),
        (["tiny.yaml", "--memory", "much"], 2, "--memory: must be a size such as 8GB"),
        (["cell", "--set", "name=x"], 2, "--input, --set: replace what a protocol says"),
    ],
)
def test_what_no_page_can_be_made_for(
    cell: Path,
    protocol: Write,
    main: Main,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: list[str],
    status: int,
    said: str,
) -> None:
    protocol()
    (tmp_path / "latin.yaml").write_bytes("name: Präparat".encode("latin-1"))
    assert main("tune", *arguments, "--no-browser") == status
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("p.yaml", b"\0", True),
        ("P.YML", b"", True),
        ("protocol", b"protocol: 1\n", True),
        ("notes.txt", "ä".encode() * 3000, True),
        ("stack.tif", b"II*\0", False),
        ("stack", b"\xff\xfe\x00", False),
    ],
)
def test_what_can_be_read_as_text_is_a_protocol(
    tmp_path: Path, name: str, content: bytes, expected: bool
) -> None:
    (tmp_path / name).write_bytes(content)
    assert tune._is_protocol(tmp_path / name) is expected
    assert not tune._is_protocol(tmp_path)


def test_what_the_command_line_says_is_in_the_text(
    cell: Path, protocol: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stackmend.cli import make_parser
    from stackmend.cli.options import Options

    monkeypatch.chdir(tmp_path)
    cell.rename(tmp_path / "other")
    given = ["tune", str(protocol()), "--input", "other", "--set", "find_charging.min_area=7"]
    options = make_parser().parse_args(given, Options(command=""))
    document = tune._subject(options).read()
    assert document.data["input"] == {"path": "other"}
    assert document.data["chain"][1]["min_area"] == 7
