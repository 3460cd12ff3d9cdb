"""Names of slices as a series: order, and what is said of it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

from stackmend.stacks import Layout, Slice, new_stack, open_stack
from stackmend.stacks.series import natural_key, series_notes


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([f"s{n:03d}.tif" for n in range(9)], []),
        ([f"s{n:03d}.tif" for n in range(0, 90, 10)], []),
        ([f"s{n}.tif" for n in range(9) if n not in (4, 7)], ["2 numbers missing"]),
        ([f"{d}_{n}.tif" for d in ("SE", "BSE") for n in range(4)], ["4 numbers in more than one"]),
        (
            [f"run{r}_z{n}.tif" for r in (1, 2) for n in range(4)],
            ["begin again, in 2 series: 1 (4)"],
        ),
        (["s1.tif", "s01.tif", "s2.tif"], ["1 number more than once: 1"]),
        (["z=-1.50um.tif", "z=2.5um.tif"], ["2 names with decimals", "1 name with a minus"]),
        (["z1.10.tif", "z1.9.tif"], ["2 names with what may be decimals"]),
        (
            ["z_0.tif", "z_1.tif", "z_-1.tif"],
            ["names of 2 kinds", "what may be a minus (z_-1.tif)"],
        ),
        (["left.tif", "right.tif"], []),
    ],
)
def test_what_is_odd_is_said(names: list[str], said: list[str]) -> None:
    notes = series_notes("cell", sorted(names, key=natural_key))
    assert len(notes) == len(said)
    for note, part in zip(notes, said, strict=True):
        assert part in note


def test_decimals_are_numbers_where_the_text_says_so() -> None:
    names = ["z=1.10um.tif", "z=1.9um.tif", "z=-0.5um.tif"]
    assert sorted(names, key=natural_key) == ["z=-0.5um.tif", "z=1.10um.tif", "z=1.9um.tif"]
    assert sorted(["z1.10.tif", "z1.9.tif"], key=natural_key) == ["z1.9.tif", "z1.10.tif"]


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file system that takes any bytes")
def test_names_in_any_bytes_and_of_any_length(tmp_path: Path) -> None:
    names = [b"s0_10\xb5m.tif", b"s1_" + b"x" * 248 + b".tif"]
    for name in names:
        tifffile.imwrite(tmp_path / "a.tif", np.full((9, 9), len(name), np.uint8))
        (tmp_path / "a.tif").rename(tmp_path / os.fsdecode(name))
    (reader,) = open_stack(tmp_path)
    assert [os.fsencode(name) for name in reader.names] == names
    layout = Layout(reader.shape, reader.dtype, reader.names)
    writer = new_stack("tiff-folder", tmp_path / "out", layout)
    writer.create()
    for index in range(2):
        writer.write(index, Slice(reader.read(index)))
    assert [writer.read_back(index).max() for index in range(2)] == [len(name) for name in names]
    assert sorted(os.listdir(os.fsencode(writer.path))) == sorted(names)
