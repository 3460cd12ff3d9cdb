"""Zarr that does not lie in a folder, as a store of the zarr package: read, never written."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any

from zarr.abc.store import (
    ByteRequest,
    OffsetByteRequest,
    RangeByteRequest,
    Store,
    SuffixByteRequest,
)
from zarr.core.buffer import Buffer, BufferPrototype

from stackmend.elsewhere import Elsewhere
from stackmend.errors import BadSlice
from stackmend.stacks.ome_zarr_chunks import SLACK, Bounds, refuse_longer_content

_METADATA = ("zarr.json", ".zgroup", ".zarray", ".zattrs", ".zmetadata")


class PlaceStore(Store):
    """The files below a place; ``bounds`` says what a chunk may come to, once that is known."""

    supports_writes = False
    supports_deletes = False
    supports_listing = False

    def __init__(self, place: Elsewhere) -> None:
        super().__init__(read_only=True)
        self.place = place
        self.bounds: Bounds | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PlaceStore) and other.place == self.place

    __hash__ = None  # type: ignore[assignment] # as that of the package's own stores

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """What lies under a key, as far as it is there."""
        content = self._content(key, byte_range)
        return None if content is None else prototype.buffer.from_bytes(content)

    async def get_partial_values(
        self,
        prototype: BufferPrototype,
        key_ranges: Iterable[tuple[str, ByteRequest | None]],
    ) -> list[Buffer | None]:
        """Several."""
        return [await self.get(key, prototype, part) for key, part in key_ranges]

    def _content(self, key: str, part: ByteRequest | None) -> bytes | None:
        file = self.place / key
        try:
            size = file.size()
        except FileNotFoundError:
            return None
        if size is None:
            return None
        bounds = None if file.name in _METADATA else self.bounds
        if bounds and size > bounds.length + bounds.length // 8 + SLACK:
            what = f"a chunk of {bounds.length} bytes comes to {size}"
            raise BadSlice(f"{file.name}: {what}; copy it again from its source")
        content = file.part(*_ends(part, size)) if size else b""
        if bounds and part is None:
            refuse_longer_content(file.name, content, bounds)
        return content

    async def exists(self, key: str) -> bool:
        """Whether anything lies under a key."""
        return (self.place / key).is_file()

    async def set(self, key: str, value: Buffer) -> None:
        """Never."""
        self._check_writable()

    async def delete(self, key: str) -> None:
        """Never."""
        self._check_writable()

    def list(self) -> AsyncIterator[str]:
        """Nothing: not all places can be listed."""
        return _nothing()

    def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """Nothing."""
        return _nothing()

    def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Nothing."""
        return _nothing()


async def _nothing() -> AsyncIterator[str]:
    no: tuple[str, ...] = ()
    for key in no:
        yield key


def _ends(part: Any, size: int) -> tuple[int, int]:
    """Where a part of a file begins and ends."""
    if isinstance(part, RangeByteRequest):
        return part.start, min(part.end, size)
    if isinstance(part, OffsetByteRequest):
        return part.offset, size
    if isinstance(part, SuffixByteRequest):
        return max(0, size - part.suffix), size
    return 0, size
