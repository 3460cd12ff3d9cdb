"""What microscopes and their programs say of a picture, in tags or in a file beside it.

Each reading finds the sizes of a pixel in nm, y and x, and how many rows at the bottom show no
specimen but a bar with data; ``None`` and 0 where it says nothing. Numbers are taken as they stand:
whether they can be is judged elsewhere.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from stackmend.stacks.tiff.headers import Header
from stackmend.stacks.units import nanometres

_FEI, _ZEISS, _XML, _TESCAN, _FIBICS, _DM = (34680, 34682), 34118, 34683, 50431, 51023, 65003
_LONGEST = 2**20
"""Bytes of a file beside the picture that are looked at."""


class Said(NamedTuple):
    """Sizes of a pixel in nm, and rows of a data bar."""

    y: float | None = None
    x: float | None = None
    bar: int = 0


def number(text: str | None, unit: float | None = 1.0) -> float | None:
    """A number times its unit; ``None`` for what is no number."""
    try:
        return float(text or "") * (unit or math.nan)
    except ValueError:
        return None


def sections_of(text: str) -> dict[str, dict[str, str]]:
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


def _texts(header: Header, *codes: int) -> Iterator[str]:
    for code in codes:
        yield from header.texts(code)


def _fei(header: Header, _: Path) -> Iterator[Said]:
    """The size of a pixel, or the width of the field of view over that of the image."""
    for text in _texts(header, *_FEI):
        sections = sections_of(text)
        image = sections.get("image", {})
        width, height = header.number_of(256, 0), header.number_of(257, 0)
        rows = number(image.get("resolutiony")) or 0
        wide = number(image.get("resolutionx")) in (None, width)
        yield Said(bar=height - int(rows) if wide and 0 < rows < height else 0)
        for name in ("scan", "escan", "iscan"):
            keys = sections.get(name, {})
            x, y = number(keys.get("pixelwidth"), 1e9), number(keys.get("pixelheight"), 1e9)
            field = number(keys.get("horfieldsize"), 1e9)
            if x is None and field is not None and not keys.get("pixelwidth"):
                x = field / (number(image.get("resolutionx")) or width or 1)
            yield Said(*_filled(y, x, keys, "pixelheight", "pixelwidth"))


def _filled(
    y: float | None, x: float | None, keys: Mapping[str, str], of_y: str, of_x: str
) -> tuple[float | None, float | None]:
    """One size for both axes, where nothing at all is said of the other."""
    return (x if not keys.get(of_y) else y), (y if x is None and not keys.get(of_x) else x)


def _zeiss(header: Header, _: Path) -> Iterator[Said]:
    """The size of a pixel of the image, or of one of the display, which is 1024 pixels wide."""
    for text in _texts(header, _ZEISS):
        size = _quantity(text, "AP_IMAGE_PIXEL_SIZE")
        if size is None:
            # The fourth line has in m, in full precision, what AP_PIXEL_SIZE has rounded.
            fourth = "".join(text.splitlines()[3:4])
            displayed = number(fourth, 1e9) or _quantity(text, "AP_PIXEL_SIZE")
            width = header.number_of(256, 0)
            size = displayed * 1024 / width if displayed and width else None
        yield Said(size, size)


def _quantity(text: str, key: str) -> float | None:
    found = re.search(rf"^{key}\s*\n[^\n=]*=\s*([-+.\deE]+)\s*(\S+)\s*$", text, re.MULTILINE)
    return number(found[1], nanometres(found[2])) if found else None


def _tescan(header: Header, file: Path) -> Iterator[Said]:
    """Metres, in a tag or in the file that older programs leave beside the picture."""
    beside = _beside(file, f"{file.stem}-{file.suffix[1:]}.hdr", f"{file.stem}.hdr")
    for text in (*_texts(header, _TESCAN), *beside):
        # The tag begins with bytes of its own before the first section.
        keys = sections_of(text[max(text.find("[MAIN]"), 0) :]).get("main", {})
        y, x = number(keys.get("pixelsizey"), 1e9), number(keys.get("pixelsizex"), 1e9)
        strip = number(keys.get("imagestripsize")) or 0
        bar = int(strip) if 0 < strip < header.number_of(257, 0) else 0
        yield Said(*_filled(y, x, keys, "pixelsizey", "pixelsizex"), bar)


def _xml(header: Header, _: Path) -> Iterator[Said]:
    """Phenom has ``pixelWidth``, Thermo Fisher ``PixelSize`` with X and Y; both state the unit."""
    for text in _texts(header, _XML):
        inner = re.search(r"<PixelSize>(.*?)</PixelSize>", text, re.DOTALL)
        x, y = _element(text, "pixelWidth"), _element(text, "pixelHeight")
        if inner:
            x, y = _element(inner[1], "X"), _element(inner[1], "Y")
        elif "<pixelHeight" not in text:
            y = x
        bar = re.search(r"<databarHeight>\s*(\d{1,6})\s*<", text)
        rows = int(bar[1]) if bar else 0
        yield Said(y, x, rows if rows < header.number_of(257, 0) else 0)


def _element(text: str, name: str) -> float | None:
    found = re.search(rf"<{name}\b[^>]*?\bunit=\"([^\"]*)\"[^>]*>([^<]*)<", text)
    return number(found[2], nanometres(found[1])) if found else None


def _fibics(header: Header, _: Path) -> Iterator[Said]:
    """Vectors of a step along x (``Ux``, ``Uy``) and along y (``Vx``, ``Vy``), in um."""
    for text in _texts(header, _FIBICS):
        scan = re.search(r"<Scan\b[^>]*>(.*?)</Scan>", text, re.DOTALL)
        sizes: dict[str, float | None] = {}
        for axis in "UV":
            parts = []
            for part in "xy":
                found = re.search(rf"<{axis}{part}\b[^>]*>([^<]*)<", scan[1]) if scan else None
                parts.append(number(found[1], 1e3) if found else None)
            known = [part for part in parts if part is not None]
            sizes[axis] = math.hypot(*known) if known else None
        x, y = sizes["U"], sizes["V"]
        yield Said(x if y is None else y, y if x is None else x)


def _digital_micrograph(header: Header, _: Path) -> Iterator[Said]:
    """The scale of x and its unit in 65009 and 65003, those of y in the tags behind them."""
    sizes: list[float | None] = []
    for axis in (1, 0):
        unit = next(_texts(header, _DM + axis), "").replace("\0", "")
        scale = header.real(_DM + 6 + axis)
        sizes.append(None if scale is None else number(str(scale), nanometres(unit)))
    y, x = sizes
    if _DM + 7 not in header:
        y = x
    yield Said(y, x)


def _openfibsem(header: Header, _: Path) -> Iterator[Said]:
    """JSON in the description, with the size of a pixel in m."""
    for text in _texts(header, 270):
        if not text.lstrip().startswith("{") or "pixel_size" not in text:
            continue
        try:
            said = json.loads(text)
        # Brackets without end, and text that is no JSON.
        except (ValueError, RecursionError):
            continue
        size = said.get("pixel_size") if isinstance(said, dict) else None
        if isinstance(size, dict):
            y, x = (number(str(size.get(axis, "")), 1e9) for axis in "yx")
            yield Said(y, x)


def _jeol(header: Header, file: Path) -> Iterator[Said]:
    """Text beside the picture: so many pixels of a scale bar are so long."""
    for text in _beside(file, f"{file.stem}.txt", f"{file.stem}.TXT"):
        lines = re.findall(r"^\$+((?:CM|SM)_\w+)[ \t]+([^\r\n]*)", text, re.MULTILINE)
        keys = dict(lines)
        marker = re.fullmatch(r"\s*([.\deE+-]+)\s*(\S+)\s*", keys.get("SM_MICRON_MARKER", ""))
        pixels = number(keys.get("SM_MICRON_BAR"))
        size = number(marker[1], nanometres(marker[2])) if marker else None
        across = size / pixels if size is not None and pixels else None
        width, height = header.number_of(256, 0), header.number_of(257, 0)
        full = re.match(r"\s*(\d{1,6})\s+(\d{1,6})", keys.get("CM_FULL_SIZE", ""))
        bar = height - int(full[2]) if full and int(full[1]) == width else 0
        yield Said(across, across, bar if 0 < bar < height else 0)


def _beside(file: Path, *names: str) -> Iterator[str]:
    """The text of files beside a picture, as far as there are any."""
    for name in names:
        other = file.with_name(name)
        try:
            if not other.is_file():
                continue
            with other.open("rb") as opened:
                text = opened.read(_LONGEST).decode("latin-1")
        # It cannot be read, or its name would be too long.
        except OSError:
            continue
        yield text
        return


VENDORS: dict[str, Callable[[Header, Path], Iterator[Said]]] = {
    "FEI": _fei,
    "Zeiss": _zeiss,
    "Tescan": _tescan,
    "Thermo Fisher": _xml,
    "Fibics": _fibics,
    "DigitalMicrograph": _digital_micrograph,
    "OpenFIBSEM": _openfibsem,
    "JEOL": _jeol,
}
"""Each with what it finds in a picture, in the order in which they are believed."""
