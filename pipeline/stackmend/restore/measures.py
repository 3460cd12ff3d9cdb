"""What is measured of a restored slice for ``slices.csv``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.noise import noise_level
from stackmend.kernels.statistics import mean_and_std

Pixels = NDArray[Any]
Mask = NDArray[np.bool_]


def rmse(pixels: Pixels, truth: Pixels) -> float:
    """Root mean square difference, in grey levels."""
    return float(np.sqrt(np.mean(np.square(pixels.astype(np.float64) - truth))))


def extent_of(mask: Mask | None) -> dict[str, Any]:
    """How many pixels are masked, and where their centre is."""
    area = None if mask is None else int(np.count_nonzero(mask))
    extent: dict[str, Any] = {"mask_area": area, "mask_y": None, "mask_x": None}
    if mask is not None and area:
        for name, axis in (("mask_y", 1), ("mask_x", 0)):
            counts = np.count_nonzero(mask, axis=axis)
            extent[name] = round(float(counts @ np.arange(counts.size) / area), 3)
    return extent


def change_under(mask: Mask | None, before: Pixels, after: Pixels) -> float | None:
    """How much brighter the masked pixels become on average, in grey levels."""
    if mask is None or not mask.any():
        return None
    change = np.mean(after[mask], dtype=np.float64) - np.mean(before[mask], dtype=np.float64)
    return round(float(change), 6)


def levels_of(pixels: Pixels) -> dict[str, float | None]:
    """Mean, spread and noise of the grey levels."""
    mean, std = mean_and_std(pixels)
    noise = noise_level(pixels)
    return {
        "mean": round(mean, 6),
        "std": round(std, 6),
        "noise": None if noise is None else round(noise, 6),
    }
