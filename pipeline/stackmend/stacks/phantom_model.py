"""A synthetic FIB-SEM stack whose undisturbed slices are known.

Tissue is a 3-D Voronoi pattern of cells, bent by a few long plane waves, with organelles and vesicles inside and a
mottled cytoplasm. The membranes of a slice hang together and reach the frame, and what stands alone is faint: with
the default contrast, charging is the only thing to find. Charging centres are blobs living for a few slices, with
streaky tails along the scan line. The noise, with a few hot and dead pixels that set the range of a quiet slice, is
the same in the clean and in the charged slice: they differ in the charge only.

Each slice follows from ``(seed, index)`` and the description alone: no slice needs another, in any order or process.
Inside this module grey values are fractions of the grey range, z runs in pixels, and arrays are float32.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import PCG64, Generator
from numpy.typing import NDArray
from scipy import ndimage

Image = NDArray[np.float32]
Numbers = NDArray[np.float64]

# One stream of random numbers each, so that a change in one part leaves the others as they are.
CELLS, ORGANELLES, BEND_X, BEND_Y, DEPTH, SHADE, GRAIN, CENTRES, STREAKS, NOISE = range(10)

BRIGHTNESS = {
    "dark": 0.6,
    "bright": 0.4,
    "both": 0.5,
    "none": 0.5,
}  # leaves the charge room within the range
ORGANELLES_PER_CELL = 20  # the first is a large one, the others vesicles
GRAIN_SIGMA, GRAIN_DEPTH = 2.2, 10.0  # px, in the slice and from slice to slice
MEMBRANE = 1.5  # px, half thickness
TILE = 96  # px; cells are drawn tile by tile, with the few that can reach it
SPIKES, SPIKE = 5e-5, 0.38  # single pixels, bright or dark: their share of all and their height
CUT = 0.03  # charge weaker than this fraction of its peak is none: the tails end


@dataclass(frozen=True)
class Phantom:
    """A seeded stack with known truth; the fields are those of ``phantom.schema.json``, which also holds their limits.

    Attributes
    ----------
    slices, height, width : int
        Shape of the stack, the latter two in px.
    seed : int
        Two phantoms that agree in every field are equal in every pixel.
    dtype : str
        ``uint8``, ``uint16`` (both use the whole range of the type) or ``float32`` (0 to 1, not clipped).
    polarity : str
        ``dark`` and ``bright`` charging, ``both`` (half of the centres each) or ``none``.
    centres : int
        Charging centres visible in a slice, on average.
    strength : float
        Largest charge, as a fraction of the grey range.
    radius, tail : float
        Radius of a centre and length over which its tail falls to 1/e, in px.
    streaks : float
        Spread of the tail from row to row, relative to its mean.
    persistence : float
        Number of slices in which a centre is visible.
    noise, contrast : float
        Standard deviation of the detector noise and depth of the membranes, as fractions of the grey range.
    cell, step : float
        Size of a cell and distance between slices, in px.
    """

    slices: int = 8
    height: int = 384
    width: int = 512
    seed: int = 0
    dtype: str = "uint8"
    polarity: str = "dark"
    centres: int = 3
    strength: float = 0.42
    radius: float = 12.0
    tail: float = 32.0
    streaks: float = 0.15
    persistence: float = 5.0
    noise: float = 0.025
    contrast: float = 0.08
    cell: float = 110.0
    step: float = 4.0

    def clean(self, index: int) -> NDArray[Any]:
        """The slice as it would be without charging, noise included; shape ``(Y, X)``."""
        self._check(index)
        return self._digitise(self._tissue(index) + self._noise(index))

    def image(self, index: int) -> NDArray[Any]:
        """The slice as the microscope records it, charged; shape ``(Y, X)``."""
        self._check(index)
        return self._digitise(self._tissue(index) + self._noise(index) + self._charge(index))

    def _check(self, index: int) -> None:
        if not 0 <= index < self.slices:
            raise IndexError(
                f"phantom: slice index, got {index}; must be from 0 to {self.slices - 1}"
            )

    def _random(self, *stream: int) -> Generator:
        return Generator(PCG64([self.seed, *stream]))

    def _digitise(self, grey: Image) -> NDArray[Any]:
        dtype = np.dtype(self.dtype)
        if dtype.kind == "f":
            return grey.astype(dtype, copy=False)
        top = np.iinfo(dtype).max
        return np.clip(np.rint(grey * top), 0, top).astype(dtype)

    def _noise(self, index: int) -> Image:
        """Detector noise, smeared along the scan line as a detector of finite bandwidth does, and a few spikes."""
        random = self._random(NOISE, index)
        raw = random.standard_normal((self.height, self.width + 1), dtype=np.float32)
        smear = 0.4
        noise = (raw[:, 1:] + np.float32(smear) * raw[:, :-1]) * np.float32(
            self.noise / np.hypot(1.0, smear)
        )
        count = max(6, round(SPIKES * noise.size))
        height = random.uniform(0.9, 1.0, count) * np.where(np.arange(count) % 2, SPIKE, -SPIKE)
        noise.flat[random.integers(0, noise.size, count)] += height.astype(np.float32)
        return noise

    def _waves(self, stream: int, index: int, count: int, shortest: float, longest: float) -> Image:
        """A smooth random field of unit variance: plane waves of the given lengths (px) in all directions."""
        random = self._random(stream)
        direction = random.standard_normal((3, count))
        direction /= np.linalg.norm(direction, axis=0)
        kx, ky, kz = direction * (2 * np.pi / random.uniform(shortest, longest, count))
        phase = random.uniform(0, 2 * np.pi, count) + kz * self.step * index
        along_x = kx[:, None] * np.arange(self.width) + phase[:, None]
        along_y = ky[:, None] * np.arange(self.height)
        # cos(a + b) = cos a cos b - sin a sin b; einsum, unlike matmul, sums in one order whatever the thread count.
        rows = np.concatenate([np.cos(along_y), -np.sin(along_y)]).astype(np.float32)
        columns = np.concatenate([np.cos(along_x), np.sin(along_x)]).astype(np.float32)
        field: Image = np.einsum("ny,nx->yx", rows, columns)
        return field * np.float32(np.sqrt(2 / count))

    def _seeds(self) -> Numbers:
        """Centres of the cells (N, 3) as x, y, z in px: a jittered lattice that reaches beyond the stack."""
        extent = (self.width, self.height, self.slices * self.step)
        axes = [np.arange(-1, int(length / self.cell) + 3) for length in extent]
        lattice = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
        return (lattice + self._random(CELLS, 0).uniform(-0.36, 0.36, lattice.shape)) * self.cell

    def _tissue(self, index: int) -> Image:
        """Grey values of the structure alone."""
        bend = np.float32(0.11 * self.cell)
        x, y = (
            bend * self._waves(stream, index, 8, 0.9 * self.cell, 2 * self.cell)
            for stream in (BEND_X, BEND_Y)
        )
        x += np.arange(self.width, dtype=np.float32)
        y += np.arange(self.height, dtype=np.float32)[:, None]
        depth = 0.9 + 0.12 * self._waves(DEPTH, index, 12, 50.0, 120.0)
        grey = self._cells(index, x, y, depth)
        self._paint_organelles(index, x, y, grey)
        grey += np.float32(0.15) * self._waves(SHADE, index, 5, 400.0, 1200.0) + np.float32(
            0.12
        ) * self._grain(index)
        grey *= np.float32(self.contrast)
        grey += np.float32(BRIGHTNESS[self.polarity])
        return grey

    def _grain(self, index: int) -> Image:
        """Mottled cytoplasm of unit variance: sheets of smoothed noise, each slice between two of them."""
        sheet, part = divmod(index * self.step / GRAIN_DEPTH, 1.0)
        weights = np.float32(np.cos(part * np.pi / 2)), np.float32(np.sin(part * np.pi / 2))
        sheets = (
            self._random(GRAIN, int(sheet) + k).standard_normal(
                (self.height, self.width), dtype=np.float32
            )
            for k in (0, 1)
        )
        mixed = sum(weight * values for weight, values in zip(weights, sheets, strict=True))
        # Smoothing white noise by a Gaussian divides its standard deviation by 2 sqrt(pi) sigma.
        smooth: Image = ndimage.gaussian_filter(mixed, GRAIN_SIGMA, mode="mirror", truncate=3.0)
        return smooth * np.float32(2 * np.sqrt(np.pi) * GRAIN_SIGMA)

    def _cells(self, index: int, x: Image, y: Image, depth: Image) -> Image:
        """Cytoplasm and membranes, in units of the contrast."""
        seeds = self._seeds()
        tint = self._random(CELLS, 1).uniform(-0.25, 0.25, len(seeds)).astype(np.float32)
        z = index * self.step
        near = np.abs(seeds[:, 2] - z) < 1.6 * self.cell
        seeds, tint = seeds[near], tint[near]
        grey = np.empty_like(x)
        for tile in self._tiles():
            tx, ty = x[tile], y[tile]
            middle = np.array([tx.mean(), ty.mean(), z])
            reach = np.hypot(np.ptp(tx), np.ptp(ty)) / 2
            close = np.linalg.norm(seeds - middle, axis=1) < reach + 1.45 * self.cell
            cytoplasm, membrane = self._voronoi(
                tx - middle[0], ty - middle[1], seeds[close] - middle, tint[close]
            )
            grey[tile] = cytoplasm - depth[tile] * membrane
        return grey

    def _tiles(self) -> Iterator[tuple[slice, slice]]:
        for top in range(0, self.height, TILE):
            for left in range(0, self.width, TILE):
                yield slice(top, top + TILE), slice(left, left + TILE)

    def _voronoi(self, x: Image, y: Image, seeds: Numbers, tint: Image) -> tuple[Image, Image]:
        """One tile: the two nearest seeds of each pixel give its cell's tint and the profile of the membrane."""
        x, y = x.astype(np.float32), y.astype(np.float32)
        first = np.full_like(x, -np.inf)
        second = first.copy()
        nearest = np.zeros(x.shape, dtype=np.intp)
        runner_up = nearest.copy()
        for number, (sx, sy, sz) in enumerate(seeds.astype(np.float32)):
            # Half of minus the squared distance, without the terms that all seeds share: linear in x and y.
            score = sx * x + sy * y - (sx * sx + sy * sy + sz * sz) / 2
            closer = score > first
            runner_up = np.where(closer, nearest, np.where(score > second, number, runner_up))
            nearest = np.where(closer, number, nearest)
            np.maximum(second, np.minimum(first, score), out=second)
            np.maximum(first, score, out=first)
        apart = seeds[:, None] - seeds
        length = np.maximum(np.linalg.norm(apart, axis=2), 1.0).astype(np.float32)
        # A sheet cut obliquely is wider and, its matter being the same, fainter.
        upright = np.linalg.norm(apart[..., :2], axis=2).astype(np.float32) / length
        distance = (first - second) / length[nearest, runner_up]
        membrane = upright[nearest, runner_up] * np.exp(
            -0.5 * (distance / np.float32(MEMBRANE)) ** 2
        )
        return tint[nearest], membrane

    def _paint_organelles(self, index: int, x: Image, y: Image, grey: Image) -> None:
        """Ellipsoids with a membrane, inside the cells; they bend with them."""
        seeds = np.repeat(self._seeds(), ORGANELLES_PER_CELL, axis=0)
        random = self._random(ORGANELLES)
        n = len(seeds)
        large = np.arange(n) % ORGANELLES_PER_CELL == 0
        offset = random.standard_normal((n, 3))
        offset *= (
            np.where(large, 0.1, random.uniform(0.26, 0.42, n)) / np.linalg.norm(offset, axis=1)
        )[:, None]
        centre = seeds + offset * self.cell
        size = (
            np.where(large, random.uniform(0.16, 0.26, n), random.uniform(0.03, 0.075, n))
            * self.cell
        )
        aspect = np.where(large, random.uniform(0.5, 1.0, n), 1.0)
        angle = random.uniform(0, np.pi, n)
        fill = np.where(
            large, random.choice([-0.36, -0.28, 0.22], n), random.uniform(-0.2, 0.22, n)
        )
        height = (index * self.step - centre[:, 2]) / size
        margin = 0.5 * self.cell
        inside = (centre[:, :2] > -margin).all(1) & (centre[:, 0] < self.width + margin)
        inside &= (centre[:, 1] < self.height + margin) & (np.abs(height) < 1)
        for i in np.flatnonzero(inside):
            reach = size[i] + margin
            cx, cy = centre[i, :2]
            box = _box(cx, cy, reach, reach, grey.shape)
            _paint(
                grey[box],
                x[box] - cx,
                y[box] - cy,
                size[i],
                aspect[i],
                angle[i],
                height[i],
                fill[i],
            )

    def _charge(self, index: int) -> Image:
        """The charge of a slice: signed, exactly zero outside the centres and their tails."""
        charge = np.zeros((self.height, self.width), dtype=np.float32)
        if self.polarity == "none":
            return charge
        for number, (x, y, depth, gain, sign) in enumerate(self._centres(index)):
            if abs(depth) >= 1:
                continue
            radius = self.radius * np.sqrt(1 - 0.5 * depth**2)
            box = _box(x, y, 5 * self.tail + radius + 3, radius + 3, charge.shape)
            halo = self._halo(box, x, y, radius, self._random(STREAKS, index, number))
            halo *= np.float32(self.strength * gain * (1 - depth**2) * sign)
            patch = charge[box]
            np.copyto(patch, halo, where=np.abs(halo) > np.abs(patch))
        return charge

    def _centres(self, index: int) -> Numbers:
        """Every centre of the stack (N, 5): x, y (px), depth (1 where it begins and ends), gain, sign."""
        random = self._random(CENTRES)
        n = round(self.centres * (self.slices + self.persistence) / self.persistence)
        half = self.persistence / 2
        begin = (np.arange(n) + random.uniform(0, 1, n)) / max(n, 1) * (
            self.slices + self.persistence
        ) - half
        # An additive recurrence spreads the centres that are visible together over the slice.
        spread = (
            random.uniform(0, 1, 2) + np.arange(n)[:, None] * (0.7548776662, 0.5698402910)
        ) % 1.0
        x = self.width * (0.14 + 0.66 * spread[:, 0])
        y = self.height * (0.12 + 0.76 * spread[:, 1])
        gain = random.uniform(0.8, 1.0, n)
        sign = {"dark": -1.0, "bright": 1.0}.get(self.polarity, 0.0) or np.where(
            np.arange(n) % 2, 1.0, -1.0
        )
        return np.stack([x, y, (index - begin) / half, gain, np.broadcast_to(sign, n)], axis=1)

    def _halo(
        self, box: tuple[slice, slice], x: float, y: float, radius: float, random: Generator
    ) -> Image:
        """Centre and tails of height 1: the tail leaves the disc to the right, a shorter one to the left."""
        dx = np.arange(box[1].start, box[1].stop) - x
        dy = (np.arange(box[0].start, box[0].stop) - y)[:, None] / radius
        chord = radius * np.sqrt(np.maximum(1 - dy**2, 0))
        streak = np.maximum(1 + self.streaks * random.standard_normal(dy.shape), 0)
        body = np.maximum(1 - dy**4, 0)
        length = self.tail * np.where(dx > 0, 1.0, 0.45) * (0.35 + 0.65 * body)
        beyond = np.maximum(np.abs(dx) - chord, 0)
        tail = 0.8 * streak * np.exp(-beyond / length)
        halo = body * np.where(beyond > 0, tail, 1.0)
        soft: Numbers = ndimage.gaussian_filter(halo, (0.7, 1.5), mode="nearest")
        return (np.maximum(soft - CUT, 0) / (1 - CUT)).astype(np.float32)


