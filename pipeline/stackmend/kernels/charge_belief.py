"""Which estimated charge is believed: regions with strong evidence, and what belongs to them."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
LOWEST_CERTAINTY, LOWEST_SHARE, HIGHEST_SHARE = 0.1, 0.05, 3.0  # what logarithms are taken of
# Weights of a logistic regression on regions of slices with known charge, and of clean ones.
BIAS, SIZE, STRENGTH, CERTAINTY, SHARE, HEIGHT, CROWD = -4.5, 0.98, 0.74, 1.16, 0.79, 0.66, -13.5


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
    if found.all():  # no tissue is left that a region could be compared with
        return found
    labels, _ = ndimage.label(found, EIGHT)
    core = np.zeros(found.shape, dtype=bool)
    tissue = _Tissue.of(evidence, found)
    area = np.bincount(labels.ravel())
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if area[label] > gate.min_area:
            wide = tuple(slice(max(s.start - MARGIN, 0), s.stop + MARGIN) for s in box)
            region = labels[wide] == label
            if _passes(region, found[wide], cut(evidence, wide), gate, tissue):
                core[wide] |= region
    return _grown(core, evidence.likely > gate.low)


@dataclass(frozen=True)
class _Tissue:
    """What a region is compared with: the contrast and the slopes of what is not suspected.

    ``crowd`` is the share of the slice that is suspected; ``compared`` is whether any of it was
    measured against neighbours.
    """

    contrast: float
    slope: float
    crowd: float
    compared: bool

    @classmethod
    def of(cls, evidence: Evidence, found: Mask) -> _Tissue:
        """The tissue of a slice beside what is suspected."""
        return cls(
            _contrast(evidence.level[~found]),
            quantile(slope_of(evidence.level)[~found], 0.95),
            float(found.mean()),
            bool(evidence.measured.any()),
        )


def _contrast(level: Image) -> float:
    low, high = quantile(level, 0.05), quantile(level, 0.95)
    return max((high - low) / 3.3, 1.0)


def _grown(core: Mask, wanted: Mask) -> Mask:
    if not core.any():
        return core
    wanted &= dilated(core, REACH)
    grown: Mask = ndimage.binary_propagation(core & wanted, mask=wanted)
    return grown


def _passes(region: Mask, found: Mask, evidence: Evidence, gate: Gate, tissue: _Tissue) -> bool:
    charge = evidence.certain[region]
    if not charge.max() > gate.high:
        return False
    typical = quantile(charge, 0.95)
    core = region & (evidence.certain > typical / 2)
    total = max(float(evidence.amount[core].sum()), 1e-6)
    certainty = max(float(evidence.likely[core].sum()) / total, LOWEST_CERTAINTY)

    # What moves between slices is too high on one side and too low on the other.
    near = dilated(region, NEAR)
    if -quantile(evidence.likely[near], 0.02) > DEEPEST * typical:
        return False
    if evidence.measured[region].mean() <= MEASURED:
        return _passes_alone(region, found, evidence, gate, tissue, typical, certainty)
    if typical < FAINTEST * tissue.contrast or certainty**POWER < gate.min_agreement:
        return False
    mild = replace(gate, max_edge=min(gate.max_edge, STEEPEST_MEASURED))
    own = for_size(mild, int(np.count_nonzero(region)))
    return fades(region, near, evidence.likely, typical, 0.0, own)


def _passes_alone(
    region: Mask,
    found: Mask,
    evidence: Evidence,
    gate: Gate,
    tissue: _Tissue,
    typical: float,
    certainty: float,
) -> bool:
    near = dilated(region, NEAR)
    ring = dilated(near, RING) & ~near & ~found
    if not ring.any():
        return False
    rise = evidence.level - np.float32(quantile(evidence.level[ring], 0.5))
    top = max(quantile(rise[region], 0.95), 1.0)
    share = min(max(typical / top, LOWEST_SHARE), HIGHEST_SHARE)
    area = int(np.count_nonzero(region))
    least = PERSISTENT if tissue.compared else SMALL_AGREEMENT * (area < SMALL)
    if certainty**POWER * share < least:
        return False

    odds = BIAS + SIZE * log(area) + STRENGTH * log(typical / tissue.contrast)
    odds += CERTAINTY * log(certainty) + SHARE * log(share)
    odds += HEIGHT * log(top / tissue.contrast) + CROWD * tissue.crowd
    if odds < 0 or 1 / (1 + exp(-odds)) < gate.min_agreement:
        return False
    strict = replace(
        gate, max_edge=min(gate.max_edge, STEEPEST), min_soft=max(gate.min_soft, SOFTEST)
    )
    return fades(region, near, rise, top, tissue.slope, strict)
