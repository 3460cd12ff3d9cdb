"""What the learnt charging model sees of a slice: local features, at half size."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._arrays import plain_image, readonly
from stackmend.kernels._sampling import fold, kernel_of, radius
from stackmend.kernels.gaussian import gaussian

Image = NDArray[np.float32]
Features = NDArray[np.float32]

COUNT = 34
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
    found = np.empty((COUNT, *small.shape), np.float32)
    for plane, values in zip(found, _planes(image, small), strict=True):
        plane[:] = values
    return found


def _planes(image: Image, small: Image) -> Iterator[Image]:
    """The features one by one."""
    blur = {sigma: gaussian(small, sigma) for sigma in (0.7, 1.5, 3.0, 6.0)}
    quarter = halved(small)
    for sigma in (12.0, 24.0):
        blur[sigma] = doubled(gaussian(quarter, sigma / 2), small.shape)
    yield from blur.values()
    for narrow, wide in ((0.7, 1.5), (1.5, 3.0), (3.0, 6.0), (6.0, 12.0)):
        yield blur[narrow] - blur[wide]
    fine = image - gaussian(image, 1)
    fine *= fine
    grain = halved(fine)
    del fine
    for sigma in (1.5, 5.0):
        yield _root(grain, sigma)
    middle = (blur[0.7] - blur[3.0]) ** 2
    for sigma in (3.0, 8.0):
        yield _root(middle, sigma)
    yield _root((blur[1.5] - blur[6.0]) ** 2, 8)
    yield from _extremes(blur[0.7])
    slope = gradient(blur[0.7])
    yield from (slope, box_maximum(slope, 5), gaussian(slope, 4))
    along = blurred_along(small, 10, axis=1)
    above = blurred_along(along, 4, axis=0)
    yield blurred_along(along, 0.7, axis=0) - above
    yield above - blur[12.0]
    yield from _soft_extremes(blur[0.7], small.shape)


def _root(square: Image, sigma: float) -> Image:
    root: Image = np.sqrt(np.maximum(gaussian(square, sigma), 0))
    return root


def _extremes(image: Image) -> Iterator[Image]:
    for size in (5, 11, 21):
        yield box_maximum(image, size)
    for size in (5, 11, 21):
        yield -box_maximum(-image, size)


def _soft_extremes(image: Image, shape: tuple[int, int]) -> Iterator[Image]:
    """Means over 4 to 32 px that favour the high grey levels, then the low ones."""
    for sharpness in (SHARPNESS, -SHARPNESS):
        weights = np.exp(np.float32(sharpness) * np.clip(image, -LARGEST, LARGEST))
        yield _log_mean(weights, 4, sharpness)
        small = halved(weights)
        for sigma in (4, 8, 16):
            yield doubled(_log_mean(small, sigma, sharpness), shape)


def _log_mean(weights: Image, sigma: float, sharpness: float) -> Image:
    mean: Image = np.log(np.maximum(gaussian(weights, sigma), np.float32(1e-30)))
    mean *= np.float32(1 / sharpness)
    return mean


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
