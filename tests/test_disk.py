"""What is asked of the disk: that a result lasts before an earlier one is touched."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from commands import posix
from stackmend import api, disk
from stackmend.disk import make_lasting, make_names_lasting
from stackmend.errors import OutputError
from stops import protocol, write_small_stack


@posix
def test_all_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files and folders, however deep, but no link."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_text("c")
    (tmp_path / "a" / "d").write_text("d")
    (tmp_path / "a" / "link").symlink_to("/")
    seen: list[str] = []

    def fsync(descriptor: int) -> None:
        seen.append(str(os.fstat(descriptor).st_ino))

    monkeypatch.setattr(os, "fsync", fsync)
    make_lasting(tmp_path / "a")
    wanted = [tmp_path / "a" / name for name in ("", "b", "b/c", "d")]
    assert sorted(seen) == sorted(str(path.stat().st_ino) for path in wanted)
    seen.clear()
    make_names_lasting(tmp_path / "a", tmp_path / "gone")
    assert seen == [str((tmp_path / "a").stat().st_ino)]


@posix
def test_what_the_disk_cannot_keep_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of folders it is none, as some file systems have no such thing for them."""
    (tmp_path / "file").write_text("x")

    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    make_names_lasting(tmp_path)
    with pytest.raises(OSError, match="Input/output error"):
        make_lasting(tmp_path)


def test_nothing_is_moved_before_all_lasts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_small_stack(tmp_path, 2)
    first = api.run(protocol(tmp_path, "TIFF folder"), workers=1)
    told: list[str] = []
    genuine = Path.replace

    def replace(path: Path, target: Path) -> Path:
        told.append(f"move {path.name}")
        return genuine(path, target)

    monkeypatch.setattr(Path, "replace", replace)
    monkeypatch.setattr(disk, "make_lasting", lambda *paths: told.append(f"wait {paths[0].name}"))
    monkeypatch.setattr(disk, "make_names_lasting", lambda *_: told.append("wait names"))
    api.run(protocol(tmp_path, "TIFF folder", 15), workers=1)
    wait, point = told.index("wait partial"), told.index("move partial")
    assert wait < told.index("move run.json") < told.index("move stack") < point
    assert told[point + 1] == "wait names"
    assert told.index("wait names", point + 2) > told.index("move stack", point)

    # A disk that cannot keep it leaves the earlier result as it is.
    before = (first.folder / "run.json").read_bytes()

    def fail(*_: Any) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(disk, "make_lasting", fail)
    with pytest.raises(OutputError, match="Input/output error"):
        api.run(protocol(tmp_path, "TIFF folder", 25), workers=1)
    assert (first.folder / "run.json").read_bytes() == before
