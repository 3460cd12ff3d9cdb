"""A volume turned, scaled, sheared and moved: some of its slices at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from stackmend.kernels._arrays import readonly

Volume = NDArray[np.float32]
Numbers = NDArray[np.float64]
Shape = tuple[int, int, int]
Box = tuple[int, int, int, int]
Three = Sequence[float]
Change = Mapping[str, Three]

MARGIN = 12
"""Voxels around a block after which the coefficients of a cubic spline do not know its end."""

TILE = 256


def is_in_plane(rotation: Three, scale: Three, shift: Three) -> bool:
    """Whether a change leaves every slice in its plane, and its pixels as large as they are."""
    return not any((*rotation[1:], shift[0])) and all(each == 1 for each in scale)


def linear_part(change: Change) -> Numbers:
    """What a change of a volume does to differences of (z, y, x), ``(3, 3)`` float64.

    Parameters
    ----------
    change
        ``scale``: how many times longer what is seen becomes along z, y and x. Then ``shear``: px
        along y for each slice, along x for each slice, and along x for each row. Then ``rotation``:
        degrees about z, y and x, in this order: y towards x, x towards z, z towards y; with
        ``voxel``, the lengths of a voxel along z, y and x, in which angles are angles.

    Examples
    --------
    >>> still = {"scale": (1, 1, 1), "shear": (0, 0, 0), "voxel": (4, 1, 1)}
    >>> (linear_part({**still, "rotation": (0, 90, 0)}) @ [0, 0, 8]).tolist()
    [2.0, 0.0, 0.0]
    """
    sheared = np.eye(3)
    sheared[1, 0], sheared[2, 0], sheared[2, 1] = change["shear"]
    linear = sheared @ np.diag(change["scale"])
    lengths = np.array(change["voxel"], dtype=np.float64)
    for degrees, (one, other) in zip(change["rotation"], ((1, 2), (2, 0), (0, 1)), strict=True):
        turned, angle = np.eye(3), np.deg2rad(degrees)
        turned[one, one] = turned[other, other] = np.cos(angle)
        turned[other, one], turned[one, other] = np.sin(angle), -np.sin(angle)
        if degrees % 90 == 0:
            turned = np.rint(turned)
        linear = (turned * lengths / lengths[:, None]) @ linear
    return linear


def changed_volume(change: Change, shape: Shape, canvas: str) -> tuple[Numbers, Shape]:
    """The changed volume: from its coordinates to those of the volume, and its size.

    Parameters
    ----------
    change
        As of `linear_part`, with ``shift``, what is added along z, y and x.
    shape
        ``(Z, Y, X)`` of the volume.
    canvas : {'input', 'union'}
        The part of space that the volume had, or the least box that holds all of it, to the outer
        sides of its voxels.
    """
    linear, centre = linear_part(change), (np.array(shape) - 1) / 2
    back = np.linalg.inv(linear)
    if canvas == "input":
        moved = centre + np.array(change["shift"], dtype=np.float64)
        return np.column_stack([back, centre - back @ moved]), shape
    z, y, x = (int(each) for each in np.ceil(np.abs(linear) @ np.array(shape) - 1e-6))
    middle = (np.array([z, y, x]) - 1) / 2
    return np.column_stack([back, centre - back @ middle]), (z, y, x)


def plane_part(
    change: Change, box: Box, numbers: Sequence[int], canvas: str
) -> tuple[list[Numbers], Box]:
    """What a change that `is_in_plane` does to single slices.

    Parameters
    ----------
    change
        As of `changed_volume`.
    box
        The part of the plane that all slices have: first row and column, rows and columns.
    numbers
        Of the slices; the volume is from the first of them to the last.
    canvas : {'input', 'union'}
        That part again, or the least one that holds all of all slices.

    Returns
    -------
    matrices : list of (2, 3) float64
        For each slice, from where it comes to lie to where it was.
    shown : Box
        The part of the plane that is wanted.
    """
    linear = linear_part(change)
    centre = np.array(box[:2]) + (np.array(box[2:]) - 1) / 2
    back = np.linalg.inv(linear[1:, 1:])
    middles, matrices = [], []
    for number in numbers:
        along = number - (numbers[0] + numbers[-1]) / 2
        middles.append(centre + linear[1:, 0] * along + np.array(change["shift"][1:]))
        matrices.append(np.column_stack([back, centre - back @ middles[-1]]))
    if canvas == "input":
        return matrices, box
    reach = np.abs(linear[1:, 1:]) @ ((np.array(box[2:]) - 1) / 2)
    low = np.floor(np.min(middles, axis=0) - reach + 1e-6)
    high = np.ceil(np.max(middles, axis=0) + reach - 1e-6)
    y, x, rows, columns = (int(each) for each in (*low, *(high - low + 1)))
    return matrices, (y, x, rows, columns)


def changed_slices(
    read: Callable[[int], NDArray[np.generic]],
    shape: Shape,
    matrix: Numbers,
    wanted: tuple[int, int],
    plane: tuple[int, int],
    fill: float | None,
) -> Volume:
    """Some neighbouring slices of a changed volume, by a cubic spline.

    Parameters
    ----------
    read
        Gives a slice of the volume by its number, ``(Y, X)``.
    shape
        ``(Z, Y, X)`` of the volume.
    matrix : (3, 4) float64
        From coordinates (z, y, x) of the changed volume to those of the volume.
    wanted
        The first slice, and the one behind the last.
    plane
        Rows and columns of a changed slice.
    fill
        Grey level of what lies more than half a voxel beyond the volume; ``None`` for that of the
        nearest voxel of the volume.

    Returns
    -------
    (n, Y', X') float32
        The same whatever other slices are wanted along, to rounding: each block that is worked on
        has 12 voxels more to all sides than it needs.
    """
    out = np.empty((wanted[1] - wanted[0], *plane), dtype=np.float32)
    tiles = [range(0, side, TILE) for side in plane]
    # The axis along which slices change goes outside, so that slices are read on.
    along_x = abs(matrix[0, 2]) > abs(matrix[0, 1])
    for outer, inner in product(*(tiles[::-1] if along_x else tiles)):
        y, x = (inner, outer) if along_x else (outer, inner)
        part = out[:, y : y + TILE, x : x + TILE]
        _fill_tile(read, shape, matrix, np.array([wanted[0], y, x], dtype=np.float64), fill, part)
    return out


def _fill_tile(
    read: Callable[[int], NDArray[np.generic]],
    shape: Shape,
    matrix: Numbers,
    corner: Numbers,
    fill: float | None,
    out: Volume,
) -> None:
    from stackmend.kernels import _volume_loops

    ends = [(first, first + side - 1) for first, side in zip(corner, out.shape, strict=True)]
    places = np.array([matrix @ (*each, 1.0) for each in product(*ends)])
    size = np.array(shape)
    low = np.floor(places.min(axis=0)).astype(int) - MARGIN
    high = np.ceil(places.max(axis=0)).astype(int) + MARGIN + 1
    if fill is None:
        low, high = np.minimum(low, size - 1 - MARGIN), np.maximum(high, MARGIN + 1)
    low, high = np.maximum(low, 0), np.minimum(high, size)
    if (low >= high).any():
        out[:] = np.float32(fill or 0)
        return
    block = np.empty(high - low, dtype=np.float32)
    for place, number in enumerate(range(low[0], high[0])):
        block[place] = read(number)[low[1] : high[1], low[2] : high[2]]
    for axis in range(3):
        if block.shape[axis] > 1:
            ndimage.spline_filter1d(block, order=3, axis=axis, mode="mirror", output=block)
    _volume_loops.sample(
        readonly(block),
        readonly(low.astype(np.float64)),
        readonly(size.astype(np.float64)),
        readonly(matrix),
        readonly(corner),
        fill is None,
        fill or 0.0,
        out,
    )
