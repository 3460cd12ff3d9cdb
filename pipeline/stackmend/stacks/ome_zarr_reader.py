"""A stack in OME-Zarr (0.4, 0.5), or in a plain zarr array."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from stackmend.errors import InputError
from stackmend.stacks.arrays import ArrayReader
from stackmend.stacks.extras import require
from stackmend.stacks.interface import NOTHING, Metadata, Pixels, Tag, Tags
from stackmend.stacks.pixels import usable_type
from stackmend.stacks.units import nanometres

_MARKS = ("zarr.json", ".zgroup", ".zarray", ".zattrs")
_DEEPEST = 4
"""How far below the given folder images are looked for: a plate has rows, columns and fields."""

OWN_GROUP = "stackmend"
"""The group beside the pixels that holds what other programs have no place for."""


@dataclass(frozen=True, kw_only=True)
class ZarrReader(ArrayReader):
    """Reads one channel of a zarr array; ``own`` is where the slices' tags lie, if they do."""

    own: str = ""

    def tags(self, index: int) -> Tags:
        """Those of one slice."""
        return _tags_in(self.file / self.own / str(index)) if self.own else ()

    def _load(self, index: tuple[int | slice, ...]) -> Pixels:
        return np.asarray(_array(self.file / self.place, self.opened)[index])


def recognises(path: Path) -> bool:
    """Whether a folder is zarr, by its name or by what lies in it."""
    if not path.is_dir():
        return False
    return path.suffix.casefold() == ".zarr" or any((path / mark).is_file() for mark in _MARKS)


def open_channels(path: Path, *, tolerant: bool = False) -> tuple[ZarrReader, ...]:
    """Readers for the channels of the one image in a zarr folder.

    Raises
    ------
    InputError
        If there is none, or several, or it is not a stack of greyscale slices.
    """
    require("zarr", path.name)
    try:
        facts = _facts(path, path)
    except (KeyError, TypeError, IndexError, ValueError, AttributeError, OSError) as error:
        what = f"is not OME-Zarr that can be read ({type(error).__name__}: {error})"
        raise InputError(f"{path.name}: {what}; check the metadata") from error
    readers = ZarrReader.channels(file=path, **facts)
    # A missing codec shows here rather than in the middle of a run.
    if not tolerant:
        readers[0].read(0)
    return readers


def _facts(path: Path, image: Path) -> dict[str, Any]:
    """What a reader has to know of an image in a folder, or of the only one below it."""
    import zarr

    node = _node(image)
    if isinstance(node, zarr.Array):
        facts = _array_facts(path, image, node, image.name)
        facts["axes"], notes = _axes_by_name(image, node)
        return facts | {"notes": facts["notes"] + notes}
    multiscales = _ome(node).get("multiscales")
    if not multiscales:
        return _facts(path, _only_image_in(image))

    # The first level of the first image.
    array_path = image / str(multiscales[0]["datasets"][0]["path"])
    axes, metadata = _axes_and_metadata(multiscales[0])
    facts = _array_facts(path, array_path, _node(array_path), image.name)
    if len(multiscales) > 1:
        note = f"{image.name}: the first of {len(multiscales)} images (multiscales) is taken"
        facts["notes"] += (note,)

    # What a viewer is told, and what we have kept beside it.
    channels = _ome(node).get("omero", {}).get("channels", [])
    inverted = bool(channels) and all(channel.get("inverted") for channel in channels)
    own = image / OWN_GROUP
    return facts | {
        "axes": axes,
        "metadata": metadata,
        "photometric": "miniswhite" if inverted else "minisblack",
        "own": str(own.relative_to(path)) if own.is_dir() else "",
    }


def _array_facts(path: Path, array_path: Path, array: Any, label: str) -> dict[str, Any]:
    """Place, sizes, pixel type and chunks of an array, and a note on those that are not there.

    zarr defines that they count as full of the fill value.
    """
    notes: tuple[str, ...] = ()
    count, there = array.nchunks, array.nchunks_initialized
    if there < count:
        what = f"{count - there} of {count} chunks are not there and count as {array.fill_value}"
        notes = (f"{label}: {what}",)
    return {
        "place": str(array_path.relative_to(path)),
        "sizes": tuple(array.shape),
        "dtype": usable_type(array.dtype, label),
        "chunks": tuple(array.chunks),
        "notes": notes,
    }


def _axes_by_name(image: Path, array: Any) -> tuple[str, tuple[str, ...]]:
    """The axes of an array without OME metadata, by its dimension names, or those that are usual.

    The latter with a note.
    """
    names = getattr(array.metadata, "dimension_names", None)
    names = names or array.attrs.get("_ARRAY_DIMENSIONS") or ()
    if len(names) == array.ndim and all(names):
        return "".join(str(name)[:1] for name in names).upper(), ()
    if array.ndim not in (2, 3):
        what = f"expected stated axes, got an array of {array.ndim} axes that have no names"
        raise InputError(f"{image.name}: {what}; save it as OME-Zarr")
    axes = "ZYX"[-array.ndim :]
    said = f"axes are not stated and are taken as {', '.join(axes.lower())}"
    return axes, (f"{image.name}: {said}",)


def _axes_and_metadata(multiscale: Mapping[str, Any]) -> tuple[str, Metadata]:
    """The axes of an image, and its pixel size."""
    axes: Sequence[Any] = multiscale["axes"]
    names = [str(axis["name"] if isinstance(axis, Mapping) else axis) for axis in axes]

    # A level has a scale, and all levels of the image may have one more.
    factors = np.ones(len(names))
    level = multiscale["datasets"][0].get("coordinateTransformations", ())
    for transform in (*level, *multiscale.get("coordinateTransformations", ())):
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
    """The image in a group that is none itself.

    It may be a series of a conversion, a field of a plate, or a plain array.

    Raises
    ------
    InputError
        If there is none, or a choice to be made.
    """
    found = list(_images_in(path, _DEEPEST))
    if not found:
        what = "there is no image in it"
        raise InputError(f"{path.name}: {what}; give the folder that holds the slices")
    if len(found) > 1:
        names = ", ".join(str(each.relative_to(path)) for each in found[:10])
        more = f" and {len(found) - 10} more" if len(found) > 10 else ""
        what = f"expected one image, got {len(found)}: {names}{more}"
        raise InputError(f"{path.name}: {what}; give one of them, such as {found[0]}")
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
def _array(path: Path, opened: str) -> Any:  # noqa: ARG001 - tells readings apart
    """The array of a reader; its description need not be read again for each slice."""
    return _node(path)


def _tags_in(folder: Path) -> Tags:
    """The microscope's tags of a slice, as ``OmeZarrWriter`` keeps them."""
    if not folder.is_dir():
        return ()
    tags = []
    for code, kept in _node(folder).attrs.get("vendor_tags", {}).items():
        value = str(kept["text"]).encode("latin-1")
        tags.append(Tag(int(code), int(kept["type"]), len(value), value))
    return tuple(tags)