def _box(
    x: float, y: float, reach_x: float, reach_y: float, shape: tuple[int, ...]
) -> tuple[slice, slice]:
    """The part of an image within the reach of a point; empty if there is none."""
    top, bottom = (int(np.clip(edge, 0, shape[0])) for edge in (y - reach_y, y + reach_y + 1))
    left, right = (int(np.clip(edge, 0, shape[1])) for edge in (x - reach_x, x + reach_x + 1))
    return slice(top, bottom), slice(left, right)


def _paint(
    grey: Image,
    x: Image,
    y: Image,
    size: float,
    aspect: float,
    angle: float,
    height: float,
    fill: float,
) -> None:
    """Draw the section of one ellipsoid into a part of the slice, opaque."""
    cos, sin = np.cos(angle) / size, np.sin(angle) / size
    along = np.float32(cos) * x + np.float32(sin) * y
    across = (np.float32(cos) * y - np.float32(sin) * x) / np.float32(aspect)
    outward = (np.sqrt(along**2 + across**2 + np.float32(height**2)) - 1) * np.float32(
        size * aspect
    )
    opaque = 1 / (1 + np.exp(np.clip(3 * outward, -30, 30)))
    rim = np.exp(-0.5 * (outward / np.float32(1.3)) ** 2)
    grey += opaque * (np.float32(fill) - grey) - np.float32(0.5) * rim
