"""What drifts slowly through a stack, and how the transforms are freed from their own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from stackmend.kernels import transforms

Transforms = NDArray[np.float64]


def without_trend(
    found: Transforms, *, trend: str, window: float, model: str, shape: Sequence[int]
) -> Transforms:
    """The transforms that correct only what is faster than the trend.

    Parameters
    ----------
    found : (N, 2, 3) float64
        From aligned coordinates to those of each slice.
    trend
        ``keep``: what is slow is a Gaussian along the stack, of sigma `window` / 4 slices, of the
        linear part and of where the middle comes to; beyond the ends it goes on as it came
        (mirrored in place and value), so what is steady is kept to the last slice. ``linear``: a
        straight line through all slices.
    window
        Slices.
    model, shape
        Of the transforms, and of the slices.

    Returns
    -------
    (N, 2, 3) float64
        ``G o slow^-1``.
    """
    centre = transforms.centre_of(shape)
    about = [transforms.about(each, -centre) for each in found]
    numbers = np.array(about).reshape(len(found), 6)
    slow = _slow(numbers, trend, window).reshape(-1, 2, 3)
    result = []
    for matrix, part in zip(found, slow, strict=True):
        back = transforms.about(part, centre)
        if model == "euclidean":
            back = transforms.nearest_rotation(back, centre)
        result.append(transforms.composed(matrix, transforms.inverse(back)))
    return np.stack(result)


def _slow(numbers: NDArray[np.float64], trend: str, window: float) -> NDArray[np.float64]:
    places = np.arange(len(numbers), dtype=np.float64)
    if trend == "linear" and len(numbers) > 1:
        lines = np.polyfit(places, numbers, 1)
        straight: NDArray[np.float64] = places[:, None] * lines[0] + lines[1]
        return straight
    if len(numbers) == 1:
        return numbers
    reach = min(int(window), len(numbers) - 1)
    before = 2 * numbers[0] - numbers[reach:0:-1]
    after = 2 * numbers[-1] - numbers[-2 : -reach - 2 : -1]
    longer = np.concatenate([before, numbers, after])
    smooth: NDArray[np.float64] = gaussian_filter1d(longer, window / 4, axis=0, mode="nearest")
    return smooth[reach : reach + len(numbers)]
