"""N5: codecs, groups, pixel size, blocks that are not there and blocks that lie."""

from __future__ import annotations

import gzip
import json
import struct
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.n5 import PLAIN, write_block, write_n5
from stackmend.errors import BadSlice, InputError
from stackmend.stacks import extras, open_stack

TRUTH = np.random.default_rng(6).integers(0, 65536, (7, 12, 17)).astype(np.uint16)
BLOCKS = (3, 5, 8)


def same(path: Path) -> None:
    (reader,) = open_stack(path)
    assert (reader.shape, reader.dtype) == (TRUTH.shape, TRUTH.dtype)
    assert np.array_equal([reader.read(index) for index in range(7)], TRUTH)


@pytest.mark.parametrize("codec", [*PLAIN, "zstd", "lz4", "blosc"])
def test_every_codec(tmp_path: Path, codec: str) -> None:
    if codec not in PLAIN and find_spec("numcodecs") is None:
        pytest.skip("numcodecs is not installed")
    same(write_n5(tmp_path / "cell.n5" / "raw", TRUTH, BLOCKS, codec=codec))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_every_type_in_a_folder_of_any_name(tmp_path: Path, dtype: str) -> None:
    truth = TRUTH.astype(dtype)
    (reader,) = open_stack(write_n5(tmp_path / "raw", truth, BLOCKS))
    assert np.array_equal([reader.read(index) for index in range(7)], truth)
    assert reader.names[3] == "raw_0003.tif"
    assert reader.notes == ("raw: axes are not stated and are taken as z, y, x",)


def test_the_finest_of_several_resolutions(tmp_path: Path) -> None:
    root = tmp_path / "cell.n5"
    write_n5(root / "em" / "raw" / "s0", TRUTH, BLOCKS)
    write_n5(root / "em" / "raw" / "s1", TRUTH[::2, ::2, ::2], BLOCKS)
    (root / "attributes.json").write_text('{"n5": "2.5.1"}')
    for path in (root, root / "em", root / "em" / "raw", root / "em" / "raw" / "s0"):
        same(path)
    assert open_stack(root / "em" / "raw" / "s1")[0].shape == (4, 6, 9)


def test_several_arrays_are_a_choice_to_be_made(tmp_path: Path) -> None:
    root = tmp_path / "cell.n5"
    write_n5(root / "a", TRUTH, BLOCKS)
    write_n5(root / "labels", TRUTH.astype(np.uint64), BLOCKS)
    same(root)  # the other can be none
    write_n5(root / "b", TRUTH, BLOCKS)
    with pytest.raises(InputError, match=r"cell.n5: expected one array, got 2: a, b; give one"):
        open_stack(root)


@pytest.mark.parametrize(
    ("stated", "where"),
    [
        ({"pixelResolution": {"unit": "nm", "dimensions": [4, 5, 30]}}, "array"),
        ({"pixelResolution": {"unit": "um", "dimensions": [0.004, 0.005, 0.03]}}, "group"),
        ({"resolution": [4, 5, 30], "units": ["nm", "nm", "nm"]}, "group"),
        ({"axes": ["x", "y", "z"], "resolution": [4, 5, 30], "units": ["nm"] * 3}, "array"),
        ({"transform": {"axes": list("zyx"), "scale": [30, 5, 4], "units": ["nm"] * 3}}, "array"),
    ],
)
def test_pixel_size_by_every_convention(tmp_path: Path, stated: dict[str, Any], where: str) -> None:
    group = tmp_path / "cell.n5" / "raw"
    write_n5(group / "s0", TRUTH, BLOCKS, **(stated if where == "array" else {}))
    write_n5(group / "s1", TRUTH, BLOCKS, downsamplingFactors=[2, 2, 2])
    if where == "group":
        (group / "attributes.json").write_text(json.dumps(stated))
    assert open_stack(group)[0].metadata.pixel_size == (30, 5, 4)
    assert open_stack(group / "s1")[0].metadata.pixel_size == (None, None, None)


def test_channels_by_stated_axes(tmp_path: Path) -> None:
    stack = np.stack([TRUTH, TRUTH + 1], axis=1)
    root = write_n5(tmp_path / "cell.n5", stack, (3, 1, 5, 8), axes=["x", "y", "c", "z"])
    readers = open_stack(root)
    assert [np.array_equal(reader.read(4), TRUTH[4] + n) for n, reader in enumerate(readers)] == [
        True,
        True,
    ]
    bare = write_n5(tmp_path / "bare.n5", stack, (3, 1, 5, 8))
    with pytest.raises(InputError, match="expected stated axes, got an array of 4 axes"):
        open_stack(bare)


def test_blocks_that_are_not_there_are_counted(tmp_path: Path) -> None:
    root = write_n5(tmp_path / "cell.n5", TRUTH, BLOCKS)
    (root / "1" / "2" / "0").unlink()
    (reader,) = open_stack(root)
    assert reader.notes[-1] == "cell.n5: 1 of 27 blocks are not there and count as 0"
    assert not reader.read(1)[10:, 8:16].any()
    assert np.array_equal(reader.read(1)[:10], TRUTH[1, :10])
    for file in root.glob("*/*/*"):
        file.unlink()
    with pytest.raises(InputError, match="none of its 27 blocks is there; was the copy or the"):
        open_stack(root)


def test_blocks_of_other_kinds(tmp_path: Path) -> None:
    root = write_n5(tmp_path / "cell.n5", TRUTH, BLOCKS)
    write_block(root / "0" / "0" / "0", TRUTH[:3, :5, :8], "gzip", mode=1)
    padded = np.zeros(BLOCKS, np.uint16)  # at the end, one may be whole
    padded[:1, :2, :1] = TRUTH[6:, 10:, 16:]
    write_block(root / "2" / "2" / "2", padded, "gzip")
    same(root)


