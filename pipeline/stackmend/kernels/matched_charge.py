"""Known charge that is like the charge that was found: as strong, and of the same kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.injection import CHARGED, Span, known_charge
from stackmend.kernels.statistics import level_unit

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]

LONG = 2.0  # times as wide as high: charge that is tied to the scan line
ROUNDED = ("blob", "tail", "stroke")
DRAWN_OUT = ("cored",)
TYPICAL = 0.95  # quantile of what was subtracted, over the pixels
WEAKEST, STRONGEST = 0.7, 1.6  # times that
LOWER, HIGHER = 0.25, 1.0  # times the height, for half a height
SHAPES = 3  # in a field
SMALLEST = 2.0  # px


class Likeness(NamedTuple):
    """What found charge is like: peaks (grey levels of 8 bit), half-heights (px), kinds, shapes.

    ``unit`` is how many grey levels of the slice are one of an 8-bit slice.
    """

    unit: float
    amplitude: Span
    size: Span
    kinds: tuple[str, ...]
    shapes: int


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
        Peaks from 0.6 times the quantile 0.75 to 1.6 times the quantile 0.98 of what was subtracted
        (more than from the median pixel outside the mask), as it is less than what was there;
        from half to twice half the heights (quantiles 0.25 and 0.9) of where a third of that was
        subtracted; three cores with tails where the mask is twice as wide as high (mean runs of its
        pixels along x and y), else blobs, tails or strokes. ``None`` where nothing was found, or
        nothing stronger than 8 grey levels.

    Examples
    --------
    >>> image = np.zeros((40, 120), np.float32)
    >>> image[10:20, 20:90] = 40
    >>> charge_likeness(image, 0 * image, image > 0, inverse=False)
    Likeness(unit=1.0, amplitude=(28.0, 64.0), size=(2.5, 10.0), kinds=('cored',), shapes=3)
    """
    if not mask.any():
        return None
    unit = level_unit(image)
    subtracted = (image - restored) / np.float32(-unit if inverse else unit)
    outside = subtracted[~mask]
    inside = subtracted[mask] - (np.median(outside) if outside.size else 0)
    most = float(np.quantile(inside, TYPICAL))
    if most * STRONGEST <= CHARGED:
        return None
    width, height = (float(_run_lengths(each).mean()) for each in (mask, mask.T))
    is_long = width >= LONG * height
    return Likeness(
        unit,
        (WEAKEST * most, STRONGEST * most),
        (max(LOWER * height, SMALLEST), max(HIGHER * height, SMALLEST)),
        DRAWN_OUT if is_long else ROUNDED,
        SHAPES,
    )


def _run_lengths(mask: Mask) -> NDArray[np.int64]:
    """Of each pixel of a mask, how long the run of its row is that it lies in."""
    edges = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1).ravel()
    lengths = np.flatnonzero(edges < 0) - np.flatnonzero(edges > 0)
    return np.repeat(lengths, lengths)


def charge_like(
    image: Image, likeness: Likeness, avoid: Mask, seed: Sequence[int], *, inverse: bool
) -> tuple[Image, float]:
    """Known charge as it is added to a slice.

    Parameters
    ----------
    image : (Y, X) float32
        The slice, for its shape.
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
    unit, amplitude, size, kinds, shapes = likeness
    field = known_charge(
        image.shape,
        seed=seed,
        amplitude=amplitude,
        size=size,
        kinds=kinds,
        avoid=avoid,
        count=shapes,
    )
    return field * np.float32(-unit if inverse else unit), CHARGED * unit
