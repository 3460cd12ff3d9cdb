"""The tissue ``cells`` of the synthetic stack: what a wrong method takes for charge, or spoils.

Cells with strong membranes, dark and bright organelles, vesicles, membranes that follow the scan
line, and texture. Everything belongs to a layer of the volume that is as deep as a cell, so a slice
needs the few layers around it, however long the stack is. The structure is computed at every second
pixel and interpolated; only membranes along the scan line are drawn finer.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.stacks.phantom_parameters import BRIGHTNESS, Parameters
from stackmend.stacks.phantom_shapes import (
    Image,
    Numbers,
    box_around,
    grain,
    paint_ellipsoid,
    tiles,
    voronoi,
    waves,
)

# One stream of random numbers each; those below 10 belong to the plain tissue and its charge.
CELLS, ORGANELLES, BEND_X, BEND_Y, DEPTH, SHADE, GRAIN, SHEETS = range(10, 18)

TILE = 48  # samples of the half grid
MARGIN = 0.24  # of a cell: how far the bend moves an organelle at most, or nearly
# How many in a cell, size (of the cell), aspect, and grey levels in units of the contrast.
KINDS = (
    (1, (0.16, 0.24), (0.6, 1.0), (-0.25, 0.25)),  # large
    (4, (0.07, 0.14), (0.35, 0.7), (-1.1, -0.7)),  # dark, long
    (2, (0.05, 0.10), (0.7, 1.0), (0.7, 1.1)),  # bright
    (3, (0.03, 0.06), (0.8, 1.0), (-0.3, 0.5)),  # vesicles
)
SHEET_LIFE = 80.0  # px along z
SHEET_AREA = 2.5e4  # px of a slice in which a new one begins within that depth


def cell_tissue(phantom: Parameters, index: int) -> Image:
    """Grey values ``(Y, X)`` of the structure alone, as fractions of the grey range."""
    z = index * phantom.step
    shape = (phantom.height // 2 + 1, phantom.width // 2 + 1)

    # Places in the tissue before it was bent.
    x, y = (_bent(phantom, stream, z, shape) for stream in (BEND_X, BEND_Y))
    x += np.arange(0, 2 * shape[1], 2, dtype=np.float32)
    y += np.arange(0, 2 * shape[0], 2, dtype=np.float32)[:, None]

    coarse = _cells(phantom, z, x, y)
    _paint_organelles(phantom, z, x, y, coarse)
    shade = waves(phantom.random(SHADE), shape, z / 2, 5, 200.0, 600.0)
    coarse += np.float32(0.15) * shade + np.float32(0.13) * _texture(phantom, z, shape)
    grey = _doubled(coarse)[: phantom.height, : phantom.width]
    _paint_sheets(phantom, z, grey)
    grey *= np.float32(phantom.contrast)
    grey += np.float32(BRIGHTNESS[phantom.polarity])
    return grey


def _bent(phantom: Parameters, stream: int, z: float, shape: tuple[int, int]) -> Image:
    """By how much the tissue is displaced, in px; lengths are halved as the grid is."""
    cell = phantom.cell
    field = waves(phantom.random(stream), shape, z / 2, 6, 0.5 * cell, 1.1 * cell)
    return np.float32(0.08 * cell) * field


def _doubled(coarse: Image) -> Image:
    """An image of every second pixel, interpolated linearly: ``(2 H - 1, 2 W - 1)``."""
    height, width = coarse.shape
    rows = np.empty((2 * height - 1, width), dtype=np.float32)
    rows[::2] = coarse
    rows[1::2] = (coarse[1:] + coarse[:-1]) * np.float32(0.5)
    fine = np.empty((2 * height - 1, 2 * width - 1), dtype=np.float32)
    fine[:, ::2] = rows
    fine[:, 1::2] = (rows[:, 1:] + rows[:, :-1]) * np.float32(0.5)
    return fine


def _texture(phantom: Parameters, z: float, shape: tuple[int, int]) -> Image:
    """Mottled cytoplasm of unit variance."""
    sheet, part = divmod(z / 10.0, 1.0)
    randoms = [phantom.random(GRAIN, int(sheet) + ahead) for ahead in (0, 1)]
    return grain(randoms, part, shape, 1.1)


def _layer(phantom: Parameters, number: int) -> Numbers:
    """The cells of a layer, (N, 4): x, y, z (px) and tint, beyond the slice to all sides."""
    extent = (phantom.width, phantom.height)
    along_x, along_y = (np.arange(-1, int(length / phantom.cell) + 3) for length in extent)
    columns, rows = np.meshgrid(along_x, along_y)
    lattice = np.stack([columns.ravel(), rows.ravel(), np.full(columns.size, number)], axis=1)
    random = phantom.random(CELLS, number)
    seeds = (lattice + random.uniform(-0.36, 0.36, lattice.shape)) * phantom.cell
    return np.column_stack([seeds, random.uniform(-0.3, 0.3, len(seeds))])


def _layers_around(phantom: Parameters, z: float, reach: float) -> range:
    """The layers, from 0 on, that reach a depth; ``reach`` in cells."""
    middle = z / phantom.cell + 2  # two layers lie before the first slice
    return range(max(0, int(np.floor(middle - reach))), int(np.ceil(middle + reach)) + 1)


def _cells(phantom: Parameters, z: float, x: Image, y: Image) -> Image:
    """Cytoplasm and membranes, in units of the contrast."""
    numbers = _layers_around(phantom, z, 1.6)
    cells = np.concatenate([_layer(phantom, number) for number in numbers])
    seeds, tint = cells[:, :3], cells[:, 3].astype(np.float32)
    depth = z + 2 * phantom.cell
    strength = 1.0 + 0.15 * waves(phantom.random(DEPTH), x.shape, z / 2, 8, 25.0, 60.0)

    # Tile by tile, with the few that can be one of the two nearest somewhere in it.
    grey = np.empty_like(x)
    for tile in tiles(x.shape[0], x.shape[1], size=TILE):
        tx, ty = x[tile], y[tile]
        middle = np.array([tx.mean(), ty.mean(), depth])
        around, place = seeds - middle, (tx - middle[0], ty - middle[1])
        near = _two_nearest(around, *place)
        cytoplasm, membrane = voronoi(*place, around[near], tint[near])
        grey[tile] = cytoplasm - strength[tile] * membrane
    return grey


def _two_nearest(seeds: Numbers, x: Image, y: Image) -> NDArray[np.intp]:
    """The seeds that may be one of the two nearest somewhere in a tile around the origin."""
    corners = np.array([(u, v) for u in (x.min(), x.max()) for v in (y.min(), y.max())])
    distance = np.sqrt((seeds**2).sum(1))
    reach = np.sqrt((corners**2).sum(1).max())
    close = np.flatnonzero(distance <= np.partition(distance, 1)[1] + 2 * reach)

    # Squared distances to two seeds differ linearly: who is nearer at all corners is so everywhere.
    score = seeds[close, :2] @ corners.T - distance[close, None] ** 2 / 2
    nearer = (score[None] > score[:, None]).all(2).sum(1)
    chosen: NDArray[np.intp] = close[nearer < 2]
    return chosen


def _organelles(phantom: Parameters, number: int) -> Numbers:
    """Organelles of a layer, (N, 7): x, y, z, size (px), aspect, angle, grey level."""
    seeds = _layer(phantom, number)[:, :3]
    random = phantom.random(ORGANELLES, number)
    made = []
    for count, sizes, aspects, levels in KINDS:
        own = np.repeat(seeds, count, axis=0)
        n = len(own)
        offset = random.standard_normal((n, 3))
        away = random.uniform(0.22, 0.38, n) if count > 1 else np.full(n, 0.1)
        offset *= (away / np.linalg.norm(offset, axis=1))[:, None]
        size = random.uniform(*sizes, n) * phantom.cell
        form = [size, random.uniform(*aspects, n), random.uniform(0, np.pi, n)]
        columns = [own + offset * phantom.cell, *form, random.uniform(*levels, n)]
        made.append(np.column_stack(columns))
    return np.concatenate(made)


def _paint_organelles(phantom: Parameters, z: float, x: Image, y: Image, grey: Image) -> None:
    """Ellipsoids with a membrane, inside the cells; they bend with them."""
    depth = z + 2 * phantom.cell
    margin = MARGIN * phantom.cell
    for number in _layers_around(phantom, z, 1.1):
        organelles = _organelles(phantom, number)
        height = (depth - organelles[:, 2]) / organelles[:, 3]
        reach = organelles[:, 3] + margin
        inside = (np.abs(height) < 1) & (organelles[:, :2] > -reach[:, None]).all(1)
        inside &= organelles[:, 0] < phantom.width + reach
        inside &= organelles[:, 1] < phantom.height + reach
        for i in np.flatnonzero(inside):
            cx, cy, _, size, aspect, angle, level = organelles[i]
            box = box_around(cx / 2, cy / 2, reach[i] / 2, reach[i] / 2, grey.shape)
            form = (size, aspect, angle, height[i])
            paint_ellipsoid(grey[box], x[box] - cx, y[box] - cy, form, level)


def _paint_sheets(phantom: Parameters, z: float, grey: Image) -> None:
    """Membranes that follow the scan line for 100 px and more, drifting slowly along z."""
    layer = int(z / SHEET_LIFE)
    count = max(1, round(phantom.height * phantom.width / SHEET_AREA / 2))
    for number in range(layer, layer + 2):  # that begin in the layer before and in this one
        random = phantom.random(SHEETS, number)
        for _ in range(count):
            place = random.uniform(size=2)
            thickness, length = random.uniform(0.9, 2.4), random.uniform(120.0, 420.0)
            begin = (number - 1 + random.uniform()) * SHEET_LIFE
            drift, phase = random.uniform(-0.12, 0.12), random.uniform(0, 2 * np.pi)
            age = (z - begin) / SHEET_LIFE
            if not 0 < age < 1:
                continue
            left = place[0] * (phantom.width + length) - length
            top = place[1] * phantom.height + drift * (z - begin)
            strength = min(1.0, 4 * age, 4 * (1 - age))
            _paint_sheet(grey, (left, left + length), (top, phase, thickness), strength)


def _paint_sheet(
    grey: Image, ends: tuple[float, float], path: tuple[float, float, float], strength: float
) -> None:
    """One dark line from end to end; ``path``: its mean row, phase of its waves, thickness."""
    top, phase, thickness = path
    left, right = (int(np.clip(end, 0, grey.shape[1])) for end in ends)
    above, below = (int(np.clip(top + reach, 0, grey.shape[0])) for reach in (-10, 11))
    columns = np.arange(left, right, dtype=np.float32)
    rows = np.arange(above, below, dtype=np.float32)[:, None]
    line = np.float32(top) + np.float32(1.6) * np.sin(columns / 45 + np.float32(phase))
    fade = np.clip(np.minimum(columns - np.float32(ends[0]), np.float32(ends[1]) - columns), 0, 8)
    profile = np.exp(np.float32(-0.5) * ((rows - line) / np.float32(thickness)) ** 2)
    grey[above:below, left:right] -= profile * fade * np.float32(strength / 8)
