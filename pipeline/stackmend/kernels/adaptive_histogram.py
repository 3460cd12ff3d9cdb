"""Equalisation of the histogram around each pixel, with limited contrast (CLAHE)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._arrays import plain_image, readonly
from stackmend.kernels._sampling import fold

Image = NDArray[np.float32]

TOP = 2**14 - 1
"""Grey levels are divided as finely as this before they are sorted into bins."""


def adaptive_histogram(
    image: Image,
    low: float,
    high: float,
    *,
    tile: tuple[int, int] | None,
    clip_limit: float,
    bins: int,
) -> Image:
    """Equalise an image tile by tile, with interpolation between the tiles.

    Parameters
    ----------
    image : ndarray of float32, shape (Y, X)
        Any grey levels, all finite.
    low, high : float
        The grey levels that are divided into bins; what is beyond counts as at the ends. Not equal.
    tile : (height, width) or None
        Of the tiles, px; ``None`` for an eighth of the image along each axis.
    clip_limit : float
        Largest share of the pixels of a tile that a bin may have; 0 for no limit.
    bins : int
        Into how many the range is divided, 2 to 16384.

    Returns
    -------
    ndarray of float32, shape (Y, X)
        From 0 to 1; a new array. What `skimage.exposure.equalize_adapthist` makes of the image,
        before that stretches it to its own range, to 1e-4.

    Raises
    ------
    ValueError
        If the image is not two-dimensional or is empty, or the range is.

    References
    ----------
    .. [1] K. Zuiderveld, Contrast limited adaptive histogram equalization, Graphics Gems IV (1994),
       474-485, :doi:`10.1016/B978-0-12-336156-1.50061-6`.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.tile(np.arange(64, dtype=np.float32), (64, 1))
    >>> even = adaptive_histogram(image, 0, 63, tile=(64, 64), clip_limit=0, bins=64)
    >>> bool(abs(even[0, ::9] - image[0, ::9] / 63).max() < 0.02)
    True
    """
    from stackmend.kernels import _tile_loops

    plain = plain_image(image)
    if not low < high:
        raise ValueError(f"range: expected two grey levels, lower first, got {low!r} and {high!r}")
    tile = tile or (max(plain.shape[0] // 8, 1), max(plain.shape[1] // 8, 1))
    share = (np.clip(plain, low, high).astype(np.float64) - low) / (high - low)
    levels = np.rint(share * TOP)
    sorted_in = (levels // (1 + (TOP + 1) // bins)).astype(np.uint16)

    # The last tiles of each axis are filled up by the mirrored image.
    counts = [-(-side // size) for side, size in zip(plain.shape, tile, strict=True)]
    rows = fold(np.arange(counts[0] * tile[0]), plain.shape[0])
    columns = fold(np.arange(counts[1] * tile[1]), plain.shape[1])
    filled = readonly(np.ascontiguousarray(sorted_in[np.ix_(rows, columns)]))
    area = tile[0] * tile[1]
    limit = max(int(clip_limit * area), 1) if clip_limit else area

    size = readonly(np.array(tile, dtype=np.intp))
    maps = np.empty((*counts, bins), dtype=np.intp)
    _tile_loops.maps_of(filled, size, limit, TOP, maps)
    out = np.empty_like(plain)
    _tile_loops.look_up(readonly(sorted_in), readonly(maps), size, out)
    out /= np.float32(TOP)
    return out
