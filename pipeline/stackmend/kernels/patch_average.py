"""Pixels averaged with those that have like surroundings, in the slice and beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._arrays import plain_image, readonly
from stackmend.kernels._sampling import fold, kernel_of

Image = NDArray[np.float32]
Pixels = tuple[slice, slice]

MOST_KEPT = 16
"""Averages of a whole slice that are computed and kept together."""

LEAST = 0.1
"""What a pixel counts with where no other has surroundings like its own: so it stays as it is."""

BESIDE, ALONE = 3, 6
"""How far pixels are looked for along y and x: with other slices, and without."""

ROWS, COLUMNS = 16, 512  # pixels worked on at a time, so that their sums stay in the cache


@dataclass(frozen=True)
class Averages:
    """Averages of one slice for several reaches and widths, which share their work.

    Others are computed when they are asked for, and are the same to the last bit. ``distance`` may
    be ``None``: 3 px, or 6 px where no other slice is within reach. ``at`` says which pixels are
    wanted.
    """

    levels: tuple[Image, ...]
    guides: tuple[Image, ...]
    offsets: tuple[int, ...]
    noise: float
    distance: int | None
    patch: int
    at: Pixels | None = None
    known: Mapping[tuple[int, float], Image] = field(default_factory=dict)

    def of(self, reach: int, width: float) -> Image:
        """The wanted pixels' average over slices up to ``reach`` away, ``(Y, X)`` float32."""
        if (reach, width) in self.known:
            return self.known[reach, width]
        return self._computed([reach], [width])[reach, width]

    def computed(self, reaches: Sequence[int], widths: Sequence[float]) -> Averages:
        """The same with those known that are for these reaches and widths, as many as are kept."""
        size = self.levels[0].size
        wanted = size if self.at is None else max(self.levels[0][self.at].size, 1)
        kept = widths[: max(1, MOST_KEPT * size // (wanted * len(reaches)))]
        return replace(self, known=self._computed(reaches, kept))

    def _computed(
        self, reaches: Sequence[int], widths: Sequence[float]
    ) -> dict[tuple[int, float], Image]:
        found: dict[tuple[int, float], Image] = {}
        distances = {reach: self._distance(reach) for reach in reaches}
        for distance in set(distances.values()):
            alike = [reach for reach in reaches if distances[reach] == distance]
            rows = average_alike(
                self.levels,
                self.guides,
                self.offsets,
                reaches=alike,
                widths=widths,
                noise=self.noise,
                distance=distance,
                patch=self.patch,
                at=self.at,
            )
            for reach, row in zip(alike, rows, strict=True):
                found |= {(reach, width): each for width, each in zip(widths, row, strict=True)}
        return found

    def _distance(self, reach: int) -> int:
        if self.distance is not None:
            return self.distance
        beside = any(0 < abs(offset) <= reach for offset in self.offsets)
        return BESIDE if beside else ALONE


def noise_left(sigma: float) -> float:
    """The variance of white noise of variance 1 after `gaussian` with ``sigma`` px."""
    return float((kernel_of(sigma) ** 2).sum()) ** 2 if sigma else 1.0


def average_alike(
    levels: Sequence[Image],
    guides: Sequence[Image],
    offsets: Sequence[int],
    *,
    reaches: Sequence[int],
    widths: Sequence[float],
    noise: float,
    distance: int,
    patch: int,
    at: Pixels | None = None,
) -> NDArray[np.float32]:
    """Weighted means of pixels with like surroundings, for several reaches and widths at once.

    Parameters
    ----------
    levels : sequence of (Y, X) float32
        Slices in the order of the stack, their noise of variance 1.
    guides : sequence of (Y, X) float32
        The same with less noise: where these are alike, pixels are.
    offsets
        How far along the stack each lies from the slice that is averaged, whose offset is 0.
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
    at
        The pixels that are wanted, as an index of rows and of columns; all, if left out.

    Returns
    -------
    (len(reaches), len(widths), Y, X) float32
        Y and X are those of the wanted pixels. What is computed for one pair is the same whatever
        other pairs there are, and for one pixel whatever others are wanted.

    Raises
    ------
    ValueError
        If the slices differ in size.

    Notes
    -----
    With ``D`` the mean square difference of the surroundings and ``v`` the noise, the weight is
    ``exp(-max(D - 2 v, 0) / (width^2 v))``, to 1e-5 above 0.02 and 0 below exp(-16); the pixel
    itself has the largest weight of the others, at least 0.1. Images are mirrored at the centre of
    their edge pixels, for the surroundings alone: pixels beyond the edge are never averaged. All
    differences are computed once; a further width costs another weight, a smaller reach nothing.

    References
    ----------
    .. [1] A. Buades, B. Coll, J.-M. Morel, A non-local algorithm for image denoising, CVPR 2005,
       60-65, :doi:`10.1109/CVPR.2005.38`.

    Examples
    --------
    >>> import numpy as np
    >>> noisy = [np.random.default_rng(k).normal(0, 1, (40, 40)).astype("f4") for k in range(3)]
    >>> given = {"widths": [1.0], "noise": 1.0, "distance": 3, "patch": 5}
    >>> averaged = average_alike(noisy, noisy, [-1, 0, 1], reaches=[0, 1], **given)
    >>> [round(float(each.std()), 1) for each in averaged[:, 0]]
    [0.2, 0.1]
    """
    if len({image.shape for image in (*levels, *guides)}) > 1:
        raise ValueError("the slices differ in size; crop or align them first")
    margin = distance + patch // 2
    farthest = max(reaches)
    near = [place for place, offset in enumerate(offsets) if abs(offset) <= farthest]
    order = sorted(near, key=lambda place: abs(offsets[place]))
    away = [abs(offsets[place]) for place in order]
    padded = [_with_margin(levels[place], margin) for place in order]
    alike = [_with_margin(guides[place], margin) for place in order]
    factors = _factors(widths, noise, patch)
    given = padded, alike, away, distance, patch, factors
    means = _of_all(*given) if at is None else _of_grid(*given, at)
    return means[[min(reach, away[-1]) for reach in reaches]]


def _of_all(
    levels: Sequence[Image],
    guides: Sequence[Image],
    away: Sequence[int],
    distance: int,
    patch: int,
    factors: NDArray[np.float32],
) -> NDArray[np.float32]:
    """The averages of all pixels, over slices up to each distance along the stack."""
    from stackmend.kernels import _patch_loops

    margin = distance + patch // 2
    height, width = (size - 2 * margin for size in levels[0].shape)
    squares = np.empty((patch, COLUMNS + patch - 1), np.float32)
    work = np.empty((2, COLUMNS + patch - 1), np.float32)
    sums = np.empty((3 * len(factors), ROWS, COLUMNS), np.float32)
    means = np.empty((away[-1] + 1, len(factors), height, width), np.float32)
    for tile in _tiles(height, width):
        sums.fill(0)
        for far, mean in enumerate(means):
            for place in (k for k, each in enumerate(away) if each == far):
                _patch_loops.add_slice(
                    levels[place],
                    guides[0],
                    guides[place],
                    place == 0,
                    tile,
                    distance,
                    factors,
                    squares,
                    work,
                    sums,
                )
            _patch_loops.mean_of_tile(levels[0], margin, tile, LEAST, sums, mean)
    return means


def _of_grid(
    levels: Sequence[Image],
    guides: Sequence[Image],
    away: Sequence[int],
    distance: int,
    patch: int,
    factors: NDArray[np.float32],
    at: Pixels,
) -> NDArray[np.float32]:
    """The same of the pixels of a grid."""
    from stackmend.kernels import _patch_grid_loops

    margin = distance + patch // 2
    height, width = (size - 2 * margin for size in levels[0].shape)
    rows, columns = range(height)[at[0]], range(width)[at[1]]
    means = np.empty((away[-1] + 1, len(factors), len(rows), len(columns)), np.float32)
    if means.size:
        _patch_grid_loops.average_grid(
            _in_parts(levels, columns.step),
            _in_parts(guides, columns.step),
            np.array(away),
            (rows.start, rows.step),
            (height, width, distance, margin, columns.start),
            patch,
            factors,
            LEAST,
            means,
        )
    return means


def _in_parts(images: Sequence[Image], count: int) -> NDArray[np.float32]:
    """Every so-many-th column side by side: ``(slices, count, Y, X)``."""
    height, width = images[0].shape
    parts = np.zeros((len(images), count, height, -(-width // count)), np.float32)
    for own, image in zip(parts, images, strict=True):
        for first, part in enumerate(own):
            some = image[:, first::count]
            part[:, : some.shape[1]] = some
    return readonly(parts)


def _factors(widths: Sequence[float], noise: float, patch: int) -> NDArray[np.float32]:
    """A sixteenth of what sums over surroundings are multiplied by, and of what is taken off."""
    rows = []
    for width in widths:
        sharpness = 1 / (width**2 * noise)
        rows.append((sharpness / (16 * patch * patch), 2 * noise * sharpness / 16))
    return readonly(np.array(rows, np.float32))


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
