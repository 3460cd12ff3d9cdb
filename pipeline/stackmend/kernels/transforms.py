"""Transforms of a slice: 2 x 3 matrices on (y, x), whose origin is the first pixel's centre."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Shape = tuple[int, int]


def identity() -> Matrix:
    """The transform that leaves everything where it is."""
    return np.eye(2, 3)


def translation(shift: Sequence[float] | NDArray[np.floating]) -> Matrix:
    """The transform that adds a shift (y, x)."""
    return np.column_stack([np.eye(2), np.asarray(shift, dtype=np.float64)])


def composed(last: Matrix, first: Matrix) -> Matrix:
    """What it comes to to apply one transform and then another.

    Examples
    --------
    >>> turn = np.array([[0.0, 1, 0], [-1, 0, 0]])
    >>> composed(turn, translation([2, 3])) @ [0, 0, 1]
    array([ 3., -2.])
    """
    linear: Matrix = last[:, :2] @ first
    linear[:, 2] += last[:, 2]
    return linear


def inverse(matrix: Matrix) -> Matrix:
    """The transform that leads back.

    ValueError where there is none, as the plane is pressed onto a line.
    """
    if abs(np.linalg.det(matrix[:, :2])) < 1e-12:
        raise ValueError(f"matrix: expected one that can be inverted, got {matrix.tolist()}")
    linear = np.linalg.inv(matrix[:, :2])
    return np.column_stack([linear, -linear @ matrix[:, 2]])


def carried(matrix: Matrix, offset: Sequence[float] | NDArray[np.floating]) -> Matrix:
    """The same transform in the coordinates of a crop that begins at an offset (y, x)."""
    crop = translation(offset)
    return composed(inverse(crop), composed(matrix, crop))


def scaled(matrix: Matrix, scale: Sequence[float] | NDArray[np.floating]) -> Matrix:
    """The same transform for slices with other pixels.

    Parameters
    ----------
    matrix : (2, 3) float64
    scale
        How many pixels of the new slices lie in one of those before, along y and x. The outer edges
        of the slices are one: with scale 2 the centre of pixel 0 comes to 0.5, as the average of
        two by two pixels has it.
    """
    factor = np.asarray(scale, dtype=np.float64)
    finer = np.column_stack([np.diag(factor), (factor - 1) / 2])
    return composed(finer, composed(matrix, inverse(finer)))


def rounded(matrix: Matrix) -> Matrix:
    """The nearest translation by whole pixels.

    ValueError where the linear part is not 1: then no translation stands for it.
    """
    if not np.allclose(matrix[:, :2], np.eye(2), atol=1e-9):
        raise ValueError(f"matrix: expected a translation to round, got {matrix.tolist()}")
    return translation(np.floor(matrix[:, 2] + 0.5))


def about(matrix: Matrix, point: Sequence[float] | NDArray[np.floating]) -> Matrix:
    """The transform that does about a point what the matrix does about the origin."""
    here = translation(point)
    return composed(here, composed(matrix, inverse(here)))


def nearest_rotation(matrix: Matrix, point: Sequence[float] | NDArray[np.floating]) -> Matrix:
    """The rotation and shift that are nearest to a transform about a point."""
    a = matrix[:, :2]
    angle = np.arctan2(a[1, 0] - a[0, 1], a[0, 0] + a[1, 1])
    cosine, sine = np.cos(angle), np.sin(angle)
    centre = np.asarray(point, dtype=np.float64)
    turned = np.array([[cosine, -sine], [sine, cosine]])
    return np.column_stack([turned, a @ centre + matrix[:, 2] - turned @ centre])


def centre_of(shape: Sequence[int]) -> NDArray[np.float64]:
    """The middle of a slice."""
    return (np.asarray(shape[:2], dtype=np.float64) - 1) / 2


def corners(shape: Sequence[int]) -> NDArray[np.float64]:
    """The centres of the four corner pixels, ``(4, 2)``."""
    bottom, right = shape[0] - 1, shape[1] - 1
    return np.array([[0, 0], [0, right], [bottom, 0], [bottom, right]], dtype=np.float64)


def moved(matrix: Matrix, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where points ``(..., 2)`` come to."""
    result: NDArray[np.float64] = points @ matrix[:, :2].T + matrix[:, 2]
    return result


