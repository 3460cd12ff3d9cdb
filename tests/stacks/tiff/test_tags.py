"""Every tag that does not lay the picture out comes out as it went in, byte for byte."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from helpers.microscopes import REAL, copy_slices
from reference_data import needs_reference
from stackmend.stacks import open_stack

TEXT = b"no end of text"
TAGS: list[tuple[int, int, int, Any]] = [
    (271, 2, 0, "maker"),
    (272, 2, 0, "model"),
    (274, 3, 1, 1),
    (306, 2, 0, "2026:01:02 03:04:05"),
    (315, 2, 0, "somebody"),
    (34682, 2, 0, "[User]\r\n"),
    (50431, 1, 14, b"[MAIN]\r\nA=1\r\n\0"),
    (50839, 1, 8, b"IJIJ\0\1\2\3"),
    (51023, 2, 0, "<Fibics/>"),
    (65000, 12, 2, (0.25, -3.5)),
    (65003, 3, 3, (1, 2, 65535)),
    (65009, 11, 1, 4.5),
    (65027, 4, 2, (7, 2**31)),
    (65100, 7, 5, b"\0\xff\1\2\3"),
]
LAYOUT = {*range(254, 260), 262, 266, 273, 277, 278, 279, 282, 283, 284, 296, 317, 320, 339}


def kept(file: Path, page: int = 0) -> list[tuple[int, int, int, bytes]]:
    """Tags with their bytes in little-endian order, found by tifffile and read without it."""
    content, found = file.read_bytes(), []
    with tifffile.TiffFile(file) as tif:
        for tag in tif.pages[page].tags:
            if tag.code in LAYOUT or tag.code == 34665:
                continue
            raw = content[tag.valueoffset :][: tag.valuebytecount]
            each = 1 if tag.dtype in (1, 2, 6, 7) else tag.valuebytecount // tag.count
            if tif.byteorder == ">":
                raw = np.frombuffer(raw, np.uint8).reshape(-1, each)[:, ::-1].tobytes()
            found.append((int(tag.code), int(tag.dtype), tag.count, raw))
    return found


def image_of(path: Path, byteorder: str) -> Path:
    how: dict[str, Any] = {"byteorder": byteorder, "metadata": None, "software": "their program"}
    extratags = [(*tag, True) for tag in TAGS]
    description = json.dumps({"pixel_size": {"x": 4e-9, "y": 5e-9}})
    tifffile.imwrite(
        path, np.ones((24, 40), np.uint8), extratags=extratags, description=description, **how
    )
    # A text that does not end with a zero, which tifffile cannot write.
    content = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as tif:
        tag = tif.pages[0].tags[34682]
    content[tag.offset + 4 : tag.offset + 8] = struct.pack(byteorder + "I", tag.count - 1)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("compression", ["none", "zlib"])
@pytest.mark.parametrize("format", ["tiff-folder", "tiff", "ome-zarr", "ome-zarr-0.4"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_tags_of_any_kind(tmp_path: Path, byteorder: str, format: str, compression: str) -> None:
    if "zarr" in format:
        pytest.importorskip("zarr")
    file = image_of(tmp_path / "a.tif", byteorder)
    before = kept(file)
    assert (34682, 2, 8, b"[User]\r\n") in before
    (tmp_path / "out").mkdir()
    (reader,) = open_stack(file)
    assert reader.metadata.pixel_size == (None, 5, 4)
    out = copy_slices(reader, tmp_path / "out", format, compression=compression)
    if "zarr" in format:
        assert open_stack(out)[0].tags(0) == reader.tags(0)
        out = copy_slices(open_stack(out)[0], tmp_path / "out", "tiff-folder")
    out = next(out.iterdir()) if out.is_dir() else out
    ours = [tag for tag in kept(out) if not tag[3].startswith(b"ImageJ=")]
    assert ours == before
    assert open_stack(out)[0].metadata.pixel_size == (None, 5, 4)
    assert open_stack(out)[0].tags(0) == reader.tags(0)


@needs_reference
@pytest.mark.parametrize("compression", ["none", "zlib"])
@pytest.mark.parametrize("format", ["tiff-folder", "tiff", "ome-zarr"])
@pytest.mark.parametrize("name", ["FEI-Helios-Ebeam-16bits.tif", "test_tiff_Zeiss_SEM_512pix.tif"])
def test_tags_of_real_microscopes(tmp_path: Path, name: str, format: str, compression: str) -> None:
    if not (REAL / name).is_file():
        pytest.skip("needs the files of microscopes in the reference data")
    (reader,) = open_stack(REAL / name)
    out = copy_slices(reader, tmp_path, format, compression=compression)
    if format == "ome-zarr":
        out = copy_slices(open_stack(out)[0], tmp_path, "tiff-folder")
    out = next(out.iterdir()) if out.is_dir() else out
    ours = [tag for tag in kept(out) if tag[0] not in (270, 305)]
    assert ours == kept(REAL / name)
    with tifffile.TiffFile(REAL / name) as before, tifffile.TiffFile(out) as after:
        for code in (34665,):
            assert after.pages[0].tags.valueof(code) == before.pages[0].tags.valueof(code)
    assert open_stack(out)[0].metadata.pixel_size == reader.metadata.pixel_size
