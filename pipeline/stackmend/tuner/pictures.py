"""Pictures for the screen: a window of a slice, at the scale of the screen, as PNG."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.area_average import area_average
from stackmend.tuner.png import png

LONGEST = 4096
"""Pixels that a side of a picture may have."""

LARGEST_SCALE = 32.0

_SAMPLE = 1 << 18  # pixels of which a range of grey levels is taken
_ENDS = (0.1, 99.9)  # percentiles: single odd pixels do not set the contrast

_WHITE = np.full((256, 3), 255, np.uint8)
_FADING = np.arange(256, dtype=np.uint8)
_NEUTRAL = 127  # place of white in the palette of differences


def _diverging() -> NDArray[np.uint8]:
    """From blue over white to red, in equal steps to either side."""
    share = np.clip((np.arange(256) - _NEUTRAL) / _NEUTRAL, -1, 1)
    red, green = np.minimum(1 + share, 1), 1 - 0.8 * np.abs(share)
    blue = np.minimum(1 - share, 1)
    colours: NDArray[np.uint8] = np.rint(255 * np.stack([red, green, blue], axis=1)).astype("u1")
    return colours


_DIVERGING = _diverging()

Range = tuple[float, float]


@dataclass(frozen=True)
class Window:
    """A part of a slice, in px."""

    y: int
    x: int
    height: int
    width: int

    @property
    def cut(self) -> tuple[slice, slice]:
        """As an index of an array."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)

    def within(self, shape: tuple[int, ...]) -> Window:
        """The part of it that an image of that shape has, at least one pixel."""
        y, x = min(max(self.y, 0), shape[0] - 1), min(max(self.x, 0), shape[1] - 1)
        bottom = min(max(self.y + self.height, y + 1), shape[0])
        right = min(max(self.x + self.width, x + 1), shape[1])
        return Window(y, x, bottom - y, right - x)

    def side_at(self, scale: float) -> int:
        """Pixels of the longer side on a screen."""
        return ceil(round(max(self.height, self.width) * scale, 6))


def seen(image: NDArray[Any], scale: float) -> NDArray[Any]:
    """An image as a screen shows it: averaged over areas where smaller, else the nearest pixel."""
    if scale == 1:
        return image
    if scale < 1:
        return area_average(image, scale)
    rows, columns = (_nearest(length, scale) for length in image.shape)
    return image[rows[:, None], columns]


def _nearest(length: int, scale: float) -> NDArray[np.intp]:
    """The pixel that each pixel of the screen lies in."""
    middles = (np.arange(ceil(round(length * scale, 6))) + 0.5) / scale
    found: NDArray[np.intp] = np.minimum(middles, length - 1).astype(np.intp)
    return found


def range_of(image: NDArray[Any]) -> Range:
    """The grey levels from black to white in which an image is shown by itself."""
    sample = _sample(image)
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        return 0.0, 1.0
    low, high = np.percentile(sample, _ENDS)
    return (float(low), float(high)) if high > low else (float(low), float(low) + 1)


def reach_of(before: NDArray[Any], after: NDArray[Any]) -> Range:
    """The ends of the scale on which a difference is shown, the same to either side of 0."""
    differences = np.abs(_sample(after).astype(np.float32) - _sample(before))
    moved = differences[differences > 0]
    end = float(np.percentile(moved, _ENDS[1])) if moved.size else 1.0
    return -end, end


def grey_picture(image: NDArray[Any], scale: float, shown: Range) -> bytes:
    """A window in 8 bit, black at the lower and white at the upper end of a range."""
    return png(_eight_bit(seen(image, scale), shown))


def mask_picture(mask: NDArray[Any], scale: float, *, outline: bool) -> bytes:
    """A mask in white, as opaque as what it covers; or its outline, one pixel of the screen thick.

    A thin part of a mask is outlined, however small it is shown.
    """
    share = seen(mask != 0, scale)
    if outline:
        covered = np.pad(share > 0, 1, mode="edge")
        inner = covered[:-2, 1:-1] & covered[2:, 1:-1] & covered[1:-1, :-2] & covered[1:-1, 2:]
        share = covered[1:-1, 1:-1] & ~inner
    opaque = (share * np.float32(255) + np.float32(0.5)).astype(np.uint8)
    return png(opaque, palette=_WHITE, alpha=_FADING, level=1)


def difference_picture(
    before: NDArray[Any], after: NDArray[Any], scale: float, shown: Range
) -> bytes:
    """What was taken away in blue, what was added in red, white where nothing has changed."""
    change = seen(after, scale).astype(np.float32) - seen(before, scale)
    share = np.clip(change / np.float32(shown[1]), -1, 1)
    return png(np.rint(share * _NEUTRAL + _NEUTRAL).astype(np.uint8), palette=_DIVERGING)


def overlay_picture(
    image: NDArray[Any], next_one: NDArray[Any], scale: float, shown: Range
) -> bytes:
    """Two slices over each other, the first in magenta, the other in green: grey where alike."""
    one, other = (_eight_bit(seen(each, scale), shown) for each in (image, next_one))
    return png(np.stack([one, other, one], axis=-1))


def _eight_bit(image: NDArray[Any], shown: Range) -> NDArray[np.uint8]:
    low, high = shown
    if image.dtype == np.uint8:  # a table is faster than arithmetic on every pixel
        levels: NDArray[np.uint8] = _levels(np.arange(256, dtype=np.float32), low, high)[image]
        return levels
    return _levels(image.astype(np.float32, copy=False), low, high)


def _levels(values: NDArray[np.float32], low: float, high: float) -> NDArray[np.uint8]:
    inside = np.clip(values, low, max(high, low)) - np.float32(low)
    scaled = inside * np.float32(255 / max(high - low, 1e-20)) + np.float32(0.5)
    scaled[np.isnan(scaled)] = 0
    levels: NDArray[np.uint8] = np.minimum(scaled, 255).astype(np.uint8)
    return levels


def _sample(image: NDArray[Any]) -> NDArray[Any]:
    step = max(int((image.size / _SAMPLE) ** 0.5), 1)
    return image[::step, ::step]
