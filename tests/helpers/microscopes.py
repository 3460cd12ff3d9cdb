"""TIFF files as microscopes write them, and what is found in copies of them."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

import reference_data
from stackmend.stacks import Layout, Reader, Selection, new_stack, open_stack

VENDOR_TAGS = (34118, 34680, 34682, 34683, 51023)
ZEISS, SFEG, HELIOS, TITAN, FIBICS = VENDOR_TAGS
REAL = reference_data.FOLDER / "data" / "vendor"
BOTH = (
    "AP_PIXEL_SIZE",
    "Pixel Size = 5.825 nm",
    "AP_IMAGE_PIXEL_SIZE",
    "Image Pixel Size = 2.5 nm",
)


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
        path,
        pixels,
        photometric="minisblack",
        extratags=extratags,
        **({"metadata": None, "software": False} | how),
    )
    return path


def folder_of(folder: Path, count: int = 4) -> Path:
    folder.mkdir()
    for index in range(count):
        save(folder / f"z{index}.tif", (HELIOS, fei(stage=index)), pixels=image(index))
    return folder


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
