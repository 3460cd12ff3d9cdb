"""Zipped OME-Zarr: as it lies in the archive, with nothing unpacked."""

from __future__ import annotations

import json
import pickle
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stackmend.errors import BadSlice, InputError
from stackmend.stacks import Layout, Slice, new_stack, open_stack

zarr = pytest.importorskip("zarr")

TRUTH = np.random.default_rng(6).integers(0, 65536, (7, 12, 17)).astype(np.uint16)


def folder(path: Path, format: str = "ome-zarr") -> Path:
    names = tuple(f"s{index}.tif" for index in range(7))
    writer = new_stack(format, path, Layout(TRUTH.shape, TRUTH.dtype, names))
    writer.create()
    for index, image in enumerate(TRUTH):
        writer.write(index, Slice(image))
    writer.finish()
    return writer.path


def packed(source: Path, target: Path, inside: str = "", **how: Any) -> Path:
    with zipfile.ZipFile(target, "w", **how) as archive:
        for file in sorted(source.rglob("*")):
            if file.is_file():
                archive.write(file, inside + str(file.relative_to(source)))
    return target


@pytest.mark.parametrize("format", ["ome-zarr", "ome-zarr-0.4"])
@pytest.mark.parametrize("name", ["cell.ome.zarr.zip", "cell.ozx", "cell.zip"])
@pytest.mark.parametrize("inside", ["", "cell.zarr/"])
def test_every_name_and_place(tmp_path: Path, format: str, name: str, inside: str) -> None:
    file = packed(folder(tmp_path, format), tmp_path / name, inside)
    (reader,) = pickle.loads(pickle.dumps(open_stack(file)))
    assert (reader.label, reader.names[2], reader.notes) == (name, "cell_0002.tif", ())
    assert np.array_equal([reader.read(index) for index in range(7)], TRUTH)
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted((name, "stack.zarr"))


def test_a_compressed_archive(tmp_path: Path) -> None:
    file = packed(folder(tmp_path), tmp_path / "a.ozx", compression=zipfile.ZIP_DEFLATED)
    (reader,) = open_stack(file)
    assert np.array_equal([reader.read(index) for index in range(7)], TRUTH)


def test_chunks_that_are_not_there_are_counted(tmp_path: Path) -> None:
    source = folder(tmp_path)
    shutil.rmtree(next(source.rglob("c")) / "3")
    (reader,) = open_stack(packed(source, tmp_path / "a.ozx"))
    assert reader.notes == ("a.ozx: 1 of 7 chunks are not there and count as 0",)
    assert not reader.read(3).any()


def test_a_file_that_is_replaced(tmp_path: Path) -> None:
    source = folder(tmp_path)
    file = packed(source, tmp_path / "a.ozx")
    assert np.array_equal(open_stack(file)[0].read(0), TRUTH[0])
    shutil.rmtree(next(source.rglob("c")) / "0")
    packed(source, file)
    assert not open_stack(file)[0].read(0).any()


def test_archives_of_other_things(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("readme.txt", "nothing")
    with pytest.raises(InputError, match=r"a.zip: there is no image in it"):
        open_stack(tmp_path / "a.zip")


@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.9])
def test_truncated_archives(tmp_path: Path, kept: float) -> None:
    file = packed(folder(tmp_path), tmp_path / "a.ozx")
    content = file.read_bytes()
    file.write_bytes(content[: int(kept if kept > 1 else kept * len(content))])
    with pytest.raises(InputError, match=r"a.ozx"):
        open_stack(file)


def test_a_damaged_entry_is_a_bad_slice(tmp_path: Path) -> None:
    file = packed(folder(tmp_path), tmp_path / "a.ozx")
    (reader,) = open_stack(file)
    content = bytearray(file.read_bytes())
    place = content.find(TRUTH[4].tobytes())
    content[place] ^= 255
    file.write_bytes(content)
    with pytest.raises(BadSlice, match="cannot be unpacked"):
        reader.read(4)


def test_entries_that_lead_out_of_the_archive(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "zarr.json").write_text("{}")
    source = folder(tmp_path)
    description = json.loads((source / "zarr.json").read_text())
    (image,) = description["attributes"]["ome"]["multiscales"]
    image["datasets"][0]["path"] = "../secret"
    (source / "zarr.json").write_text(json.dumps(description))
    with pytest.raises(InputError, match="lies outside the stack, which is refused"):
        open_stack(packed(source, tmp_path / "a.ozx"))


def test_chunks_that_come_to_more(tmp_path: Path) -> None:
    file = tmp_path / "a.ozx"
    source = folder(tmp_path)
    chunk = next(source.rglob("c")) / "0" / "0" / "0"
    chunk.write_bytes(bytes(10_000_000))
    packed(source, file, compression=zipfile.ZIP_DEFLATED)
    assert file.stat().st_size < 100_000
    with pytest.raises(BadSlice, match="a chunk of 408 bytes comes to 10000000; copy it again"):
        open_stack(file)
