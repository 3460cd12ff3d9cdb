"""Histograms of the pixels of regions and of their rings, compared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._arrays import plain_image, readonly

Image = NDArray[np.float32]
Index = NDArray[np.intp]
Region = tuple[Index, Index]

BINS = 256


def grey_histogram(image: Image, pixels: Index, low: float, high: float) -> Index:
    """Counts of some pixels of an image in 256 bins of width 1 over 0..256, the last one closed.

    Parameters
    ----------
    image : ndarray of float32, shape (Y, X)
        Grey levels; each is scaled by ``(value - low) / (high - low) * 256``, in float32.
    pixels : ndarray of int, shape (n,)
        Flat indices.
    low, high : float
        The grey levels that become 0 and 256; values outside are not counted. Equal: nothing is
        counted.

    Returns
    -------
    ndarray of int, shape (256,)
        As `numpy.histogram` counts them.

    Raises
    ------
    ValueError
        If the image is not two-dimensional or is empty.
    IndexError
        If a pixel lies outside the image.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.array([[0, 1, 2, 4]], dtype=np.float32)
    >>> np.flatnonzero(grey_histogram(image, np.array([1, 2, 3]), 0, 4))
    array([ 64, 128, 255])
    """
    from stackmend.kernels import _region_loops

    flat = plain_image(image).reshape(-1)
    pixels = np.ascontiguousarray(pixels, dtype=np.intp)
    if pixels.size and not (pixels.min() >= 0 and pixels.max() < flat.size):
        raise IndexError(
            f"pixels: expected 0 to {flat.size - 1}, got {pixels.min()} to {pixels.max()}"
        )
    counts = np.zeros(BINS, dtype=np.intp)
    if low != high:
        _region_loops.count_bins(flat, readonly(pixels), np.float32(low), np.float32(high), counts)
    return counts


def histogram_distances(
    image: Image, regions: Sequence[Region], low: float | None = None, high: float | None = None
) -> NDArray[np.float64]:
    """How different the grey levels of each region are from those of its ring.

    Parameters
    ----------
    image : ndarray of float32, shape (Y, X)
        Only the pixels of the regions and rings are read if `low` and `high` are given.
    regions : sequence of (region, ring)
        Flat pixel indices, from `stackmend.kernels.regions.regions_and_rings`.
    low, high : float, optional
        Minimum and maximum of the whole image, by which it is scaled; measured if left out.

    Returns
    -------
    ndarray of float64, one value for each region
        Sum over the bins of the absolute difference of the two normalised histograms, 0 (alike) to
        2 (nothing in common). NaN where the region or its ring is empty.

    Raises
    ------
    ValueError
        If the image is not two-dimensional or is empty.
    IndexError
        If a pixel lies outside the image.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.array([[0, 1, 2, 4]], dtype=np.float32)
    >>> pixels = np.arange(4)
    >>> left, right, middle, none = pixels[:2], pixels[2:], pixels[1:3], pixels[:0]
    >>> histogram_distances(image, [(left, right), (left, middle), (pixels, none)])
    array([ 2.,  1., nan])
    """
    low = float(image.min()) if low is None else low
    high = float(image.max()) if high is None else high
    distances = np.full(len(regions), np.nan)
    for i, (region, ring) in enumerate(regions):
        if region.size and ring.size:
            inside = grey_histogram(image, region, low, high) / region.size
            outside = grey_histogram(image, ring, low, high) / ring.size
            distances[i] = np.abs(inside - outside).sum()
    return distances


def mean_histogram_distance(
    image: Image, regions: Sequence[Region], low: float | None = None, high: float | None = None
) -> float | None:
    """Mean of `histogram_distances`, which see; ``None`` if no region has a ring to compare."""
    distances = histogram_distances(image, regions, low, high)
    comparable = distances[~np.isnan(distances)]
    return float(comparable.mean()) if comparable.size else None
