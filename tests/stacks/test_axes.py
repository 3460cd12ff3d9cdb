"""Axes and channels: what a file states is followed, what it leaves open is asked for or said."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from stackmend import api
from stackmend.errors import InputError
from stackmend.stacks import open_stack

SIZES = {"C": 2, "Z": 3, "T": 4, "Q": 3, "A": 3, "Y": 5, "X": 7}


def numbered_planes(axes: str, **sizes: int) -> NDArray[Any]:
    """Every plane filled with its own number."""
    shape = tuple((SIZES | sizes)[axis] for axis in axes)
    planes = np.arange(np.prod(shape[:-2], dtype=int)).reshape(*shape[:-2], 1, 1)
    return np.broadcast_to(planes, shape).astype(np.uint16)


def save(path: Path, axes: str, how: str, compression: str | None = None, **sizes: int) -> Path:
    kind = {"imagej": {"imagej": True}, "ome": {"ome": True}, "shaped": {}}[how]
    stack = numbered_planes(axes, **sizes)
    tifffile.imwrite(
        path,
        stack,
        photometric="minisblack",
        metadata={"axes": axes},
        compression=compression,
        **kind,
    )
    return path


def planes(path: Path) -> list[list[int]]:
    """The numbers of the planes that are the slices of each channel."""
    readers = pickle.loads(pickle.dumps(open_stack(path)))
    assert all(len(reader.names) == reader.shape[0] for reader in readers)
    return [
        [int(reader.read(index).max()) for index in range(reader.shape[0])] for reader in readers
    ]


@pytest.mark.parametrize("compression", [None, "deflate"])
@pytest.mark.parametrize(
    ("how", "axes", "channels"),
    [
        ("imagej", "ZCYX", [[0, 2, 4], [1, 3, 5]]),
        ("ome", "ZCYX", [[0, 2, 4], [1, 3, 5]]),
        ("ome", "CZYX", [[0, 1, 2], [3, 4, 5]]),
        ("shaped", "CZYX", [[0, 1, 2], [3, 4, 5]]),
        ("imagej", "CYX", [[0], [1]]),
        ("ome", "CYX", [[0], [1]]),
    ],
)
def test_several_channels(
    tmp_path: Path, how: str, axes: str, channels: list[list[int]], compression: str | None
) -> None:
    path = save(tmp_path / "a.tif", axes, how, compression)
    assert planes(path) == channels
    assert [reader.notes for reader in open_stack(path)] == [(), ()]


@pytest.mark.parametrize("how", ["imagej", "ome"])
@pytest.mark.parametrize("compression", [None, "deflate"])
def test_time_is_refused_by_its_name(tmp_path: Path, how: str, compression: str | None) -> None:
    for axes in ("TZYX", "TZCYX"):
        path = save(tmp_path / "a.tif", axes, how, compression)
        with pytest.raises(
            InputError,
            match=r"expected slices .*, got 4 \(T\) x 3 \(Z\) .*; save one time point as a s",
        ):
            open_stack(path)


def test_other_axes_beside_slices_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", "AZYX", "shaped")
    with pytest.raises(
        InputError, match=r"got 3 \(A\) x 3 \(Z\) x 5 \(Y\) x 7 \(X\); save one part as a stack"
    ):
        open_stack(path)


@pytest.mark.parametrize("compression", [None, "deflate"])
@pytest.mark.parametrize(
    ("how", "axes", "sizes", "said"),
    [
        ("imagej", "TYX", {}, "4 images stored as time points (T) are taken as slices"),
        ("ome", "TYX", {}, "4 images stored as time points (T) are taken as slices"),
        ("imagej", "CYX", {"C": 9}, "9 images stored as channels (C) are taken as slices"),
        ("shaped", "QYX", {}, "3 images stored without a name are taken as slices"),
        ("shaped", "AYX", {}, "3 images stored as axis A are taken as slices"),
    ],
)
def test_one_long_axis_of_another_name_is_a_stack_and_said(
    tmp_path: Path, how: str, axes: str, sizes: dict[str, int], said: str, compression: str | None
) -> None:
    path = save(tmp_path / "a.tif", axes, how, compression, **sizes)
    (reader,) = open_stack(path)
    assert reader.notes == (f"a.tif: {said}",)
    assert planes(path) == [list(range((SIZES | sizes)[axes[0]]))]


@pytest.mark.parametrize("count", [2, 4])
def test_few_channels_alone_are_channels_of_one_slice(tmp_path: Path, count: int) -> None:
    path = save(tmp_path / "a.tif", "CYX", "imagej", C=count)
    assert planes(path) == [[channel] for channel in range(count)]


def test_slices_stored_as_time_beside_channels(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", "TCYX", "imagej")
    assert planes(path) == [[0, 2, 4, 6], [1, 3, 5, 7]]
    for reader in open_stack(path):
        assert reader.notes == ("a.tif: 4 images stored as time points (T) are taken as slices",)


@pytest.mark.parametrize("how", ["imagej", "ome", "shaped"])
def test_slices_that_are_called_slices_are_nothing_to_say(tmp_path: Path, how: str) -> None:
    path = save(tmp_path / "a.tif", "ZYX", how)
    assert open_stack(path)[0].notes == ()
    assert planes(path) == [[0, 1, 2]]


def test_pages_written_one_by_one(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for plane in numbered_planes("ZYX"):
            writer.write(plane, contiguous=False)
    assert planes(tmp_path / "a.tif") == [[0, 1, 2]]
    assert open_stack(tmp_path / "a.tif")[0].notes == (
        "a.tif: 3 images stored without a name are taken as slices",
    )


def test_pages_in_the_order_that_ome_gives_them(tmp_path: Path) -> None:
    path = save(tmp_path / "a.ome.tif", "ZYX", "ome", "deflate")
    content = path.read_bytes()
    with tifffile.TiffFile(path) as tif:
        xml = tif.pages[0].description
    start = xml.index("<TiffData")
    end = xml.index("/>", start) + 2
    backwards = "".join(f'<TiffData IFD="{2 - z}" FirstZ="{z}" PlaneCount="1"/>' for z in range(3))
    with tifffile.TiffWriter(path) as writer:
        for index, plane in enumerate(numbered_planes("ZYX")):
            description = (xml[:start] + backwards + xml[end:]).encode() if index == 0 else None
            writer.write(plane, metadata=None, contiguous=False, description=description)
    assert path.read_bytes() != content
    assert planes(path) == [[2, 1, 0]]


def test_several_images_in_one_ome_file(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.ome.tif") as writer:
        for _ in range(2):
            writer.write(numbered_planes("ZYX"), metadata={"axes": "ZYX"})
    with pytest.raises(
        InputError, match=r"expected one image, got 2 \(OME\); save one of them as a stack"
    ):
        open_stack(tmp_path / "a.ome.tif")


def test_one_file_of_an_ome_stack_in_several(tmp_path: Path) -> None:
    whole = save(tmp_path / "whole.ome.tif", "ZYX", "ome", "deflate")
    with tifffile.TiffFile(whole) as tif:
        xml = tif.pages[0].description
    start = xml.index("<TiffData")
    end = xml.index("/>", start) + 2
    files = ""
    for z in range(3):
        files += f'<TiffData IFD="0" FirstZ="{z}" PlaneCount="1">'
        files += f'<UUID FileName="{z}.ome.tif">urn:uuid:{z}</UUID></TiffData>'
    for z, plane in enumerate(numbered_planes("ZYX")):
        description = (xml[:start] + files + xml[end:]).encode()
        tifffile.imwrite(tmp_path / f"{z}.ome.tif", plane, metadata=None, description=description)
    with pytest.raises(
        InputError, match=r"0.ome.tif: expected a whole stack, got one file of several \(OME\)"
    ):
        open_stack(tmp_path / "0.ome.tif")
    whole.unlink()
    assert planes(tmp_path) == [[0, 1, 2]]  # as a folder of slices


def test_negative_grey_levels_pass_a_run(tmp_path: Path) -> None:
    stack = np.random.default_rng(1).integers(-3000, 3000, (2, 2, 24, 32)).astype(np.int16)
    tifffile.imwrite(
        tmp_path / "cell.tif", stack, ome=True, photometric="minisblack", metadata={"axes": "ZCYX"}
    )
    text = (
        "protocol: 1\ninput: {path: cell.tif, channel: 1}\noutput: {path: result, dtype: DTYPE}\n"
    )
    text += "chain: [{step: standardize}, {step: destandardize}]\n"
    (tmp_path / "protocol.yaml").write_text(text.replace("DTYPE", "input"))
    result = api.run(tmp_path / "protocol.yaml", workers=1)
    assert (result.record["output"]["dtype"], result.record["input"]["channels"]) == ("int16", [1])
    (reader,) = open_stack(result.stack)
    assert np.array_equal([reader.read(index) for index in range(2)], stack[:, 1])
    (tmp_path / "protocol.yaml").write_text(text.replace("DTYPE", "uint16"))
    (problem,) = api.check(tmp_path / "protocol.yaml").draft.problems
    assert "int16 grey levels are kept as they are" in problem.message
    assert "outside 0 to 65535 is clipped" in problem.message


@pytest.mark.parametrize("shift", [0, 8])
def test_a_palette_of_greys_with_colours_to_draw_with(tmp_path: Path, shift: int) -> None:
    colours = np.tile(
        np.arange(256, dtype=np.uint16) * 256 + (np.arange(256) if shift else 0), (3, 1)
    ).astype(np.uint16)
    colours[:, 9::9] = np.array([[65535], [0], [0]])
    for index in range(2):
        tifffile.imwrite(
            tmp_path / f"{index}.tif",
            np.full((5, 7), index, np.uint8),
            photometric="palette",
            colormap=colours,
        )
    for path in (tmp_path, tmp_path / "1.tif"):
        (reader,) = open_stack(path)
        assert reader.photometric == "minisblack"
        assert reader.read(reader.shape[0] - 1).max() == 1
        assert "the palette is one of greys" in reader.notes[0]
