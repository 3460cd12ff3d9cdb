"""How many planes the description of a TIFF file states, along which axes.

ImageJ and tifffile write it in a line or two; OME writes XML, which tifffile reads. What is stated
is compared with the pages and the room that are found: a file that holds less is truncated.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

_STARTS = (b"ImageJ=", b'{"shape":', b"shape=", b"SCIFIO=")
_OME = re.compile(r"<(?:\w+:)?Pixels\b[^>]*>")
_LONGEST = 2**24


class Stated(NamedTuple):
    """Axes and sizes, planes last; ``whole`` if the planes are those of the whole file."""

    axes: str
    sizes: tuple[int, ...]
    whole: bool = True

    @property
    def planes(self) -> int:
        """How many planes there are to be."""
        return prod(self.sizes[:-2])


def lays_out(value: bytes) -> bool:
    """Whether a description says how the pixels of a file are laid out, by a known convention."""
    start = value[:2000].lstrip()
    return start.startswith(_STARTS) or (start.startswith(b"<") and b"<OME" in start)


def imagej_pairs(texts: Sequence[str]) -> Mapping[str, str] | None:
    """What ImageJ has written, line by line; ``None`` where it has written nothing."""
    for text in texts:
        if text.startswith("ImageJ="):
            lines = (line.split("=", 1) for line in text[:_LONGEST].splitlines() if "=" in line)
            return {key.strip(): value.strip() for key, value in lines}
    return None


def ome_pixels(texts: Sequence[str]) -> Mapping[str, str] | None:
    """The attributes of the first image of OME-XML; ``None`` where there is none."""
    for text in texts:
        element = _OME.search(text) if "<" in text[:200] and "OME" in text[:2000] else None
        if element:
            return dict(re.findall(r"(\w+)\s*=\s*[\"']([^\"']*)[\"']", element[0]))
    return None


def stated_by_imagej(texts: Sequence[str], shape: tuple[int, int]) -> Stated | None:
    """What ImageJ says: frames, slices and channels, in this order, or a number of images."""
    pairs = imagej_pairs(texts)
    if pairs is None:
        return None
    frames, slices, channels = (_count(pairs, key) for key in ("frames", "slices", "channels"))
    images = _count(pairs, "images")
    known = frames * slices * channels
    if images > known and images % known == 0:
        # The number of one axis is left out: images beyond those of the others are slices.
        slices *= images // known
    elif images > 1 and images != known:
        return Stated("IYX", (images, *shape))
    return Stated("TZCYX", (frames, slices, channels, *shape))


def stated_by_ome(texts: Sequence[str], shape: tuple[int, int]) -> Stated | None:
    """What OME-XML says of its first image: only how many planes."""
    pixels = ome_pixels(texts)
    if pixels is None:
        return None
    sizes = (_count(pixels, key) for key in ("SizeT", "SizeC", "SizeZ"))
    return Stated("TCZYX", (*sizes, *shape), whole=False)


def stated_by_shape(texts: Sequence[str], shape: tuple[int, int]) -> Stated | None:
    """What tifffile says: the shape of what was written at once, and perhaps its axes."""
    for text in texts:
        if not text.startswith(('{"shape":', "shape=")):
            continue
        said = _shape_in(text)
        sizes = [size for size in said.get("shape", ()) if isinstance(size, int)]
        if sizes[-3:] == [*shape, 1]:
            sizes.pop()
        if tuple(sizes[-2:]) != shape or min(sizes) < 1:
            return None
        axes = str(said.get("axes", ""))
        if len(axes) != len(sizes) or not axes.endswith("YX"):
            axes = {3: "QYX"}.get(len(sizes), "".join("PRVHQ"[: len(sizes) - 2]) + "YX")
        return Stated(axes, tuple(sizes), whole=False)
    return None


def _shape_in(text: str) -> Mapping[str, Any]:
    if text.startswith("shape="):
        numbers = re.findall(r"\d{1,12}", text.splitlines()[0])
        return {"shape": [int(number) for number in numbers]}
    try:
        said = json.loads(text[:_LONGEST])
    # Brackets without end, and text that is no JSON.
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) and isinstance(said.get("shape"), list) else {}


def _count(pairs: Mapping[str, str], key: str) -> int:
    """A number of at least one; what is no number counts as one."""
    found = re.fullmatch(r"\s*(\d{1,15})\s*", pairs.get(key, ""))
    return max(int(found[1]), 1) if found else 1
