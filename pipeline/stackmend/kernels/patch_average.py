"""Pixels averaged with those that have like surroundings, in the slice and beside it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._arrays import plain_image, readonly
from stackmend.kernels._sampling import fold, kernel_of

Image = NDArray[np.float32]

ROWS, COLUMNS = 32, 256  # pixels worked on at a time, so that their sums stay in the cache


def noise_left(sigma: float) -> float:
    """The variance of white noise of variance 1 after `gaussian` with ``sigma`` px."""
    return float((kernel_of(sigma) ** 2).sum()) ** 2 if sigma else 1.0


def average_alike(
    levels: Sequence[Image],
    guides: Sequence[Image],
    centre: int,
    *,
    reaches: Sequence[int],
    widths: Sequence[float],
    noise: float,
    distance: int,
    patch: int,
) -> NDArray[np.float32]:
    """Weighted means of pixels with like surroundings, for several reaches and widths at once.

    Parameters
    ----------
    levels : sequence of (Y, X) float32
        Slices in the order of the stack, their noise of variance 1.
    guides : sequence of (Y, X) float32
        The same with less noise: where these are alike, pixels are.
    centre
        Place of the slice that is averaged.
    reaches
        Slices to either side that take part, for each result.
    widths
        How unlike pixels may be: standard deviations of the noise of the guides.
    noise
        Variance of the noise of the guides.
    distance
        Pixels to either side that take part, along y and x.
    patch
        Size of the surroundings that are compared, pixels along y and x, odd.

    Returns
    -------
    (len(reaches), len(widths), Y, X) float32
        What is computed for one pair is the same whatever other pairs there are.

    Raises
    ------
    ValueError
        If the slices differ in size.

    Notes
    -----
    With ``D`` the mean square difference of the surroundings and ``v`` the noise, the weight is
    ``exp(-max(D - 2 v, 0) / (width^2 v))``, to 1e-5 above 0.02; the pixel itself has the largest
    weight of the others. Images are mirrored at the centre of their edge pixels, for the
    surroundings alone: pixels beyond the edge are never averaged. All differences are computed
    once; a further width costs another weight, a smaller reach nothing.

    References
    ----------
    .. [1] A. Buades, B. Coll, J.-M. Morel, A non-local algorithm for image denoising, CVPR 2005,
       60-65, :doi:`10.1109/CVPR.2005.38`.

    Examples
    --------
    >>> import numpy as np
    >>> noisy = [np.random.default_rng(k).normal(0, 1, (40, 40)).astype("f4") for k in range(3)]
    >>> given = {"widths": [1.0], "noise": 1.0, "distance": 3, "patch": 5}
    >>> averaged = average_alike(noisy, noisy, 1, reaches=[0, 1], **given)
    >>> averaged[:, 0].std(axis=(1, 2)).round(1).tolist()
    [0.2, 0.10000000149011612]
    """
    from stackmend.kernels import _patch_loops

    if len({image.shape for image in (*levels, *guides)}) > 1:
        raise ValueError("the slices differ in size; crop or align them first")
    margin = distance + patch // 2
    nearest = sorted(range(len(levels)), key=lambda place: abs(place - centre))
    padded = {place: _with_margin(levels[place], margin) for place in nearest}
    alike = {place: _with_margin(guides[place], margin) for place in nearest}
    height, width = levels[centre].shape
    sharpness = readonly(np.array([1 / (each**2 * noise) for each in widths]))
    squares = np.empty((patch, COLUMNS + patch - 1), np.float32)
    work = np.empty((3, COLUMNS + patch - 1), np.float32)
    sums = np.empty((3 * len(widths), ROWS, COLUMNS), np.float32)
    rings = np.empty((max(reaches) + 1, len(widths), height, width), np.float32)
    for tile in _tiles(height, width):
        sums.fill(0)
        for far, ring in enumerate(rings):
            for place in nearest:
                if abs(place - centre) == far:
                    images = padded[place], alike[centre], alike[place]
                    given = place == centre, tile, distance, 2 * noise, sharpness
                    _patch_loops.add_slice(*images, *given, squares, work, sums)
            _patch_loops.mean_of_tile(padded[centre], margin, tile, sums, ring)
    return rings[list(reaches)]


def _with_margin(image: Image, margin: int) -> Image:
    plain = plain_image(image)
    rows, columns = (fold(np.arange(-margin, size + margin), size) for size in plain.shape)
    return readonly(np.ascontiguousarray(plain[rows][:, columns]))


def _tiles(height: int, width: int) -> list[tuple[int, int, int, int]]:
    """First and behind the last row, first and behind the last column, of each."""
    tiles: list[tuple[int, int, int, int]] = []
    for top in range(0, height, ROWS):
        bottom = min(top + ROWS, height)
        starts = range(0, width, COLUMNS)
        tiles += [(top, bottom, start, min(start + COLUMNS, width)) for start in starts]
    return tiles
