"""Formats that are not read, by the marks that they begin with, so that each is called by its name.

A file of another format is not a damaged TIFF file, and copying it again does not help.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

from stackmend.errors import InputError

READ = "folders of TIFF, PNG or .dat slices, TIFF, OME-Zarr, zarr, N5, HDF5 and MRC"
"""What is read, in words."""

TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_HEAD = 352
"""Bytes within which all marks lie."""
_MOST = 1000
"""Files of a folder that are looked at."""

_EXPORT = "save it as TIFF with the program that wrote it, or with Fiji"
_UNPACK = "unpack it first"
_CONVERT = "convert it to OME-Zarr or TIFF"

# Where a mark lies, the mark, what it is a mark of, and what to do. The longer ones come first.
_MARKS = (
    (0, b"\0\0\0\x0cjP  ", "a JPEG 2000 image", _EXPORT),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 image", _EXPORT),
    (0, b"\xff\xd8\xff", "a JPEG image, which has lost detail", _EXPORT),
    (0, b"GIF8", "a GIF image", _EXPORT),
    (0, b"ZISRAWFILE", "a CZI file (Zeiss)", _EXPORT),
    (344, b"n+1\0", "a NIfTI file", _CONVERT),
    (344, b"ni1\0", "a NIfTI header", _CONVERT),
    (4, b"n+2\0", "a NIfTI-2 file", _CONVERT),
    (0, b"NRRD", "an NRRD file", _CONVERT),
    (0, b"\x93NUMPY", "a NumPy array", _CONVERT),
    (0, b"# AmiraMesh", "an Amira file", _EXPORT),
    (0, b"# Avizo", "an Avizo file", _EXPORT),
    (0, b"\xda\xce\xbe\x0a", "an ND2 file (Nikon)", _EXPORT),
    (0, b"\xd0\xcf\x11\xe0", "a compound file (Olympus, Zeiss ZVI)", _EXPORT),
    (0, b"\x70\0\0\0\x2a", "a LIF file (Leica)", _EXPORT),
    (0, b"II\x97\x01", "a SER file (TIA)", _EXPORT),
    (0, b"%PDF", "a PDF document", _EXPORT),
    (0, b"\x1f\x8b", "compressed by gzip", _UNPACK),
    (0, b"BZh", "compressed by bzip2", _UNPACK),
    (0, b"\xfd7zXZ", "compressed by xz", _UNPACK),
    (0, b"\x28\xb5\x2f\xfd", "compressed by zstd", _UNPACK),
    (0, b"PK\x03\x04", "a zip archive", _UNPACK),
    (0, b"7z\xbc\xaf", "a 7z archive", _UNPACK),
    (257, b"ustar", "a tar archive", _UNPACK),
)

# DM3 and DM4 have no mark but a version, a size, and an order of bytes that is 0 or 1.
_DIGITAL_MICROGRAPH = re.compile(
    rb"\0\0\0\x03.{4}\0\0\0[\0\x01]|\0\0\0\x04.{8}\0\0\0[\0\x01]", re.DOTALL
)
_ADDRESS = re.compile(r"(?:^|/)(https?|ftp|s3|gs|az|file|dvid|precomputed|n5|zarr):/")


def named(head: bytes) -> tuple[str, str] | None:
    """What begins with such bytes, and what to do with it; ``None`` if that is not known."""
    for place, mark, name, advice in _MARKS:
        if head[place : place + len(mark)] == mark:
            return name, advice
    if _DIGITAL_MICROGRAPH.match(head):
        return "a file of DigitalMicrograph (Gatan)", _EXPORT
    return None


def refuse(path: Path) -> None:
    """Refuse what is of a format that is not read, by its name.

    Raises
    ------
    InputError
        If it is; also if a file has no mark of any format, and is not called TIFF.
    """
    if path.is_dir():
        _refuse_folder(path)
    elif path.is_file():
        _refuse_file(path)
    elif address := _ADDRESS.search(path.as_posix()):
        what = f"is an address ({address[1]}:), and only those of https, s3 and gs are read"
        raise InputError(f"{path}: {what}; copy the stack here, or mount it")


def _refuse_file(path: Path) -> None:
    head = _head(path)
    if found := named(head):
        name, advice = found
        raise InputError(f"{path.name}: is {name}; {advice} ({READ} are read)")
    called_tiff = path.suffix.lower() in (".tif", ".tiff")
    if head and not head.startswith(TIFF) and not called_tiff:
        raise InputError(f"{path.name}: is of no format that is known here; give one of: {READ}")


def _refuse_folder(path: Path) -> None:
    files = sorted(each for each in path.iterdir() if each.is_file())[:_MOST]
    if any(each.suffix.lower() in (".tif", ".tiff") for each in files):
        return
    if _has_key(path / "info", "scales"):
        what = "is a precomputed volume (Neuroglancer)"
        raise InputError(f"{path.name}: {what}; {_CONVERT} ({READ} are read)")
    kinds = Counter(filter(None, (named(_head(each)) for each in files)))
    if kinds:
        [((name, advice), number)] = kinds.most_common(1)
        what = f"has no slices that are read, but {number} files of which each is {name}"
        raise InputError(f"{path.name}: {what}; {advice} ({READ} are read)")


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD)
    except OSError:  # what reads the stack says why
        return b""


def _has_key(path: Path, key: str) -> bool:
    try:
        content = json.loads(path.read_bytes()[:1_000_000])
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and key in content
