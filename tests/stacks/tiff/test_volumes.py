"""Folders of TIFF files that hold several slices each."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from stackmend.errors import BadSlice, InputError
from stackmend.stacks import open_stack

TRUTH = np.random.default_rng(4).integers(0, 65536, (12, 6, 8)).astype(np.uint16)


def save(folder: Path, *counts: int, **how: Any) -> Path:
    folder.mkdir()
    first = 0
    for number, count in enumerate(counts, 9):
        part = TRUTH[first : first + count]
        tifffile.imwrite(folder / f"part{number}.tif", part, photometric="minisblack", **how)
        first += count
    return folder


@pytest.mark.parametrize(
    "how", [{}, {"imagej": True, "metadata": {"axes": "ZYX"}}, {"compression": "zlib"}], ids=str
)
def test_files_follow_each_other_in_natural_order(tmp_path: Path, how: dict[str, Any]) -> None:
    (reader,) = open_stack(save(tmp_path / "cell", 4, 4, 4, **how))
    reader = pickle.loads(pickle.dumps(reader))
    assert reader.shape == TRUTH.shape
    assert reader.names[3:5] == ("part9_0003.tif", "part10_0000.tif")
    assert reader.notes[0] == "cell: 3 files of 4 slices each follow each other"
    for index in (11, 0, 5, 4, 3):
        assert np.array_equal(reader.read(index), TRUTH[index])
        assert np.array_equal(reader.read_slice(index).pixels, TRUTH[index])


def test_files_of_several_lengths_and_single_slices(tmp_path: Path) -> None:
    (reader,) = open_stack(save(tmp_path / "cell", 1, 5, 5, 1))
    assert np.array_equal([reader.read(index) for index in range(12)], TRUTH)
    said = "12 slices in 4 files: most hold 1, but part10.tif has 5, part11.tif has 5"
    assert reader.notes[0] == f"cell: {said}"


def test_names_that_would_clash_or_change_the_order(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", TRUTH[:2], photometric="minisblack")
    tifffile.imwrite(tmp_path / "a.tiff", TRUTH[2:4], photometric="minisblack")
    (reader,) = open_stack(tmp_path)
    assert reader.names == tuple(f"{tmp_path.name}_{index:04d}.tif" for index in range(4))
    assert np.array_equal([reader.read(index) for index in range(4)], TRUTH[:4])


def test_channels_of_each_file(tmp_path: Path) -> None:
    stack = TRUTH.reshape(2, 3, 2, 6, 8)
    for number, part in enumerate(stack):
        how = {"imagej": True, "metadata": {"axes": "ZCYX"}, "resolutionunit": 1}
        tifffile.imwrite(tmp_path / f"{number}.tif", part, **how)
    readers = open_stack(tmp_path)
    assert [reader.shape[0] for reader in readers] == [6, 6]
    for channel, reader in enumerate(readers):
        every = np.concatenate(stack[:, :, channel])
        assert np.array_equal([reader.read(index) for index in range(6)], every)
    tifffile.imwrite(tmp_path / "2.tif", TRUTH[:3], photometric="minisblack")
    with pytest.raises(InputError, match=r"0.tif is .*, 2 channels, but 2.tif is .*, 1 channel; a"):
        open_stack(tmp_path)


def test_pixel_size_of_each_file(tmp_path: Path) -> None:
    for number, size in enumerate((0.5, 0.5, 0.25)):
        how = {"imagej": True, "metadata": {"axes": "ZYX", "unit": "um", "spacing": 2.0}}
        part = TRUTH[number * 3 : number * 3 + 3]
        tifffile.imwrite(tmp_path / f"{number}.tif", part, resolution=(1 / size, 1 / size), **how)
    (reader,) = open_stack(tmp_path)
    assert reader.metadata.pixel_size == (2000, 500, 500)
    assert reader.metadata_of(6).pixel_size == (2000, 250, 250)
    assert any("slices differ in pixel size: 0.tif is" in note for note in reader.notes)


def test_every_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    folder = save(tmp_path / "cell", 4, 4, 4)
    for name in ("part10.tif", "part11.tif"):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])
    for tolerant in (False, True):
        with pytest.raises(InputError) as caught:
            open_stack(folder, tolerant=tolerant)
        names = [line.split()[0].strip(":") for line in str(caught.value).splitlines()]
        assert names == ["part10.tif", "part11.tif"]


def test_a_page_that_cannot_be_used(tmp_path: Path) -> None:
    folder = save(tmp_path / "cell", 4)
    with tifffile.TiffWriter(folder / "part10.tif") as tif:
        tif.write(TRUTH[4], metadata=None)
        tif.write(TRUTH[5].astype(np.uint8), metadata=None)
    with pytest.raises(InputError, match=r"part10.tif"):
        open_stack(folder)
    (reader,) = open_stack(folder, tolerant=True)
    assert np.array_equal(reader.read(4), TRUTH[4])
    with pytest.raises(BadSlice, match=r"part10.tif page 1"):
        reader.read(5)
