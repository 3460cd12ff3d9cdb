"""Pixel size and microscope tags, as vendors and programs write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from helpers.microscopes import (
    BOTH,
    HELIOS,
    SFEG,
    VENDOR_TAGS,
    ZEISS,
    fei,
    folder_of,
    image,
    save,
    size_and_source,
    vendor_tags,
    zeiss,
)
from reference_data import celegans, needs_reference
from stackmend.stacks import Metadata, open_stack


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


def test_a_slice_that_cannot_be_used_has_no_tags_of_another(tmp_path: Path) -> None:
    folder_of(tmp_path / "cell")
    (tmp_path / "cell" / "z2.tif").write_bytes(b"damaged")
    (reader,) = open_stack(tmp_path / "cell", tolerant=True)
    assert [len(reader.tags(index)) for index in range(4)] == [1, 1, 0, 1]
    assert reader.metadata_of(2).pixel_size == (None, 4, 5)


def test_pixels_and_tags_come_from_one_look_at_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of(tmp_path / "cell")
    pages = tmp_path / "pages.tif"
    with tifffile.TiffWriter(pages) as writer:
        for index in range(4):
            tags = [(HELIOS, 2, None, fei(stage=index), True)]
            how: dict[str, Any] = {"compression": "deflate", "contiguous": False}
            writer.write(image(index), extratags=tags, software=False, metadata=None, **how)
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
            pixels, tags, _ = reader.read_slice(2)
        assert opened == [file]
        assert (pixels.max(), [tag.value for tag in tags]) == (2, [fei(stage=2)])


def test_tags_of_a_slice_that_has_changed_are_the_new_ones(tmp_path: Path) -> None:
    (reader,) = open_stack(folder_of(tmp_path / "cell"))
    reader.read_slice(1)
    save(tmp_path / "cell" / "z1.tif", (HELIOS, b"another\0"))
    assert [tag.value for tag in reader.read_slice(1).tags] == [b"another\0"]


@pytest.mark.parametrize("truncate", [False, True])
def test_tags_of_the_first_page_alone_belong_to_the_first_slice(
    tmp_path: Path, truncate: bool
) -> None:
    stack = np.zeros((3, 5, 7), np.uint8)
    how = {"metadata": {"axes": "ZYX", "unit": "nm"}, "imagej": True, "truncate": truncate}
    reader = open_stack(save(tmp_path / "cell.tif", (HELIOS, fei()), pixels=stack, **how))[0]
    assert [len(reader.tags(index)) for index in range(3)] == [1, 0, 0]
    assert {reader.metadata_of(index).pixel_size for index in range(3)} == {(None, 4, 5)}


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


@needs_reference
def test_a_stack_whose_unit_is_empty_has_no_pixel_size(tmp_path: Path) -> None:
    assert size_and_source(celegans()) == ((None, None, None), None)
