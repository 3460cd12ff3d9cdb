"""A multi-page file: where its pages lie, how many there really are, and what they are called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from stackmend.errors import BadSlice, InputError
from stackmend.stacks import Layout, Slice, new_stack, open_stack
from stackmend.stacks.pixels import slice_names
from stackmend.stacks.tiff import file_writer


def stack(count: int = 3, dtype: str = "uint8") -> NDArray[Any]:
    return np.arange(count * 5 * 7).reshape(count, 5, 7).astype(dtype)


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"metadata": None},
        {"metadata": {"axes": "ZYX"}},
        {"imagej": True, "metadata": {"axes": "ZYX"}},
        {"bigtiff": True},
        {"ome": True, "metadata": {"axes": "ZYX"}},
        {"compression": "deflate"},
        {"rowsperstrip": 2},
        {"tile": (16, 16)},
        {"byteorder": ">"},
        {"imagej": True, "metadata": {"axes": "TYX"}},
    ],
    ids=str,
)
def test_files_as_other_programs_write_them(tmp_path: Path, how: dict[str, Any]) -> None:
    tifffile.imwrite(tmp_path / "a.tif", stack(dtype="uint16"), photometric="minisblack", **how)
    reader = open_stack(tmp_path / "a.tif")[0]
    assert reader.shape == (3, 5, 7)
    assert [reader.read(index).tolist() for index in range(3)] == stack().tolist()


def test_one_channel_of_a_hyperstack_is_a_stack(tmp_path: Path) -> None:
    image = stack()[:, np.newaxis]
    tifffile.imwrite(tmp_path / "a.tif", image, imagej=True, metadata={"axes": "ZCYX"})
    assert open_stack(tmp_path / "a.tif")[0].shape == (3, 5, 7)


@pytest.mark.parametrize(
    "odd", [np.zeros((5, 8), np.uint8), np.zeros((5, 7), np.uint16)], ids=["shape", "type"]
)
def test_pages_that_differ_are_named(tmp_path: Path, odd: NDArray[Any]) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for image in (*stack(2), odd):
            writer.write(image, metadata=None)
    with pytest.raises(
        InputError, match=r"a.tif page 0 is 5 x 7 uint8, minisblack, but page 2 is 5 x"
    ):
        open_stack(tmp_path / "a.tif")


def test_names_for_the_pages(tmp_path: Path) -> None:
    for name, first in (("a.tif", "a_0000.tif"), ("my.cell.OME.TIFF", "my.cell_0000.tif")):
        tifffile.imwrite(
            tmp_path / name, stack(), photometric="minisblack", metadata={"axes": "ZYX"}
        )
        assert open_stack(tmp_path / name)[0].names[0] == first
    assert slice_names("a", 20000)[10] == "a_00010.tif"


@pytest.mark.parametrize(("limit", "big"), [(1000, True), (2**32 - 2**25, False)])
def test_only_what_needs_it_is_a_bigtiff(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int, big: bool
) -> None:
    monkeypatch.setattr(file_writer, "CLASSIC_LIMIT", limit)
    writer = new_stack(
        "tiff", tmp_path, Layout(shape=(3, 20, 20), dtype=np.dtype("uint8"), names=())
    )
    writer.create()
    writer.write(2, Slice(np.full((20, 20), 7, np.uint8)))
    with tifffile.TiffFile(writer.path) as tif:
        assert tif.is_bigtiff == big
    assert open_stack(writer.path)[0].read(2).tolist() == np.full((20, 20), 7).tolist()


def test_the_limit_leaves_room_for_headers_below_four_gigabytes() -> None:
    assert 2**31 < file_writer.CLASSIC_LIMIT < 2**32 - 2**20


def test_a_written_file_is_a_stack_for_other_programs(tmp_path: Path) -> None:
    writer = new_stack(
        "tiff", tmp_path, Layout(shape=(3, 5, 7), dtype=np.dtype("uint16"), names=())
    )
    writer.create()
    for position, image in enumerate(stack(dtype="uint16")):
        writer.write(position, Slice(image))
    assert np.array_equal(tifffile.imread(writer.path), stack(dtype="uint16"))
    with tifffile.TiffFile(writer.path) as tif:
        assert (len(tif.pages), tif.series[0].axes) == (3, "ZYX")
        assert tif.pages[0].software == "stackmend"


def test_bad_pages_are_bad_slices_where_that_is_wanted(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for image in (
            *stack(3),
            np.zeros((5, 8), np.uint8),
            np.zeros((5, 7), np.int32),
            stack()[1],
        ):
            how: dict[str, Any] = {"metadata": None, "software": False, "contiguous": False}
            writer.write(image, compression="deflate", **how)
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        place = tif.pages[2].dataoffsets[0]
    content = bytearray((tmp_path / "a.tif").read_bytes())
    content[place : place + 9] = b"no stream"
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(InputError, match=r"a.tif page"):
        open_stack(tmp_path / "a.tif")
    (reader,) = open_stack(tmp_path / "a.tif", tolerant=True)
    assert reader.shape == (6, 5, 7)
    for index, said in (
        (2, "page 2: its pixels"),
        (3, "page 3: is 5 x 8 uint8"),
        (4, "page 4: pixels must be"),
    ):
        with pytest.raises(BadSlice, match=f"a.tif {said}"):
            reader.read(index)
        assert reader.metadata_of(index) == reader.metadata
        assert reader.tags(index) == ()
    assert np.array_equal(reader.read(5), stack()[1])


def test_a_page_is_read_without_walking_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for index in range(50):
            writer.write(
                np.full((5, 7), index, np.uint8),
                metadata=None,
                contiguous=False,
                compression="deflate",
            )
    (reader,) = open_stack(tmp_path / "a.tif")
    looked_at = []
    init = tifffile.TiffPage.__init__

    def note(page: tifffile.TiffPage, parent: tifffile.TiffFile, index: int, **how: Any) -> None:
        looked_at.append(index)
        init(page, parent, index, **how)

    monkeypatch.setattr(tifffile.TiffPage, "__init__", note)
    monkeypatch.setattr(tifffile.tifffile.TiffPages, "_seek", None)
    assert reader.read(49).tolist() == np.full((5, 7), 49).tolist()
    assert looked_at == [0, 49]  # the first, as of every file
