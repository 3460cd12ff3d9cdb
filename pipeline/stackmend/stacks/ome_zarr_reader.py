"""A stack in OME-Zarr (0.4, 0.5), or in a plain zarr array."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from stackmend import words
from stackmend.errors import InputError
from stackmend.stacks import Pixels
from stackmend.stacks.arrays import ArrayReader
from stackmend.stacks.extras import needed
from stackmend.stacks.metadata import NOTHING, Metadata, Tag, nanometres
from stackmend.stacks.pixels import usable_type

_MARKS = ("zarr.json", ".zgroup", ".zarray", ".zattrs")
_DEEPEST = 4
"""How far below the given folder images are looked for: a plate has rows, columns and fields."""

OWN_GROUP = "stackmend"
"""The group beside the pixels that holds what other programs have no place for."""


def is_zarr(folder: Path) -> bool:
    """Whether a folder is zarr, by its name or by what lies in it."""
    return folder.suffix.casefold() == ".zarr" or any((folder / mark).is_file() for mark in _MARKS)


@dataclass(frozen=True)
class ZarrReader(ArrayReader):
    """Reads one channel of a zarr array; ``tags`` is where the slices' microscope tags lie, if they do."""

    tags: str = ""

    def metadata_of(self, index: int) -> Metadata:
        """That of the image, with the tags of the slice."""
        return (
            replace(self.metadata, tags=_tags_of(self.file / self.tags, index))
            if self.tags
            else self.metadata
        )

    def _load(self, index: tuple[int | slice, ...]) -> Pixels:
        return np.asarray(_array_of(self)[index])


def open_zarr(path: Path, *, tolerant: bool = False) -> tuple[ZarrReader, ...]:
    """Readers for the channels of the one image in a zarr folder.

    Raises
    ------
    InputError
        If there is none, or several, or it is not a stack of greyscale slices.
    """
    needed("zarr", path.name)
    try:
        reader = _reader(path)
    except (KeyError, TypeError, IndexError, ValueError, AttributeError, OSError) as error:
        what = f"is not OME-Zarr that can be read ({type(error).__name__}: {error})"
        raise InputError(f"{path.name}: {what}; check the metadata") from error
    readers = reader.channels()
    if not tolerant:
        readers[0].read(0)  # a missing codec shows here rather than in the middle of a run
    return readers


def _reader(path: Path) -> ZarrReader:
    """The reader for an image, its channels not yet told apart."""
    import zarr

    node = _node(path)
    if isinstance(node, zarr.Array):
        return _plain(path, node)
    multiscales = _ome(node).get("multiscales")
    if not multiscales:
        image = _only_image_in(path)
        inner, reader = str(image.relative_to(path)), _reader(image)
        tags = f"{inner}/{reader.tags}" if reader.tags else ""
        return replace(reader, file=path, place=f"{inner}/{reader.place}", tags=tags)
    place = str(multiscales[0]["datasets"][0]["path"])
    array = _node(path / place)
    axes, metadata = _stated(multiscales[0])
    channels = _ome(node).get("omero", {}).get("channels", [])
    inverted = bool(channels) and all(channel.get("inverted") for channel in channels)
    notes = _missing_chunks(path, array)
    if len(multiscales) > 1:
        notes = (
            *notes,
            f"{path.name}: the first of {len(multiscales)} images (multiscales) is taken",
        )
    tags = OWN_GROUP if (path / OWN_GROUP).is_dir() else ""
    if tags:
        metadata = replace(metadata, tags=_tags_of(path / tags, 0))
    return ZarrReader(
        path, place, axes, *_facts(path, array), notes=notes, metadata=metadata,
        photometric="miniswhite" if inverted else "minisblack", tags=tags,
    )  # fmt: skip


def _plain(path: Path, array: Any) -> ZarrReader:
    """The reader for an array without OME metadata: axes by its dimension names, or said to be taken as z, y, x."""
    named = (
        getattr(array.metadata, "dimension_names", None)
        or array.attrs.get("_ARRAY_DIMENSIONS")
        or ()
    )
    notes = _missing_chunks(path, array)
    if len(named) == array.ndim and all(named):
        axes = "".join(str(name)[:1] for name in named).upper()
    elif array.ndim in (2, 3):
        axes = "ZYX"[-array.ndim :]
        notes = (
            *notes,
            f"{path.name}: axes are not stated and are taken as {', '.join(axes.lower())}",
        )
    else:
        what = f"expected stated axes, got an array of {array.ndim} axes that have no names"
        raise InputError(f"{path.name}: {what}; save it as OME-Zarr")
    return ZarrReader(path, "", axes, *_facts(path, array), notes=notes)


