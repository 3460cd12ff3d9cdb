"""What a TIFF page says beside its pixels: the size of a pixel, by several conventions, and the microscope's own tags.

The first convention that says something wins, each axis by itself: Thermo/FEI, Zeiss, ImageJ, OME-XML, resolution tags.
What cannot be understood counts as unknown; a stack is never refused for it.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

_FEI, _ZEISS = (34680, 34682), 34118
VENDOR_TAGS = (_ZEISS, *_FEI, 34683, 51023)
"""Zeiss SmartSEM, two of FEI/Thermo Fisher, the latter's XML, Fibics/Zeiss Atlas."""

_BYTES = (1, 2, 6, 7)  # types of one byte each: the same in either byte order
_ORDINARY, _X, _Y, _UNIT = 270, 282, 283, 296
_PRINTED = 10_000.0
"""Pixel size in nm above which a resolution tag is meant for printing (254 dpi) and not for an electron microscope."""

_NM = {
    "pm": 1e-3,
    "å": 0.1,
    "angstrom": 0.1,
    "nm": 1.0,
    "nanometer": 1.0,
    "um": 1e3,
    "micron": 1e3,
    "microns": 1e3,
}
_NM |= {
    "picometer": 1e-3,
    "millimeter": 1e6,
    "centimeter": 1e7,
    "micrometer": 1e3,
    "mm": 1e6,
    "cm": 1e7,
    "inch": 2.54e7,
    "in": 2.54e7,
    "m": 1e9,
    "meter": 1e9,
}
_PER_UNIT = {2: 2.54e7, 3: 1e7}

Size = tuple[float | None, float | None, float | None]
UNKNOWN: Size = (None, None, None)


class Tag(NamedTuple):
    """A TIFF tag as it stands in the file."""

    code: int
    dtype: int
    length: int
    value: bytes


@dataclass(frozen=True)
class Metadata:
    """Pixel size in nm, ``(z, y, x)`` with ``None`` where it is unknown, who says so, and the vendor's tags."""

    pixel_size: Size = UNKNOWN
    source: str | None = None
    tags: tuple[Tag, ...] = ()

    def __str__(self) -> str:
        known = [f"{size:g}" for size in self.pixel_size if size is not None]
        return f"{' x '.join(known)} nm" if known else "of unknown pixel size"


NOTHING = Metadata()
"""What is known of a stack that says nothing."""


def metadata_of(page: Any) -> Metadata:
    """What a page says."""
    tags = vendor_tags(page)
    size, sources = list(UNKNOWN), dict.fromkeys(range(3), "")
    for source, read in _CONVENTIONS.items():
        for axis, value in enumerate(
            read(page, {tag.code: tag.value.decode("latin-1") for tag in tags})
        ):
            if size[axis] is None and value is not None:
                size[axis], sources[axis] = float(f"{value:.9g}"), source
    across = sources[2] or sources[1]
    other = sources[0] if sources[0] != across else ""
    source = f"{across}, z: {other}" if across and other else across or other
    return Metadata((size[0], size[1], size[2]), source or None, tags)


def tiff_options(
    metadata: Metadata, *, count: int = 1, channels: int = 1, block: bool = True
) -> dict[str, Any]:
    """The metadata as arguments of tifffile's writers, for ``count`` slices of some channels in one file.

    Parameters
    ----------
    block
        Whether the pixels of all slices lie in one block. ImageJ takes that for granted where the number of images is
        given, and otherwise looks at the header of each page.

    Sizes are written per cm, and the description, in ImageJ's convention, says cm as well: so all readers agree.
    """
    z, y, x = metadata.pixel_size
    options: dict[str, Any] = {
        "metadata": None,
        "extratags": [(*tag, True) for tag in metadata.tags],
    }
    known = [size for size in (y, x) if size is not None and size > 0.01]
    if known:
        options |= {
            "resolution": (1e7 / (x or known[0]), 1e7 / (y or known[0])),
            "resolutionunit": 3,
        }
    lines = ["ImageJ=1.11a"]
    if count * channels > 1 and block:
        lines.append(f"images={count * channels}")
    if channels > 1:
        lines += [f"channels={channels}", "hyperstack=true", "mode=grayscale"]
    if count > 1:
        lines.append(f"slices={count}")
    if known:
        lines.append("unit=cm")
        if z is not None:
            lines.append(f"spacing={z / 1e7!r}")
    if len(lines) > (2 if known else 1):
        options["description"] = "\n".join([*lines, "loop=false", ""])
    return options


