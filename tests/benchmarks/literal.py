"""The decharging method read literally: the yardstick for exactness and for speed.

Every line follows the method's definition with the plainest library call, one combination at a time
and nothing shared. It is slow on purpose. Tests compare the kernels and the search with it;
``make bench`` divides by it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import reconstruction
from skimage.restoration import ball_kernel, rolling_ball

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]

EIGHT = np.ones((3, 3), dtype=bool)


def standardize(image: NDArray[np.generic]) -> Image:
    x = image.astype(np.float32)
    return (x - x.min()) / (x.max() - x.min())


def gaussian(image: Image, sigma: float) -> Image:
    return ndimage.gaussian_filter(image, sigma, mode="mirror", truncate=4.0)


def ball(image: Image, radius: int) -> Image:
    return rolling_ball(image, kernel=ball_kernel(radius, 2).astype(np.float32))


def reconstruct(image: Image, drop: float) -> Image:
    seed = np.full_like(image, image.min())
    for edge in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
        seed[edge] = image[edge] - np.float32(drop)
    # A frame pixel may lie within `drop` of the minimum; the seed must not exceed the image
    # anywhere.
    return reconstruction(seed, image, method="dilation", footprint=EIGHT).astype(np.float32)


def candidates(detection: Image, color_shift: float) -> Mask:
    return detection - reconstruct(detection, color_shift) > np.float32(color_shift)


def charging_mask(detection: Image, color_shift: float, min_area: int = 50) -> Mask:
    filled = ndimage.binary_fill_holes(candidates(detection, color_shift))
    labels, _ = ndimage.label(filled, structure=EIGHT)
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    return (areas > min_area)[labels]


def blend_weight(mask: Mask, border: int = 10) -> Image:
    weight = mask.astype(np.float32)
    reached = mask
    for d in range(1, border + 1):
        grown = ndimage.binary_dilation(reached)
        weight[grown & ~reached] = (border - d) / (border + 1)
        reached = grown
    return weight


def correct(
    x: Image,
    *,
    gf1_sigma: float,
    color_shift: float,
    gf2_sigma: float,
    rb_radius: int,
    gf3_sigma: float,
    inverse: bool,
    min_area: int = 50,
    border: int = 10,
) -> tuple[Image, Mask]:
    """The corrected, still standardised slice and its charging mask."""
    low = gaussian(x, gf1_sigma)
    flat = x - low
    detection = np.float32(1) - flat if inverse else flat
    mask = charging_mask(detection, color_shift, min_area)
    flat2 = flat - gaussian(flat, gf2_sigma) if gf2_sigma else flat
    background = gaussian(ball(flat2, rb_radius), gf3_sigma)
    return flat - blend_weight(mask, border) * background + low, mask


def loss(corrected: Image, mask: Mask, n_regions: int = 20, distance: int = 10) -> float:
    """The charging-histogram loss; NaN where it is undefined."""
    labels, n = ndimage.label(mask, structure=EIGHT)
    areas = np.bincount(labels.ravel(), minlength=n + 1)[1:]
    order = sorted(range(1, n + 1), key=lambda i: (-areas[i - 1], -i))[:n_regions]
    scaled = (corrected - corrected.min()) / (corrected.max() - corrected.min()) * np.float32(256)
    near_mask = ndimage.binary_dilation(mask, iterations=distance)
    values = []
    for label in order:
        region = labels == label
        ring = (
            ndimage.binary_dilation(region, iterations=3 * distance)
            & ~ndimage.binary_dilation(region, iterations=distance)
            & ~near_mask
        )
        if not ring.any():
            continue
        inside, _ = np.histogram(scaled[region], bins=256, range=(0, 256))
        outside, _ = np.histogram(scaled[ring], bins=256, range=(0, 256))
        values.append(np.abs(inside / region.sum() - outside / ring.sum()).sum())
    return float(np.mean(values)) if values else float("nan")
