"""A stack in N5: one array in a container, whose axes are stored x first.

As the specification of N5 says: ``attributes.json`` describes an array, and each block is a file
under its place in the grid, x first, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from stackmend.errors import InputError
from stackmend.stacks.arrays import ArrayReader, refuse_shrunk
from stackmend.stacks.axes import stated_axes
from stackmend.stacks.files import NOT_LISTED, beginning_of, files_like, within
from stackmend.stacks.interface import DTYPES, Pixels
from stackmend.stacks.metadata import size_in
from stackmend.stacks.n5_blocks import CODECS, read_block
from stackmend.stacks.pixels import usable_type

_ATTRIBUTES = "attributes.json"
_LONGEST = 2**24
"""Bytes of attributes in one file, at the most."""
_DEEPEST = 5
"""How far below the given folder arrays are looked for, and above it attributes of a group."""
_LEVEL = re.compile(r"s\d+")
_SIZES = ("resolution", "pixelResolution", "units", "unit", "axes")


@dataclass(frozen=True, kw_only=True)
class N5Reader(ArrayReader):
    """Reads one channel of an N5 array; ``codec`` is how its blocks are compressed."""

    codec: str

    def _load(self, index: tuple[int | slice, ...]) -> Pixels:
        folder = self.file / self.place
        ends = []
        for along, size in zip(index, self.sizes, strict=True):
            one = slice(along, along + 1) if isinstance(along, int) else along
            ends.append(one.indices(size)[:2])
        part: Pixels = np.zeros([stop - first for first, stop in ends], self.dtype)
        grid = []
        for (first, stop), chunk in zip(ends, self.chunks, strict=True):
            grid.append(range(first // chunk, -(-stop // chunk)))
        for place in product(*grid):
            file = folder.joinpath(*map(str, reversed(place)))
            wanted = tuple(
                min(chunk, size - number * chunk)
                for number, chunk, size in zip(place, self.chunks, self.sizes, strict=True)
            )
            block = read_block(file, self.file, wanted, self.chunks, self.dtype, self.codec)
            if block is not None:  # one that is not there counts as 0
                target, source = self._overlap(place, ends)
                part[target] = block[source]
        inner = tuple(0 if isinstance(each, int) else slice(None) for each in index)
        taken: Pixels = part[inner]
        return taken

    def _overlap(
        self, place: tuple[int, ...], ends: list[tuple[int, int]]
    ) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
        """Where a block lies in a part of the array, and which part of it that is."""
        target, source = [], []
        for number, (first, stop), chunk, size in zip(
            place, ends, self.chunks, self.sizes, strict=True
        ):
            begin = number * chunk
            low, high = max(first, begin), min(stop, begin + chunk, size)
            target.append(slice(low - first, high - first))
            source.append(slice(low - begin, high - begin))
        return tuple(target), tuple(source)


def recognises(path: Path) -> bool:
    """Whether a folder is a container of N5, lies in one, or has attributes as an array has."""
    if not path.is_dir():
        return False
    if any(folder.suffix.casefold() == ".n5" for folder in (path, *path.parents)):
        return True
    start = beginning_of(path / _ATTRIBUTES)
    return b'"n5"' in start or b'"dimensions"' in start


def open_channels(
    path: Path, *, axes: str | None = None, tolerant: bool = False
) -> tuple[N5Reader, ...]:
    """Readers for the channels of the one array in a folder, at its full resolution.

    Raises
    ------
    InputError
        If there is none, or several, or it is not a stack of greyscale slices.
    """
    readers = N5Reader.channels(file=path, **_facts(path, _only_array_in(path), axes))
    # A missing codec shows here rather than in the middle of a run.
    if not tolerant:
        readers[0].read(0)
    return readers


def _facts(path: Path, folder: Path, given: str | None) -> dict[str, Any]:
    """What a reader has to know of an array."""
    label = folder.name if folder == path else f"{path.name}/{folder.relative_to(path)}"
    attributes = _attributes(folder)
    sizes, chunks = _numbers(attributes, "dimensions"), _numbers(attributes, "blockSize")
    if len(sizes) != len(chunks) or min((*sizes, *chunks), default=0) < 1:
        what = f"states {sizes} pixels in blocks of {chunks}"
        raise InputError(f"{label}: {what}; copy it again from its source")
    dtype = usable_type(_type(attributes), label)
    stated = _stated(folder, attributes)
    axes, notes = _axes(label, sizes, stated, given)
    metadata, more = size_in(stated, axes, label)
    return {
        "place": str(folder.relative_to(path)),
        "axes": axes,
        "sizes": sizes,
        "dtype": dtype,
        "chunks": chunks,
        "codec": _codec(attributes, label),
        "notes": (*notes, *more, *_check_blocks(folder, sizes, chunks, axes, dtype, label)),
        "metadata": metadata,
    }


def _check_blocks(
    folder: Path,
    sizes: tuple[int, ...],
    chunks: tuple[int, ...],
    axes: str,
    dtype: np.dtype[Any],
    label: str,
) -> tuple[str, ...]:
    """A note on blocks that are not there, which count as 0.

    The files are counted, not the places: a few bytes can announce more places than can be.
    """
    count = prod(-(-size // chunk) for size, chunk in zip(sizes, chunks, strict=True))
    found = files_like(folder, re.compile("/".join([r"\d+"] * len(sizes))))
    if found is None:
        return (f"{label}: {NOT_LISTED}, and count as 0",)
    there, stored = found
    if there == 0:
        what = f"none of its {count} blocks is there"
        raise InputError(f"{label}: {what}; was the copy or the export aborted? get it again")
    refuse_shrunk(sizes, chunks, axes, dtype.itemsize, stored, label)
    if there >= count:
        return ()
    return (f"{label}: {count - there} of {count} blocks are not there and count as 0",)


def _only_array_in(path: Path) -> Path:
    """The array in a folder, of one in several resolutions the finest.

    Raises
    ------
    InputError
        If there is none that could be a stack, or a choice to be made.
    """
    found = list(_arrays_in(path, _DEEPEST))
    if len(found) > 1:
        found = [each for each in found if _type(_attributes(each)) in DTYPES] or found
    if not found:
        what = "there is no array in it"
        raise InputError(f"{path.name}: {what}; give the folder that holds the slices")
    if len(found) > 1:
        names = ", ".join(str(each.relative_to(path)) for each in found[:10])
        more = f" and {len(found) - 10} more" if len(found) > 10 else ""
        what = f"expected one array, got {len(found)}: {names}{more}"
        raise InputError(f"{path.name}: {what}; give one of them, such as {found[0]}")
    return within(found[0], path, path.name)


def _arrays_in(folder: Path, deepest: int) -> Iterator[Path]:
    for each in (folder, folder / "s0"):
        if "dimensions" in _attributes(each):
            yield each
            return
    if deepest:
        for child in sorted(each for each in folder.iterdir() if each.is_dir()):
            yield from _arrays_in(child, deepest - 1)


def _attributes(folder: Path) -> Mapping[str, Any]:
    """The attributes of a folder, none where it has no file of them."""
    file = folder / _ATTRIBUTES
    if not file.is_file():
        return {}
    size = file.stat().st_size
    if size > _LONGEST:
        raise InputError(f"{folder.name}: has {size} bytes of attributes; check the file")
    try:
        with file.open("rb") as opened:
            found = json.loads(opened.read(_LONGEST))
    # No text, no JSON, or brackets without end.
    except (OSError, ValueError, RecursionError) as error:
        what = f"its {_ATTRIBUTES} cannot be read ({error})"
        raise InputError(f"{folder.name}: {what}; copy it again from its source") from error
    return found if isinstance(found, Mapping) else {}


def _numbers(attributes: Mapping[str, Any], name: str) -> tuple[int, ...]:
    """Whole numbers, one for each axis, in our order; none of what are none."""
    found = attributes.get(name)
    if not isinstance(found, list) or not all(type(each) is int for each in found):
        return ()
    return tuple(reversed(found))


def _type(attributes: Mapping[str, Any]) -> str | None:
    """The type of the pixels, if NumPy knows it."""
    name = attributes.get("dataType")
    try:
        return np.dtype(name).name if isinstance(name, str) else None
    except TypeError:
        return None


def _codec(attributes: Mapping[str, Any], label: str) -> str:
    """How blocks are compressed, in the newer and in the older form."""
    given = attributes.get("compression", attributes.get("compressionType", "raw"))
    name = given.get("type") if isinstance(given, Mapping) else given
    if name == "gzip" and isinstance(given, Mapping) and given.get("useZlib") is True:
        name = "zlib"
    if name not in CODECS:
        what = f"its compression must be {', '.join(CODECS)}, got {name}"
        raise InputError(f"{label}: {what}; save it with one of these")
    return str(name)


def _stated(array: Path, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """What an array and, at full resolution, the groups above it say of axes and sizes.

    Lists are turned to our order.
    """
    found = {name: attributes[name] for name in (*_SIZES, "transform") if name in attributes}
    factors = attributes.get("downsamplingFactors")
    full = not isinstance(factors, list) or set(factors) == {1}
    whole = full and (array.name == "s0" or not _LEVEL.fullmatch(array.name))
    folder = array
    for _ in range(_DEEPEST if whole else 0):
        if folder.suffix.casefold() == ".n5" or folder.parent == folder:
            break
        folder = folder.parent
        above = _attributes(folder)
        found = {name: above[name] for name in _SIZES if name in above} | found
    for name in ("resolution", "units", "axes"):
        if isinstance(found.get(name), list):
            found[name] = found[name][::-1]
    return found


def _axes(
    label: str, sizes: tuple[int, ...], stated: Mapping[str, Any], given: str | None
) -> tuple[str, tuple[str, ...]]:
    """The axes as a person or the container states them, or the usual ones with a note."""
    if given is not None:
        return stated_axes(label, "Q" * len(sizes), sizes, given)[0], ()
    names = stated.get("axes")
    if isinstance(names, list) and len(names) == len(sizes) and all(names):
        return "".join(str(name)[:1] for name in names).upper(), ()
    if len(sizes) not in (2, 3):
        what = f"expected stated axes, got an array of {len(sizes)} axes that have no names"
        raise InputError(f"{label}: {what}; save one channel of it")
    axes = "ZYX"[-len(sizes) :]
    said = f"axes are not stated and are taken as {', '.join(axes.lower())}"
    return axes, (f"{label}: {said}",)
