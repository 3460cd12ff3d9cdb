"""Which regions of an estimated charge are charge, and which are structure of the slice."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from stackmend.kernels.charge_features import sobel

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]

EIGHT = np.ones((3, 3), dtype=bool)
NEAR, RING, AROUND_EDGE = 4, 5, 2  # px at half size, city-block
POWER = 8  # by which certainty counts more than the share of the rise
MAX_COUNTER = 0.12  # fall below 0 around a region, as a share of its charge
LARGE, STEEPER = 400, 2.0  # px at half size; how much steeper rims of the largest may be
MARGIN = NEAR + RING + 1


@dataclass(frozen=True)
class Gate:
    """What a region must show to be taken for charge: the parameters of find_learnt_charging."""

    high: float
    low: float
    min_area: float
    max_edge: float
    min_soft: float
    min_agreement: float = 0


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the gate looks at, all ``(Y, X)`` float32 at half size in grey levels of 8 bit.

    Attributes
    ----------
    certain
        The smallest of the members' estimates of the charge.
    likely, amount
        The means of the members' estimates: of the charge, and of the charge if there is any.
    level
        The slice, halved, blurred by 1 px, and turned so that charge is bright.
    measured : (Y, X) bool
        Where ``likely`` was measured against neighbouring slices.
    """

    certain: Image
    likely: Image
    amount: Image
    level: Image
    measured: Mask


def accepted(evidence: Evidence, gate: Gate) -> Mask:
    """The regions that pass the gate.

    Parameters
    ----------
    evidence
        Of a whole slice.
    gate
        What a region must show.

    Returns
    -------
    (Y, X) bool
        At half size.
    """
    found = evidence.certain > gate.low
    labels, count = ndimage.label(found, EIGHT)
    mask = np.zeros(found.shape, dtype=bool)
    if not count:
        return mask
    slope = slope_of(evidence.level)
    usual = quantile(slope[~found], 0.95) if not found.all() else 0.0
    area = np.bincount(labels.ravel())
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if area[label] > gate.min_area:
            wide = tuple(slice(max(s.start - MARGIN, 0), s.stop + MARGIN) for s in box)
            region = labels[wide] == label
            if _passes(region, found[wide], cut(evidence, wide), usual, gate):
                mask[wide] |= region
    return mask


def cut(evidence: Evidence, box: tuple[slice, ...]) -> Evidence:
    """The evidence in a box."""
    parts = (getattr(evidence, field.name) for field in fields(evidence))
    return Evidence(*(part[box] for part in parts))


def slope_of(image: Image) -> Image:
    """How steep an image is along the scan line, for 1 px, ``(Y, X)`` float32."""
    slope: Image = np.abs(sobel(image, axis=1))
    slope /= np.float32(8)
    return slope


def _passes(region: Mask, found: Mask, evidence: Evidence, usual: float, gate: Gate) -> bool:
    charge = evidence.certain[region]
    if not charge.max() > gate.high:
        return False
    typical = quantile(charge, 0.95)
    core = region & (evidence.certain > typical / 2)
    certainty = evidence.likely[core].sum() / max(float(evidence.amount[core].sum()), 1e-6)
    agreement = max(float(certainty), 0.0) ** POWER
    if agreement < gate.min_agreement:
        return False
    # What moves between slices is too high on one side and too low on the other.
    near = dilated(region, NEAR)
    if -quantile(evidence.likely[near], 0.02) > MAX_COUNTER * typical:
        return False
    if evidence.measured[region].mean() > 0.5:
        own = for_size(gate, int(np.count_nonzero(region)))
        return fades(region, near, evidence.likely, typical, 0.0, own)
    ring = dilated(near, RING) & ~near & ~found
    if not ring.any():
        return True
    rise = evidence.level - np.float32(quantile(evidence.level[ring], 0.5))
    top = max(quantile(rise[region], 0.95), 1.0)
    if agreement * typical < gate.min_agreement * top:
        return False
    return fades(region, near, rise, top, usual, gate)


def for_size(gate: Gate, area: int) -> Gate:
    """The gate for a measured region: what moves is small, so large ones need not be as smooth."""
    ratio = area / LARGE
    steepest = gate.max_edge * min(ratio**0.5, STEEPER)
    return replace(gate, max_edge=steepest, min_soft=gate.min_soft * min(1 / ratio, 1.0))


def fades(region: Mask, near: Mask, rise: Image, top: float, usual: float, gate: Gate) -> bool:
    """Whether much lies between foot and top, and rims are not steep: objects end in steps."""
    fading = np.count_nonzero(near & (rise > 0.2 * top) & (rise < 0.65 * top))
    if fading < gate.min_soft * np.count_nonzero(near & (rise >= 0.65 * top)):
        return False
    steepest = quantile(slope_of(rise)[dilated(region, AROUND_EDGE)], 0.95)
    return float(np.sqrt(max(steepest**2 - usual**2, 0.0))) <= gate.max_edge * top


def quantile(values: Image, share: float) -> float:
    """The value below which a share of the values lies, without interpolation."""
    rank = int(share * (values.size - 1))
    return float(np.partition(values, rank)[rank])


def dilated(mask: Mask, times: int) -> Mask:
    """All within so many px of a mask, by city-block distance."""
    wider: Mask = ndimage.binary_dilation(mask, iterations=times)
    return wider


def fading_weight(mask: Mask, border: int) -> Image:
    """1 inside a mask, falling to 0 with the distance from it.

    Parameters
    ----------
    mask : (Y, X) bool
    border : int
        At the Euclidean distance d the weight is ``1 - d / (border + 1)``, but not below 0.

    Returns
    -------
    (Y, X) float32

    Examples
    --------
    >>> fading_weight(np.array([[True, False, False, False]]), 3)
    array([[1.  , 0.75, 0.5 , 0.25]], dtype=float32)
    """
    weight = np.zeros(mask.shape, np.float32)
    labels, _ = ndimage.label(mask, EIGHT)
    # Distances are measured around each region alone: beyond the border nothing counts.
    for box in ndimage.find_objects(labels):
        wide = tuple(slice(max(s.start - border - 1, 0), s.stop + border + 1) for s in box)
        distance = ndimage.distance_transform_edt(~mask[wide])
        fading = np.maximum(1 - distance / (border + 1), 0).astype(np.float32)
        np.maximum(weight[wide], fading, out=weight[wide])
    return weight
