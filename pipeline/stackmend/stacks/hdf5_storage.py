"""Where the values of an HDF5 array lie, and whether all of them were written.

An array may lie in other files: behind a link, as a virtual array made of parts of others, or as
raw bytes of any file at all. What lies outside the folder of the stack, and raw bytes, are refused:
a file from somebody else could name any file of the person who opens it.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

from stackmend.errors import InputError
from stackmend.stacks.arrays import LARGE, refuse_shrunk
from stackmend.words import few

_DEEPEST = 8
"""Virtual arrays made of virtual arrays, at the most."""

_SLACK = 2**16
_PLUGINS = {
    32000: "LZF",
    32001: "Blosc",
    32004: "LZ4",
    32008: "bitshuffle",
    32013: "ZFP",
    32015: "Zstandard",
    32026: "Blosc2",
}


def check_storage(path: Path, array: Any, axes: str) -> tuple[str, ...]:
    """Notes on where the values of an array lie.

    Raises
    ------
    InputError
        If they lie where they should not, are not there, or cannot be decoded.
    """
    notes = list(_elsewhere(path, array, _DEEPEST))
    if not array.is_virtual:
        notes += _unwritten(path, array, axes)
    return tuple(dict.fromkeys(notes))


def _elsewhere(path: Path, array: Any, deepest: int) -> Iterator[str]:
    """Other files that hold values of an array, each with a note."""
    own = Path(array.file.filename)
    if own.resolve() != path.resolve():
        yield f"{path.name}: {array.name} lies in another file, {_inside(path, own)}"
    if array.external:
        what = f"the values of {array.name} are bytes of another file ({array.external[0][0]})"
        raise InputError(f"{path.name}: {what}, which is refused; save them in the file itself")
    _refuse_filters(path, array)
    if not array.is_virtual:
        return

    # A virtual array: each part must be there, and be sound itself.
    import h5py

    mapped = 0
    for part in array.virtual_sources():
        mapped += part.vspace.get_select_npoints()
        target = own if part.file_name == "." else own.parent / part.file_name
        name = _inside(path, target)
        if not target.is_file():
            what = f"a part of {array.name} lies in {name}, which is not there"
            raise InputError(f"{path.name}: {what}; put it back beside the file")
        with h5py.File(target, "r") as other:
            source = other.get(part.dset_name)
            if not isinstance(source, h5py.Dataset) or deepest < 1:
                what = f"a part of {array.name} lies in {part.dset_name} of {name}"
                raise InputError(f"{path.name}: {what}, which is not there; check the file")
            yield from _elsewhere(path, source, deepest - 1)
            if not source.is_virtual:
                yield from _unwritten(path, source, "")
    if mapped < prod(array.shape):
        share = f"{mapped} of {prod(array.shape)} values"
        yield f"{path.name}: only {share} of {array.name} have a source, others count as fill"


def _inside(path: Path, other: Path) -> str:
    """The name of a file that lies in the folder of the stack or below.

    Raises
    ------
    InputError
        If it lies elsewhere.
    """
    folder, place = path.resolve().parent, other.resolve()
    if not place.is_relative_to(folder):
        what = f"leads to a file outside its folder ({other})"
        raise InputError(f"{path.name}: {what}, which is refused; put both into one folder")
    return str(place.relative_to(folder))


def _refuse_filters(path: Path, array: Any) -> None:
    import h5py

    plist = array.id.get_create_plist()
    for number in range(plist.get_nfilters()):
        code, _, _, said = plist.get_filter(number)
        if not h5py.h5z.filter_avail(code):
            name = _PLUGINS.get(code) or said.decode("utf-8", "replace") or "unknown"
            what = f"{array.name} is compressed by filter {code} ({name})"
            how = "which HDF5 lacks here; install its plugin, or save it with gzip"
            raise InputError(f"{path.name}: {what}, {how}")


def _unwritten(path: Path, array: Any, axes: str) -> Iterator[str]:
    """Places that were announced and never written; they read as the fill value."""
    stored = array.id.get_storage_size()
    where = f"{path.name}: {array.name}"
    if stored == 0 and prod(array.shape):
        raise InputError(
            f"{where} was never written; was the acquisition aborted? acquire it again"
        )
    refuse_shrunk(array.shape, array.chunks, axes, array.dtype.itemsize, stored, path.name)
    if array.chunks is None:
        return
    counts = [-(-size // chunk) for size, chunk in zip(array.shape, array.chunks, strict=True)]
    length = prod(array.chunks) * array.dtype.itemsize
    along = axes.find("Z")
    written: set[int] = set()

    def look(chunk: Any) -> None:
        if chunk.size > length + length // 8 + _SLACK:
            what = f"a chunk of {length} bytes takes {chunk.size} in the file"
            raise InputError(f"{where}: {what}; copy it again from its source")
        if along >= 0:
            written.add(chunk.chunk_offset[along] // array.chunks[along])

    array.id.chunk_iter(look)
    there, every = array.id.get_num_chunks(), prod(counts)
    if there < every:
        what = (
            f"{every - there} of {every} chunks were never written and count as {array.fillvalue}"
        )
        missing = [] if along < 0 else _slices(written, array.shape[along], array.chunks[along])
        wholly = f", slices {few(missing, 20)} wholly" if missing else ""
        yield f"{where}: {what}{wholly}"


def _slices(written: set[int], count: int, depth: int) -> list[int]:
    """The slices of which nothing was written."""
    if count > LARGE:
        return []
    return [number for number in range(count) if number // depth not in written]
