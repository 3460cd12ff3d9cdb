"""What a fitted streak leaves in calm tissue, beyond the slice's own detail."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from stackmend.kernels._arrays import readonly
from stackmend.kernels.axis_gaussian import axis_gaussian
from stackmend.kernels.regions import bounding_boxes
from stackmend.kernels.streak_core import gradients_of

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]

SCALES = ((6.0, 30.0), (0.0, 30.0), (0.7, 8.0), (0.7, 2.0))  # px along y and x, coarse to fine
RIM = (3.0, 8.0)  # px along y and x over which the level beside the mask is taken
BRIDGE = (2.0, 12.0)  # px that smooth what is drawn across the mask
SIDE = 5  # px beside the mask that belong to its surroundings
RARE, RARE_SIGMA = 0.9, 1.645  # a quantile, and the standard deviations that it is of a bell curve
PLACES = 2  # unmasked places above, and as many below, that show the slice's own detail
APART = 8  # rows between two of them
ASTRAY = 2.5  # px that a fitted rim may lie beside the true one: rims bend, the model's do not
HALO = 0.1  # of the charge: how far a rim may be on the other side of the tissue's level
BESIDE = 8  # px along y from the charge that it belongs to


@dataclass(frozen=True)
class Box:
    """Rows and columns of a mask with its surroundings."""

    top: int
    bottom: int
    left: int
    right: int


def remainder(image: Image, mask: Mask) -> Image:
    """The image less a smooth level drawn across the mask; 0 outside. ``(Y, X)`` float32."""
    from stackmend.kernels import _streak_loops

    outside = (~mask).astype(np.float32)
    weight = axis_gaussian(outside, *RIM)
    level: Image = axis_gaussian(image * outside, *RIM)
    level /= np.maximum(weight, np.float32(1e-6))
    if _streak_loops.bridge_columns(level, readonly(mask.view(np.uint8))):
        return np.zeros_like(image)
    return np.where(mask, image - axis_gaussian(level, *BRIDGE), np.float32(0))


def fill_detail(
    image: Image, charge: Image, masked: Mask, mask: Mask, box: Box, detail: float
) -> Image:
    """What stands out under a mask, scale by scale, beyond the detail of places without one.

    Parameters
    ----------
    image : ndarray of float32, shape (Y, X)
        The slice less the charge fitted so far.
    charge : ndarray of float32, shape of the box
        That charge. Where it is steep along y, less is taken for detail of the slice.
    masked : ndarray of bool, shape (Y, X)
        All masks of the slice: such places say nothing about its detail.
    mask : ndarray of bool, shape of the box
        The mask of one region.
    box : Box
        Where that lies.
    detail : float
        What is taken for charge, in standard deviations of the detail.

    Returns
    -------
    ndarray of float32, shape of the box
        0 where nothing stands out, or where the slice has no place to compare with.
    """
    usual = [remainder(image[rows, box.left : box.right], mask) for rows in _places(masked, box)]
    found = np.zeros(mask.shape, dtype=np.float32)
    if not usual:
        return found
    columns = slice(box.left, box.right)
    left = remainder(image[box.top : box.bottom, columns], mask)
    error = np.abs(gradients_of(charge)[0])
    error *= np.float32(ASTRAY)  # what a rim beside its place leaves
    for scale in SCALES:
        expected = max(_spread([axis_gaussian(each, *scale)[mask] for each in usual]), 1e-6)
        layer = axis_gaussian(left - found, *scale)
        excess = max(1.0, _spread([layer[mask]]) / expected)
        astray = axis_gaussian(error, *scale) / np.float32(expected)
        least = np.float32(detail * expected) / np.maximum(np.float32(excess**2), astray * astray)
        high = np.abs(layer) > least
        found[high] += layer[high] - least[high] ** 2 / layer[high]
    return found


def _spread(values: list[Image]) -> float:
    """Standard deviation of a bell curve with the same share of large values, of either sign."""
    return float(np.quantile(np.abs(np.concatenate(values)), RARE)) / RARE_SIGMA


def _places(masked: Mask, box: Box) -> list[slice]:
    """Rows of the nearest boxes above and below that hold nothing of any mask."""
    n_rows, columns = masked.shape[0], slice(box.left, box.right)
    height = box.bottom - box.top
    result = []
    for way in (-1, 1):
        shift, found = max(height - 2 * SIDE, 1), 0
        while found < PLACES and 0 <= box.top + way * shift <= n_rows - height:
            rows = slice(box.top + way * shift, box.bottom + way * shift)
            free = not masked[rows, columns].any()
            if free:
                result.append(rows)
                found += 1
            shift += APART if free else 1
    return result


def whole_charge(image: Image, charge: Image, mask: Mask, detail: float) -> Image:
    """The fitted charge and what stands out beside it; ``(Y, X)`` float32.

    Below 0 only along strong rims, by ``HALO`` of the charge at most: detectors overshoot there.

    Parameters
    ----------
    image : ndarray of float32, shape (Y, X)
        Charge is bright.
    charge : ndarray of float32, shape (Y, X)
        Of all streaks.
    mask : ndarray of bool, shape (Y, X)
        Where there is charge.
    detail : float
        What is taken for charge, in standard deviations of the detail.
    """
    result, left, lowest = charge.copy(), image - charge, np.zeros_like(charge)
    for rows, columns in bounding_boxes(mask):
        box = _with_surroundings(rows, columns, mask.shape)
        part = np.s_[box.top : box.bottom, box.left : box.right]
        fitted = np.ascontiguousarray(charge[part])
        found = fill_detail(left, fitted, mask, mask[part], box, detail)
        result[part] += found
        left[part] -= found
        near = ndimage.maximum_filter1d(fitted, 2 * BESIDE + 1, axis=0)
        np.minimum(lowest[part], np.float32(-HALO) * near, out=lowest[part])
    return np.maximum(result, lowest, out=result)


def _with_surroundings(rows: slice, columns: slice, shape: tuple[int, ...]) -> Box:
    top, bottom = max(rows.start - SIDE, 0), min(rows.stop + SIDE, shape[0])
    return Box(top, bottom, max(columns.start - SIDE, 0), min(columns.stop + SIDE, shape[1]))
