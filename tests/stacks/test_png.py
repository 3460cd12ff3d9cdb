"""Folders of PNG: depths, palettes, what is refused, and files that cannot be believed."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from stackmend.errors import BadSlice, InputError
from stackmend.stacks import open_stack

TRUTH = np.random.default_rng(2).integers(0, 65536, (12, 7, 9)).astype(np.uint16)


def save(folder: Path, stack: NDArray[Any] = TRUTH, **how: Any) -> Path:
    folder.mkdir()
    for index, image in enumerate(stack):
        Image.fromarray(image).save(folder / f"cell_{index}.png", **how)
    return folder


def chunk(kind: bytes, data: bytes) -> bytes:
    check = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)


def packed(path: Path, size: tuple[int, int], bits: int, rows: bytes, kind: int = 0) -> Path:
    """A PNG file made by hand: for depths that no library writes, and for lies."""
    header = struct.pack(">IIBBBBB", *size, bits, kind, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    return path


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_grey_slices_in_natural_order(tmp_path: Path, dtype: str) -> None:
    truth = TRUTH.astype(dtype)
    (reader,) = open_stack(save(tmp_path / "cell", truth))
    assert (reader.shape, reader.dtype, reader.notes) == (truth.shape, dtype, ())
    assert reader.names[2] == "cell_2.tif"
    assert reader.metadata.pixel_size == (None, None, None)
    assert np.array_equal([reader.read(index) for index in range(12)], truth)


@pytest.mark.parametrize(("bits", "byte", "truth"), [(2, 0b00011011, [0, 1, 2, 3]), (4, 0x3C, [3])])
def test_fewer_bits_keep_their_numbers(
    tmp_path: Path, bits: int, byte: int, truth: list[int]
) -> None:
    width = 8 // bits
    (reader,) = open_stack(packed(tmp_path / "a.png", (width, 1), bits, bytes([0, byte])))
    assert reader.read(0)[0, : len(truth)].tolist() == truth
    assert reader.dtype == np.uint8


def test_a_resolution_is_no_pixel_size(tmp_path: Path) -> None:
    (reader,) = open_stack(save(tmp_path / "cell", dpi=(300, 300)))
    assert reader.metadata.pixel_size == (None, None, None)
    assert reader.notes[0].startswith("cell: the resolution in PNG files is one for print")


def palette_file(path: Path, colours: NDArray[Any]) -> Path:
    image = Image.fromarray(TRUTH[0].astype(np.uint8), mode="P")
    image.putpalette(colours.astype(np.uint8).tobytes())
    image.save(path)
    return path


@pytest.mark.filterwarnings("ignore:'mode' parameter:DeprecationWarning")
def test_palettes_of_greys_and_of_colours(tmp_path: Path) -> None:
    greys = np.repeat(np.arange(256)[:, np.newaxis], 3, axis=1)
    greys[250:] = (255, 0, 0)
    (reader,) = open_stack(palette_file(tmp_path / "grey.png", greys))
    assert np.array_equal(reader.read(0), TRUTH[0].astype(np.uint8))
    assert reader.notes[0].startswith("grey.png: the palette is one of greys")
    with pytest.raises(InputError, match="expected a greyscale image, got a palette image"):
        open_stack(palette_file(tmp_path / "colour.png", greys[::-1]))


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("RGB", r"a.png: expected a greyscale image, got a colour image \(RGB\); convert it"),
        ("RGBA", r"got a colour image \(RGBA\)"),
        ("LA", "got grey with transparency"),
        ("1", "a.png: pixels must be uint8, uint16, int16, float32, got bool; convert"),
    ],
)
def test_what_is_refused(tmp_path: Path, mode: str, said: str) -> None:
    Image.new(mode, (5, 4)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=said):
        open_stack(tmp_path)


def test_a_few_bytes_cannot_fill_the_memory(tmp_path: Path) -> None:
    packed(tmp_path / "a.png", (2**31 - 1, 2**31 - 1), 16, b"")
    with pytest.raises(InputError, match=r"states 2147483647 x 2147483647 pixels, but has only"):
        open_stack(tmp_path)


def test_large_slices_are_no_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    (reader,) = open_stack(save(tmp_path / "cell"))
    assert np.array_equal(reader.read(1), TRUTH[1])


def test_text_that_grows(tmp_path: Path) -> None:
    grown = zlib.compress(bytes(PngImagePlugin.MAX_TEXT_CHUNK * 2))
    file = packed(tmp_path / "a.png", (2, 1), 8, bytes([0, 5, 6]))
    content = file.read_bytes()
    file.write_bytes(content[:33] + chunk(b"zTXt", b"a\0\0" + grown) + content[33:])
    with pytest.raises(BadSlice, match=r"a.png: its pixels cannot be decoded \(Decompressed data"):
        open_stack(tmp_path)[0].read(0)


@pytest.mark.parametrize("length", [0, 5, 30, 60, 100])
def test_truncated_files(tmp_path: Path, length: int) -> None:
    folder = save(tmp_path / "cell")
    file = folder / "cell_4.png"
    file.write_bytes(file.read_bytes()[:length])
    reader = open_stack(folder, tolerant=True)[0]
    assert np.array_equal(reader.read(5), TRUTH[5])
    with pytest.raises(BadSlice, match=r"cell_4.png: "):
        reader.read(4)


def test_slices_that_differ_or_change(tmp_path: Path) -> None:
    folder = save(tmp_path / "cell")
    (reader,) = open_stack(folder)
    Image.fromarray(TRUTH[4, :5]).save(folder / "cell_4.png")
    with pytest.raises(BadSlice, match="has changed since it was opened, expected 7 x 9 uint16"):
        reader.read(4)
    with pytest.raises(InputError, match=r"cell_4.png is 5 x 9 uint16; a stack needs"):
        open_stack(folder)


def test_beside_tiff_files_they_are_no_slices(tmp_path: Path) -> None:
    folder = save(tmp_path / "cell", TRUTH[:2])
    Image.fromarray(TRUTH[3]).save(folder / "cell_0.tif")
    (reader,) = open_stack(folder)
    assert reader.shape[0] == 1
    assert reader.notes == ("cell: skipped what is no slice: cell_0.png, cell_1.png",)


def test_names_that_differ_in_their_suffix_alone(tmp_path: Path) -> None:
    for name in ("a.png", "a.PNG"):
        Image.fromarray(TRUTH[0]).save(tmp_path / name, format="png")
    if len(list(tmp_path.iterdir())) == 2:  # where case counts
        assert len(set(open_stack(tmp_path)[0].names)) == 2
