"""Pixel size and microscope tags: read as vendors write them, and found again in the output."""

from __future__ import annotations

import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

import reference_data
from reference_data import needs_reference
from stackmend import api
from stackmend.stacks import Layout, Metadata, Reader, Selection, Slice, new_stack, open_stack
from stackmend.stacks.tiff import file_writer, writing
from stackmend.stacks.tiff.conventions import VENDOR_TAGS

FORMATS = ("tiff-folder", "tiff")
ZEISS, SFEG, HELIOS, TITAN, FIBICS = VENDOR_TAGS
VENDOR = reference_data.FOLDER / "data" / "vendor"


def fei(
    scan: str = "PixelWidth=5e-009\r\nPixelHeight=4e-009", section: str = "Scan", stage: float = 0.0
) -> bytes:
    lines = ["[User]", "User=made up", "", f"[{section}]", scan, "", "[Stage]", f"StageZ={stage}"]
    return "\r\n".join([*lines, "\0"]).encode()


def zeiss(*lines: str, size: str = "0") -> bytes:
    numbers = ["0", "0", "0", size, "5.0e+004", "3"]
    return "\r\n".join([*numbers, *lines, "\0\0"]).encode("latin-1")


def image(fill: int = 0, shape: tuple[int, int] = (8, 512)) -> np.ndarray[Any, Any]:
    return np.full(shape, fill, np.uint8)


def save(
    path: Path, *tags: tuple[int, bytes], pixels: np.ndarray[Any, Any] | None = None, **how: Any
) -> Path:
    extratags = [(code, 2, None, value, True) for code, value in tags]
    pixels = image() if pixels is None else pixels
    tifffile.imwrite(
        path, pixels, photometric="minisblack", extratags=extratags, **({"metadata": None} | how)
    )
    return path


def size_and_source(path: Path) -> tuple[Any, str | None]:
    metadata = open_stack(path)[0].metadata
    return metadata.pixel_size, metadata.source


def vendor_tags(file: Path, page: int = 0) -> dict[int, bytes]:
    """The tags as bytes of the file, found by tifffile and read without it."""
    with tifffile.TiffFile(file) as tif:
        tags = [tag for tag in tif.pages[page].tags.values() if tag.code in VENDOR_TAGS]
        return {
            tag.code: file.read_bytes()[tag.valueoffset :][: tag.valuebytecount] for tag in tags
        }


def copy_slices(
    reader: Reader,
    folder: Path,
    format: str,
    slices: tuple[int, ...] | None = None,
    compression: str = "none",
) -> Path:
    slices = tuple(range(reader.shape[0])) if slices is None else slices
    writer = new_stack(
        format,
        folder,
        Layout(
            shape=(len(slices), *reader.shape[1:]),
            dtype=reader.dtype,
            names=tuple(reader.names[index] for index in slices),
            selection=Selection((reader,), slices),
            compression=compression,
        ),
    )
    writer.create()
    writer = pickle.loads(pickle.dumps(writer))
    for position, index in reversed(list(enumerate(slices))):
        writer.write(position, reader.read_slice(index))
    writer.finish()
    return writer.path


@pytest.mark.parametrize("code", [SFEG, HELIOS])
@pytest.mark.parametrize(
    ("text", "size"),
    [
        (fei(), (None, 4, 5)),
        (fei(section="EScan"), (None, 4, 5)),
        (fei(section="IScan"), (None, 4, 5)),
        (fei("PixelWidth=3.3724e-006"), (None, 3372.4, 3372.4)),
        (fei("PixelWidth=\r\nPixelHeight=\r\nHorFieldsize=5.12e-006"), (None, 10, 10)),
        (fei("HorFieldsize=5.12e-006\r\n[Image]\r\nResolutionX=1024"), (None, 5, 5)),
    ],
)
def test_fei(tmp_path: Path, code: int, text: bytes, size: tuple[float | None, ...]) -> None:
    assert size_and_source(save(tmp_path / "a.tif", (code, text))) == (size, "FEI")


