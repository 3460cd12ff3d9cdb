"""Grey-scale standardisation, undone exactly where nothing was changed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]

ROWS = 64


@dataclass(frozen=True)
class Scale:
    """An affine map of grey values, ``(I - offset) / gain``, and the slice it was made for.

    ``original`` and ``standardized`` are the slice before and after, both ``(Y, X)`` float32: a
    pixel that still has its standardised value gets its original value back, bit for bit, which
    arithmetic alone does not give.
    """

    offset: np.float32
    gain: np.float32
    original: Image
    standardized: Image

    def cut(self, window: tuple[slice, ...]) -> Scale:
        """The same map, for a part of the slice."""
        return replace(self, original=self.original[window], standardized=self.standardized[window])


def make_scale(image: Image, low: float, high: float, *, symmetric: bool = False) -> Scale:
    """The scale that takes ``low..high`` to 0..1, or to -1..1 if ``symmetric``.

    Where ``low == high`` there is no range to stretch and the gain is 1.

    Raises
    ------
    ValueError
        If ``float32`` cannot say how far ``low`` and ``high`` are apart.
    """
    if not float(high) - float(low) <= float(np.finfo(np.float32).max):
        raise ValueError(f"expected a finite range of grey levels, got {low:g} to {high:g}")
    offset, top = np.float32(low), np.float32(high)
    span = top - offset
    if not span > 0:
        span = np.float32(1)
    standardized = (image - offset) / span
    if symmetric:
        standardized = 2 * standardized - 1
        offset, span = offset + span / 2, span / 2
    return Scale(np.float32(offset), np.float32(span), image, standardized)


def undo_scale(image: Image, scale: Scale) -> Image:
    """Take a standardised image back to grey levels: ``gain * image + offset``.

    Parameters
    ----------
    image : (Y, X) float32
        Standardised image, possibly changed since.
    scale
        What ``make_scale`` returned for that slice.

    Returns
    -------
    (Y, X) float32
    """
    restored = np.empty(image.shape, np.float32)
    # A few rows at a time, which stay in the cache from one operation to the next.
    for start in range(0, len(image), ROWS):
        rows = slice(start, start + ROWS)
        band = np.multiply(image[rows], scale.gain, out=restored[rows])
        band += scale.offset
        np.copyto(band, scale.original[rows], where=image[rows] == scale.standardized[rows])
    return restored
