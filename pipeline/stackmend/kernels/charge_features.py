"""What the learnt charging model sees of a slice: local features, at half size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._arrays import plain_image, readonly
from stackmend.kernels._sampling import fold, kernel_of, radius
from stackmend.kernels.gaussian import gaussian

Image = NDArray[np.float32]
Features = NDArray[np.float32]

SHARPNESS = 4.0  # of the soft extremes, per spread of the grey levels
LARGEST = 12.0  # spreads from the median that a soft extreme distinguishes


def halved(image: Image) -> Image:
    """The means of 2 x 2 pixels; the last row or column of an odd size counts twice."""
    if image.shape[0] % 2:
        image = np.concatenate((image, image[-1:]), axis=0)
    if image.shape[1] % 2:
        image = np.concatenate((image, image[:, -1:]), axis=1)
    rows = image[::2] + image[1::2]
    half: Image = (rows[:, ::2] + rows[:, 1::2]) * np.float32(0.25)
    return half


def doubled(image: Image, shape: tuple[int, int]) -> Image:
    """An image at half size brought back to ``shape``, linearly between pixel centres."""
    return _doubled_rows(np.ascontiguousarray(_doubled_rows(image, shape[0]).T), shape[1]).T.copy()


def _doubled_rows(image: Image, size: int) -> Image:
    out = np.empty((2 * image.shape[0], image.shape[1]), np.float32)
    near, far = np.float32(0.75), np.float32(0.25)
    out[2::2] = near * image[1:] + far * image[:-1]
    out[1:-1:2] = near * image[:-1] + far * image[1:]
    out[0], out[-1] = image[0], image[-1]
    return out[:size]


def first_features(image: Image) -> Features:
    """Features of a slice that nothing is known of yet.

    Parameters
    ----------
    image : (Y, X) float32
        Grey levels less their median, in units of their spread.

    Returns
    -------
    (34, (Y + 1) // 2, (X + 1) // 2) float32
        Blurs over 0.7 to 24 px, their differences, contrast of the fine structure, extremes,
        gradients, differences of means along the scan line, and soft extremes, which move with
        charge as the grey levels do.
    """
    image = plain_image(image)
    small = halved(image)
    fine = image - gaussian(image, 1)
    fine *= fine
    grain = halved(fine)
    quarter = halved(small)
    blur = {sigma: gaussian(small, sigma) for sigma in (0.7, 1.5, 3.0, 6.0)}
    for sigma in (12.0, 24.0):
        blur[sigma] = doubled(gaussian(quarter, sigma / 2), small.shape)
    middle, rough = (blur[0.7] - blur[3.0]) ** 2, (blur[1.5] - blur[6.0]) ** 2
    slope = gradient(blur[0.7])
    along = blurred_along(small, 10, axis=1)
    narrow, wide = blurred_along(along, 0.7, axis=0), blurred_along(along, 4, axis=0)
    planes = [*blur.values()]
    planes += [
        blur[0.7] - blur[1.5],
        blur[1.5] - blur[3.0],
        blur[3.0] - blur[6.0],
        blur[6.0] - blur[12.0],
    ]
    planes += [
        _root(grain, 1.5),
        _root(grain, 5),
        _root(middle, 3),
        _root(middle, 8),
        _root(rough, 8),
    ]
    planes += [*_extremes(blur[0.7])]
    planes += [slope, box_maximum(slope, 5), gaussian(slope, 4)]
    planes += [narrow - wide, wide - blur[12.0]]
    planes += [*_soft_extremes(blur[0.7], small.shape)]
    return np.stack(planes)


def _root(square: Image, sigma: float) -> Image:
    root: Image = np.sqrt(np.maximum(gaussian(square, sigma), 0))
    return root


def _extremes(image: Image) -> list[Image]:
    highest = [box_maximum(image, size) for size in (5, 11, 21)]
    lowest = [-box_maximum(-image, size) for size in (5, 11, 21)]
    return highest + lowest


def _soft_extremes(image: Image, shape: tuple[int, int]) -> list[Image]:
    """Means over 4 to 32 px that favour the high grey levels, then the low ones."""
    planes = []
    for sharpness in (SHARPNESS, -SHARPNESS):
        weights = np.exp(np.float32(sharpness) * np.clip(image, -LARGEST, LARGEST))
        small = halved(weights)
        means = [
            gaussian(weights, 4),
            *(doubled(gaussian(small, sigma), shape) for sigma in (4, 8, 16)),
        ]
        planes += [np.log(np.maximum(mean, 1e-30)) / np.float32(sharpness) for mean in means]
    return planes


def gradient(image: Image) -> Image:
    """Length of the gradient by Sobel's filters, 8 times the slope, ``(Y, X)`` float32."""
    length: Image = np.hypot(sobel(image, axis=0), sobel(image, axis=1))
    return length


def sobel(image: Image, *, axis: int) -> Image:
    """Difference of the neighbours along an axis, weighted 1, 2, 1 across it; the frame repeats."""
    padded = np.pad(image, 1, mode="edge")
    if axis:
        padded = padded.T
    across = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    difference: Image = across[2:] - across[:-2]
    return np.ascontiguousarray(difference.T if axis else difference)


def box_maximum(image: Image, size: int) -> Image:
    """The largest value in a square of ``size`` px (odd) around each pixel, ``(Y, X)`` float32."""
    return np.ascontiguousarray(
        _row_maximum(np.ascontiguousarray(_row_maximum(image, size).T), size).T
    )


def _row_maximum(image: Image, size: int) -> Image:
    """Over ``size`` rows, by windows that double."""
    reach = size // 2
    window = np.pad(image, ((reach, reach), (0, 0)), constant_values=-np.inf)
    width = 1
    while width < size:
        step = min(width, size - width)
        window = np.maximum(window[:-step], window[step:])
        width += step
    return window


def blurred_along(image: Image, sigma: float, *, axis: int) -> Image:
    """A Gaussian blur along one axis, mirrored at the ends, ``(Y, X)`` float32."""
    from stackmend.kernels import _loops

    rows = plain_image(image if axis == 0 else image.T)
    taps = kernel_of(sigma).astype(np.float32)
    index = fold(np.arange(rows.shape[0] + taps.size - 1) - radius(sigma), rows.shape[0])
    out = np.zeros_like(rows)
    _loops.slide(rows, readonly(index), readonly(np.pad(taps, 3)), out)
    return out if axis == 0 else np.ascontiguousarray(out.T)
