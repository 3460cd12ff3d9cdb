"""Which sizes of a pixel can be: one place for all that a file or a person may say of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from stackmend.stacks.interface import NOTHING, Metadata
from stackmend.stacks.units import is_micro, nanometres

LEAST, MOST = 1e-3, 1e9
"""The smallest and the largest size of a pixel that is believed, in nm: below an atom, a metre."""

Stated = Sequence[float | None]
"""Sizes in nm, z, y, x, as they were found; ``None`` where nothing is said."""


def can_be(size: float | None) -> bool:
    """Whether this is the size of a pixel, in nm."""
    return size is not None and LEAST <= size <= MOST


def accepted(
    sizes: Stated, source: str, label: str, *, unit: str = "nm"
) -> tuple[Metadata, tuple[str, ...]]:
    """The sizes that can be, with 9 digits, and a note on each that cannot.

    Parameters
    ----------
    sizes
        In nm.
    source, label
        Who says so, and of which stack.
    unit : {'nm', 'um'}
        In which they were given.
    """
    kept: list[float | None] = []
    notes = []
    for axis, size in zip("zyx", sizes, strict=True):
        kept.append(float(f"{size:.9g}") if size is not None and can_be(size) else None)
        if size is not None and not can_be(size):
            notes.append(refusal(label, axis, size, source))
    if not any(kept):
        return NOTHING, tuple(notes)
    return Metadata((kept[0], kept[1], kept[2]), source, unit), tuple(notes)


def refusal(label: str, axis: str, size: float, source: str) -> str:
    """What to say of a size that cannot be."""
    return f"{label}: a pixel size of {size:g} nm along {axis} ({source}) cannot be: it is unknown"


class _Named(NamedTuple):
    """Sizes by the letters of their axes, in nm, and in which unit they were given."""

    source: str
    sizes: Mapping[str, float]
    unit: str = "nm"
    assumed: bool = False


def size_in(
    attributes: Mapping[str, Any], axes: str, label: str
) -> tuple[Metadata, tuple[str, ...]]:
    """The size of a pixel in the attributes of an array, as programs of the field write it.

    Parameters
    ----------
    axes
        One upper-case letter for each axis of the array.
    """
    notes: tuple[str, ...] = ()
    for found in _named(attributes, axes):
        stated = [found.sizes.get(axis) for axis in "ZYX"]
        metadata, refused = accepted(stated, found.source, label, unit=found.unit)
        notes += refused
        if metadata.source is None:
            continue
        if found.assumed:
            what = f"the size of a pixel ({found.source}) has no unit and is taken as nm"
            notes += (f"{label}: {what}; say input.pixel_size if it is another",)
        return metadata, notes
    return NOTHING, notes


def _named(attributes: Mapping[str, Any], axes: str) -> Iterator[_Named]:
    """Every statement in the attributes, in the order in which they are believed."""
    # Programs around ilastik and Fiji: um, always z, y, x; 0 where it is not known.
    sizes = _numbers(attributes.get("element_size_um"))
    if len(sizes) == 3:
        known = {axis: size * 1e3 for axis, size in zip("ZYX", sizes, strict=True) if size}
        yield _Named("HDF5", known, "um")

    # N5: x, y, z, with a unit.
    size = _mapping(attributes.get("pixelResolution"))
    if size or "pixelResolution" in attributes:
        unit = size.get("unit", "um") if size else "um"
        sizes = _numbers(size.get("dimensions") if size else attributes["pixelResolution"])
        yield _lengths("pixelResolution", "XYZ", sizes, [unit] * 3)

    # N5 of the COSEM project: by the names of the axes.
    size = _mapping(attributes.get("transform"))
    letters, units = (size.get(name) for name in ("axes", "units"))
    if isinstance(letters, list) and isinstance(units, list):
        order = "".join(str(letter)[:1].upper() for letter in letters)
        yield _lengths("transform", order, _numbers(size.get("scale")), units)

    # CREMI and others: in the order of the axes, most often nm.
    space = "".join(axis for axis in axes if axis in "ZYX")
    for name in ("resolution", "voxel_size"):
        sizes = _numbers(attributes.get(name))
        if len(sizes) in (len(space), len(axes)) and sizes:
            order = space if len(sizes) == len(space) else axes
            stated = attributes.get("units", attributes.get("unit"))
            units = [_text(stated)] * len(sizes)
            if isinstance(stated, list | tuple | np.ndarray) and len(stated) == len(sizes):
                units = [_text(each) for each in stated]
            yield _lengths(name, order, sizes, units)
    yield from _in_axistags(attributes)
    yield from _in_imaris(_mapping(attributes.get("imaris")))


def _lengths(source: str, axes: str, sizes: Sequence[float], units: Sequence[Any]) -> _Named:
    known: dict[str, float] = {}
    for axis, size, unit in zip(axes, sizes, units, strict=False):
        length = nanometres(str(unit)) if unit else 1.0
        if length is not None:
            known[axis] = size * length
    micro = any(unit and is_micro(str(unit)) for unit in units)
    return _Named(source, known, "um" if micro else "nm", not any(units))


def _in_axistags(attributes: Mapping[str, Any]) -> Iterator[_Named]:
    """Axes as ilastik writes them: each with a resolution, 0 where it is not known."""
    tags, units = (_mapping(attributes.get(name)) for name in ("axistags", "axis_units"))
    axes, sizes, lengths = "", [], []
    for axis in tags.get("axes", ()) if isinstance(tags.get("axes"), list) else ():
        (size,) = _numbers(axis.get("resolution")) or (0.0,) if isinstance(axis, dict) else (0.0,)
        if size:
            key = str(axis.get("key", "?"))
            axes += key[:1].upper()
            sizes.append(size)
            lengths.append(units.get(key) or axis.get("unit"))
    if axes:
        yield _lengths("axistags", axes, sizes, lengths)


def _in_imaris(image: Mapping[str, Any]) -> Iterator[_Named]:
    """The extent of an Imaris image over the number of its pixels, by letters in lists."""
    sizes = []
    for number, axis in enumerate("XYZ"):
        first, last, count = (
            _numbers(_text(image.get(name)))
            for name in (f"ExtMin{number}", f"ExtMax{number}", axis)
        )
        if not (first and last and count and count[0]):
            return
        sizes.append((last[0] - first[0]) / count[0])
    unit = _text(image.get("Unit")) or "um"
    yield _lengths("Imaris", "XYZ", sizes, [unit] * 3)


def _mapping(value: Any) -> Mapping[str, Any]:
    """A mapping, also one that is written as JSON."""
    if isinstance(value, str | bytes):
        try:
            value = json.loads(value)
        # Text that is no JSON, and brackets without end.
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    """Text, also where it is an array of letters."""
    if isinstance(value, np.ndarray) and value.dtype.kind == "S":
        return b"".join(value.ravel().tolist()).decode("utf-8", "replace")
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return "" if value is None else str(value)


def _numbers(value: Any) -> list[float]:
    """Numbers, none of what are none."""
    if value is None or isinstance(value, Mapping | bool):
        return []
    try:
        found: list[float] = np.asarray(value, float).ravel().tolist()
    except (TypeError, ValueError, OverflowError):
        return []
    return found
