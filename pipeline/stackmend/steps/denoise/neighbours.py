"""Average each pixel with pixels of like surroundings, in its slice and in those beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.gaussian import gaussian
from stackmend.kernels.neighbours_in_place import brought_together
from stackmend.kernels.noise_model import (
    NoisePoints,
    correlations,
    grey_levels_of,
    noise_line,
    noise_points,
    stabilised,
    white_part,
)
from stackmend.kernels.patch_average import Averages, noise_left
from stackmend.kernels.slice_transform import SliceTransform
from stackmend.registry import IMAGE, Plot, Show, Stage, Step, Survey, Unsettled, Window
from stackmend.steps.denoise.removal import REMOVAL_FACTS, removal_facts, result

Image = NDArray[np.float32]
Noise = Mapping[str, float]
Pixels = tuple[slice, slice]

LOOKS = 16
"""Slices that are looked at for the noise."""

CORRELATED = 0.15
"""Correlation of neighbouring pixels from which on noise is not independent."""


def stable_levels(image: Image, noise_model: Noise) -> Image:
    """Grey levels whose noise has variance 1, ``(Y, X)`` float32; as they are without noise."""
    if not _is_noisy(noise_model):
        return image
    return stabilised(image, noise_model["alpha"], noise_model["beta"])


def guide_levels(stable_levels: Image, *, guide: float) -> Image:
    """The same blurred by ``guide`` px, ``(Y, X)`` float32: where it is alike, pixels are."""
    return gaussian(stable_levels, guide)


def averages(
    stable_levels: Window[Image],
    guide_levels: Window[Image],
    asked_pixels: Window[Pixels] | None = None,
    transform: Window[SliceTransform | None] | None = None,
    *,
    reach: tuple[int, ...],
    h: tuple[float, ...],
    guide: float,
    distance: int,
    patch: int,
) -> Averages:
    """Averages for all reaches and all ``h``, which share their work.

    Parameters
    ----------
    stable_levels, guide_levels : Window of (Y, X) float32
        The slice and those beside it; fewer at the ends of the stack.
    asked_pixels
        Those that are averaged, if not all.
    transform : Window of SliceTransform, optional
        Where each of them lies; they are then compared as they lie on the slice.
    reach
        Slices to either side.
    h
        How unlike surroundings may be, noise standard deviations of the guide.
    guide
        Blur of the guide, px.
    distance
        How far along y and x, px; 0: 3, or 6 where no other slice is within reach.
    patch
        Size of the surroundings, px.

    Raises
    ------
    ValueError
        If the slices differ in size.
    """
    levels, guides = list(stable_levels), list(guide_levels)
    if transform is not None:
        levels, guides = (
            brought_together(each, transform, transform.centre) for each in (levels, guides)
        )
    wanted = Averages(
        levels=tuple(levels),
        guides=tuple(guides),
        offsets=stable_levels.offsets,
        noise=noise_left(guide),
        distance=distance or None,
        patch=patch,
        at=None if asked_pixels is None else asked_pixels[asked_pixels.centre],
    )
    return wanted.computed(reach, h)


def averaged_levels(averages: Averages, *, reach: int, h: float) -> Image:
    """The average of the asked pixels for one reach and ``h``, ``(Y, X)`` float32."""
    return averages.of(reach, h)


def denoised(
    image: Image,
    averaged_levels: Image,
    noise_model: Noise,
    asked_pixels: Pixels | None = None,
    *,
    strength: float,
) -> Image:
    """The average in grey levels, mixed with the slice.

    Parameters
    ----------
    image : (Y, X) float32
        The slice.
    averaged_levels : (Y, X) float32
        The average of the asked pixels on levels whose noise has variance 1.
    noise_model
        The variance of the noise; where there is none, or one grey level only, the slice stays as
        it is.
    asked_pixels
        Those that are averaged, if not all; the others are left as they are.
    strength
        0 leaves the slice, 1 takes the average.

    Returns
    -------
    (Y, X) float32
    """
    if not _is_noisy(noise_model) or strength == 0 or image.min() == image.max():
        return image
    result = grey_levels_of(averaged_levels, noise_model["alpha"], noise_model["beta"])
    own = image if asked_pixels is None else image[asked_pixels]
    if strength < 1:
        result = own + np.float32(strength) * (result - own)
    if asked_pixels is None:
        return result
    whole = image.copy()
    whole[asked_pixels] = result
    return whole


def noise_facts(image: Image, filtered: Image, noise_model: Noise) -> dict[str, float]:
    """The noise before: 0 where there is nothing to do; and what was taken away."""
    mean = float(image.mean(dtype=np.float64))
    variance = noise_model["alpha"] * mean + noise_model["beta"]
    along = noise_model["correlation_y"], noise_model["correlation_x"]
    known = {"noise": max(variance, 0.0) ** 0.5, "alike": max(along)}
    return known | removal_facts(image, filtered)


def noise_of_slice(image: Image) -> dict[str, NDArray[np.float64]] | None:
    """What a slice says of its noise, as plain data; nothing if it is too small."""
    points = noise_points(image)
    return None if points is None else asdict(points)


def model_of_noise(
    records: Mapping[int, Mapping[str, Any] | None], *, noise: Sequence[float] | None
) -> dict[str, float]:
    """The variance of the noise, ``alpha * grey + beta``, and how alike it is beside a pixel.

    Of what is found only the white part counts: what neighbouring pixels share may be structure.
    """
    points = [NoisePoints(**each) for _, each in sorted(records.items()) if each is not None]
    if not points and noise is None:
        what = "slices have fewer than 24 blocks of 8 x 8 px, too few to tell their noise"
        raise Unsettled(f"{what}; give the noise, for instance noise: [3.3, 36]")
    along_y, along_x = correlations(points) if points else (0.0, 0.0)
    if noise is None:
        white = white_part((along_y, along_x))
        alpha, beta = (white * each for each in noise_line(points))
    else:
        alpha, beta = noise
    return {"alpha": alpha, "beta": beta, "correlation_y": along_y, "correlation_x": along_x}


def noise_by_level(image_before: Image, noise_model: Noise) -> Plot | None:
    """The variance of the noise of a slice against its grey levels, and what the model says."""
    points = noise_points(image_before)
    if points is None:
        return None
    line = np.maximum(noise_model["alpha"] * points.levels + noise_model["beta"], 0)
    curves = {"this slice": points.variances.tolist(), "noise that is independent": line.tolist()}
    beside = (
        f"{noise_model['correlation_y']:.2f} along y, {noise_model['correlation_x']:.2f} along x"
    )
    return Plot(
        "grey level",
        "variance",
        curves,
        x=points.levels.tolist(),
        dotted=("this slice",),
        note=f"Correlation of the noise of neighbouring pixels: {beside}.",
    )


def looked_at(numbers: Sequence[int], _: Sequence[int]) -> Sequence[int]:
    """Slices across the stack."""
    count = min(LOOKS, len(numbers))
    return [numbers[(2 * place + 1) * len(numbers) // (2 * count)] for place in range(count)]


def _is_noisy(noise_model: Noise) -> bool:
    return bool(noise_model["alpha"] or noise_model["beta"])


def _refuse(parameters: Mapping[str, Any]) -> dict[str, str]:
    noise = parameters["noise"]
    if noise is not None and noise[0] == 0 and noise[1] < 0:
        return {"noise": "the variance alpha * grey + beta must be positive, for instance [0, 36]"}
    return {}


def _doubt(image: NDArray[Any], _: Mapping[str, Any]) -> str | None:
    """Where the noise of neighbouring pixels is alike, so that it passes for structure."""
    points = noise_points(image)
    if points is None:
        return None
    along_y, along_x = correlations([points])
    if max(along_y, along_x) <= CORRELATED:
        return None
    what = f"noise of neighbouring pixels is alike (correlation {along_y:.2f} in y, {along_x:.2f}"
    return f"{what} in x), as in scaled or compressed images: little of it can be taken away"


VARIANT = Step(
    name="neighbours",
    version=1,
    stages=(
        Stage(stable_levels),
        Stage(guide_levels, plural="guides"),
        Stage(averages, plural="averages", window="reach", together=("reach", "h")),
        Stage(averaged_levels),
        Stage(denoised, makes="filtered"),
        Stage(
            noise_facts,
            facts={
                "noise": "standard deviation of the noise at the mean grey level",
                "alike": "correlation of the noise of neighbouring pixels",
                **REMOVAL_FACTS,
            },
        ),
        Stage(result, makes=IMAGE),
    ),
    survey=Survey("noise_model", noise_of_slice, model_of_noise, slices=looked_at),
    shows=(
        Show(
            "Noise by grey level",
            "Variance of the noise at the smoothest places of a slice, and the part of it that the "
            "model takes for noise of single pixels. Shot noise makes both rise; where pixels next "
            "to each other share noise, the line lies lower: it cannot be told from structure.",
            noise_by_level,
        ),
    ),
    refuse=_refuse,
    doubt=_doubt,
    references=(
        "Buades, Coll, Morel, CVPR 2005, 60-65, 10.1109/CVPR.2005.38",
        "Makitalo, Foi, IEEE Trans. Image Process. 20 (2011), 2697-2698, 10.1109/TIP.2010.2056693",
        "Makitalo, Foi, IEEE Trans. Image Process. 22 (2013), 91-103, 10.1109/TIP.2012.2202675",
    ),
)
