"""Lengths in real units: what a protocol may say in place of a number of pixels.

``40 nm``, ``0.4 um`` and ``3 %`` of the width stand for pixels of a stack whose pixels have a known
size, areas such as ``0.01 um2`` for as many pixels as they have room for. Steps only know pixels.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LENGTH, AREA = "px", "px²"
"""The units of parameters that may be given so."""

PERCENT, PIXELS = "%", "px"
_NM = {"nm": 1.0, "um": 1e3, "µm": 1e3, "μm": 1e3, "mm": 1e6}
_NUMBER = r"(?P<number>[0-9]+\.?[0-9]*|\.[0-9]+)"
_UNITS = {
    LENGTH: rf"(?P<unit>{'|'.join(_NM)}|{PERCENT}|{PIXELS})",
    AREA: rf"(?P<unit>(?:{'|'.join(_NM)})(?:2|²)|{PIXELS}(?:2|²)?)",
}
EXAMPLES = {
    LENGTH: "a length such as 200 nm, 0.2 um, or 3 % of the width",
    AREA: "an area such as 2000 nm2 or 0.01 um2",
}
SQUARE = 0.01
"""How much the sides of a pixel may differ, and it still counts as a square."""


@dataclass(frozen=True)
class Length:
    """A length or an area as it was written: so many of a unit."""

    number: float
    unit: str

    def __str__(self) -> str:
        return f"{self.number:.12g} {self.unit}"


@dataclass(frozen=True)
class PixelGrid:
    """What lengths are measured in: the sides of a pixel in nm, and the width of a slice in px.

    ``why`` goes on from "the size of a pixel", where that is not known.
    """

    y: float | None
    x: float | None
    width: int
    why: str = "which is not known"

    @property
    def is_square(self) -> bool:
        """Whether a pixel is as high as wide, as far as that is known."""
        return not self.y or not self.x or abs(math.log(self.y / self.x)) <= SQUARE

    def nm(self, unit: str, axis: str = "") -> float | None:
        """How many nm (or nm²) a pixel is, for parameters of this unit.

        Along an axis, it is the side there; else the geometric mean of both; of an area, their
        product.
        """
        if axis:
            return self.x if axis == "x" else self.y
        if self.y is None or self.x is None:
            return None
        return self.y * self.x if unit == AREA else math.sqrt(self.y * self.x)

    def text(self, pixels: Any, declared: Mapping[str, Any]) -> str | None:
        """A value in nm or um (of areas, their squares), where its schema and the grid allow it."""
        if not may_be_length(declared) or pixels is None:
            return None
        unit = declared["unit"]
        nm = self.nm(unit, declared.get("axis", ""))
        if nm is None:
            return None
        square = "2" if unit == AREA else ""
        size, large = pixels * nm, 1e6 if square else 1e3
        return f"{size / large:.4g} um{square}" if size >= large else f"{size:.4g} nm{square}"


def may_be_length(declared: Mapping[str, Any]) -> bool:
    """Whether a parameter may be given as a length (or an area), by its schema."""
    return declared.get("unit") in _UNITS and declared.get("type") in ("number", "integer")


def with_lengths(declared: Mapping[str, Any], unit: str = "") -> dict[str, Any]:
    """The schema of a value that is a number of pixels, with lengths allowed in its place.

    Of a list of numbers, each may be a length. All others stay as they are.
    """
    declared = dict(declared)
    items = declared.get("items")
    if declared.get("type") == "array" and isinstance(items, Mapping):
        return {**declared, "items": with_lengths(items, declared.get("unit", ""))}
    declared_unit = unit or declared.get("unit", "")
    if not may_be_length({**declared, "unit": declared_unit}):
        return declared
    text = {
        "pattern": f"^{pattern_of(declared_unit)}$",
        "lengths": EXAMPLES[declared_unit],
        "errorMessage": declared.get("errorMessage", f"must be a number of {declared_unit}"),
    }
    described = ("description", "unit", "default")
    said: dict[str, Any] = {key: declared[key] for key in described if key in declared}
    return {**said, "if": {"type": "string"}, "then": text, "else": declared}


def pattern_of(unit: str) -> str:
    """What such a text looks like, as a regular expression of JSON Schema."""
    return re.sub(r"\?P<\w+>", "?:", rf"{_NUMBER}\s*{_UNITS[unit]}")


def as_length(value: Any, unit: str | None) -> Any:
    """A value as it was written, as a ``Length`` where it is one; a list of them likewise."""
    if isinstance(value, list):
        return [as_length(each, unit) for each in value]
    if not isinstance(value, str) or unit not in _UNITS:
        return value
    found = re.fullmatch(rf"{_NUMBER}\s*{_UNITS[unit]}", value)
    return Length(float(found["number"]), found["unit"]) if found else value


def has_length(value: Any) -> bool:
    """Whether a value is a length still, or holds one."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return any(has_length(each) for each in value)
    return isinstance(value, Length)


def in_pixels(value: Any, declared: Mapping[str, Any], grid: PixelGrid) -> Any:
    """A value with pixels for each length in it; whole ones where these are declared.

    Raises
    ------
    ValueError
        If the size of a pixel is needed, and not known.
    """
    if isinstance(value, list):
        items = {**declared.get("items", {}), "unit": declared.get("unit")}
        return [in_pixels(each, items, grid) for each in value]
    if not isinstance(value, Length):
        return value
    pixels = _pixels(value, str(declared["unit"]), declared.get("axis", ""), grid)
    if declared.get("type") == "integer":
        return round(pixels)
    rounded = float(f"{pixels:.12g}")
    return int(rounded) if rounded.is_integer() else rounded


def _pixels(length: Length, unit: str, axis: str, grid: PixelGrid) -> float:
    if length.unit == PERCENT:
        return length.number / 100 * grid.width
    if length.unit.startswith(PIXELS):
        return length.number
    size = grid.nm(unit, axis)
    if size is None:
        raise ValueError
    of_unit = _NM[length.unit.rstrip("2²")]
    return length.number * (of_unit**2 if unit == AREA else of_unit) / size


def texts(value: Any) -> Iterator[str]:
    """What a person has written for each length in a value."""
    if isinstance(value, Length):
        yield str(value)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for each in value:
            yield from texts(each)


def measure(value: Any) -> tuple[float, str] | None:
    """A number or a length as it was written, as number and unit; ``None`` for anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value), PIXELS
    for unit in _UNITS:
        length = as_length(value, unit)
        if isinstance(length, Length):
            return length.number, length.unit
    return None
