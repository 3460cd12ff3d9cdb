"""Writes N5 containers by the letter of the specification."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import struct
import zlib
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

PLAIN = {
    "raw": bytes,
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}
"""What needs no package, by its name."""


def write_n5(
    folder: Path,
    stack: NDArray[Any],
    blocks: Sequence[int],
    *,
    codec: str = "gzip",
    **attributes: Any,
) -> Path:
    """Write one array; ``blocks`` in the order of its axes."""
    folder.mkdir(parents=True)
    name = "gzip" if codec == "zlib" else codec
    stated = {
        "dimensions": list(reversed(stack.shape)),
        "blockSize": list(reversed(blocks)),
        "dataType": stack.dtype.name,
        "compression": {"type": name, "useZlib": codec == "zlib"},
    }
    (folder / "attributes.json").write_text(json.dumps(stated | attributes))
    counts = [-(-size // block) for size, block in zip(stack.shape, blocks, strict=True)]
    for place in product(*map(range, counts)):
        window = tuple(slice(n * b, n * b + b) for n, b in zip(place, blocks, strict=True))
        write_block(folder.joinpath(*map(str, reversed(place))), stack[window], codec)
    return folder


def write_block(
    file: Path, block: NDArray[Any], codec: str, *, mode: int = 0, stated: Sequence[int] = ()
) -> None:
    """Write one block, which may state another size than it has."""
    file.parent.mkdir(parents=True, exist_ok=True)
    shape = tuple(reversed(stated or block.shape))
    header = struct.pack(f">HH{len(shape)}I", mode, len(shape), *shape)
    if mode == 1:
        header += struct.pack(">I", block.size)
    pixels = block.astype(block.dtype.newbyteorder(">")).tobytes()
    file.write_bytes(header + encoded(pixels, codec))


def encoded(pixels: bytes, codec: str) -> bytes:
    if codec in PLAIN:
        return PLAIN[codec](pixels)
    import numcodecs

    if codec != "lz4":
        return bytes({"zstd": numcodecs.Zstd, "blosc": numcodecs.Blosc}[codec]().encode(pixels))
    # Parts of 100 bytes, the last of them as it is, then an empty one.
    parts = [pixels[first : first + 100] for first in range(0, len(pixels), 100)]
    content = b""
    for part in parts[:-1]:
        packed = numcodecs.LZ4().encode(part)[4:]
        content += struct.pack("<8sBiiI", b"LZ4Block", 0x26, len(packed), len(part), 0) + packed
    last = parts[-1]
    content += struct.pack("<8sBiiI", b"LZ4Block", 0x16, len(last), len(last), 0) + last
    return content + struct.pack("<8sBiiI", b"LZ4Block", 0x16, 0, 0, 0)
