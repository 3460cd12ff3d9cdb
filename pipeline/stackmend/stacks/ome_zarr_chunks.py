"""Chunks of a zarr array before they are decoded: whether they lie in the stack, and how large.

Decoders take as much memory as a chunk says or comes to; a chunk from somebody else may come to
anything. So what it announces is held against what the array says of its chunks.
"""

from __future__ import annotations

import bz2
import itertools
import lzma
import os
import re
import stat
import zlib
from collections.abc import Callable, Sequence
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

from stackmend.errors import BadSlice
from stackmend.stacks.arrays import LARGE
from stackmend.stacks.files import files_like, within

SLACK = 2**16
_FACTORS = {"zlib": 1032, "bz2": 2**20, "lzma": 2**20}
"""How many times larger what a chunk comes to can be, where it does not announce its size."""

_DECODERS: dict[str, Callable[[], Any]] = {
    "zlib": zlib.decompressobj,
    "bz2": bz2.BZ2Decompressor,
    "lzma": lzma.LZMADecompressor,
}
_ZSTD = b"\x28\xb5\x2f\xfd"
_ANNOUNCING = ("gzip", "blosc", "lz4", "zstd")
_HEAD, _SHORTEST = 18, 8
"""Bytes at the beginning of a chunk that may say how long it is, and those that it must have."""


def stored_chunks(array: Any, folder: Path) -> tuple[int, int | None, int]:
    """How many chunks an array has as files, how many of them are there, and their bytes.

    ``None`` are there where files cannot be listed. The files are counted, not the places: a few
    bytes can announce more places than can be.
    """
    grid = _grid(array)
    every = prod(-(-size // chunk) for size, chunk in zip(array.shape, grid, strict=True))
    newer = array.metadata.zarr_format == 3
    name = re.compile(r"c(?:[./]\d+)*|\d+(?:[./]\d+)*" if newer else r"\d+(?:[./]\d+)*")
    found = files_like(folder, name)
    if found is None:
        return every, None, 0
    there, length = found
    return every, min(there, every), length


def _grid(array: Any) -> tuple[int, ...]:
    """How much of an array is one file."""
    return tuple(getattr(array, "shards", None) or array.chunks)


class Bounds(NamedTuple):
    """How many bytes a chunk of an array comes to, and the codec that is decoded first."""

    length: int
    codec: str


def bounds_of(array: Any) -> Bounds:
    """What the chunks of an array may come to."""
    codec = "" if getattr(array, "shards", None) else _codec(array)
    return Bounds(prod(_grid(array)) * array.dtype.itemsize, codec)


def check_chunks(array: Any, folder: Path, root: Path, index: Sequence[int | slice]) -> None:
    """Look at the chunks of a part of an array.

    Raises
    ------
    BadSlice
        If one lies outside the stack, or is larger than it can be.
    """
    bounds = bounds_of(array)
    along = []
    for part, size, chunk in zip(index, array.shape, _grid(array), strict=True):
        first, stop, _ = part.indices(size) if isinstance(part, slice) else (part, part + 1, 1)
        along.append(range(first // chunk, -(-stop // chunk)))
    for place in itertools.product(*along):
        _check_chunk(folder / array.metadata.encode_chunk_key(place), root, bounds)


def _check_chunk(file: Path, root: Path, bounds: Bounds) -> None:
    try:
        known = file.lstat()
    except OSError:  # a chunk that is not there counts as full of the fill value
        return
    if stat.S_ISLNK(known.st_mode):
        within(file, root, root.name)
        known = file.stat()
    size = known.st_size
    head = tail = b""
    if bounds.codec in _ANNOUNCING and size >= _SHORTEST:
        with file.open("rb") as opened:
            head = opened.read(_HEAD)
            opened.seek(-4, os.SEEK_END)
            tail = opened.read(4)
    _refuse_announced(file.name, size, _announced(head, tail, bounds.codec), bounds.length)
    if size * _FACTORS.get(bounds.codec, 0) > LARGE:
        _refuse_longer(file.name, file.read_bytes(), bounds)


def refuse_longer_content(name: str, content: bytes, bounds: Bounds) -> None:
    """Look at a chunk that is at hand.

    Raises
    ------
    BadSlice
        If it comes to more than it can.
    """
    head, tail = (content[:_HEAD], content[-4:]) if len(content) >= _SHORTEST else (b"", b"")
    _refuse_announced(name, len(content), _announced(head, tail, bounds.codec), bounds.length)
    if len(content) * _FACTORS.get(bounds.codec, 0) > LARGE:
        _refuse_longer(name, content, bounds)


def _refuse_announced(name: str, size: int, announced: int, length: int) -> None:
    if size > length + length // 8 + SLACK or announced > length:
        what = f"a chunk of {length} bytes comes to {max(announced, size)}"
        raise BadSlice(f"{name}: {what}; copy it again from its source")


def _refuse_longer(name: str, content: bytes, bounds: Bounds) -> None:
    try:
        come_to = len(_DECODERS[bounds.codec]().decompress(content, bounds.length + 1))
    # What is damaged is found again, and said, when it is decoded.
    except (zlib.error, lzma.LZMAError, OSError, ValueError):
        return
    if come_to > bounds.length:
        what = f"a chunk of {bounds.length} bytes comes to more"
        raise BadSlice(f"{name}: {what}; copy it again from its source")


def _codec(array: Any) -> str:
    """The codec that is decoded first; empty where there is none or several."""
    metadata = array.metadata
    if metadata.zarr_format == 2:
        return str(getattr(metadata.compressor, "codec_id", "")).casefold()
    return type(metadata.codecs[-1]).__name__.casefold().removesuffix("codec")


def _announced(head: bytes, tail: bytes, codec: str) -> int:
    """How many bytes a chunk says that it comes to, 0 where it does not say so."""
    if codec == "zstd":
        return _announced_by_zstd(head) or 0
    part = {"gzip": tail, "blosc": head[4:8], "lz4": head[:4]}.get(codec, b"")
    return int.from_bytes(part, "little")


def _announced_by_zstd(head: bytes) -> int | None:
    """The size of the content in the header of a Zstandard frame, if it has one."""
    if not head.startswith(_ZSTD):
        return None
    flags = head[4]
    single = flags >> 5 & 1
    start = 5 + (1 - single) + (0, 1, 2, 4)[flags & 3]
    width = (single, 2, 4, 8)[flags >> 6]
    if width == 0:
        return None
    return int.from_bytes(head[start : start + width], "little") + (256 if width == 2 else 0)
