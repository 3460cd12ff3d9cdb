"""A synthetic FIB-SEM stack whose undisturbed slices are known.

The tissue ``plain`` is a 3-D Voronoi pattern of cells, bent by a few long plane waves, with
organelles and vesicles inside and a mottled cytoplasm. The membranes of a slice hang together and
reach the frame, and what stands alone is faint: with the default contrast, charging is the only
thing to find. The kind of charge ``centres`` is blobs living for a few slices, with streaky tails
along the scan line. Other tissue is in ``phantom_tissue``, other kinds in ``phantom_charge``. The
noise, with a few hot and dead pixels that set the range of a quiet slice, is the same in the clean
and in the charged slice: they differ in the charge only, and in what ``phantom_artefacts`` adds.

Each slice follows from ``(seed, index)`` and the description alone: no slice needs another, in any
order or process. Inside this module grey values are fractions of the grey range, z runs in pixels,
and arrays are float32.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.stacks.phantom_artefacts import with_artefacts
from stackmend.stacks.phantom_charge import charge_of_kinds, events
from stackmend.stacks.phantom_parameters import BRIGHTNESS, Parameters
from stackmend.stacks.phantom_shapes import (
    Image,
    Numbers,
    box_around,
    grain,
    halo,
    paint_ellipsoid,
    tiles,
    voronoi,
    waves,
)
from stackmend.stacks.phantom_tissue import cell_tissue

# One stream of random numbers each, so that a change in one part leaves the others as they are.
CELLS, ORGANELLES, BEND_X, BEND_Y, DEPTH, SHADE, GRAIN, CENTRES, STREAKS, NOISE = range(10)

ORGANELLES_PER_CELL = 20  # the first is a large one, the others vesicles
GRAIN_SIGMA, GRAIN_DEPTH = 2.2, 10.0  # px, in the slice and from slice to slice
SPIKES, SPIKE = 5e-5, 0.38  # single pixels, bright or dark: their share of all and their height


class Phantom(Parameters):
    """A seeded stack with known truth."""

    def clean(self, index: int) -> NDArray[Any]:
        """The slice without charge and artefacts, with ``noise`` all the same; shape ``(Y, X)``."""
        self._check(index)
        return self._digitise(self._tissue(index) + self._noise(index))

    def image(self, index: int) -> NDArray[Any]:
        """The slice as the microscope records it, charged and more; shape ``(Y, X)``."""
        self._check(index)
        charge = charge_of_kinds(self, index)
        grey = self._tissue(index)
        if charge.faded.any():
            grey += charge.faded * (np.float32(BRIGHTNESS[self.polarity]) - grey)
        grey = grey + self._noise(index)
        if "centres" in self.charge and any(events(self, index)):
            grey = grey + self._charge(index)
        grey += charge.added
        grey = with_artefacts(self, index, grey)
        np.clip(grey, 0, 1, out=grey, where=charge.saturated)
        return self._digitise(grey)

    def _check(self, index: int) -> None:
        if not 0 <= index < self.slices:
            last = self.slices - 1
            raise IndexError(f"phantom: slice index, got {index}; must be from 0 to {last}")

    def _digitise(self, grey: Image) -> NDArray[Any]:
        dtype = np.dtype(self.dtype)
        if dtype.kind == "f":
            return grey.astype(dtype, copy=False)
        top = np.iinfo(dtype).max
        return np.clip(np.rint(grey * top), 0, top).astype(dtype)

    def _noise(self, index: int) -> Image:
        """Detector noise and a few spikes, ``(Y, X)``."""
        random = self.random(NOISE, index)

        # Smeared along the scan line, as a detector of finite bandwidth does.
        raw = random.standard_normal((self.height, self.width + 1), dtype=np.float32)
        smear = 0.4
        strength = np.float32(self.noise / np.hypot(1.0, smear))
        noise = (raw[:, 1:] + np.float32(smear) * raw[:, :-1]) * strength

        # Hot and dead pixels.
        count = max(6, round(SPIKES * noise.size))
        height = random.uniform(0.9, 1.0, count) * np.where(np.arange(count) % 2, SPIKE, -SPIKE)
        noise.flat[random.integers(0, noise.size, count)] += height.astype(np.float32)
        return noise

    def _waves(self, stream: int, index: int, count: int, shortest: float, longest: float) -> Image:
        """A smooth random field in the plane of a slice."""
        shape = (self.height, self.width)
        return waves(self.random(stream), shape, self.step * index, count, shortest, longest)

    def _seeds(self) -> Numbers:
        """Centres of the cells (N, 3) as x, y, z in px: a jittered lattice beyond the stack."""
        extent = (self.width, self.height, self.slices * self.step)
        axes = [np.arange(-1, int(length / self.cell) + 3) for length in extent]
        lattice = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
        return (lattice + self.random(CELLS, 0).uniform(-0.36, 0.36, lattice.shape)) * self.cell

    def _tissue(self, index: int) -> Image:
        """Grey values of the structure alone."""
        if self.tissue == "cells":
            return cell_tissue(self, index)

        # Places in the tissue before it was bent.
        bend = np.float32(0.11 * self.cell)
        x = bend * self._waves(BEND_X, index, 8, 0.9 * self.cell, 2 * self.cell)
        y = bend * self._waves(BEND_Y, index, 8, 0.9 * self.cell, 2 * self.cell)
        x += np.arange(self.width, dtype=np.float32)
        y += np.arange(self.height, dtype=np.float32)[:, None]

        # What lies there, in units of the contrast.
        depth = 0.9 + 0.12 * self._waves(DEPTH, index, 12, 50.0, 120.0)
        grey = self._cells(index, x, y, depth)
        self._paint_organelles(index, x, y, grey)
        shade = np.float32(0.15) * self._waves(SHADE, index, 5, 400.0, 1200.0)
        grey += shade + np.float32(0.12) * self._grain(index)
        grey *= np.float32(self.contrast)
        grey += np.float32(BRIGHTNESS[self.polarity])
        return grey

    def _grain(self, index: int) -> Image:
        """Mottled cytoplasm of unit variance: a slice lies between two sheets of smoothed noise."""
        sheet, part = divmod(index * self.step / GRAIN_DEPTH, 1.0)
        randoms = [self.random(GRAIN, int(sheet) + ahead) for ahead in (0, 1)]
        return grain(randoms, part, (self.height, self.width), GRAIN_SIGMA)

    def _cells(self, index: int, x: Image, y: Image, depth: Image) -> Image:
        """Cytoplasm and membranes, in units of the contrast."""
        # The cells that this slice can cut.
        seeds = self._seeds()
        tint = self.random(CELLS, 1).uniform(-0.25, 0.25, len(seeds)).astype(np.float32)
        z = index * self.step
        near = np.abs(seeds[:, 2] - z) < 1.6 * self.cell
        seeds, tint = seeds[near], tint[near]

        # Tile by tile, with the few that can reach it.
        grey = np.empty_like(x)
        for tile in tiles(self.height, self.width):
            tx, ty = x[tile], y[tile]
            middle = np.array([tx.mean(), ty.mean(), z])
            reach = np.hypot(np.ptp(tx), np.ptp(ty)) / 2
            close = np.linalg.norm(seeds - middle, axis=1) < reach + 1.45 * self.cell
            around = seeds[close] - middle
            cytoplasm, membrane = voronoi(tx - middle[0], ty - middle[1], around, tint[close])
            grey[tile] = cytoplasm - depth[tile] * membrane
        return grey

    def _paint_organelles(self, index: int, x: Image, y: Image, grey: Image) -> None:
        """Ellipsoids with a membrane, inside the cells; they bend with them."""
        seeds = np.repeat(self._seeds(), ORGANELLES_PER_CELL, axis=0)
        random = self.random(ORGANELLES)
        n = len(seeds)
        large = np.arange(n) % ORGANELLES_PER_CELL == 0

        # A large one near the middle of each cell, the others around it.
        offset = random.standard_normal((n, 3))
        away = np.where(large, 0.1, random.uniform(0.26, 0.42, n))
        offset *= (away / np.linalg.norm(offset, axis=1))[:, None]
        centre = seeds + offset * self.cell
        size = np.where(large, random.uniform(0.16, 0.26, n), random.uniform(0.03, 0.075, n))
        size = size * self.cell
        aspect = np.where(large, random.uniform(0.5, 1.0, n), 1.0)
        angle = random.uniform(0, np.pi, n)
        tints = random.choice([-0.36, -0.28, 0.22], n)
        fill = np.where(large, tints, random.uniform(-0.2, 0.22, n))

        # Those that this slice cuts.
        height = (index * self.step - centre[:, 2]) / size
        margin = 0.5 * self.cell
        inside = (centre[:, :2] > -margin).all(1) & (centre[:, 0] < self.width + margin)
        inside &= (centre[:, 1] < self.height + margin) & (np.abs(height) < 1)
        for i in np.flatnonzero(inside):
            reach = size[i] + margin
            cx, cy = centre[i, :2]
            box = box_around(cx, cy, reach, reach, grey.shape)
            shape = (size[i], aspect[i], angle[i], height[i])
            paint_ellipsoid(grey[box], x[box] - cx, y[box] - cy, shape, fill[i])

    def _charge(self, index: int) -> Image:
        """The charge of a slice: signed, exactly zero outside the centres and their tails."""
        charge = np.zeros((self.height, self.width), dtype=np.float32)
        if self.polarity == "none":
            return charge
        for number, (x, y, depth, gain, sign) in enumerate(self._centres(index)):
            if abs(depth) >= 1:
                continue
            radius = self.radius * np.sqrt(1 - 0.5 * depth**2)
            box = box_around(x, y, 5 * self.tail + radius + 3, radius + 3, charge.shape)
            random = self.random(STREAKS, index, number)
            spot = halo(box, (x, y), radius, self.tail, self.streaks, random)
            spot *= np.float32(self.strength * gain * (1 - depth**2) * sign)
            patch = charge[box]
            np.copyto(patch, spot, where=np.abs(spot) > np.abs(patch))
        return charge

    def _centres(self, index: int) -> Numbers:
        """Every centre (N, 5): x, y (px), depth (1 where it begins and ends), gain, sign."""
        random = self.random(CENTRES)
        n = round(self.centres * (self.slices + self.persistence) / self.persistence)
        half = self.persistence / 2
        turn = (np.arange(n) + random.uniform(0, 1, n)) / max(n, 1)
        begin = turn * (self.slices + self.persistence) - half

        # An additive recurrence spreads the centres that are visible together over the slice.
        along = np.arange(n)[:, None] * (0.7548776662, 0.5698402910)
        spread = (random.uniform(0, 1, 2) + along) % 1.0
        x = self.width * (0.14 + 0.66 * spread[:, 0])
        y = self.height * (0.12 + 0.76 * spread[:, 1])
        gain = random.uniform(0.8, 1.0, n)
        both = np.where(np.arange(n) % 2, 1.0, -1.0)
        sign = {"dark": -1.0, "bright": 1.0}.get(self.polarity, both)
        return np.stack([x, y, (index - begin) / half, gain, np.broadcast_to(sign, n)], axis=1)
