"""A stack in OME-Zarr (0.4, 0.5), or in a plain zarr array."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from stackmend.elsewhere import Elsewhere
from stackmend.errors import InputError
from stackmend.stacks.arrays import ArrayReader, refuse_shrunk
from stackmend.stacks.axes import stated_axes
from stackmend.stacks.extras import require
from stackmend.stacks.files import NOT_LISTED, within
from stackmend.stacks.interface import Metadata, Pixels, Tag, Tags
from stackmend.stacks.metadata import accepted, size_in
from stackmend.stacks.ome_zarr_chunks import bounds_of, check_chunks, stored_chunks
from stackmend.stacks.ome_zarr_zip import InZip, is_zipped
from stackmend.stacks.pixels import usable_type
from stackmend.stacks.units import is_micro, nanometres

_MARKS = ("zarr.json", ".zgroup", ".zarray", ".zattrs")
_LONGEST = 2**26
"""Bytes of metadata in one file, at the most."""

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
        folder = self.file / self.place
        array = _array(folder, self.opened)
        if isinstance(folder, Elsewhere):
            array.store.bounds = bounds_of(array)  # the store looks at chunks as they come
        else:
            check_chunks(array, folder, self.file, index)
        return np.asarray(array[index])


def recognises(path: Path) -> bool:
    """Whether a folder is zarr, by its name or by what lies in it, or a file is such a folder."""
    if path.is_file():
        return is_zipped(path)
    if not path.is_dir():
        return False
    return path.suffix.casefold() == ".zarr" or any((path / mark).is_file() for mark in _MARKS)


def open_channels(
    path: Path, *, axes: str | None = None, tolerant: bool = False
) -> tuple[ZarrReader, ...]:
    """Readers for the channels of the one image in a zarr folder.

    Raises
    ------
    InputError
        If there is none, or several, or it is not a stack of greyscale slices.
    """
    require("zarr", path.name)
    if path.is_file():
        path = InZip(path.absolute())
    try:
        facts = _facts(path, path, axes)
    except InputError:
        raise
    # Damaged metadata make the library raise anything; to the user it is one thing.
    except Exception as error:
        what = f"is not OME-Zarr that can be read ({type(error).__name__}: {error})"
        raise InputError(f"{path.name}: {what}; check the metadata") from error
    readers = ZarrReader.channels(file=path, **facts)
    # A missing codec shows here rather than in the middle of a run.
    if not tolerant:
        readers[0].read(0)
    return readers


def _facts(path: Path, image: Path, given: str | None) -> dict[str, Any]:
    """What a reader has to know of an image in a folder, or of the only one below it."""
    import zarr

    if isinstance(image, InZip) and not any((image / mark).is_file() for mark in _MARKS):
        return _facts(path, _only_image_in(image), given)
    node = _node(image)
    if isinstance(node, zarr.Array):
        axes, notes = _axes_by_name(image, node, given)
        facts = _array_facts(path, image, node, axes, image.name)
        metadata, more = size_in(node.attrs.asdict(), axes, image.name)
        return facts | {"notes": facts["notes"] + notes + more, "metadata": metadata}
    multiscales = _ome(node).get("multiscales")
    if not multiscales:
        return _facts(path, _only_image_in(image), given)

    # The first level of the first image.
    array_path = within(image / str(multiscales[0]["datasets"][0]["path"]), path, image.name)
    array = _node(array_path)
    axes, metadata, notes = _axes_and_metadata(multiscales[0], image.name)
    axes = stated_axes(image.name, axes, array.shape, given)[0]
    facts = _array_facts(path, array_path, array, axes, image.name)
    facts["notes"] += notes
    if len(multiscales) > 1:
        note = f"{image.name}: the first of {len(multiscales)} images (multiscales) is taken"
        facts["notes"] += (note,)

    # What a viewer is told, and what we have kept beside it.
    channels = _ome(node).get("omero", {}).get("channels", [])
    inverted = bool(channels) and all(channel.get("inverted") for channel in channels)
    own = image / OWN_GROUP
    return facts | {
        "metadata": metadata,
        "photometric": "miniswhite" if inverted else "minisblack",
        "own": str(own.relative_to(path)) if own.is_dir() else "",
    }


def _array_facts(path: Path, array_path: Path, array: Any, axes: str, label: str) -> dict[str, Any]:
    """Place, axes, sizes, pixel type and chunks of an array, and a note on those not there.

    zarr defines that they count as full of the fill value.
    """
    dtype = usable_type(array.dtype, label)
    notes: tuple[str, ...] = ()
    if min(array.chunks, default=1) < 1:
        what = f"states chunks of {' x '.join(map(str, array.chunks))}"
        raise InputError(f"{label}: {what}; copy it again from its source")
    count, there, stored = stored_chunks(array, array_path)
    if there is None:
        notes = (f"{label}: {NOT_LISTED}, and count as {array.fill_value}",)
        there, stored = count, prod(array.chunks) * dtype.itemsize
    if there == 0 and prod(array.shape):
        what = f"none of its {count} chunks is there"
        raise InputError(f"{label}: {what}; was the copy or the acquisition aborted? get it again")
    if there < count:
        what = f"{count - there} of {count} chunks are not there and count as {array.fill_value}"
        notes = (f"{label}: {what}",)
    refuse_shrunk(array.shape, array.chunks, axes, dtype.itemsize, stored, label)
    return {
        "place": str(array_path.relative_to(path)),
        "axes": axes,
        "sizes": tuple(array.shape),
        "dtype": dtype,
        "chunks": tuple(array.chunks),
        "notes": notes,
    }


def _axes_by_name(image: Path, array: Any, given: str | None) -> tuple[str, tuple[str, ...]]:
    """The axes of an array without OME metadata: given, by its dimension names, or the usual ones.

    The latter with a note.
    """
    if given is not None:
        return stated_axes(image.name, "Q" * array.ndim, array.shape, given)[0], ()
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


def _axes_and_metadata(
    multiscale: Mapping[str, Any], label: str
) -> tuple[str, Metadata, tuple[str, ...]]:
    """The axes of an image, and its pixel size with what is to be said of it."""
    axes: Sequence[Any] = multiscale["axes"]
    names = [str(axis["name"] if isinstance(axis, Mapping) else axis) for axis in axes]
    letters = "".join(name.upper() if len(name) == 1 else "?" for name in names)

    # A level has a scale, and all levels of the image may have one more.
    factors = np.ones(len(names))
    level = multiscale["datasets"][0].get("coordinateTransformations", ())
    for transform in (*level, *multiscale.get("coordinateTransformations", ())):
        if transform["type"] == "scale" and "scale" in transform:
            factors = factors * np.asarray(transform["scale"], float)

    sizes: dict[str, float] = {}
    micro = False
    for letter, axis, factor in zip(letters, axes, factors.tolist(), strict=True):
        unit = nanometres(axis.get("unit")) if isinstance(axis, Mapping) else None
        if unit is not None:
            sizes[letter] = factor * unit
            micro = micro or is_micro(str(axis["unit"]))
    stated = [sizes.get(letter) for letter in "ZYX"]
    metadata, notes = accepted(stated, "OME-Zarr", label, unit="um" if micro else "nm")
    return letters, metadata, notes


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

    for mark in _MARKS:
        file = path / mark
        if file.is_file() and file.stat().st_size > _LONGEST:
            what = f"has {file.stat().st_size} bytes of metadata in {mark}"
            raise InputError(f"{path.name}: {what}; check the file")
    if isinstance(path, Elsewhere):
        from stackmend.stacks.ome_zarr_store import PlaceStore

        return zarr.open(PlaceStore(path), mode="r")
    return zarr.open(str(path), mode="r")


@lru_cache(maxsize=16)
def _array(path: Path, opened: str) -> Any:  # noqa: ARG001 - tells readings apart
    """The array of a reader; its description need not be read again for each slice."""
    return _node(path)


def _tags_in(folder: Path) -> Tags:
    """The microscope's tags of a slice, as ``OmeZarrWriter`` keeps them."""
    if not folder.is_dir():
        return ()
    kept = _node(folder).attrs.get("vendor_tags", {})
    # An earlier form of it has each tag once, by its number.
    if isinstance(kept, Mapping):
        kept = [{"code": int(code), **tag} for code, tag in kept.items()]
    tags = []
    for tag in kept:
        value = str(tag["text"]).encode("latin-1")
        length = int(tag.get("count", len(value)))
        tags.append(Tag(int(tag["code"]), int(tag["type"]), length, value))
    return tuple(tags)