@pytest.mark.parametrize("length", [0, 3, 10, 16, 40])
def test_truncated_blocks(tmp_path: Path, length: int) -> None:
    root = write_n5(tmp_path / "cell.n5", TRUTH, BLOCKS)
    (reader,) = open_stack(root)
    file = root / "1" / "1" / "1"
    file.write_bytes(file.read_bytes()[:length])
    assert np.array_equal(reader.read(0), TRUTH[0])
    with pytest.raises(BadSlice, match=r"cell.n5 block 1/1/1: .*copy it again"):
        reader.read(3)


@pytest.mark.parametrize("codec", ["raw", "gzip", "bzip2", "xz"])
def test_blocks_that_come_to_more(tmp_path: Path, codec: str) -> None:
    root = write_n5(tmp_path / "cell.n5", TRUTH, BLOCKS, codec=codec)
    big = np.zeros((300, 500, 8), np.uint16)
    write_block(root / "0" / "0" / "0", big, codec, stated=BLOCKS)
    with pytest.raises(BadSlice, match=r"cell.n5 block 0/0/0: a block of 240 bytes (comes|has)"):
        open_stack(root)
    write_block(root / "0" / "0" / "0", big, "gzip")
    with pytest.raises(BadSlice, match="states 300 x 500 x 8 pixels, the array has 3 x 5 x 8"):
        open_stack(root)


@pytest.mark.parametrize("codec", ["zstd", "lz4", "blosc"])
def test_blocks_of_packages_that_come_to_more(tmp_path: Path, codec: str) -> None:
    pytest.importorskip("numcodecs")
    root = write_n5(tmp_path / "cell.n5", TRUTH, BLOCKS, codec=codec)
    write_block(root / "0" / "0" / "0", np.zeros((30, 50, 8), np.uint16), codec, stated=BLOCKS)
    with pytest.raises(BadSlice, match=r"cell.n5 block 0/0/0: "):
        open_stack(root)


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ({"dimensions": [17, 12]}, "states .* pixels in blocks of"),
        ({"dimensions": [17, 12, -7]}, "states .* pixels in blocks of"),
        ({"dimensions": ["a", 12, 7]}, "states .* pixels in blocks of"),
        ({"blockSize": [0, 5, 3]}, "states .* pixels in blocks of"),
        ({"dataType": "uint64"}, "pixels must be .*, got uint64"),
        ({"dataType": "zebra"}, "pixels must be .*, got an unknown type"),
        ({"compression": {"type": "jpeg"}}, "its compression must be raw, .*, got jpeg"),
        ({"dimensions": [10**9, 10**9, 10**9]}, "slices, more than|states .* pixels, but has only"),
        ({"dimensions": [10**6, 10**6, 2], "blockSize": [10**6] * 2 + [1]}, "but has only"),
    ],
)
def test_attributes_that_cannot_be_believed(
    tmp_path: Path, stated: dict[str, Any], said: str
) -> None:
    root = write_n5(tmp_path / "cell.n5", TRUTH, BLOCKS, **stated)
    with pytest.raises(InputError, match=said):
        open_stack(root)


@pytest.mark.parametrize("text", ["", "{", "[1]", "[" * 100_000, "\0"])
def test_attributes_that_are_none(tmp_path: Path, text: str) -> None:
    root = write_n5(tmp_path / "cell.n5", TRUTH, BLOCKS)
    (root / "attributes.json").write_text(text)
    with pytest.raises(InputError, match=r"cell.n5"):
        open_stack(root)


def test_links_out_of_the_stack_are_refused(tmp_path: Path) -> None:
    root = write_n5(tmp_path / "cell.n5", TRUTH, BLOCKS)
    other = tmp_path / "other"
    (root / "0" / "0" / "0").rename(other)
    (root / "0" / "0" / "0").symlink_to(other)
    with pytest.raises(InputError, match="lies outside the stack, which is refused"):
        open_stack(root)


def test_a_missing_package_is_named_with_its_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.zeros((1, 2, 2), np.uint8)
    root = write_n5(tmp_path / "cell.n5", pixels, (1, 2, 2), compression={"type": "zstd"})
    monkeypatch.setattr(extras, "is_missing", lambda package: True)
    with pytest.raises(InputError, match=r"run: pip install 'stackmend\[n5\]'"):
        open_stack(root)


def test_the_older_form_of_attributes(tmp_path: Path) -> None:
    root = write_n5(tmp_path / "cell.n5", TRUTH, BLOCKS)
    attributes = json.loads((root / "attributes.json").read_text())
    del attributes["compression"]
    (root / "attributes.json").write_text(json.dumps(attributes | {"compressionType": "gzip"}))
    same(root)


def test_a_block_by_the_letter(tmp_path: Path) -> None:
    """The example of the specification: 1 x 2 x 3 pixels, x first, highest byte first."""
    folder = tmp_path / "a.n5"
    (folder / "0" / "0").mkdir(parents=True)
    header = struct.pack(">HHIII", 0, 3, 1, 2, 3)
    pixels = struct.pack(">6H", 1, 2, 3, 4, 5, 6)
    (folder / "0" / "0" / "0").write_bytes(header + gzip.compress(pixels))
    stated = {"dimensions": [1, 2, 3], "blockSize": [1, 2, 3], "dataType": "uint16"}
    stated["compression"] = {"type": "gzip", "level": -1}
    (folder / "attributes.json").write_text(json.dumps(stated))
    (reader,) = open_stack(folder)
    assert [reader.read(index).ravel().tolist() for index in range(3)] == [[1, 2], [3, 4], [5, 6]]