BOTH = (
    "AP_PIXEL_SIZE",
    "Pixel Size = 5.825 nm",
    "AP_IMAGE_PIXEL_SIZE",
    "Image Pixel Size = 2.5 nm",
)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (zeiss(*BOTH), 2.5),
        (zeiss(*BOTH[2:], *BOTH[:2], size="5.824988e-009"), 2.5),
        (zeiss("AP_IMAGE_PIXEL_SIZE", "Image Pixel Size = 558.2 pm"), 0.5582),
        (zeiss("AP_IMAGE_PIXEL_SIZE", "Image Pixel Size = 1.25 \xb5m"), 1250),
        (zeiss("AP_PIXEL_SIZE", "Pixel Size = 5.825 nm"), 5.825 * 2),
        (zeiss("AP_PIXEL_SIZE", "Pixel Size = 5.825 nm", size="5.824988e-009"), 5.824988 * 2),
    ],
)
def test_zeiss_sizes_of_the_display_are_those_of_1024_pixels(
    tmp_path: Path, text: bytes, size: float
) -> None:
    expected = pytest.approx(size, rel=1e-8)
    assert size_and_source(save(tmp_path / "a.tif", (ZEISS, text))) == (
        (None, expected, expected),
        "Zeiss",
    )


@pytest.mark.parametrize(
    "unit",
    ["nm", "um", "micron", "microns", "\\u00B5m", "mm", "cm", "pm"],
)
def test_imagej_units(tmp_path: Path, unit: str) -> None:
    nm = {"nm": 1, "mm": 1e6, "cm": 1e7, "pm": 1e-3}.get(unit, 1e3)
    how = {
        "imagej": True,
        "resolution": (0.25, 0.2),
        "metadata": {"axes": "ZYX", "unit": unit, "spacing": 12.5},
    }
    path = save(tmp_path / "a.tif", pixels=np.zeros((3, 5, 7), np.uint8), **how)
    assert size_and_source(path) == ((12.5 * nm, 5 * nm, 4 * nm), "ImageJ")


@pytest.mark.parametrize("unit", ["pixel", "", "px", "furlong"])
def test_lengths_without_a_unit_of_length_are_unknown(tmp_path: Path, unit: str) -> None:
    path = save(
        tmp_path / "a.tif",
        imagej=True,
        resolution=(0.25, 0.2),
        metadata={"unit": unit, "spacing": 2},
    )
    assert size_and_source(path) == ((None, None, None), None)


@pytest.mark.parametrize(
    ("unit", "nm"), [("nm", 1), ("\N{MICRO SIGN}m", 1000), (None, 1000), ("\N{ANGSTROM SIGN}", 0.1)]
)
def test_ome_units(tmp_path: Path, unit: str | None, nm: float) -> None:
    metadata: dict[str, Any] = {"axes": "ZYX"}
    for axis, size in zip("ZYX", (8, 4, 2), strict=True):
        metadata |= {f"PhysicalSize{axis}": size} | (
            {f"PhysicalSize{axis}Unit": unit} if unit else {}
        )
    path = save(tmp_path / "a.ome.tif", pixels=np.zeros((3, 5, 7), np.uint8), metadata=metadata)
    assert size_and_source(path) == ((8 * nm, 4 * nm, 2 * nm), "OME")


@pytest.mark.parametrize(
    ("how", "size"),
    [
        ({"resolution": (2e6, 2.5e6), "resolutionunit": 3}, (None, 4, 5)),
        ({"resolution": (2.54e6, 2.54e6), "resolutionunit": 2}, (None, 10, 10)),
        ({"resolution": (2e6, 2e6), "resolutionunit": 1}, (None, None, None)),
        ({"resolution": (72, 72), "resolutionunit": 2}, (None, None, None)),
        ({"resolution": (64, 64), "resolutionunit": 3}, (None, None, None)),
        ({}, (None, None, None)),
    ],
)
def test_resolution_tags_that_are_not_meant_for_a_printer(
    tmp_path: Path, how: dict[str, Any], size: Any
) -> None:
    assert size_and_source(save(tmp_path / "a.tif", **how)) == (
        size,
        "resolution tag" if size[2] else None,
    )