def corner_distance(one: Matrix, other: Matrix, shape: Sequence[int]) -> float:
    """Root mean square distance, in px, that two transforms leave between the corners."""
    apart = moved(one, corners(shape)) - moved(other, corners(shape))
    return float(np.sqrt(np.mean(np.sum(apart**2, axis=1))))


def from_stackreg(matrix: NDArray[np.floating]) -> Matrix:
    """A 3 x 3 transform of StackReg or pystackreg, which acts on (x, y)."""
    swapped = np.asarray(matrix, dtype=np.float64)[[1, 0]][:, [1, 0, 2]]
    return np.ascontiguousarray(swapped)


def from_imod(row: Sequence[float], shape: Sequence[int], *, upwards: bool = False) -> Matrix:
    """A line ``A11 A12 A21 A22 DX DY`` of an IMOD .xf file for slices of a shape.

    IMOD leads from the slice to the aligned one, about the centres of both, with y upwards from the
    bottom row; the result leads from the aligned slice to the slice, as all transforms here do.
    `upwards` says that rows are counted from the bottom here, too, as MRC files store them.
    """
    a11, a12, a21, a22, right, up = row
    turned = np.array([[a22, -a21, -up], [-a12, a11, right]])
    if upwards:
        turned = np.array([[a22, a21, up], [a12, a11, right]])
    return inverse(about(turned, centre_of(shape)))


def canvas_of(
    matrices: Sequence[Matrix] | NDArray[np.float64], shape: Sequence[int], canvas: str
) -> tuple[tuple[int, int], Shape]:
    """Where the aligned stack begins, and how large its slices are.

    Parameters
    ----------
    matrices
        Of each slice, from aligned coordinates to its own.
    shape
        Rows and columns of the slices.
    canvas
        ``input``: as they are; ``union``: the least that holds all pixels of all slices;
        ``intersection``: rows and columns that every slice covers. The latter is the largest
        rectangle for translations; where slices turn or shear, the largest that shrinks alike from
        all four sides of what the outer corners leave.

    Returns
    -------
    origin, shape
        Aligned coordinates of the first pixel, and rows and columns.

    Raises
    ------
    ValueError
        If no rectangle is covered by all slices.
    """
    height, width = int(shape[0]), int(shape[1])
    if canvas == "input":
        return (0, 0), (height, width)
    outlines = [moved(inverse(each), corners(shape)) for each in matrices]
    if canvas == "union":
        low = np.floor(np.min([each.min(axis=0) for each in outlines], axis=0) + 1e-6)
        high = np.ceil(np.max([each.max(axis=0) for each in outlines], axis=0) - 1e-6)
    elif canvas == "intersection":
        low, high = _covered(matrices, outlines, (height, width))
    else:
        raise ValueError(f"canvas: expected input, union or intersection, got {canvas!r}")
    y, x = (int(each) for each in low)
    rows, columns = (int(each) for each in high - low + 1)
    return (y, x), (rows, columns)


def _covered(
    matrices: Sequence[Matrix] | NDArray[np.float64],
    outlines: Sequence[NDArray[np.float64]],
    shape: Shape,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The first and last pixel of a rectangle that lies in every slice."""
    low = np.max([np.sort(each, axis=0)[0] for each in outlines], axis=0)
    high = np.min([np.sort(each, axis=0)[-1] for each in outlines], axis=0)
    last = np.array(shape) - 1 + 1e-6
    for inset in range(max(shape) // 2):
        first = np.ceil(low + inset - 1e-6)
        end = np.floor(high - inset + 1e-6)
        if (first > end).any():
            break
        points = corners((end - first + 1).astype(np.intp)) + first
        places = [moved(each, points) for each in matrices]
        if all(((each >= -1e-6) & (each <= last)).all() for each in places):
            return first, end
    raise ValueError("canvas: no rectangle lies in all slices; take input or union")
