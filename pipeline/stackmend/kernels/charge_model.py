"""What the learnt charging model says of a slice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from stackmend.kernels.charge_belief import believed
from stackmend.kernels.charge_features import doubled, first_features, halved
from stackmend.kernels.charge_gate import Evidence, Gate
from stackmend.kernels.charge_neighbours import trusted_places, with_neighbours
from stackmend.kernels.charge_regression import Regression
from stackmend.kernels.gaussian import gaussian

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]
Model = Mapping[str, Any]

SMALLEST = 64  # px: nothing can be learnt from less
GLANCE, AROUND = 2.0, 4  # grey levels, px at half size: where every member looks
ARRAYS = ("mean", "scale", "mixing", "coefficients")


@dataclass(frozen=True, eq=False)
class Charge:
    """What the model says of a slice: evidence for the gate, and how it gets back to the pixels.

    ``trusted`` is where the slice may be a measure for others, ``(Y, X)`` bool at half size.
    ``unit`` is what one grey level of charge adds to the slice, negative where charge is dark.
    ``window`` is the part of the slice that a search works on.
    """

    evidence: Evidence
    trusted: Mask
    unit: float
    shape: tuple[int, int]
    window: tuple[slice, ...] = (slice(None), slice(None))

    def cut(self, window: tuple[slice, ...]) -> Charge:
        """The same charge, for a part of the slice."""
        return replace(self, window=window)

    def beside(self, slices: Sequence[Charge], centre: int) -> Charge:
        """The charge measured against neighbouring slices, of which it is the one at ``centre``."""
        evidence = [each.evidence for each in slices]
        trusted = [each.trusted for each in slices]
        return replace(self, evidence=with_neighbours(evidence, trusted, centre))

    def mask(self, gate: Gate) -> Mask:
        """The regions that pass a gate, ``(Y, X)`` bool."""
        half = believed(self.evidence, gate).astype(np.float32)
        mask: Mask = doubled(half, self.shape) >= 0.5
        return np.ascontiguousarray(mask[self.window])

    def amount(self) -> Image:
        """What charge has added to the slice, as far as it is charge; ``(Y, X)`` float32."""
        evidence = self.evidence
        charge = np.maximum(evidence.likely, 0)
        # What rests on one slice was allowed to be nothing; now that it is charge, it is more.
        surer = np.sqrt(charge * np.maximum(evidence.amount, 0))
        charge = np.where(evidence.measured, charge, surer)
        whole = doubled(charge, self.shape)[self.window]
        return np.ascontiguousarray(whole) * np.float32(self.unit)


def charge_of(image: Image, model: Model) -> Charge:
    """What a learnt model says of a slice.

    Parameters
    ----------
    image : (Y, X) float32
        In the grey levels that the model was learnt on.
    model
        From `charge_learning.learn`.

    Returns
    -------
    Charge
        None in a constant slice.

    Raises
    ------
    ValueError
        If the slice has NaN or infinite pixels, or is smaller than 64 x 64 px.
    """
    check(image)
    unit = float(model["unit"])
    levels = image / np.float32(abs(unit))
    level = level_of(levels, unit < 0)
    if levels.min() == levels.max():
        nothing = np.zeros_like(level)
        evidence = Evidence(nothing, nothing, nothing, level, nothing > 0)
        return Charge(evidence, nothing == 0, unit, image.shape)
    features = first_features(standardized(levels, model["median"], model["spread"]))
    stacked = zip(*(model[name] for name in ARRAYS), strict=True)
    members = [Regression(*arrays) for arrays in stacked]
    evidence = evidence_of(members, features, level)
    return Charge(evidence, trusted_places(evidence), unit, image.shape)


def check(image: Image) -> None:
    """ValueError unless a slice is large enough and all its pixels are numbers."""
    if min(image.shape) < SMALLEST:
        size = " x ".join(map(str, image.shape))
        raise ValueError(f"slice: expected at least 64 x 64 pixels, got {size}")
    if not np.isfinite(image).all():
        count = np.count_nonzero(~np.isfinite(image))
        raise ValueError(f"slice: expected numbers, got {count} pixels of NaN or infinity")


def standardized(image: Image, median: float, spread: float) -> Image:
    """The slice as the features measure it."""
    return (image - np.float32(median)) / np.float32(spread)


def level_of(image: Image, inverse: bool) -> Image:
    """The slice at half size, blurred, and turned so that charge is bright."""
    level = gaussian(halved(image), 1)
    return -level if inverse else level


def evidence_of(members: Sequence[Regression], features: Image, level: Image) -> Evidence:
    """What the members see; all but the first look only at places where the first sees charge."""
    flat = features.reshape(len(features), -1)
    first = members[0](flat)
    seen = np.maximum(gaussian(first[0].reshape(level.shape), 1), 0) > GLANCE
    wanted = ndimage.binary_dilation(seen, iterations=AROUND).ravel()
    likely: list[Image] = []
    amount: list[Image] = []
    for number, member in enumerate(members):
        values = first
        if number:
            values = first.copy()
            member.fill(flat, wanted, values)
        for estimates, value in zip((likely, amount), values, strict=True):
            estimates.append(np.maximum(gaussian(value.reshape(level.shape), 1), 0))
    mean = np.float32(1 / len(members))
    certain, measured = np.minimum.reduce(likely), np.zeros(level.shape, dtype=bool)
    likely_mean, amount_mean = (np.add.reduce(each) * mean for each in (likely, amount))
    return Evidence(certain, likely_mean, amount_mean, level, measured)
