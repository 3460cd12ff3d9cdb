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
from typing import Any

from stackmend.errors import BadSlice
from stackmend.stacks.arrays import LARGE
from stackmend.stacks.files import files_like, within

_SLACK = 2**16
_FACTORS = {"zlib": 1032, "bz2": 2**20, "lzma": 2**20}
"""How many times larger what a chunk comes to can be, where it does not announce its size."""

_DECODERS: dict[str, Callable[[], Any]] = {
    "zlib": zlib.decompressobj,
    "bz2": bz2.BZ2Decompressor,
    "lzma": lzma.LZMADecompressor,
}
_ZSTD = b"\x28\xb5\x2f\xfd"


def stored_chunks(array: Any, folder: Path) -> tuple[int, int, int]:
    """How many chunks an array has as files, how many of them are there, and their bytes.

    The files are counted, not the places: a few bytes can announce more places than can be.
    """
    grid = _grid(array)
    every = prod(-(-size // chunk) for size, chunk in zip(array.shape, grid, strict=True))
    newer = array.metadata.zarr_format == 3
    name = re.compile(r"c(?:[./]\d+)*|\d+(?:[./]\d+)*" if newer else r"\d+(?:[./]\d+)*")
    there, length = files_like(folder, name)
    return every, min(there, every), length


def _grid(array: Any) -> tuple[int, ...]:
    """How much of an array is one file."""
    return tuple(getattr(array, "shards", None) or array.chunks)


def check_chunks(array: Any, folder: Path, root: Path, index: Sequence[int | slice]) -> None:
    """Look at the chunks of a part of an array.

    Raises
    ------
    BadSlice
        If one lies outside the stack, or is larger than it can be.
    """
    grid = _grid(array)
    length = prod(grid) * array.dtype.itemsize
    codec = "" if getattr(array, "shards", None) else _codec(array)
    along = []
    for part, size, chunk in zip(index, array.shape, grid, strict=True):
        first, stop, _ = part.indices(size) if isinstance(part, slice) else (part, part + 1, 1)
        along.append(range(first // chunk, -(-stop // chunk)))
    for place in itertools.product(*along):
        _check_chunk(folder / array.metadata.encode_chunk_key(place), root, length, codec)


def _check_chunk(file: Path, root: Path, length: int, codec: str) -> None:
    try:
        known = file.lstat()
    except OSError:  # a chunk that is not there counts as full of the fill value
        return
    if stat.S_ISLNK(known.st_mode):
        within(file, root, root.name)
        known = file.stat()
    size = known.st_size
    announced = _announced(file, codec, size)
    if size > length + length // 8 + _SLACK or (announced or 0) > length:
        what = f"a chunk of {length} bytes comes to {max(announced or 0, size)}"
        raise BadSlice(f"{file.name}: {what}; copy it again from its source")
    if size * _FACTORS.get(codec, 0) > LARGE:
        _refuse_longer(file, codec, length)


def _refuse_longer(file: Path, codec: str, length: int) -> None:
    try:
        come_to = len(_DECODERS[codec]().decompress(file.read_bytes(), length + 1))
    # What is damaged is found again, and said, when it is decoded.
    except (zlib.error, lzma.LZMAError, OSError, ValueError):
        return
    if come_to > length:
        what = f"a chunk of {length} bytes comes to more"
        raise BadSlice(f"{file.name}: {what}; copy it again from its source")


def _codec(array: Any) -> str:
    """The codec that is decoded first; empty where there is none or several."""
    metadata = array.metadata
    if metadata.zarr_format == 2:
        return str(getattr(metadata.compressor, "codec_id", "")).casefold()
    return type(metadata.codecs[-1]).__name__.casefold().removesuffix("codec")


def _announced(file: Path, codec: str, size: int) -> int | None:
    """How many bytes a chunk says that it comes to."""
    if codec not in ("gzip", "blosc", "lz4", "zstd") or size < 8:
        return None
    with file.open("rb") as opened:
        head = opened.read(18)
        opened.seek(-4, os.SEEK_END)
        tail = opened.read(4)
    if codec == "zstd":
        return _announced_by_zstd(head)
    part = {"gzip": tail, "blosc": head[4:8], "lz4": head[:4]}[codec]
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
