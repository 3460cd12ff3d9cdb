"""What a TIFF page says beside its pixels: the size of a pixel, and the microscope's own tags.

The size is given by several conventions. The first that says something wins, each axis by itself:
Thermo/FEI, Zeiss, ImageJ, OME-XML, resolution tags. What cannot be understood counts as unknown; a
stack is never refused for it. Of the microscope's tags, which are copied as they are, the text is
read here: tifffile would read each tag a second time to parse all of it, which takes twice as long,
and would write to the terminal what it does not understand.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from stackmend.stacks.interface import UNKNOWN, Metadata, Size, Tag, Tags
from stackmend.stacks.units import nanometres

_FEI, _ZEISS = (34680, 34682), 34118
VENDOR_TAGS = (_ZEISS, *_FEI, 34683, 51023)
"""Zeiss SmartSEM, two of FEI/Thermo Fisher, the latter's XML, Fibics/Zeiss Atlas."""

_BYTES = (1, 2, 6, 7)  # types of one byte each: the same in either byte order
_DESCRIPTION, _X, _Y, _UNIT = 270, 282, 283, 296
_PER_UNIT = {2: 2.54e7, 3: 1e7}

_PRINTED = 10_000.0
"""Pixel size in nm above which a resolution tag is meant for printing (254 dpi)."""


def vendor_tags(page: Any) -> Tags:
    """The microscope's tags of a page, as bytes of the file."""
    found = (_tags_in(page).get(code) for code in VENDOR_TAGS)
    file = page.parent.filehandle
    return tuple(_raw_tag(tag, file) for tag in found if tag and int(tag.dtype) in _BYTES)


def _raw_tag(tag: Any, file: Any) -> Tag:
    file.seek(tag.valueoffset)
    return Tag(int(tag.code), int(tag.dtype), int(tag.count), file.read(int(tag.count)))


def metadata_of(page: Any, tags: Tags) -> Metadata:
    """The size of a pixel as a page says it, given the microscope's tags of that page."""
    texts = {tag.code: tag.value.decode("latin-1") for tag in tags}

    # Each axis by the first convention that has it.
    size: list[float | None] = list(UNKNOWN)
    sources = ["", "", ""]
    for source, read in _CONVENTIONS.items():
        for axis, value in enumerate(read(page, texts)):
            if size[axis] is None and value is not None:
                size[axis], sources[axis] = float(f"{value:.9g}"), source

    # Who says so; in one word where all axes come from one source.
    across = sources[2] or sources[1]
    other = sources[0] if sources[0] != across else ""
    said = f"{across}, z: {other}" if across and other else across or other
    return Metadata((size[0], size[1], size[2]), said or None)


def _fei(page: Any, texts: Mapping[int, str]) -> Size:
    """The size of a pixel, or the width of the field of view over that of the image."""
    for code in _FEI:
        sections = _sections(texts.get(code, ""))
        for name in ("scan", "escan", "iscan"):
            keys = sections.get(name, {})
            x, y = _number(keys.get("pixelwidth"), 1e9), _number(keys.get("pixelheight"), 1e9)
            field = _number(keys.get("horfieldsize"), 1e9)
            if x is None and field is not None:
                width = _number(sections.get("image", {}).get("resolutionx"))
                x = field / (width or page.shape[-1])
            if x is not None or y is not None:
                return None, y or x, x or y
    return UNKNOWN


def _sections(text: str) -> dict[str, dict[str, str]]:
    """The sections of INI text; names and keys in lower case."""
    sections: dict[str, dict[str, str]] = {}
    keys: dict[str, str] = {}
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            keys = sections.setdefault(line[1:-1].strip().casefold(), {})
        elif "=" in line:
            key, _, value = line.partition("=")
            keys[key.strip().casefold()] = value.strip()
    return sections


def _zeiss(page: Any, texts: Mapping[int, str]) -> Size:
    """The size of a pixel of the image, or of one of the display, which is 1024 pixels wide."""
    text = texts.get(_ZEISS, "")
    size = _quantity(text, "AP_IMAGE_PIXEL_SIZE")
    if size is None:
        # The fourth line has in m, in full precision, what AP_PIXEL_SIZE has rounded.
        fourth = "".join(text.splitlines()[3:4])
        displayed = _number(fourth, 1e9) or _quantity(text, "AP_PIXEL_SIZE")
        width = page.shape[-1]
        size = displayed * 1024 / width if displayed and width else None
    return None, size, size


def _quantity(text: str, key: str) -> float | None:
    found = re.search(rf"^{key}\s*\n[^\n=]*=\s*([-+.\deE]+)\s*(\S+)\s*$", text, re.MULTILINE)
    return _number(found[1], nanometres(found[2])) if found else None


def _imagej(page: Any, _: Mapping[int, str]) -> Size:
    text = _description(page)
    if not text.startswith("ImageJ="):
        return UNKNOWN
    given = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    unit = given.get("unit")
    z = _number(given.get("spacing", "").lstrip("-"), nanometres(given.get("zunit", unit)))
    x = _per_pixel(page, _X, nanometres(unit))
    y = _per_pixel(page, _Y, nanometres(given.get("yunit", unit)))
    return z, y or x, x or y


def _ome(page: Any, _: Mapping[int, str]) -> Size:
    text = _description(page)
    element = re.search(r"<(?:\w+:)?Pixels\b[^>]*>", text) if "<" in text[:200] else None
    if element is None:
        return UNKNOWN
    given = {
        name: html.unescape(value)
        for name, value in re.findall(r"(\w+)\s*=\s*[\"']([^\"']*)[\"']", element[0])
    }
    units = (nanometres(given.get(f"PhysicalSize{axis}Unit", "um")) for axis in "ZYX")
    sizes = (given.get(f"PhysicalSize{axis}") for axis in "ZYX")
    z, y, x = (_number(size, unit) for size, unit in zip(sizes, units, strict=True))
    return z, y, x


def _resolution(page: Any, _: Mapping[int, str]) -> Size:
    value = _value_of(page, _UNIT)
    unit = _PER_UNIT.get(int(value)) if isinstance(value, int) else None
    sizes = [_per_pixel(page, code, unit) for code in (_Y, _X)]
    y, x = (size if size is not None and size <= _PRINTED else None for size in sizes)
    return None, y or x, x or y


_CONVENTIONS: dict[str, Callable[[Any, Mapping[int, str]], Size]] = {
    "FEI": _fei,
    "Zeiss": _zeiss,
    "ImageJ": _imagej,
    "OME": _ome,
    "resolution tag": _resolution,
}


def _description(page: Any) -> str:
    value = _value_of(page, _DESCRIPTION) or ""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _per_pixel(page: Any, code: int, unit: float | None) -> float | None:
    """The size of a pixel, from so many pixels a unit of length."""
    value = _value_of(page, code)
    if unit is None or not isinstance(value, tuple) or len(value) != 2 or not all(value):
        return None
    return unit * float(value[1]) / float(value[0])


def _value_of(page: Any, code: int) -> Any:
    tag = _tags_in(page).get(code)
    return None if tag is None else tag.value


def _tags_in(page: Any) -> Mapping[int, Any]:
    """The tags of a page; the library has pages without any, where it only counts them."""
    tags: Mapping[int, Any] = getattr(page, "tags", {})
    return tags


def _number(text: str | None, unit: float | None = 1.0) -> float | None:
    """A number above zero, in nm, or nothing."""
    try:
        value = float(text or "") * (unit or math.nan)
    except ValueError:
        return None
    return value if 0 < value < math.inf else None