def test_the_microscope_knows_better_and_spacing_comes_from_where_it_is(tmp_path: Path) -> None:
    how = {
        "imagej": True,
        "resolution": (1, 1),
        "metadata": {"unit": "nm", "spacing": 8, "axes": "ZYX"},
    }
    path = save(tmp_path / "a.tif", (HELIOS, fei()), pixels=np.zeros((3, 5, 7), np.uint8), **how)
    assert size_and_source(path) == ((8, 4, 5), "FEI, z: ImageJ")
    path = save(tmp_path / "b.tif", (ZEISS, zeiss(*BOTH)), resolution=(72, 72), resolutionunit=2)
    assert size_and_source(path) == ((None, 2.5, 2.5), "Zeiss")


@pytest.mark.parametrize("number", ["", "nan", "inf", "-5e-9", "0", "5 nm", "1e999", "5,0"])
def test_numbers_that_are_none_are_unknown(tmp_path: Path, number: str) -> None:
    texts = {
        HELIOS: fei(f"PixelWidth={number}"),
        ZEISS: zeiss("AP_PIXEL_SIZE", f"Pixel Size = {number} nm"),
    }
    path = save(tmp_path / "a.tif", *texts.items())
    assert size_and_source(path) == ((None, None, None), None)
    assert vendor_tags(path) == texts


