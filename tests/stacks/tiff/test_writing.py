"""Pixel size and microscope tags are found again in the output."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from helpers.microscopes import (
    BOTH,
    FIBICS,
    HELIOS,
    REAL,
    SFEG,
    TITAN,
    ZEISS,
    copy_slices,
    fei,
    folder_of,
    image,
    save,
    size_and_source,
    vendor_tags,
    zeiss,
)
from reference_data import needs_reference
from stackmend import api
from stackmend.stacks import Layout, Metadata, Selection, Slice, new_stack, open_stack
from stackmend.stacks.tiff import file_writer, writing

FORMATS = ("tiff-folder", "tiff")


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("compression", ["none", "zlib"])
@pytest.mark.parametrize("format", FORMATS)
def test_tags_come_out_byte_for_byte(
    tmp_path: Path, format: str, compression: str, byteorder: str
) -> None:
    tags = {
        ZEISS: zeiss(*BOTH),
        HELIOS: fei(),
        SFEG: fei(stage=2),
        TITAN: b"<Metadata/>\0",
        FIBICS: b"<Fibics/>\0",
    }
    file = save(tmp_path / "a.tif", *tags.items(), byteorder=byteorder)
    with tifffile.TiffFile(file) as tif:
        before = {code: tif.pages[0].tags[code].value for code in tags}
    (tmp_path / "out").mkdir()
    out = copy_slices(open_stack(file)[0], tmp_path / "out", format, compression=compression)
    out = out / "a_0000.tif" if out.is_dir() else out
    assert vendor_tags(out) == tags
    with tifffile.TiffFile(out) as tif:
        assert {code: tif.pages[0].tags[code].value for code in tags} == before
        assert {int(tif.pages[0].tags[code].dtype) for code in tags} == {2}


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_the_pixel_size_is_found_again(tmp_path: Path, format: str, dtype: str) -> None:
    how = {
        "resolution": (0.25, 0.2),
        "metadata": {"axes": "ZYX", "unit": "nm", "spacing": 12.5},
        "imagej": True,
    }
    file = save(tmp_path / "a.tif", pixels=np.zeros((3, 5, 7), np.uint8), **how)
    reader = open_stack(file)[0]
    writer = new_stack(
        format,
        tmp_path,
        Layout(
            shape=(3, 5, 7),
            dtype=np.dtype(dtype),
            names=reader.names,
            selection=Selection((reader,), (0, 1, 2)),
        ),
    )
    writer.create()
    for position in range(3):
        writer.write(position, Slice(np.full((5, 7), position, dtype)))
    again = open_stack(writer.path)[0]
    assert again.metadata == Metadata((12.5, 5, 4), "ImageJ")
    assert [again.read(index).max() for index in range(3)] == [0, 1, 2]
    assert again.notes == ()


def test_other_programs_read_axes_and_pixel_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = {
        "resolution": (0.25, 0.2),
        "metadata": {"axes": "ZYX", "unit": "nm", "spacing": 12.5},
        "imagej": True,
    }
    reader = open_stack(save(tmp_path / "a.tif", pixels=np.zeros((3, 5, 7), np.uint8), **how))[0]
    for limit in (2**31, 10):  # as a BigTIFF as well
        monkeypatch.setattr(file_writer, "CLASSIC_LIMIT", limit)
        (tmp_path / "stack.tif").unlink(missing_ok=True)
        with tifffile.TiffFile(copy_slices(reader, tmp_path, "tiff")) as tif:
            assert tif.is_bigtiff == (limit == 10)
            assert (tif.series[0].axes, tif.series[0].shape, len(tif.pages)) == (
                "ZYX",
                (3, 5, 7),
                3,
            )
            assert tif.imagej_metadata is not None
            assert (tif.imagej_metadata["unit"], tif.imagej_metadata["spacing"]) == ("nm", 12.5)
            assert (tif.pages[0].resolution, int(tif.pages[0].resolutionunit)) == ((0.25, 0.2), 1)


def test_without_a_pixel_size_none_is_written(tmp_path: Path) -> None:
    reader = open_stack(
        save(tmp_path / "a.tif", pixels=np.zeros((3, 5, 7), np.uint8), metadata={"axes": "ZYX"})
    )[0]
    for format in FORMATS:
        assert size_and_source(copy_slices(reader, tmp_path, format)) == ((None, None, None), None)


def test_each_slice_keeps_its_own_tags(tmp_path: Path) -> None:
    reader = open_stack(folder_of(tmp_path / "cell"))[0]
    out = copy_slices(reader, tmp_path, "tiff-folder")
    for index in range(4):
        assert vendor_tags(out / f"z{index}.tif") == {HELIOS: fei(stage=index)}
        assert open_stack(out)[0].metadata_of(index) == reader.metadata_of(index)
        assert open_stack(out)[0].tags(index) == reader.tags(index)
    chosen = copy_slices(reader, tmp_path / "chosen", "tiff-folder", (3, 1))
    assert vendor_tags(chosen / "z3.tif") == {HELIOS: fei(stage=3)}


@pytest.mark.parametrize("compression", ["none", "zlib"])
@pytest.mark.parametrize("limit", [2**31, 10])
def test_each_page_keeps_its_own_tags(
    tmp_path: Path, compression: str, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_writer, "CLASSIC_LIMIT", limit)
    folder = folder_of(tmp_path / "cell", 5)
    save(
        folder / "z3.tif",
        (ZEISS, zeiss(*BOTH)),
        (FIBICS, b"abc\0"),
        (HELIOS, b"x" * 9998 + b"\0"),
        pixels=image(3),
    )
    save(folder / "z4.tif", pixels=image(4))
    expected = [vendor_tags(folder / f"z{index}.tif") for index in range(5)]
    assert [len(tags) for tags in expected] == [1, 1, 1, 3, 0]
    reader = open_stack(folder)[0]
    out = copy_slices(reader, tmp_path, "tiff", compression=compression)
    assert [vendor_tags(out, index) for index in range(5)] == expected
    with tifffile.TiffFile(out) as tif:
        assert tif.is_bigtiff == (limit == 10)
        assert (tif.series[0].axes, tif.series[0].shape, len(tif.pages)) == ("ZYX", (5, 8, 512), 5)
        assert np.array_equal(tif.asarray()[:, 0, 0], range(5))
        assert {page.photometric for page in tif.pages} == {1}
    again = open_stack(out)[0]
    assert [again.tags(index) for index in range(5)] == [reader.tags(i) for i in range(5)]
    folder_again = copy_slices(again, tmp_path / "again", "tiff-folder")
    assert [vendor_tags(folder_again / f"stack_{index:04d}.tif") for index in range(5)] == expected


def test_a_file_that_becomes_too_long_by_its_tags_is_a_bigtiff(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = open_stack(folder_of(tmp_path / "cell"))[0]
    pack = struct.pack

    def short(format: str, *values: int) -> bytes:
        if format == "<I" and values[0] > 17000:  # what lies behind the pixels of all four slices
            raise struct.error("too large")
        return pack(format, *values)

    monkeypatch.setattr(writing.struct, "pack", short)
    out = copy_slices(reader, tmp_path, "tiff")
    monkeypatch.undo()
    with tifffile.TiffFile(out) as tif:
        assert tif.is_bigtiff
        assert np.array_equal(tif.asarray()[:, 0, 0], range(4))
    assert [vendor_tags(out, index) for index in range(4)] == [
        {HELIOS: fei(stage=index)} for index in range(4)
    ]


def test_imagej_finds_the_pixels_of_all_slices_in_one_block(tmp_path: Path) -> None:
    out = copy_slices(open_stack(folder_of(tmp_path / "cell"))[0], tmp_path, "tiff")
    with tifffile.TiffFile(out) as tif:
        starts = [page.dataoffsets for page in tif.pages]
        assert "images=4" in tif.pages[0].description
    assert starts == [(starts[0][0] + index * 8 * 512,) for index in range(4)]


def two_channels(path: Path) -> Path:
    """An OME-TIFF of 2 x 3 pages, each with tags of its own; tifffile can only repeat them."""
    ome = path.with_name("ome.tif")
    planes = np.zeros((2, 3, 8, 16), np.uint8)
    how: dict[str, Any] = {"photometric": "minisblack", "software": False}
    tifffile.imwrite(ome, planes, ome=True, metadata={"axes": "CZYX"}, **how)
    with tifffile.TiffFile(ome) as tif:
        description = tif.pages[0].description
    with tifffile.TiffWriter(path) as writer:
        for number, plane in enumerate(planes.reshape(-1, 8, 16)):
            how["extratags"] = [(HELIOS, 2, None, fei(stage=number), True)]
            how["description"] = None if number else description
            writer.write(plane, metadata=None, contiguous=False, **how)
    return path


@pytest.mark.parametrize("compression", ["none", "zlib"])
@pytest.mark.parametrize("format", FORMATS)
def test_each_channel_keeps_its_own_tags(tmp_path: Path, format: str, compression: str) -> None:
    readers = open_stack(two_channels(tmp_path / "cell.ome.tif"))
    for number in range(6):
        (tag,) = readers[number // 3].tags(number % 3)
        assert tag.value == fei(stage=number)
    layout = Layout(
        shape=readers[0].shape,
        dtype=readers[0].dtype,
        names=("0.tif", "1.tif", "2.tif"),
        channels=2,
        selection=Selection(readers, (0, 1, 2)),
        compression=compression,
    )
    writer = new_stack(format, tmp_path, layout)
    writer.create()
    for channel, reader in enumerate(readers):
        for index in range(3):
            writer.write(index, reader.read_slice(index), channel)
    writer.finish()
    for channel, index in ((0, 0), (1, 0), (0, 2), (1, 2)):
        place = (writer.path, 2 * index + channel)
        if format == "tiff-folder":
            place = (writer.path / f"{index}_c{channel}.tif", 0)
        assert vendor_tags(*place) == {HELIOS: fei(stage=3 * channel + index)}


def hyperstack(folder: Path, axes: str, how: str) -> tuple[Path, np.ndarray[Any, Any]]:
    """A file with a stack of given axes, and the stack."""
    kind: dict[str, Any] = {"imagej": True, "resolution": (0.25, 0.2)}
    metadata: dict[str, Any] = {"unit": "nm", "spacing": 12.5}
    if how == "ome":
        kind = {"ome": True}
        metadata = {"PhysicalSizeZ": 12.5, "PhysicalSizeY": 5, "PhysicalSizeX": 4}
        metadata |= {f"PhysicalSize{axis}Unit": "nm" for axis in "XYZ"}
    sizes = {"Z": 3, "C": 2, "Y": 5, "X": 7}
    shape = [sizes[axis] for axis in axes]
    stack = np.random.default_rng(0).integers(0, 9, shape, np.uint8)
    file = folder / ("a.ome.tif" if how == "ome" else "a.tif")
    kind["metadata"] = metadata | {"axes": axes}
    tifffile.imwrite(file, stack, photometric="minisblack", **kind)
    return file, stack


@pytest.mark.parametrize("compression", ["none", "zlib"])
@pytest.mark.parametrize("how", ["imagej", "ome"])
@pytest.mark.parametrize("axes", ["ZYX", "ZCYX", "CZYX"])
def test_a_hyperstack_has_the_same_axes_and_pixel_size(
    tmp_path: Path, axes: str, how: str, compression: str
) -> None:
    if (how, axes) == ("imagej", "CZYX"):
        pytest.skip("ImageJ has one order of axes only")
    file, stack = hyperstack(tmp_path, axes, how)
    readers = open_stack(file)
    layout = Layout(
        shape=readers[0].shape,
        dtype=stack.dtype,
        names=readers[0].names,
        channels=len(readers),
        selection=Selection(readers, (0, 1, 2)),
        compression=compression,
    )
    writer = new_stack("tiff", tmp_path, layout)
    writer.create()
    for channel, reader in enumerate(readers):
        for index in range(3):
            writer.write(index, reader.read_slice(index), channel)
    writer.finish()
    with tifffile.TiffFile(file) as before, tifffile.TiffFile(writer.path) as after:
        ours = after.series[0]
        order = [axes.index(axis) for axis in ours.axes]
        assert np.array_equal(ours.asarray(), before.series[0].asarray().transpose(order))
        assert np.array_equal(ours.asarray(), stack.transpose(order))
        assert after.imagej_metadata is not None
        assert after.imagej_metadata["spacing"] == pytest.approx(12.5)
        assert after.pages[0].resolution == (0.25, 0.2)
    again = open_stack(writer.path)
    assert len(again) == len(readers)
    assert {reader.metadata for reader in again} == {Metadata((12.5, 5, 4), "ImageJ")}


@pytest.mark.parametrize(
    ("slices", "z"),
    [((0, 1, 2, 3), 10), ((0, 2), 20), ((3, 2, 1), 10), ((0, 1, 3), None), ((2,), 10)],
)
def test_the_spacing_is_that_of_the_chosen_slices(
    tmp_path: Path, slices: tuple[int, ...], z: float | None
) -> None:
    how = {
        "resolution": (0.2, 0.2),
        "metadata": {"axes": "ZYX", "unit": "nm", "spacing": 10},
        "imagej": True,
    }
    reader = open_stack(save(tmp_path / "a.tif", pixels=np.zeros((4, 5, 7), np.uint8), **how))[0]
    for format in FORMATS:
        (tmp_path / format).mkdir()
        assert size_and_source(copy_slices(reader, tmp_path / format, format, slices))[0] == (
            z,
            5,
            5,
        )


PROTOCOL = """\
protocol: 1
input: {path: cell}
output: {path: result, format: FORMAT}
chain: [{step: standardize}, {step: destandardize}]
"""


@pytest.mark.parametrize("format", FORMATS)
def test_a_run_passes_on_and_records_what_it_was_told(tmp_path: Path, format: str) -> None:
    folder_of(tmp_path / "cell")
    (tmp_path / "protocol.yaml").write_text(PROTOCOL.replace("FORMAT", format))
    result = api.run(tmp_path / "protocol.yaml", workers=2)
    assert result.record["input"]["pixel_size_nm"] == {"z": None, "y": 4, "x": 5}
    assert result.record["input"]["pixel_size_source"] == "FEI"
    places = [
        (result.stack / f"z{index}.tif", 0) if result.stack.is_dir() else (result.stack, index)
        for index in range(4)
    ]
    assert [vendor_tags(*place) for place in places] == [
        {HELIOS: fei(stage=index)} for index in range(4)
    ]
    assert size_and_source(result.stack) == ((None, 4, 5), "FEI")


@needs_reference
@pytest.mark.parametrize(
    ("name", "size", "source"),
    [
        ("FEI-Helios-Ebeam-16bits.tif", 3372.4, "FEI"),
        ("openfibsem_test_image_2_FEI.tif", 97.6562, "FEI"),
        ("test_tiff_Zeiss_SEM_512pix.tif", 11.649976, "Zeiss"),  # a width of 5.965 um is 512 pixels
    ],
)
@pytest.mark.parametrize("compression", ["none", "zlib"])
@pytest.mark.parametrize("format", FORMATS)
def test_files_of_real_microscopes(
    tmp_path: Path, format: str, compression: str, name: str, size: float, source: str
) -> None:
    file = REAL / name
    if not file.is_file():
        pytest.skip("needs the files of microscopes in the reference data")
    reader = open_stack(file)[0]
    assert (reader.metadata.pixel_size, reader.metadata.source) == ((None, size, size), source)
    out = copy_slices(reader, tmp_path, format, compression=compression)
    out = next(out.iterdir()) if out.is_dir() else out
    assert vendor_tags(out) == vendor_tags(file) != {}
    with tifffile.TiffFile(file) as before, tifffile.TiffFile(out) as after:
        for kind in ("fei_metadata", "sem_metadata"):
            assert getattr(after, kind) == getattr(before, kind)
        assert np.array_equal(after.pages[0].asarray(), before.pages[0].asarray())
    assert open_stack(out)[0].metadata == reader.metadata


@needs_reference
@pytest.mark.parametrize("format", ["ome-zarr", "ome-zarr-0.4"])
def test_tags_of_real_microscopes_pass_through_ome_zarr(tmp_path: Path, format: str) -> None:
    pytest.importorskip("zarr")
    for name in ("openfibsem_test_image_2_FEI.tif", "test_tiff_Zeiss_SEM_512pix.tif"):
        if not (REAL / name).is_file():
            pytest.skip("needs the files of microscopes in the reference data")
        (tmp_path / name).mkdir()
        reader = open_stack(REAL / name)[0]
        between = open_stack(copy_slices(reader, tmp_path / name, format))[0]
        assert between.metadata.pixel_size == reader.metadata.pixel_size
        out = copy_slices(between, tmp_path / name, "tiff-folder")
        assert vendor_tags(next(out.iterdir())) == vendor_tags(REAL / name)