def _facts(path: Path, array: Any) -> tuple[tuple[int, ...], str, tuple[int, ...]]:
    """Sizes, pixel type and chunks of an array."""
    return tuple(array.shape), usable_type(array.dtype, path.name), tuple(array.chunks)


def _missing_chunks(path: Path, array: Any) -> tuple[str, ...]:
    """A note on chunks that are not there: zarr defines that they count as full of the fill value."""
    count, there = array.nchunks, array.nchunks_initialized
    if there >= count:
        return ()
    return (
        f"{path.name}: {count - there} of {count} chunks are not there and count as {array.fill_value}",
    )


def _stated(multiscale: Mapping[str, Any]) -> tuple[str, Metadata]:
    """The axes of an image, and its pixel size."""
    axes: Sequence[Any] = multiscale["axes"]
    names = [str(axis["name"] if isinstance(axis, Mapping) else axis) for axis in axes]
    factors = np.ones(len(names))
    for transform in (
        *multiscale["datasets"][0].get("coordinateTransformations", ()),
        *multiscale.get("coordinateTransformations", ()),
    ):
        if transform["type"] == "scale" and "scale" in transform:
            factors = factors * np.asarray(transform["scale"], float)
    sizes: dict[str, float] = {}
    for name, axis, factor in zip(names, axes, factors.tolist(), strict=True):
        unit = nanometres(axis.get("unit")) if isinstance(axis, Mapping) else None
        if unit is not None and factor > 0:
            sizes[name] = float(f"{factor * unit:.9g}")
    letters = "".join(name.upper() if len(name) == 1 else "?" for name in names)
    known = (sizes.get("z"), sizes.get("y"), sizes.get("x"))
    return letters, Metadata(known, "OME-Zarr") if any(known) else NOTHING


def _only_image_in(path: Path) -> Path:
    """The image in a group that is none itself: a series of a conversion, a field of a plate, or a plain array.

    Raises
    ------
    InputError
        If there is none, or a choice to be made.
    """
    found = list(_images_in(path, _DEEPEST))
    if not found:
        raise InputError(
            f"{path.name}: there is no image in it; give the folder that holds the slices"
        )
    if len(found) > 1:
        names = [each.relative_to(path) for each in found]
        what = f"expected one image, got {len(found)}: {words.few(names)}"
        raise InputError(
            f"{path.name}: {what}; give one of them, such as {path / found[0].relative_to(path)}"
        )
    return found[0]


def _images_in(folder: Path, deepest: int) -> Iterator[Path]:
    import zarr

    for child in sorted(folder.iterdir(), key=lambda each: (len(each.name), each.name)):
        if not child.is_dir() or not any((child / mark).is_file() for mark in _MARKS):
            continue
        node = _node(child)
        if isinstance(node, zarr.Array) or _ome(node).get("multiscales"):
            yield child
        elif deepest > 1:
            yield from _images_in(child, deepest - 1)


def _ome(group: Any) -> Mapping[str, Any]:
    """The OME metadata: since 0.5 under a key of its own."""
    attributes = group.attrs.asdict()
    found: Mapping[str, Any] = attributes.get("ome", attributes)
    return found


def _node(path: Path) -> Any:
    """The group or array in a folder."""
    import zarr

    return zarr.open(str(path), mode="r")


@lru_cache(maxsize=16)
def _array_of(reader: ZarrReader) -> Any:
    """The array of a reader; its description need not be read again for each slice."""
    return _node(reader.file / reader.place)


def _tags_of(folder: Path, index: int) -> tuple[Tag, ...]:
    """The microscope's tags of a slice, as ``OmeZarrWriter`` keeps them."""
    place = folder / str(index)
    if not place.is_dir():
        return ()
    kept = _node(place).attrs.get("vendor_tags", {})
    values = (
        (int(code), int(tag["type"]), str(tag["text"]).encode("latin-1"))
        for code, tag in kept.items()
    )
    return tuple(Tag(code, type, len(value), value) for code, type, value in values)