@given(
    st.binary(max_size=200),
    st.sampled_from(VENDOR_TAGS),
    st.sampled_from([fei(), zeiss(*BOTH), b"ImageJ="]),
)
def test_any_tag_can_be_read(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, code: int, start: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "noise.tif"
    save(path, (code, start + noise + b"\0"))
    reader = open_stack(path)[0]
    assert [tag.value for tag in reader.tags(0)] == [start + noise + b"\0"]
    assert all(size is None or size > 0 for size in reader.metadata.pixel_size)


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
        with tifffile.TiffFile(copy_slices(reader, tmp_path, "tiff")) as tif:
            assert tif.is_bigtiff == (limit == 10)
            assert (tif.series[0].axes, tif.series[0].shape, len(tif.pages)) == (
                "ZYX",
                (3, 5, 7),
                3,
            )
            assert tif.imagej_metadata is not None
            assert (tif.imagej_metadata["unit"], tif.imagej_metadata["spacing"]) == ("cm", 12.5e-7)
            assert (tif.pages[0].resolution, int(tif.pages[0].resolutionunit)) == ((2.5e6, 2e6), 3)


def test_without_a_pixel_size_none_is_written(tmp_path: Path) -> None:
    reader = open_stack(
        save(tmp_path / "a.tif", pixels=np.zeros((3, 5, 7), np.uint8), metadata={"axes": "ZYX"})
    )[0]
    for format in FORMATS:
        assert size_and_source(copy_slices(reader, tmp_path, format)) == ((None, None, None), None)


def folder_of(folder: Path, count: int = 4) -> Path:
    folder.mkdir()
    for index in range(count):
        save(folder / f"z{index}.tif", (HELIOS, fei(stage=index)), pixels=image(index))
    return folder


def test_each_slice_keeps_its_own_tags(tmp_path: Path) -> None:
    reader = open_stack(folder_of(tmp_path / "cell"))[0]
    out = copy_slices(reader, tmp_path, "tiff-folder")
    for index in range(4):
        assert vendor_tags(out / f"z{index}.tif") == {HELIOS: fei(stage=index)}
        assert open_stack(out)[0].metadata_of(index) == reader.metadata_of(index)
        assert open_stack(out)[0].tags(index) == reader.tags(index)
    chosen = copy_slices(reader, tmp_path / "chosen", "tiff-folder", (3, 1))
    assert vendor_tags(chosen / "z3.tif") == {HELIOS: fei(stage=3)}


def test_a_slice_that_cannot_be_used_has_no_tags_of_another(tmp_path: Path) -> None:
    folder_of(tmp_path / "cell")
    (tmp_path / "cell" / "z2.tif").write_bytes(b"damaged")
    (reader,) = open_stack(tmp_path / "cell", tolerant=True)
    assert [len(reader.tags(index)) for index in range(4)] == [1, 1, 0, 1]
    assert reader.metadata_of(2).pixel_size == (None, 4, 5)


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


def test_pixels_and_tags_come_from_one_look_at_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of(tmp_path / "cell")
    pages = tmp_path / "pages.tif"
    with tifffile.TiffWriter(pages) as writer:
        for index in range(4):
            tags = [(HELIOS, 2, None, fei(stage=index), True)]
            writer.write(image(index), extratags=tags, compression="deflate", contiguous=False)
    opened: list[Path] = []
    tiff_file = tifffile.TiffFile

    def note(file: Path) -> tifffile.TiffFile:
        opened.append(file)
        return tiff_file(file)

    for path, file in ((folder, folder / "z2.tif"), (pages, pages)):
        (reader,) = open_stack(path)
        opened.clear()
        with monkeypatch.context() as patch:
            patch.setattr(tifffile, "TiffFile", note)
            pixels, tags = reader.read_slice(2)
        assert opened == [file]
        assert (pixels.max(), [tag.value for tag in tags]) == (2, [fei(stage=2)])


def test_tags_of_a_slice_that_has_changed_are_the_new_ones(tmp_path: Path) -> None:
    (reader,) = open_stack(folder_of(tmp_path / "cell"))
    reader.read_slice(1)
    save(tmp_path / "cell" / "z1.tif", (HELIOS, b"another\0"))
    assert [tag.value for tag in reader.read_slice(1).tags] == [b"another\0"]


def two_channels(path: Path) -> Path:
    """An OME-TIFF of 2 x 3 pages, each with tags of its own; tifffile can only repeat them."""
    ome = path.with_name("ome.tif")
    planes = np.zeros((2, 3, 8, 16), np.uint8)
    how: dict[str, Any] = {"photometric": "minisblack"}
    tifffile.imwrite(ome, planes, ome=True, metadata={"axes": "CZYX"}, **how)
    with tifffile.TiffFile(ome) as tif:
        description = tif.pages[0].description
    with tifffile.TiffWriter(path) as writer:
        for number, plane in enumerate(planes.reshape(-1, 8, 16)):
            how["extratags"] = [(HELIOS, 2, None, fei(stage=number), True)]
            how["description"] = "" if number else description
            writer.write(plane, metadata=None, contiguous=False, **how)
    return path


@pytest.mark.parametrize("compression", ["none", "zlib"])
@pytest.mark.parametrize("format", FORMATS)
def test_each_channel_keeps_its_own_tags(tmp_path: Path, format: str, compression: str) -> None:
    readers = open_stack(two_channels(tmp_path / "cell.ome.tif"))
    values = [[tag.value for tag in reader.tags(z)] for reader in readers for z in range(3)]
    assert values == [[fei(stage=number)] for number in range(6)]
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


@pytest.mark.parametrize("compression", ["none", "zlib"])
@pytest.mark.parametrize("how", ["imagej", "ome"])
@pytest.mark.parametrize("axes", ["ZYX", "ZCYX", "CZYX"])
def test_a_hyperstack_has_the_same_axes_and_pixel_size(
    tmp_path: Path, axes: str, how: str, compression: str
) -> None:
    if (how, axes) == ("imagej", "CZYX"):
        pytest.skip("ImageJ has one order of axes only")
    stack = np.random.default_rng(0).integers(
        0, 9, [{"Z": 3, "C": 2, "Y": 5, "X": 7}[axis] for axis in axes], np.uint8
    )
    kind: dict[str, Any] = {
        "imagej": True,
        "resolution": (0.25, 0.2),
        "metadata": {"unit": "nm", "spacing": 12.5},
    }
    if how == "ome":
        sizes = {"PhysicalSizeZ": 12.5, "PhysicalSizeY": 5, "PhysicalSizeX": 4}
        kind = {
            "ome": True,
            "metadata": sizes | {f"PhysicalSize{axis}Unit": "nm" for axis in "XYZ"},
        }
    kind["metadata"] |= {"axes": axes}
    file = tmp_path / ("a.ome.tif" if how == "ome" else "a.tif")
    tifffile.imwrite(file, stack, photometric="minisblack", **kind)
    readers = open_stack(file)
    layout = Layout(
        readers[0].shape, stack.dtype, readers[0].names, len(readers),
        selection=Selection(readers, (0, 1, 2)), compression=compression,
    )  # fmt: skip
    writer = new_stack("tiff", tmp_path, layout)
    writer.create()
    for channel, reader in enumerate(readers):
        for index in range(3):
            writer.write(index, reader.read_slice(index), channel)
    writer.finish()
    with tifffile.TiffFile(file) as before, tifffile.TiffFile(writer.path) as after:
        ours = after.series[0]
        assert dict(zip(ours.axes, ours.shape, strict=True)) == dict(
            zip(axes, stack.shape, strict=True)
        )
        assert np.array_equal(
            ours.asarray(), before.series[0].asarray().transpose([axes.index(a) for a in ours.axes])
        )
        assert after.imagej_metadata is not None
        assert after.imagej_metadata["spacing"] * 1e7 == pytest.approx(12.5)
        assert after.pages[0].resolution == (2.5e6, 2e6)
    assert [reader.metadata for reader in open_stack(writer.path)] == [
        Metadata((12.5, 5, 4), "ImageJ")
    ] * len(readers)


@pytest.mark.parametrize("truncate", [False, True])
def test_tags_of_the_first_page_alone_belong_to_the_first_slice(
    tmp_path: Path, truncate: bool
) -> None:
    stack = np.zeros((3, 5, 7), np.uint8)
    how = {"metadata": {"axes": "ZYX", "unit": "nm"}, "imagej": True, "truncate": truncate}
    reader = open_stack(save(tmp_path / "cell.tif", (HELIOS, fei()), pixels=stack, **how))[0]
    assert [len(reader.tags(index)) for index in range(3)] == [1, 0, 0]
    assert {reader.metadata_of(index).pixel_size for index in range(3)} == {(None, 4, 5)}


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


def test_slices_of_different_pixel_size_are_noted(tmp_path: Path) -> None:
    for name, text in (("1.tif", fei()), ("2.tif", fei()), ("3.tif", fei("PixelWidth=7e-9"))):
        save(tmp_path / name, (HELIOS, text))
    (note,) = open_stack(tmp_path)[0].notes
    assert "slices differ in pixel size" in note
    assert "1.tif is 4 x 5 nm, but 3.tif is 7 x 7 nm" in note


def test_slices_that_say_the_same_are_not_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("1.tif", "2.tif"):
        save(tmp_path / name, resolution=(2e6, 2e6), resolutionunit=3)
    reader = open_stack(tmp_path)[0]
    monkeypatch.setattr(tifffile, "TiffFile", None)
    assert reader.metadata_of(1) == Metadata((None, 5, 5), "resolution tag")


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
    file = VENDOR / name
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
def test_a_stack_whose_unit_is_empty_has_no_pixel_size(tmp_path: Path) -> None:
    assert size_and_source(reference_data.celegans()) == ((None, None, None), None)


@needs_reference
@pytest.mark.parametrize("format", ["ome-zarr", "ome-zarr-0.4"])
def test_tags_of_real_microscopes_pass_through_ome_zarr(tmp_path: Path, format: str) -> None:
    pytest.importorskip("zarr")
    for name in ("openfibsem_test_image_2_FEI.tif", "test_tiff_Zeiss_SEM_512pix.tif"):
        if not (VENDOR / name).is_file():
            pytest.skip("needs the files of microscopes in the reference data")
        (tmp_path / name).mkdir()
        reader = open_stack(VENDOR / name)[0]
        between = open_stack(copy_slices(reader, tmp_path / name, format))[0]
        assert between.metadata.pixel_size == reader.metadata.pixel_size
        out = copy_slices(between, tmp_path / name, "tiff-folder")
        assert vendor_tags(next(out.iterdir())) == vendor_tags(VENDOR / name)
