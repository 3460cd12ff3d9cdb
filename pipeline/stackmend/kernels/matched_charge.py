"""Known charge that is like the charge that was found: as strong, and of the same kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.injection import CHARGED, Span, known_charge
from stackmend.kernels.regions import bounding_boxes
from stackmend.kernels.statistics import grey_levels

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]

LONG = 3.0  # times as wide as high: charge that is tied to the scan line
ROUNDED = ("blob", "tail", "stroke")
DRAWN_OUT = ("cored",)
WEAKEST, STRONGEST = 0.5, 1.1  # times what was subtracted at the most
SMALL = 0.1  # times the largest region: smaller ones say nothing about sizes


class Likeness(NamedTuple):
    """What found charge is like: peaks (grey levels of 8 bit), half-heights (px), kinds, count."""

    amplitude: Span
    size: Span
    kinds: tuple[str, ...]
    count: int


def charge_likeness(image: Image, restored: Image, mask: Mask, *, inverse: bool) -> Likeness | None:
    """What the charge is like that was subtracted inside a mask.

    Parameters
    ----------
    image, restored : (Y, X) float32
        The slice before and after.
    mask : (Y, X) bool
        Where charge was found.
    inverse
        Charge is dark.

    Returns
    -------
    Likeness or None
        Peaks from 0.5 to 1.1 times the most that was subtracted (more than from the median pixel
        outside the mask); half the heights of the rows in which the larger regions reach half of
        their own peak; one core with tails where the regions are three times as wide as high (mean
        over the pixels of their boxes), else two blobs, tails or strokes. ``None`` where nothing
        was found, or nothing stronger than 8 grey levels.

    Examples
    --------
    >>> image = np.zeros((40, 120), np.float32)
    >>> image[10:20, 20:90] = 50
    >>> charge_likeness(image, 0 * image, image > 0, inverse=False)
    Likeness(amplitude=(27.5, 55.0), size=(5.0, 5.0), kinds=('cored',), count=1)
    """
    if not mask.any():
        return None
    subtracted = (image - restored) / np.float32(_unit(image) * (-1 if inverse else 1))
    outside = subtracted[~mask]
    inside = subtracted[mask] - (np.median(outside) if outside.size else 0)
    most = float(inside.max())
    if most * STRONGEST <= CHARGED:
        return None
    boxes = bounding_boxes(mask)
    height, width = np.array([[side.stop - side.start for side in box] for box in boxes], float).T
    is_long = np.average(width / height, weights=width * height) >= LONG
    return Likeness(
        (WEAKEST * most, STRONGEST * most),
        _half_heights(np.where(mask, subtracted, 0), boxes),
        DRAWN_OUT if is_long else ROUNDED,
        1 if is_long else 2,
    )


def _half_heights(subtracted: Image, boxes: Sequence[tuple[slice, slice]]) -> Span:
    """Of the lowest and of the highest of the larger regions, where each is half as strong."""
    areas = [np.count_nonzero(subtracted[box] > 0) for box in boxes]
    found = []
    for box, area in zip(boxes, areas, strict=True):
        if area and area >= SMALL * max(areas):
            inside = subtracted[box]
            rows = np.flatnonzero((inside > inside.max() / 2).any(axis=1))
            found.append((int(rows[-1]) - int(rows[0]) + 1) / 2)
    return max(min(found), 2.0), max(max(found), 2.0)


def charge_like(
    image: Image, likeness: Likeness, avoid: Mask, seed: Sequence[int], *, inverse: bool
) -> tuple[Image, float]:
    """Known charge as it is added to a slice.

    Parameters
    ----------
    image : (Y, X) float32
        The slice, for its range of grey levels.
    likeness
        What the charge is to be like.
    avoid : (Y, X) bool
        Charge is nowhere nearer to these pixels than 10 px.
    seed
        Of the random numbers.
    inverse
        Charge is dark.

    Returns
    -------
    field : (Y, X) float32
        Grey levels of the slice; negative where charge is dark.
    counts : float
        The grey levels of the slice from which on the charge of a pixel counts, 8 of an 8-bit
        slice.
    """
    unit = _unit(image)
    field = known_charge(image.shape, seed=seed, avoid=avoid, **likeness._asdict())
    return field * np.float32(-unit if inverse else unit), CHARGED * unit


def _unit(image: Image) -> float:
    """Grey levels of a slice that are one of an 8-bit slice."""
    whole = bool(image.min() >= 0 and image.max() <= 255 and np.all(image == np.rint(image)))
    if whole and image.max() > 1:
        return 1.0
    below, above = grey_levels(image).percentiles([0.1, 99.9])
    return (above - below) / 200 or 1.0
