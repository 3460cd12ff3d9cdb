"""Grey-level statistics that can be taken slice by slice and added up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._arrays import readonly

_KEPT_BITS = 20


@dataclass(frozen=True)
class GreyLevels:
    """Summary of many pixels: count, extremes, moments and a histogram.

    The histogram counts float32 values by their leading 20 bits (sign, exponent, 11 bits of
    mantissa). Whole numbers up to 4096 have a bin of their own; above, a bin spans at most 1/2048
    of its value. ``bins`` are those with anything in them, in ascending order of value, and
    ``counts`` how much; the others would make every task that needs the summary carry 8 MB.
    """

    count: int
    minimum: float
    maximum: float
    total: float
    squares: float
    bins: NDArray[np.int64]
    counts: NDArray[np.int64]

    @property
    def mean(self) -> float:
        """Arithmetic mean."""
        return self.total / self.count

    @property
    def std(self) -> float:
        """Population standard deviation."""
        return float(np.sqrt(max(self.squares / self.count - self.mean**2, 0.0)))

    def percentiles(self, percentages: Sequence[float]) -> list[float]:
        """Grey levels below which given percentages of the pixels lie (lower value of the bin)."""
        ranks = np.asarray(percentages) / 100 * (self.count - 1)
        bins = self.bins[np.searchsorted(np.cumsum(self.counts), np.floor(ranks), side="right")]
        levels: list[float] = np.clip(_values_of(bins), self.minimum, self.maximum).tolist()
        return levels


def mean_and_std(pixels: NDArray[Any]) -> tuple[float, float]:
    """Arithmetic mean and population standard deviation of a slice, in double precision.

    The slice is ``(Y, X)``. For whole numbers of 16 bits at most both come from exact sums, in one
    pass.
    """
    from stackmend.kernels import _level_loops

    if pixels.dtype.kind not in "iu" or pixels.dtype.itemsize > 2:
        return float(pixels.mean(dtype=np.float64)), float(pixels.std(dtype=np.float64))
    total, squares = (
        int(each) for each in _level_loops.sums(readonly(np.ascontiguousarray(pixels)))
    )
    count = pixels.size
    return total / count, sqrt((count * squares - total * total) / count**2)


def grey_levels(image: NDArray[np.float32]) -> GreyLevels:
    """Summarise the pixels of one image of any shape."""
    exact = image.astype(np.float64)
    histogram = np.bincount(_keys_of(image).ravel(), minlength=1 << _KEPT_BITS)
    bins = np.flatnonzero(histogram)
    return GreyLevels(
        count=image.size,
        minimum=float(image.min()),
        maximum=float(image.max()),
        total=float(exact.sum()),
        squares=float(np.square(exact).sum()),
        bins=bins,
        counts=histogram[bins],
    )


def level_unit(image: NDArray[np.float32]) -> float:
    """Grey levels of an image that are one of an 8-bit image.

    1 if all are whole numbers from 0 to 255, some above 1; else a 200th of what lies between the
    percentiles 0.1 and 99.9.

    Raises
    ------
    ValueError
        If a grey level is not finite.
    """
    low, high = float(image.min()), float(image.max())
    if not np.isfinite(low + high):
        raise ValueError("image: expected finite grey levels, got NaN or infinity; skip it")
    if low >= 0 and 1 < high <= 255 and np.array_equal(image, np.rint(image)):
        return 1.0
    below, above = grey_levels(image).percentiles([0.1, 99.9])
    return (above - below) / 200 or 1.0


def add_grey_levels(a: GreyLevels, b: GreyLevels) -> GreyLevels:
    """The summary of two sets of pixels together."""
    bins, places = np.unique(np.concatenate((a.bins, b.bins)), return_inverse=True)
    counts = np.zeros(len(bins), np.int64)
    np.add.at(counts, places, np.concatenate((a.counts, b.counts)))
    return GreyLevels(
        count=a.count + b.count,
        minimum=min(a.minimum, b.minimum),
        maximum=max(a.maximum, b.maximum),
        total=a.total + b.total,
        squares=a.squares + b.squares,
        bins=bins,
        counts=counts,
    )


def _keys_of(image: NDArray[np.float32]) -> NDArray[np.uint32]:
    # Flipping all bits of negative numbers, and the sign bit of the others, sorts float bit
    # patterns by value.
    bits = np.ascontiguousarray(image, dtype=np.float32).view(np.uint32)
    negative = bits >> 31 != 0
    ordered = np.where(negative, ~bits, bits | np.uint32(1 << 31))
    return ordered >> np.uint32(32 - _KEPT_BITS)


def _values_of(keys: NDArray[np.intp]) -> NDArray[np.float32]:
    ordered = keys.astype(np.uint32) << np.uint32(32 - _KEPT_BITS)
    bits = np.where(ordered >> 31 != 0, ordered & np.uint32(0x7FFFFFFF), ~ordered)
    return bits.astype(np.uint32).view(np.float32)
