"""What a phantom is drawn from: waves, cells, ellipsoids, and the halo of a charging centre.

Arrays are float32, lengths in px.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import ndimage

Image = NDArray[np.float32]
Numbers = NDArray[np.float64]
Box = tuple[slice, slice]

MEMBRANE = 1.5  # px, half thickness
TILE = 96  # px
CUT = 0.03  # charge weaker than this fraction of its peak is none: the tails end


def waves(
    random: Generator,
    shape: tuple[int, int],
    z: float,
    count: int,
    shortest: float,
    longest: float,
) -> Image:
    """A smooth random field of unit variance, cut at a depth ``z``.

    Plane waves of lengths between ``shortest`` and ``longest`` in all directions.
    """
    direction = random.standard_normal((3, count))
    direction /= np.linalg.norm(direction, axis=0)
    kx, ky, kz = direction * (2 * np.pi / random.uniform(shortest, longest, count))
    phase = random.uniform(0, 2 * np.pi, count) + kz * z
    along_x = kx[:, None] * np.arange(shape[1]) + phase[:, None]
    along_y = ky[:, None] * np.arange(shape[0])

    # cos(a + b) = cos a cos b - sin a sin b; einsum, unlike matmul, sums in one order whatever the
    # thread count.
    rows = np.concatenate([np.cos(along_y), -np.sin(along_y)]).astype(np.float32)
    columns = np.concatenate([np.cos(along_x), np.sin(along_x)]).astype(np.float32)
    field: Image = np.einsum("ny,nx->yx", rows, columns)
    return field * np.float32(np.sqrt(2 / count))


def grain(randoms: Iterable[Generator], part: float, shape: tuple[int, int], sigma: float) -> Image:
    """Smoothed noise of unit variance that lies a ``part`` of the way between two sheets of it."""
    weights = np.float32(np.cos(part * np.pi / 2)), np.float32(np.sin(part * np.pi / 2))
    mixed: Image = np.zeros((), dtype=np.float32)
    for random, weight in zip(randoms, weights, strict=True):
        white = random.standard_normal(shape, dtype=np.float32)
        mixed = mixed + weight * white
    # Smoothing white noise by a Gaussian divides its standard deviation by 2 sqrt(pi) sigma.
    smooth: Image = ndimage.gaussian_filter(mixed, sigma, mode="mirror", truncate=3.0)
    return smooth * np.float32(2 * np.sqrt(np.pi) * sigma)


def tiles(height: int, width: int, size: int = TILE) -> Iterator[Box]:
    """The parts into which an image is divided."""
    for top in range(0, height, size):
        for left in range(0, width, size):
            yield slice(top, top + size), slice(left, left + size)


def voronoi(x: Image, y: Image, seeds: Numbers, tint: Image) -> tuple[Image, Image]:
    """One tile of the cells around some seeds.

    Returns
    -------
    cytoplasm, membrane
        The tint of the nearest seed, and the profile of the membrane between it and the next one.
    """
    # The two nearest seeds of each pixel.
    x, y = x.astype(np.float32), y.astype(np.float32)
    first = np.full_like(x, -np.inf)
    second = first.copy()
    nearest = np.zeros(x.shape, dtype=np.intp)
    runner_up = nearest.copy()
    for number, (sx, sy, sz) in enumerate(seeds.astype(np.float32)):
        # Half of minus the squared distance, without the terms that all seeds share: linear in x
        # and y.
        score = sx * x + sy * y - (sx * sx + sy * sy + sz * sz) / 2
        closer = score > first
        runner_up = np.where(closer, nearest, np.where(score > second, number, runner_up))
        nearest = np.where(closer, number, nearest)
        np.maximum(second, np.minimum(first, score), out=second)
        np.maximum(first, score, out=first)

    # A sheet cut obliquely is wider and, its matter being the same, fainter.
    apart = seeds[:, None] - seeds
    length = np.maximum(np.linalg.norm(apart, axis=2), 1.0).astype(np.float32)
    upright = np.linalg.norm(apart[..., :2], axis=2).astype(np.float32) / length
    distance = (first - second) / length[nearest, runner_up]
    profile = np.exp(-0.5 * (distance / np.float32(MEMBRANE)) ** 2)
    return tint[nearest], upright[nearest, runner_up] * profile


def box_around(x: float, y: float, reach_x: float, reach_y: float, shape: tuple[int, ...]) -> Box:
    """The part of an image within the reach of a point; empty if there is none."""
    top, bottom = (int(np.clip(edge, 0, shape[0])) for edge in (y - reach_y, y + reach_y + 1))
    left, right = (int(np.clip(edge, 0, shape[1])) for edge in (x - reach_x, x + reach_x + 1))
    return slice(top, bottom), slice(left, right)


def paint_ellipsoid(
    grey: Image, x: Image, y: Image, shape: tuple[float, float, float, float], fill: float
) -> None:
    """Draw the section of an ellipsoid into a part of a slice, opaque and with a rim.

    ``shape`` is its size, aspect, angle, and the height of the section as a fraction of the size.
    """
    size, aspect, angle, height = shape
    cos, sin = np.cos(angle) / size, np.sin(angle) / size
    along = np.float32(cos) * x + np.float32(sin) * y
    across = (np.float32(cos) * y - np.float32(sin) * x) / np.float32(aspect)
    radius = np.sqrt(along**2 + across**2 + np.float32(height**2))
    outward = (radius - 1) * np.float32(size * aspect)
    opaque = 1 / (1 + np.exp(np.clip(3 * outward, -30, 30)))
    rim = np.exp(-0.5 * (outward / np.float32(1.3)) ** 2)
    grey += opaque * (np.float32(fill) - grey) - np.float32(0.5) * rim


def halo(
    box: Box,
    centre: tuple[float, float],
    radius: float,
    tail: float,
    streaks: float,
    random: Generator,
) -> Image:
    """A charging centre and its tails, of height 1, in a part of a slice.

    A tail leaves the disc to the right, a shorter one to the left; ``streaks`` is its spread from
    row to row.
    """
    dx = np.arange(box[1].start, box[1].stop) - centre[0]
    dy = (np.arange(box[0].start, box[0].stop) - centre[1])[:, None] / radius
    chord = radius * np.sqrt(np.maximum(1 - dy**2, 0))
    streak = np.maximum(1 + streaks * random.standard_normal(dy.shape), 0)
    body = np.maximum(1 - dy**4, 0)
    length = tail * np.where(dx > 0, 1.0, 0.45) * (0.35 + 0.65 * body)
    beyond = np.maximum(np.abs(dx) - chord, 0)
    fading = 0.8 * streak * np.exp(-beyond / length)
    whole = body * np.where(beyond > 0, fading, 1.0)
    soft: Numbers = ndimage.gaussian_filter(whole, (0.7, 1.5), mode="nearest")
    return (np.maximum(soft - CUT, 0) / (1 - CUT)).astype(np.float32)
