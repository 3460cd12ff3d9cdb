"""What a slice gives once for all its pairs: levels from fine to coarse, with slopes and spline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from stackmend.kernels._arrays import plain_image, readonly
from stackmend.kernels._sampling import fold
from stackmend.kernels.align_start import spectrum_of
from stackmend.kernels.gaussian import gaussian

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]

SMALLEST = 48  # px, the least side of a region
COARSEST = 64  # px, below which no side of a level is halved to
SPREAD = 3  # px around the mask that its grey levels reach through the blur
SLOW = 16  # part of the shorter side that is the sigma of what is taken off before translations
POLE = sqrt(3) - 2  # of the cubic spline
TAPS = 13  # after which the powers of the pole are below float32


@dataclass(frozen=True)
class Level:
    """A slice at one resolution: pixel (y, x) of it lies at ``2^n (y, x)`` of the slice.

    ``box`` is the region, rows and columns from and to; ``seen`` is ``None`` where nothing is
    masked; ``spline`` holds coefficients of order 3 at the finest level, else the values.
    """

    values: Image
    slopes: tuple[Image, Image]
    spline: Image
    box: NDArray[np.intp]
    seen: Mask | None


@dataclass(frozen=True)
class Prepared:
    """A slice as its pairs need it: levels from fine to coarse, and the spectrum of the last."""

    levels: tuple[Level, ...]
    spectrum: NDArray[np.complex64]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the slice."""
        height, width = self.levels[0].values.shape
        return height, width


def prepare(
    image: Image,
    *,
    model: str,
    region: Sequence[int] | None = None,
    mask: Mask | None = None,
) -> Prepared:
    """What a slice gives once for all its pairs.

    Parameters
    ----------
    image : (Y, X) float32
        Any grey levels, all finite.
    model
        ``translation``, ``euclidean`` or ``affine``. For translations the slow part of the slice is
        taken off, a Gaussian of a sixteenth of the shorter side; where slices turn it is left in,
        as the mirrored border of so wide a blur turns with the frame.
    region
        ``[y0, y1, x0, x1]``: of these pixels alone it is asked where they are in the other slice.
    mask : (Y, X) bool
        Pixels that are left out; so are those within 3 px of them.

    Raises
    ------
    ValueError
        If the region is smaller than 48 px or not inside the slice, or the slice is constant there.
    """
    image = plain_image(image)
    box = _box(image.shape, region)
    part = image[box[0] : box[1], box[2] : box[3]]
    if part.min() == part.max():
        raise ValueError("image: all pixels are alike, so there is nothing to align by")
    values = gaussian(image - np.float32(part.mean(dtype=np.float64)), 1)
    shorter = int(min(box[1] - box[0], box[3] - box[2]))
    if model == "translation":
        values -= gaussian(values, shorter / SLOW)
    seen = None if mask is None or not mask.any() else ~_grown(mask, SPREAD)

    levels = [_level(values, spline_of(values), box, seen)]
    while shorter // 2 >= COARSEST:
        shorter //= 2
        values = np.ascontiguousarray(gaussian(values, 1)[::2, ::2])
        box = (box + 1) // 2
        if seen is not None:
            seen = np.ascontiguousarray(~_grown(~seen, 1)[::2, ::2])
        levels.append(_level(values, values, box, seen))
    return Prepared(tuple(levels), spectrum_of(inner(levels[-1])))


def _box(shape: tuple[int, ...], region: Sequence[int] | None) -> NDArray[np.intp]:
    height, width = shape
    box = np.array([0, height, 0, width] if region is None else region, dtype=np.intp)
    within = 0 <= box[0] < box[1] <= height and 0 <= box[2] < box[3] <= width
    if not within or min(box[1] - box[0], box[3] - box[2]) < SMALLEST:
        what = f"expected [y0, y1, x0, x1] of at least {SMALLEST} px within {height} x {width}"
        raise ValueError(f"region: {what}, got {box.tolist()}")
    return box


def _grown(mask: Mask, distance: int) -> Mask:
    size = 2 * distance + 1
    grown: Mask = ndimage.maximum_filter(mask.astype(np.uint8), size, mode="nearest") > 0
    return grown


def _level(values: Image, spline: Image, box: NDArray[np.intp], seen: Mask | None) -> Level:
    slope_y, slope_x = np.zeros_like(values), np.zeros_like(values)
    np.subtract(values[2:], values[:-2], out=slope_y[1:-1])
    np.subtract(values[:, 2:], values[:, :-2], out=slope_x[:, 1:-1])
    slope_y *= np.float32(0.5)
    slope_x *= np.float32(0.5)
    slopes = readonly(slope_y), readonly(slope_x)
    open_pixels = None if seen is None else readonly(seen)
    return Level(readonly(values), slopes, readonly(spline), readonly(box), open_pixels)


def inner(level: Level) -> Image:
    """The region of a level, with 0, the mean, where it is masked."""
    y0, y1, x0, x1 = level.box
    part = level.values[y0:y1, x0:x1]
    if level.seen is None:
        return part
    return np.where(level.seen[y0:y1, x0:x1], part, np.float32(0))


def spline_of(values: Image) -> Image:
    """Coefficients of the cubic spline through all pixels, mirrored at the edge pixels' centres.

    Within 1e-6 of the grey range of `scipy.ndimage.spline_filter`, ``mode="mirror"``.
    """
    from stackmend.kernels import _loops

    offsets = np.arange(-TAPS, TAPS + 1)
    taps = (sqrt(3) * POLE ** np.abs(offsets)).astype(np.float32)
    height, width = values.shape
    rows, out = np.zeros_like(values), np.zeros_like(values)
    index = fold(np.arange(-TAPS, height + TAPS), height)
    _loops.slide(readonly(values), readonly(index), readonly(np.pad(taps, 3)), rows)
    taps = np.pad(taps, (0, -taps.size % 4))
    index = fold(np.arange(-TAPS, -TAPS + width + taps.size - 1), width)
    work = np.empty(index.size, np.float32)
    _loops.slide_along(readonly(rows), readonly(index), readonly(taps), work, out)
    return out
