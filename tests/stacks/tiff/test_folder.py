"""A folder of slices: their order, what lies beside them, and slices that do not fit together."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from stackmend.errors import InputError
from stackmend.stacks import Layout, Slice, files, open_stack
from stackmend.stacks.series import natural_key
from stackmend.stacks.tiff.folder_writer import TiffFolderWriter


def put(
    folder: Path, *names: str, shape: tuple[int, ...] = (4, 6), dtype: str = "uint8", **how: Any
) -> None:
    for name in names:
        tifffile.imwrite(folder / name, np.zeros(shape, dtype), **how)


@pytest.mark.parametrize(
    "ordered",
    [
        ["slice2.tif", "slice10.tif", "slice100.tif"],
        ["slice_0002.tif", "slice_0010.tif", "slice_10000.tif"],
        ["run2_z9.tif", "run2_z10.tif", "run10_z1.tif"],
        ["1.tif", "1a.tif", "2.tif", "10.tif"],
        ["A1.tif", "a2.TIF", "A3.tiff", "a4.TIFF"],
        ["z-1.tif", "z-02.tif", "z-3.tif"],
        ["s.tif", "s.tif2.tif"],
    ],
)
def test_slices_come_in_the_order_of_their_numbers(tmp_path: Path, ordered: list[str]) -> None:
    put(tmp_path, *ordered[::-1])
    assert list(open_stack(tmp_path)[0].names) == ordered


@given(st.lists(st.text("ab09.²٣ÄẞI", min_size=1, max_size=6), unique=True))
def test_any_names_can_be_ordered_and_only_one_way(names: list[str]) -> None:
    backwards = list(reversed(names))
    assert sorted(names, key=natural_key) == sorted(backwards, key=natural_key)


def test_what_is_no_slice_is_skipped_and_named(tmp_path: Path) -> None:
    put(tmp_path, "slice1.tif", "slice2.tif")
    junk = ["._slice1.tif", ".DS_Store", "Thumbs.db", "notes.txt", "notes2"]
    for name in junk:
        (tmp_path / name).write_text("junk")
    (tmp_path / "older").mkdir()
    (tmp_path / "folder.tif").mkdir()
    reader = open_stack(tmp_path)[0]
    assert reader.names == ("slice1.tif", "slice2.tif")
    (note,) = reader.notes
    for name in (*junk, "older/", "folder.tif/"):
        assert name in note


def test_nothing_beside_the_slices_is_nothing_to_say(tmp_path: Path) -> None:
    put(tmp_path, "slice1.tif")
    assert open_stack(tmp_path)[0].notes == ()


def test_many_skipped_files_are_not_all_listed(tmp_path: Path) -> None:
    put(tmp_path, "slice1.tif")
    for index in range(30):
        (tmp_path / f"{index}.txt").touch()
    assert open_stack(tmp_path)[0].notes[0].endswith("8.txt, 9.txt and 20 more")


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"there are no .tif or .tiff files \(it is empty\); give the folder"
    ):
        open_stack(tmp_path)


def test_a_folder_that_holds_other_things(tmp_path: Path) -> None:
    (tmp_path / "stack").mkdir()
    (tmp_path / "run.json").touch()
    with pytest.raises(InputError, match=r"no .tif or .tiff files \(only run.json, stack/\)"):
        open_stack(tmp_path)


def test_every_unusable_file_is_named_at_once(tmp_path: Path) -> None:
    put(tmp_path, "1.tif", "2.tif")
    put(tmp_path, "3.tif", dtype="int32")
    put(tmp_path, "4.tif", shape=(4, 6, 3), photometric="rgb")
    put(tmp_path, "5.tif", shape=(2, 4, 6), photometric="minisblack")  # two slices
    (tmp_path / "6.tif").touch()
    with pytest.raises(InputError) as caught:
        open_stack(tmp_path)
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in lines] == ["3.tif", "4.tif", "6.tif"]


def test_a_thousand_unusable_files_are_counted(tmp_path: Path) -> None:
    for index in range(25):
        (tmp_path / f"{index}.tif").touch()
    with pytest.raises(InputError, match="and 15 more files"):
        open_stack(tmp_path)


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        ({"shape": (4, 7)}, "3.tif is 4 x 7 uint8"),
        ({"dtype": "uint16"}, "3.tif is 4 x 6 uint16"),
        ({"photometric": "miniswhite"}, "3.tif is 4 x 6 uint8, miniswhite"),
    ],
)
def test_slices_that_differ_are_named(tmp_path: Path, odd: dict[str, Any], said: str) -> None:
    put(tmp_path, "1.tif", "2.tif", "4.tif")
    put(tmp_path, "3.tif", **odd)
    with pytest.raises(
        InputError, match=f"1.tif is 4 x 6 uint8, minisblack, but {said}.*move the odd ones away"
    ):
        open_stack(tmp_path)


def test_linked_slices_are_read_and_a_broken_link_is_a_missing_slice(tmp_path: Path) -> None:
    raw, chosen = tmp_path / "raw", tmp_path / "chosen"
    raw.mkdir()
    chosen.mkdir()
    put(raw, "1.tif", "2.tif")
    for name in ("1.tif", "2.tif"):
        (chosen / name).symlink_to(raw / name)
    assert open_stack(chosen)[0].shape == (2, 4, 6)
    (raw / "2.tif").unlink()
    with pytest.raises(InputError, match=r"2.tif: cannot be read \(No such file or directory\)"):
        open_stack(chosen)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    put(tmp_path, "1.tif")
    os.mkfifo(tmp_path / "2.tif")
    assert open_stack(tmp_path)[0].names == ("1.tif",)


def test_a_folder_that_cannot_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(
        InputError, match=r"cannot be listed \(Permission denied\); check its permissions"
    ):
        open_stack(tmp_path)


def test_a_slice_that_cannot_be_written_whole_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill_up(file: Any, content: Any) -> int:
        if file.tell() > 40:
            raise OSError(28, "No space left on device")
        return written(file, bytes(content)[:40])

    written = files._OnlyWrite.write
    writer = TiffFolderWriter(
        tmp_path / "stack", Layout((1, 400, 600), np.dtype("uint8"), ("1.tif",))
    )
    writer.create()
    monkeypatch.setattr(files._OnlyWrite, "write", fill_up)
    with pytest.raises(OSError, match="No space") as caught:
        writer.write(0, Slice(np.zeros((400, 600), np.uint8)))
    assert caught.value.errno == 28
    assert not (tmp_path / "stack" / "1.tif").exists()
