"""The zip of a bundle, read as if an enemy had made it.

What may be in one is known by name, so a path that leads elsewhere, a link, a nested archive or a
second file of the same name is refused before anything is unpacked. How many entries there are and
how large is read from the end of the file first, so that neither costs time or memory.
"""

from __future__ import annotations

import os
import re
import stat
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

from stackmend.errors import InputError, OutputError

SUFFIX = ".stackmend"

CONTENT = "bundle.json"
PROTOCOL = "protocol.yaml"
SEARCHED = "searched.yaml"
SCHEMA = "protocol.schema.json"
CITATION = "CITATION.bib"
LICENCE = "LICENSE.txt"
README = "README.txt"
INPUT = "test/input/"
EXPECTED = "test/expected/"

LOADED = "loaded/"
"""The folder of files that steps of the protocol read."""

TEXTS = (CONTENT, PROTOCOL, SEARCHED, SCHEMA, CITATION, LICENCE, README)
_OTHER_PARTS = re.compile(
    rf"{LOADED}[0-9]{{1,3}}\.[a-z]{{1,5}}|"
    rf"{INPUT}[0-9]{{4}}\.tif|{EXPECTED}(stack/[0-9]{{4}}\.tif|[a-z]+\.(json|jsonl|yaml|csv|txt))"
)

MOST_ENTRIES = 100
LONGEST_TEXT = 4 * 1024**2
LARGEST_SLICE = 64 * 1024**2
LARGEST = 256 * 1024**2
"""Bytes of a file, and of all files unpacked."""

_DIRECTORY = 64 * 1024
"""Bytes of the list of entries, which has less than 200 for each."""

_END = struct.Struct("<4s4H2LH")
_END_MARK = b"PK\x05\x06"
_BEGINNINGS = (b"PK\x03\x04", b"PK\x05\x06")
_EPOCH = (1980, 1, 1, 0, 0, 0)


def is_bundle(file: Path) -> bool:
    """Whether a file begins as a zip does, which no protocol can; pipes are not waited for."""
    try:
        if not file.is_file():
            return False
        with file.open("rb") as opened:
            return opened.read(4) in _BEGINNINGS
    except OSError:
        return False


def open_archive(file: Path) -> dict[str, bytes]:
    """All files of a bundle, by their names.

    Raises
    ------
    InputError
        If it cannot be read, or is not as a bundle is written.
    """
    try:
        with file.open("rb") as opened:
            if opened.read(4) not in _BEGINNINGS:
                what = "is no bundle; give a file that stackmend bundle has made"
                raise InputError(f"{file}: {what}")
            size = opened.seek(0, os.SEEK_END)
            if size > LARGEST:
                raise _refused(file, f"is larger than {LARGEST // 1024**2} MB")
            opened.seek(max(size - _END.size - 65535, 0))
            _check_end(file, opened.read())
            opened.seek(0)
            with zipfile.ZipFile(opened) as archive:
                entries = archive.infolist()
                _check_entries(file, entries)
                return {entry.filename: _content(file, archive, entry) for entry in entries}
    except OSError as error:
        what = f"cannot be read ({error.strerror or error})"
        raise InputError(f"{file}: {what}; give the path of a bundle") from error
    # What the library raises of damaged files depends on where the damage is.
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError) as error:
        raise _refused(file, f"is damaged ({error})") from error


def _check_end(file: Path, tail: bytes) -> None:
    """Look at what the end of a zip says of it, before a library believes it."""
    at = tail.rfind(_END_MARK)
    if at < 0 or len(tail) - at < _END.size:
        raise _refused(file, "was cut off")
    _, disk, first, here, count, length, _, _ = _END.unpack_from(tail, at)
    if disk or first or here != count or count > MOST_ENTRIES or length > _DIRECTORY:
        raise _refused(file, f"lists {count} files, of which a bundle has {MOST_ENTRIES} at most")


def _check_entries(file: Path, entries: list[zipfile.ZipInfo]) -> None:
    seen: set[str] = set()
    total = 0
    for entry in entries:
        name = entry.filename
        if name.casefold() in seen:
            raise _refused(file, f"has {name} twice")
        seen.add(name.casefold())
        if name not in TEXTS and not _OTHER_PARTS.fullmatch(name):
            raise _refused(file, f"has {name!r}, which no bundle has")
        if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
            raise _refused(file, f"has {name}, which is a link or a device")
        if entry.flag_bits & 1:
            raise _refused(file, f"has {name} encrypted")
        total += entry.file_size
        if entry.file_size > _largest(name) or total > LARGEST:
            raise _refused(file, f"has {name} of {entry.file_size} bytes, which is too large")
    missing = {CONTENT, PROTOCOL} - seen
    if missing:
        raise _refused(file, f"has no {min(missing)}")


def _content(file: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """The bytes of an entry, never more than it says there are."""
    with archive.open(entry) as opened:
        content = opened.read(entry.file_size + 1)
    if len(content) != entry.file_size:
        what = f"has {entry.filename} of another size than it says"
        raise _refused(file, what)
    return content


def _largest(name: str) -> int:
    return LARGEST_SLICE if name.endswith(".tif") else LONGEST_TEXT


def _refused(file: Path, what: str) -> InputError:
    return InputError(f"{file}: {what}; ask for the bundle again, from somebody you trust")


def write_archive(file: Path, content: Mapping[str, bytes]) -> None:
    """Write a bundle, the same bytes for the same content.

    Raises
    ------
    OutputError
        If it would not be read again, is there already, or cannot be written.
    """
    total = sum(map(len, content.values()))
    large = [name for name, each in content.items() if len(each) > _largest(name)]
    if large or total > LARGEST or len(content) > MOST_ENTRIES:
        what = f"would hold {total / 1e6:.0f} MB in {len(content)} files"
        raise OutputError(f"{file}: {what}, which is too much; take a smaller part of the slice")
    try:
        with file.open("xb") as opened, zipfile.ZipFile(opened, "w") as archive:
            for name in sorted(content):
                entry = zipfile.ZipInfo(name, _EPOCH)
                entry.external_attr = (stat.S_IFREG | 0o644) << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, content[name], compresslevel=9)
    except FileExistsError as error:
        what = "there is such a file already; choose another name"
        raise OutputError(f"{file}: {what}") from error
    except OSError as error:
        what = f"cannot be written ({error.strerror or error})"
        raise OutputError(f"{file}: {what}; choose another") from error
