"""Slices as small pictures: shrunk, in a fixed display range, encoded to fit a size."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from math import ceil, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import (
    Image,
    WebPImagePlugin,  # noqa: F401 - or Pillow loads all its formats to find this one
)

Grey = NDArray[np.uint8]
Mask = NDArray[np.bool_]

DISPLAYED = (0.1, 99.9)
"""Percentiles of the raw slice that are shown black and white."""

_LESS, _SAME, _MORE = (0, 114, 178), (247, 247, 247), (213, 94, 0)
"""Colours of a difference, told apart by everybody (Okabe and Ito)."""

_OUTLINE = (240, 228, 66)
_QUALITIES = (82, 70, 58, 46, 34)


class Display:
    """The grey levels that are shown black and white, whatever is shown.

    They are the range of the raw slice, a few outliers left out.
    """

    def __init__(self, raw: NDArray[Any]) -> None:
        self.low, high = (float(each) for each in np.percentile(raw, DISPLAYED))
        self.high = high if high > self.low else self.low + 1

    def __call__(self, image: NDArray[Any]) -> Grey:
        """An image in 256 levels; what lies outside the range is saturated."""
        scaled = (image.astype(np.float32) - np.float32(self.low)) * np.float32(
            255 / (self.high - self.low)
        )
        grey: Grey = np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
        return grey


def factor_for(shape: Sequence[int], pixels: int, side: int) -> int:
    """By how much a slice is shrunk to have at most so many pixels, and so many along an axis."""
    return max(1, ceil(max(shape) / side), ceil(sqrt(shape[0] * shape[1] / pixels)))


def shrunk(image: NDArray[Any], factor: int) -> NDArray[np.float32]:
    """Means of blocks of ``factor`` by ``factor`` px.

    What does not fill a block at the far edges is left out.
    """
    height, width = (size // factor * factor for size in image.shape)
    if factor == 1 or not height or not width:
        return image.astype(np.float32)
    # Whole strided planes added up: several times as fast as a mean over axes of a few pixels.
    wide = np.dtype("f8" if image.dtype.kind == "f" else "f4")  # sums may be beyond float32
    rows: NDArray[Any] = image[:height:factor, :width].astype(wide)
    for step in range(1, factor):
        rows += image[step:height:factor, :width]
    total = rows[:, ::factor].copy()
    for step in range(1, factor):
        total += rows[:, step::factor]
    return np.asarray(total / (factor * factor), dtype=np.float32)


def outlined(mask: Mask, factor: int) -> Image.Image:
    """The outline of a mask, as a picture that is transparent elsewhere."""
    small = shrunk(mask, factor) >= 0.5
    inner = _eroded(small)
    picture = Image.fromarray((small & ~inner).astype(np.uint8))
    picture.putpalette([*(0, 0, 0), *_OUTLINE])
    picture.info["transparency"] = 0
    return picture


def _eroded(mask: Mask) -> Mask:
    """The pixels whose four neighbours are all in the mask; beyond the frame all are."""
    inner = mask.copy()
    inner[1:] &= mask[:-1]
    inner[:-1] &= mask[1:]
    inner[:, 1:] &= mask[:, :-1]
    inner[:, :-1] &= mask[:, 1:]
    return inner


def coloured(difference: NDArray[np.float32], scale: float) -> Image.Image:
    """A difference, blue where negative and orange where positive, saturated at ``scale``."""
    share = np.clip(difference / np.float32(scale), -1, 1)[..., None]
    same, less, more = (np.array(colour, dtype=np.float32) for colour in (_SAME, _LESS, _MORE))
    rgb = np.where(share < 0, same + (same - less) * share, same + (more - same) * share)
    return Image.fromarray(np.rint(rgb).astype(np.uint8))


def webp(picture: Image.Image, size: int) -> bytes:
    """A picture as WebP of at most ``size`` bytes.

    It has the best quality that fits, and is made smaller if none does.
    """
    while True:
        for quality in _QUALITIES:
            buffer = BytesIO()
            picture.save(buffer, "WEBP", quality=quality, method=4)
            if buffer.tell() <= size or max(picture.size) <= 32:
                return buffer.getvalue()
        picture = picture.reduce(2)


def png(picture: Image.Image) -> bytes:
    """A picture as PNG, without loss."""
    buffer = BytesIO()
    transparency = picture.info.get("transparency")
    picture.save(
        buffer,
        "PNG",
        optimize=True,
        **({} if transparency is None else {"transparency": transparency}),
    )
    return buffer.getvalue()
