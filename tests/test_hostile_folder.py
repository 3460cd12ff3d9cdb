"""A result folder that somebody has prepared: links in it are not followed, nothing is harmed."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from commands import Main, posix
from kills import cut_off, facts, write_protocol
from stackmend import api, disk
from stackmend.errors import OutputError, ProtocolError
from stops import protocol, write_small_stack


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A protocol for a small stack."""
    write_small_stack(tmp_path, 3)
    return protocol(tmp_path, "TIFF folder")


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*.tif")}


def test_a_place_of_work_that_is_a_link_is_refused(tmp_path: Path, file: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".stackmend").symlink_to(tmp_path / "stack")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ProtocolError, match=r"\.stackmend is a link, .* remove it"):
        api.run(file, workers=1)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "place", ["partial", "partial/stack", "journal", "complete", "previous", "lock", "partial/x"]
)
def test_links_in_the_place_of_work_are_not_followed(
    tmp_path: Path, file: Path, place: str
) -> None:
    whole = api.run(file, output=tmp_path / "whole", workers=1)
    cut_off(file, after=1)
    link = tmp_path / "out" / ".stackmend" / place
    if link.is_dir():
        link.rename(tmp_path / "away")
    link.unlink(missing_ok=True)
    link.symlink_to(tmp_path / ("stack/s0.tif" if place == "lock" else "stack"))
    before, listed = files(tmp_path / "stack"), sorted((tmp_path / "stack").iterdir())
    if place == "lock":
        with pytest.raises(OutputError, match="cannot be prepared"):
            api.run(file, workers=1)
    else:
        assert facts(api.run(file, workers=1).folder) == facts(whole.folder)
    assert files(tmp_path / "stack") == before
    assert sorted((tmp_path / "stack").iterdir()) == listed


@posix
def test_a_half_written_file_that_is_a_link(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    (tmp_path / ".a.txt.part").symlink_to(tmp_path / "precious")
    from stackmend.result import atomic
    from stackmend.stacks.files import write_file

    for write in (atomic.write_text, lambda path, text: write_file(path, text.encode())):
        with pytest.raises(OSError, match="symbolic links"):
            write(tmp_path / "a.txt", "other")
    assert (tmp_path / "precious").read_text() == "mine"


# What cannot be written


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "make room and run again"),
        (errno.EACCES, "check the permissions, or choose another folder"),
        (errno.ENAMETOOLONG, "choose shorter names"),
        (errno.EIO, "look after the disk or the folder, then run again"),
    ],
)
def test_only_a_full_disk_needs_room(
    file: Path, monkeypatch: pytest.MonkeyPatch, number: int, advice: str
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    for place in ("stacks.tiff.folder_writer.TiffFolderWriter.write", "result.atomic.write_table"):
        with monkeypatch.context() as patch:
            patch.setattr(f"stackmend.{place}", fail)
            with pytest.raises(OutputError, match=advice):
                api.run(file, workers=1)
    api.run(file, workers=1)


def test_what_hinders_writing_has_its_own_status(
    file: Path, main: Main, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is no fault of the protocol; but where that has faults, too, all are said at once."""
    monkeypatch.setattr("os.access", lambda *_: False)
    for verb in ("run", "check", "plan"):
        assert main(verb, file) == 8
        assert "cannot be written to; choose another folder" in capsys.readouterr().err
    assert main("check", file, "--set", "standardize.nothing=3") == 3
    said = capsys.readouterr().out
    assert "2 problems" in said
    assert "cannot be written to" in said


# Names


@pytest.mark.parametrize("length", [1, 249, 250, 255])
def test_names_of_any_length(tmp_path: Path, length: int) -> None:
    path = tmp_path / ("é" * (length // 2) + "a" * (length % 2))
    part = disk.part_of(path)
    assert len(os.fsencode(part.name)) <= 255
    assert part.match(disk.HALF_WRITTEN)
    assert part != disk.part_of(path.with_name(path.name[:-1] + "b"))


@posix
def test_names_of_any_bytes_come_back(tmp_path: Path, main: Main) -> None:
    """From a run to its table, its page and its summary; also the name of the result's folder."""
    write_small_stack(tmp_path, 6)
    place = os.fsencode(tmp_path / "stack")
    names = [b"s0_10\xb5m.tif", b"1=cmd|calc!A1.tif", b"=2+3.tif", b"'3.tif", b"4" * 251 + b".tif"]
    names.append("5 \u2028 \x1b[2J \\x41 ü.tif".encode())
    for number, name in enumerate(names):
        (tmp_path / "stack" / f"s{number}.tif").rename(os.fsdecode(place + b"/" + name))
    optimize = {"slices": [0]}
    file = write_protocol(tmp_path, {}, gf2_sigma={"sweep": [20, 30]}, optimize=optimize)
    out = Path(os.fsdecode(b"out \xff"))
    for _ in range(2):
        assert main("run", file, "--output", out, "--workers", 1, "--quiet") == 0
    assert main("show", out) == 0
    assert main("report", out) == 0
    found = api.show(out)
    assert sorted(os.fsencode(row.name) for row in found.slices) == sorted(names)
    assert sorted(os.listdir(os.fsencode(out / "stack"))) == sorted(names)
    for name in ("slices.csv", "run.json", "journal.jsonl", "log.jsonl", "report.html"):
        assert (out / name).read_text(encoding="utf-8")
    cells = [line.split(",")[2] for line in (out / "slices.csv").read_text().splitlines()]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@")) or "\x1b" in cell]
