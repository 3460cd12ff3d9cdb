"""Folders of .dat: versions, channels, pixel size, and headers that cannot be believed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.dat import write_dat
from stackmend.errors import BadSlice, InputError
from stackmend.stacks import open_stack

TRUTH = np.random.default_rng(2).integers(-32768, 32768, (2, 12, 7, 9)).astype(np.int16)


def save(folder: Path, **how: Any) -> Path:
    folder.mkdir()
    for index in range(TRUTH.shape[1]):
        write_dat(folder / f"cell_{index}.dat", TRUTH[:, index], **how)
    return folder


@pytest.mark.parametrize("version", range(1, 10))
def test_both_channels_of_every_version(tmp_path: Path, version: int) -> None:
    readers = open_stack(save(tmp_path / "cell", version=version, pixel=4.0))
    assert len(readers) == 2
    for reader, channel in zip(readers, TRUTH, strict=True):
        assert (reader.shape, reader.dtype, reader.notes) == (channel.shape, "int16", ())
        assert reader.names[2] == "cell_2.tif"
        assert reader.names[11] == "cell_11.tif"
        assert reader.metadata.pixel_size == (None, 4.0, 4.0)
        assert np.array_equal([reader.read(index) for index in range(12)], channel)
        assert reader.read(0).flags.c_contiguous


def test_bytes_and_what_follows_the_pixels(tmp_path: Path) -> None:
    image = np.arange(3 * 5, dtype=np.uint8).reshape(1, 3, 5)
    (reader,) = open_stack(write_dat(tmp_path / "one.dat", image, footer=b"some text"))
    assert (reader.label, reader.shape, reader.names) == ("one.dat", (1, 3, 5), ("one.tif",))
    assert np.array_equal(reader.read(0), image[0])


def test_a_slice_with_another_pixel_size(tmp_path: Path) -> None:
    folder = save(tmp_path / "cell")
    write_dat(folder / "cell_3.dat", TRUTH[:, 3], pixel=6.0)
    reader = open_stack(folder)[0]
    said = "cell: slices differ in pixel size: cell_0.dat is 8 x 8 nm, but cell_3.dat is 6 x 6 nm"
    assert reader.notes == (said,)
    assert reader.metadata_of(3).pixel_size == (None, 6.0, 6.0)
    assert reader.metadata_of(4).pixel_size == (None, 8.0, 8.0)


@pytest.mark.parametrize("pixel", [0.0, -1.0, 1e30, float("nan")])
def test_pixel_sizes_that_cannot_be(tmp_path: Path, pixel: float) -> None:
    reader = open_stack(write_dat(tmp_path / "a.dat", TRUTH[:, 0], pixel=pixel))[0]
    assert reader.metadata.pixel_size == (None, None, None)
    assert len(reader.notes) == (2 if pixel else 0)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"version": 10}, "has version 10 of .dat, known are 1 to 9; convert it"),
        ({"width": 0}, "states 7 x 0 pixels in 2 channels; copy it again"),
        ({"channels": 200}, "states 7 x 9 pixels in 200 channels; copy it again"),
        ({"width": 2**32 - 1, "height": 2**32 - 1}, "is truncated: it states 4294967295 x"),
    ],
)
def test_headers_that_cannot_be_believed(tmp_path: Path, how: dict[str, int], said: str) -> None:
    with pytest.raises(InputError) as caught:
        open_stack(write_dat(tmp_path / "a.dat", TRUTH[:, 0], **how))
    assert f"a.dat: {said}" in str(caught.value)


def test_every_truncated_file_is_named_or_a_bad_slice(tmp_path: Path) -> None:
    folder = save(tmp_path / "cell")
    for index, length in ((4, 1024 + 251), (7, 500), (9, 0)):
        file = folder / f"cell_{index}.dat"
        file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(InputError) as caught:
        open_stack(folder)
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in lines] == ["cell_4.dat", "cell_7.dat", "cell_9.dat"]
    reader = open_stack(folder, tolerant=True)[1]
    assert np.array_equal(reader.read(5), TRUTH[1, 5])
    with pytest.raises(BadSlice, match=r"cell_4.dat: is truncated"):
        reader.read(4)


def test_a_file_that_changes_while_it_is_read(tmp_path: Path) -> None:
    folder = save(tmp_path / "cell")
    reader = open_stack(folder)[0]
    write_dat(folder / "cell_2.dat", TRUTH[:1, 2])
    with pytest.raises(BadSlice, match="has changed since it was opened, expected 7 x 9 int16, 2"):
        reader.read(2)


def test_slices_that_differ(tmp_path: Path) -> None:
    folder = save(tmp_path / "cell")
    write_dat(folder / "cell_2.dat", TRUTH[:, 2, :5])
    with pytest.raises(InputError, match=r"cell_2.dat is 5 x 9 int16, 2 channels; a stack needs"):
        open_stack(folder)


def test_other_dat_files_are_none_of_these(tmp_path: Path) -> None:
    (tmp_path / "numbers.dat").write_text("1 2 3")
    with pytest.raises(InputError, match=r"there are no .tif or .tiff files"):
        open_stack(tmp_path)
