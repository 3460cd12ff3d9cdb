"""Blocks of an N5 array: what they announce, and no more of them than the array has room for."""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from collections.abc import Callable, Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from stackmend.errors import BadSlice, InputError
from stackmend.stacks.extras import require
from stackmend.stacks.files import within
from stackmend.stacks.interface import Pixels

_SLACK = 2**16
_LZMA_MEMORY = 2**28
_LZ4_MARK = b"LZ4Block"
_LZ4_HEAD = struct.Struct("<8sBiiI")
_LZ4_PLAIN, _LZ4_PACKED = 0x10, 0x20
"""What a part of an LZ4 block is: as it was, or compressed."""


def read_block(
    file: Path,
    root: Path,
    wanted: tuple[int, ...],
    most: tuple[int, ...],
    dtype: np.dtype[Any],
    codec: str,
) -> Pixels | None:
    """The pixels of a block, or ``None`` where there is none.

    Parameters
    ----------
    root
        The folder in which the block must lie.
    wanted, most
        The part of it that lies in the array, and the size of a whole one.

    Raises
    ------
    BadSlice
        If it is smaller or larger than it must be, or cannot be decoded.
    """
    if not file.is_file():
        return None
    within(file, root, root.name)
    length = prod(most) * dtype.itemsize
    size = file.stat().st_size
    where = f"{root.name} block {'/'.join(file.parts[-len(most) :])}"
    if size > length + length // 8 + _SLACK:
        what = f"a block of {length} bytes has {size}"
        raise BadSlice(f"{where}: {what}; copy it again from its source")
    with file.open("rb") as opened:
        content = opened.read()
    shape, start = _shape(content, where)
    fits = len(shape) == len(most) and all(
        least <= got <= top for least, got, top in zip(wanted, shape, most, strict=True)
    )
    if not fits:
        got, least = (" x ".join(map(str, each)) for each in (shape, wanted))
        what = f"states {got} pixels, the array has {least} there"
        raise BadSlice(f"{where}: {what}; copy it again from its source")
    length = prod(shape) * dtype.itemsize
    pixels = _decoded(content[start:], length, codec, where)
    return np.frombuffer(pixels, dtype.newbyteorder(">")).reshape(shape)


def _shape(content: bytes, where: str) -> tuple[tuple[int, ...], int]:
    """The shape that a block states, in our order, and where its pixels begin."""
    try:
        mode, axes = struct.unpack_from(">HH", content)
        shape = struct.unpack_from(f">{axes}I", content, 4)
    except struct.error as error:
        what = "the file ends within its header"
        raise BadSlice(f"{where}: {what}; copy it again from its source") from error
    if mode not in (0, 1):
        what = f"has no pixels (mode {mode})"
        raise BadSlice(f"{where}: {what}; copy it again from its source")
    # A block of variable length repeats the number of its pixels.
    return tuple(reversed(shape)), 4 + 4 * axes + 4 * mode


def _decoded(content: bytes, length: int, codec: str, where: str) -> bytes:
    try:
        pixels = CODECS[codec](content, length)
    except InputError:
        raise
    # Decoders raise whatever they trip over.
    except Exception as error:
        what = f"its pixels cannot be decoded ({error})"
        raise BadSlice(f"{where}: {what}; copy it again from its source") from error
    if len(pixels) != length:
        more = f"{len(pixels)}" if len(pixels) < length else "more"
        what = f"a block of {length} bytes comes to {more}"
        raise BadSlice(f"{where}: {what}; copy it again from its source")
    return pixels


def _raw(content: bytes, length: int) -> bytes:
    return content[: length + 1]


def _gzip(content: bytes, length: int) -> bytes:
    return zlib.decompressobj(wbits=31).decompress(content, length + 1)


def _zlib(content: bytes, length: int) -> bytes:
    return zlib.decompressobj().decompress(content, length + 1)


def _bzip2(content: bytes, length: int) -> bytes:
    return bz2.BZ2Decompressor().decompress(content, length + 1)


def _xz(content: bytes, length: int) -> bytes:
    return lzma.LZMADecompressor(memlimit=_LZMA_MEMORY).decompress(content, length + 1)


def _zstd(content: bytes, length: int) -> bytes:
    return _by_numcodecs("Zstd", content, length)


def _blosc(content: bytes, length: int) -> bytes:
    announced = int.from_bytes(content[4:8], "little")
    if announced != length:
        raise ValueError(f"{announced} bytes are announced")
    return _by_numcodecs("Blosc", content, length)


def _lz4(content: bytes, length: int) -> bytes:
    """Parts one after the other, each with a header; an empty one is the last."""
    parts: list[bytes] = []
    place = 0
    while place < len(content) and sum(map(len, parts)) <= length:
        mark, token, packed, plain, _ = _LZ4_HEAD.unpack_from(content, place)
        place += _LZ4_HEAD.size
        if mark != _LZ4_MARK or not 0 <= plain <= length or not 0 <= packed <= len(content):
            raise ValueError("a part has no header")
        if plain == 0:
            break
        part = content[place : place + packed]
        if token & 0xF0 == _LZ4_PACKED:
            part = _by_numcodecs("LZ4", plain.to_bytes(4, "little") + part, plain)
        elif token & 0xF0 != _LZ4_PLAIN:
            raise ValueError(f"a part is of kind {token}")
        parts.append(part)
        place += packed
    return b"".join(parts)


def _by_numcodecs(name: str, content: bytes, length: int) -> bytes:
    """Decoded into as much room as there should be, so that it cannot come to more."""
    numcodecs = require("numcodecs", f"N5 compressed by {name}")
    room = np.zeros(length, np.uint8)
    getattr(numcodecs, name)().decode(content, room)
    return room.tobytes()


CODECS: Mapping[str, Callable[[bytes, int], bytes]] = {
    "raw": _raw,
    "gzip": _gzip,
    "zlib": _zlib,
    "bzip2": _bzip2,
    "xz": _xz,
    "zstd": _zstd,
    "lz4": _lz4,
    "blosc": _blosc,
}
"""What decodes a block, by the name of its compression: its bytes, and to how many they come."""
