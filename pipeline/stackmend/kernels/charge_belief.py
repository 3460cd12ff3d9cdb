"""Which estimated charge is believed: regions with strong evidence, and what belongs to them."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from stackmend.kernels.charge_gate import (
    EIGHT,
    MARGIN,
    NEAR,
    POWER,
    RING,
    Evidence,
    Gate,
    cut,
    dilated,
    fades,
    for_size,
    quantile,
    slope_of,
)

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]

CORE = 5.0  # grey levels: where this much charge is certain, a region may begin
REACH = 8  # px at half size, city-block, by which a region may grow beyond its core
MEASURED = 0.7  # share of a region that must be measured for it to count as that
FAINTEST = 0.5  # of the tissue's contrast: measured charge that is weaker may be noise
DEEPEST = 0.08  # fall below 0 around a region, as a share of its charge
PERSISTENT = 0.4  # least agreement of what neighbours could have measured and did not,
SMALL, SMALL_AGREEMENT = 300, 0.12  # and of regions of fewer px at half size in a slice alone
STEEPEST_MEASURED = 0.3  # limits that hold whatever the gate says: where neighbours measure,
STEEPEST, SOFTEST = 0.2, 1.4  # and where they do not
LOWEST_SHARE, HIGHEST_SHARE = 0.05, 3.0
# Weights of a logistic regression on regions of slices with known charge, and of clean ones.
BIAS, SIZE, STRENGTH, CERTAINTY, SHARE, HEIGHT, CROWD = -4.1, 0.98, 0.74, 1.16, 0.79, 0.66, -13.5


def believed(evidence: Evidence, gate: Gate) -> Mask:
    """The regions that are taken for charge, ``(Y, X)`` bool at half size.

    Parameters
    ----------
    evidence
        Of a whole slice.
    gate
        What a region must show. It judges regions of ``certain > 5`` whatever ``low`` is; from one
        that it accepts, up to 8 px of ``likely > low`` belong to the charge.

    Notes
    -----
    What is certain of one slice alone is judged by a logistic regression: size, strength and
    height compared with the tissue's own contrast, certainty, the share of the rise that is
    explained, and how much of the slice looks charged. What is measured against neighbours is
    judged by its certainty and by what moving structure shows: falls beside rises, steep rims.
    """
    found = evidence.certain > CORE
    labels, count = ndimage.label(found, EIGHT)
    core = np.zeros(found.shape, dtype=bool)
    if (
        not count or found.all()
    ):  # there is nothing to compare a slice with that is charged all over
        return found
    contrast = _contrast(evidence.level[~found])
    slope = slope_of(evidence.level)
    usual = quantile(slope[~found], 0.95)
    crowd = float(found.mean())
    compared = bool(evidence.measured.any())
    area = np.bincount(labels.ravel())
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if area[label] > gate.min_area:
            wide = tuple(slice(max(s.start - MARGIN, 0), s.stop + MARGIN) for s in box)
            region = labels[wide] == label
            part = cut(evidence, wide)
            if part.certain[region].max() > gate.high and _passes(
                region, found[wide], part, gate, (contrast, usual, crowd), compared
            ):
                core[wide] |= region
    return _grown(core, evidence.likely > gate.low)


def _contrast(level: Image) -> float:
    low, high = quantile(level, 0.05), quantile(level, 0.95)
    return max((high - low) / 3.3, 1.0)


def _grown(core: Mask, wanted: Mask) -> Mask:
    if not core.any():
        return core
    wanted &= dilated(core, REACH)
    grown: Mask = ndimage.binary_propagation(core & wanted, mask=wanted)
    return grown


def _passes(
    region: Mask,
    found: Mask,
    evidence: Evidence,
    gate: Gate,
    usual: tuple[float, float, float],
    compared: bool,
) -> bool:
    charge = evidence.certain[region]
    typical = quantile(charge, 0.95)
    core = region & (evidence.certain > typical / 2)
    total = max(float(evidence.amount[core].sum()), 1e-6)
    certainty = max(float(evidence.likely[core].sum()) / total, 0.1)
    near = dilated(region, NEAR)
    contrast, steepness, crowd = usual
    if -quantile(evidence.likely[near], 0.02) > DEEPEST * typical:
        return False
    if evidence.measured[region].mean() > MEASURED:
        if typical < FAINTEST * contrast or certainty**POWER < gate.min_agreement:
            return False
        mild = replace(gate, max_edge=min(gate.max_edge, STEEPEST_MEASURED))
        own = for_size(mild, int(np.count_nonzero(region)))
        return fades(region, near, evidence.likely, typical, 0.0, own)

    ring = dilated(near, RING) & ~near & ~found
    if not ring.any():
        return False
    rise = evidence.level - np.float32(quantile(evidence.level[ring], 0.5))
    top = max(quantile(rise[region], 0.95), 1.0)
    share = min(max(typical / top, LOWEST_SHARE), HIGHEST_SHARE)
    area = int(np.count_nonzero(region))
    least = PERSISTENT if compared else SMALL_AGREEMENT * (area < SMALL)
    if certainty**POWER * share < least:
        return False
    odds = BIAS + SIZE * log(area) + STRENGTH * log(typical / contrast)
    odds += CERTAINTY * log(certainty) + SHARE * log(share)
    odds += HEIGHT * log(top / contrast) + CROWD * crowd
    if odds < 0 or 1 / (1 + exp(-odds)) < gate.min_agreement:
        return False
    strict = replace(
        gate, max_edge=min(gate.max_edge, STEEPEST), min_soft=max(gate.min_soft, SOFTEST)
    )
    return fades(region, near, rise, top, steepness, strict)
