"""What a TIFF page says beside its pixels: the size of a pixel, and rows that show no specimen.

The size is given by several conventions. The first that says something that can be wins, each axis
by itself: microscopes, ImageJ, OME-XML, resolution tags. One axis is taken for the other only where
nothing is said of that one. A stack is never refused for any of it.
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from stackmend.stacks.interface import NOTHING, UNKNOWN, Metadata, Size
from stackmend.stacks.metadata import accepted, can_be, refusal
from stackmend.stacks.tiff.descriptions import imagej_pairs, ome_pixels
from stackmend.stacks.tiff.headers import Header
from stackmend.stacks.tiff.tags import DESCRIPTION, UNIT, X_RESOLUTION, Y_RESOLUTION
from stackmend.stacks.tiff.vendors import VENDORS, number
from stackmend.stacks.units import is_micro, nanometres

_PER_UNIT = {2: 2.54e7, 3: 1e7}

_PRINTED = 10_000.0
"""Pixel size in nm above which a resolution tag is meant for printing (254 dpi)."""


class Described(NamedTuple):
    """What a page says: pixel size, rows at the bottom that show no specimen, and what is odd."""

    metadata: Metadata = NOTHING
    bar: int = 0
    notes: tuple[str, ...] = ()


class _Found(NamedTuple):
    source: str
    size: Size
    unit: str = "nm"


def described(header: Header, file: Path, label: str) -> Described:
    """What a page says beside its pixels.

    Parameters
    ----------
    file
        The one it stands in, beside which some programs write more.
    label
        For notes.
    """
    found, bar = [], 0
    for source, look in VENDORS.items():
        for said in look(header, file):
            found.append(_Found(source, (None, said.y, said.x)))
            bar = bar or said.bar
    found += [each for look in (_imagej, _ome, _resolution) for each in look(header)]

    # Each axis by the first that says something that can be.
    size: list[float | None] = list(UNKNOWN)
    sources, notes, unit = ["", "", ""], [], "nm"
    for each in found:
        for axis, value in enumerate(each.size):
            if size[axis] is None and can_be(value):
                size[axis], sources[axis] = value, each.source
                unit = each.unit if axis else unit
            elif size[axis] is None and value is not None:
                notes.append(refusal(label, "zyx"[axis], value, each.source))

    # Who says so; in one word where all axes come from one source.
    across = sources[2] or sources[1]
    other = sources[0] if sources[0] != across else ""
    said_by = f"{across}, z: {other}" if across and other else across or other
    metadata, _ = accepted(size, said_by, label, unit=unit)
    return Described(metadata, bar, tuple(dict.fromkeys(notes)))


def _imagej(header: Header) -> Iterator[_Found]:
    pairs = imagej_pairs(header.texts(DESCRIPTION))
    if pairs is None:
        return
    unit = pairs.get("unit")
    z = number(pairs.get("spacing", "").lstrip("-"), nanometres(pairs.get("zunit", unit)))
    x = _per_pixel(header, X_RESOLUTION, nanometres(unit))
    y = _per_pixel(header, Y_RESOLUTION, nanometres(pairs.get("yunit", unit)))
    yield _Found("ImageJ", (_positive(z), *_both(header, y, x)), "um" if is_micro(unit) else "nm")


def _positive(value: float | None) -> float | None:
    """A number that is not zero or none: ImageJ writes these for what it does not know."""
    return value if value else None


def _ome(header: Header) -> Iterator[_Found]:
    pixels = ome_pixels(header.texts(DESCRIPTION))
    if pixels is None:
        return
    sizes, unit = [], "nm"
    for axis in "ZYX":
        stated = html.unescape(pixels.get(f"PhysicalSize{axis}Unit", "um"))
        sizes.append(
            number(html.unescape(pixels.get(f"PhysicalSize{axis}", "")), nanometres(stated))
        )
        unit = "um" if sizes[-1] and is_micro(stated) else unit
    yield _Found("OME", (sizes[0], sizes[1], sizes[2]), unit)


def _resolution(header: Header) -> Iterator[_Found]:
    unit = _PER_UNIT.get(header.number_of(UNIT, 2)) if UNIT in header else None
    if imagej_pairs(header.texts(DESCRIPTION)) is not None and unit is None:
        return
    y, x = (_per_pixel(header, code, unit) for code in (Y_RESOLUTION, X_RESOLUTION))
    known = [size if size is not None and size <= _PRINTED else None for size in (y, x)]
    yield _Found("resolution tag", (None, *_both(header, *known)), "cm")


def _both(header: Header, y: float | None, x: float | None) -> tuple[float | None, float | None]:
    """One size for both axes, where nothing is said of the other."""
    above = x if y is None and Y_RESOLUTION not in header else y
    return above, y if x is None and X_RESOLUTION not in header else x


def _per_pixel(header: Header, code: int, unit: float | None) -> float | None:
    """The size of a pixel, from so many pixels a unit of length."""
    value = header.fraction(code)
    if unit is None or value is None or not all(value):
        return None
    return unit * value[1] / value[0]