def vendor_tags(page: Any) -> tuple[Tag, ...]:
    """The microscope's tags of a page, as bytes of the file."""
    tags = getattr(page, "tags", {})
    found = (tags.get(code) for code in VENDOR_TAGS)
    return tuple(
        _as_stored(tag, page.parent.filehandle) for tag in found if tag and int(tag.dtype) in _BYTES
    )


def _as_stored(tag: Any, file: Any) -> Tag:
    file.seek(tag.valueoffset)
    return Tag(int(tag.code), int(tag.dtype), int(tag.count), file.read(int(tag.count)))


def _fei(page: Any, texts: Mapping[int, str]) -> Size:
    for code in _FEI:
        sections = _sections(texts.get(code, ""))
        for name in ("scan", "escan", "iscan"):
            keys = sections.get(name, {})
            x, y = _number(keys.get("pixelwidth"), 1e9), _number(keys.get("pixelheight"), 1e9)
            if x is None and (field := _number(keys.get("horfieldsize"), 1e9)):
                x = field / (
                    _number(sections.get("image", {}).get("resolutionx")) or page.shape[-1]
                )
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
    """The size of a pixel of the image; where only that of the display is given, 1024 pixels wide, by the width."""
    text = texts.get(_ZEISS, "")
    size = _quantity(text, r"AP_IMAGE_PIXEL_SIZE")
    if size is None:
        lines = text.splitlines()
        # The fourth line has in m, in full precision, what AP_PIXEL_SIZE has rounded.
        shown = _number(lines[3] if len(lines) > 3 else None, 1e9) or _quantity(
            text, r"AP_PIXEL_SIZE"
        )
        size = shown * 1024 / page.shape[-1] if shown and page.shape[-1] else None
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
    z, y, x = (
        _number(
            given.get(f"PhysicalSize{axis}"), nanometres(given.get(f"PhysicalSize{axis}Unit", "um"))
        )
        for axis in "ZYX"
    )
    return z, y, x


def _resolution(page: Any, _: Mapping[int, str]) -> Size:
    tag = getattr(page, "tags", {}).get(_UNIT)
    unit = _PER_UNIT.get(int(tag.value)) if tag is not None and isinstance(tag.value, int) else None
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
    tag = getattr(page, "tags", {}).get(_ORDINARY)
    value = tag.value if tag is not None else ""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _per_pixel(page: Any, code: int, unit: float | None) -> float | None:
    """The size of a pixel, from so many pixels a unit of length."""
    tag = getattr(page, "tags", {}).get(code)
    value = tag.value if tag is not None else None
    if unit is None or not isinstance(value, tuple) or len(value) != 2 or not all(value):
        return None
    return unit * float(value[1]) / float(value[0])


def _number(text: str | None, unit: float | None = 1.0) -> float | None:
    """A number above zero, in nm, or nothing."""
    try:
        value = float(text or "") * (unit or math.nan)
    except ValueError:
        return None
    return value if 0 < value < math.inf else None


def nanometres(unit: str | None) -> float | None:
    """How many nm a unit of length is; micro has two signs, and ImageJ writes one of them as an escape."""
    plain = (unit or "").strip().casefold().replace("\\u00b5", "u")
    return _NM.get(plain.replace("\N{MICRO SIGN}", "u").replace("\N{GREEK SMALL LETTER MU}", "u"))
