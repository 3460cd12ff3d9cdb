"""Formats that are not read are called by their names."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stackmend.errors import InputError
from stackmend.stacks import open_stack
from stackmend.stacks.foreign import READ


def picture(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(buffer, kind)
    return buffer.getvalue()


FILES = {
    "a.jpg": (picture("JPEG"), "a JPEG image, which has lost detail"),
    "a.jp2": (picture("JPEG2000"), "a JPEG 2000 image"),
    "a.tif.gz": (gzip.compress(b"II*\0"), "compressed by gzip; unpack it first"),
    "a.nii.gz": (gzip.compress(b"II*\0"), "compressed by gzip"),
    "a.bz2": (bz2.compress(b"II*\0"), "compressed by bzip2"),
    "a.dm3": (struct.pack(">III", 3, 999, 1) + bytes(400), "DigitalMicrograph"),
    "a.dm4": (struct.pack(">IQI", 4, 999, 1) + bytes(400), "DigitalMicrograph"),
    "a.nii": (struct.pack("<I", 348) + bytes(340) + b"n+1\0", "a NIfTI file"),
    "a.czi": (b"ZISRAWFILE" + bytes(100), "a CZI file"),
    "a.txt": (b"no image at all", "is of no format that is known here"),
    "a.raw": (bytes(1000), "is of no format that is known here"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_another_format(tmp_path: Path, name: str) -> None:
    content, said = FILES[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        open_stack(tmp_path / name)
    assert said in str(caught.value)
    assert READ in str(caught.value)
    assert "damaged" not in str(caught.value)
    assert "copy it again" not in str(caught.value)


def test_a_folder_of_another_format(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"s{number}.jpg").write_bytes(picture("JPEG"))
    (tmp_path / "notes.txt").write_text("none")
    with pytest.raises(InputError, match="3 files of which each is a JPEG image"):
        open_stack(tmp_path)


def test_a_container(tmp_path: Path) -> None:
    (tmp_path / "info").write_text(json.dumps({"scales": []}))
    with pytest.raises(InputError, match="a precomputed volume"):
        open_stack(tmp_path)


@pytest.mark.parametrize(
    "address", ["s3://bucket/x.zarr", "https://host/x.tif", "/tmp/p/gs:/bucket/x"]
)
def test_an_address(address: str) -> None:
    with pytest.raises(InputError, match="is an address"):
        open_stack(Path(address))
