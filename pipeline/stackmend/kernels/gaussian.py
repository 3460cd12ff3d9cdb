"""Gaussian blur with a truncated kernel and mirrored borders, exact to float32.

No Fourier transform:

- small sigma: the two one-dimensional convolutions as they stand;
- large sigma: so wide a Gaussian needs no more than two samples a sigma. Each axis is a *sampling*
  (a narrower Gaussian, evaluated at few places) followed by a *spreading* (another Gaussian, back
  to the pixels); the two together are the untruncated Gaussian ``S`` to about 4e-8;
- the truncation ``E = K - S``, less the tails of the kernel, is a small but sharp term. With
  ``K = S + E`` on both axes, ``K_y I K_x = K_y I S_x + S_y I E_x + E_y I E_x``: the last term is
  below 1e-8 and dropped, each of the others runs where the other axis is already sampled.

The cost per pixel does not depend on sigma.
"""

from __future__ import annotations

from math import isfinite

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._arrays import plain_image, readonly, scratch
from stackmend.kernels._sampling import Band, axis_of, fold, kernel_of, radius

Image = NDArray[np.float32]

DIRECT_BELOW = 9.0  # sigma up to which the plain convolutions are faster
TILE = 64  # rows transposed at a time


def gaussian(image: Image, sigma: float) -> Image:
    """Blur an image.

    Parameters
    ----------
    image : ndarray of float32, shape (Y, X)
        Any grey levels, all finite; at least one pixel.
    sigma : float
        Standard deviation in pixels, not negative. The kernel ends at ``int(4 * sigma + 0.5)``
        pixels, which may be farther than the image is wide, and sums to 1. 0 gives the image
        itself.

    Returns
    -------
    ndarray of float32, shape (Y, X)
        Within 1e-6 of the grey range of `scipy.ndimage.gaussian_filter` with ``mode="mirror"``; a
        new array. Constant images stay exactly constant.

    Raises
    ------
    ValueError
        If the image is not two-dimensional or is empty, or sigma is negative or not finite.

    Notes
    -----
    The middle of the grey range is taken off first, so rounding errors are relative to the
    contrast. Sums run in a fixed order: the result has the same bits for any number of threads or
    processes.

    References
    ----------
    .. [1] A. Dutt, V. Rokhlin, Fast Fourier transforms for nonequispaced data, SIAM J. Sci. Comput.
       14 (1993), 1368-1393 (Gaussian spreading and its error), :doi:`10.1137/0914081`.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.zeros((3, 5), dtype=np.float32)
    >>> image[1, 2] = 1
    >>> [round(float(gaussian(image, sigma)[1, 2]), 3) for sigma in (0, 0.5, 2)]
    [1.0, 0.619, 0.127]
    """
    if not (isfinite(sigma) and sigma >= 0):
        raise ValueError(f"sigma: expected a number of pixels >= 0, got {sigma!r}")
    image = plain_image(image)
    if radius(sigma) == 0:
        return image.copy()
    middle = np.float32(0.5 * (float(image.min()) + float(image.max())))
    centred = np.subtract(image, middle, out=scratch("centred", image.shape))
    blurred = (
        _convolve(centred, sigma) if sigma < DIRECT_BELOW else _sample_and_spread(centred, sigma)
    )
    blurred += middle
    return blurred


def _slide(rows: Image, taps: Image, start: int, out: Image) -> None:
    """Add to `out` the rows weighted by `taps` from offset `start` on, mirrored at the ends."""
    from stackmend.kernels import _loops

    offsets = np.arange(start, start + rows.shape[0] + taps.size - 1)
    _loops.slide(
        readonly(rows), readonly(fold(offsets, rows.shape[0])), readonly(np.pad(taps, 3)), out
    )


def _combine(rows: Image, band: Band) -> Image:
    from stackmend.kernels import _loops

    first, weights, n_rows = band
    rows = np.ascontiguousarray(rows)
    if rows.shape[0] < n_rows:
        rows = np.pad(rows, ((0, n_rows - rows.shape[0]), (0, 0)))
    out = np.zeros((first.size, rows.shape[1]), dtype=np.float32)
    _loops.combine(readonly(rows), readonly(first), readonly(weights), out)
    return out


def _slide_along(rows: Image, taps: Image, start: int, out: Image) -> None:
    """The same along the rows."""
    from stackmend.kernels import _loops

    taps = np.pad(taps, (0, -taps.size % 4))
    offsets = np.arange(start, start + rows.shape[1] + taps.size - 1)
    work = np.empty(offsets.size, dtype=np.float32)
    _loops.slide_along(
        readonly(rows), readonly(fold(offsets, rows.shape[1])), readonly(taps), work, out
    )


def _convolve(image: Image, sigma: float) -> Image:
    taps = kernel_of(sigma).astype(np.float32)
    rows, out = scratch("rows", image.shape), np.zeros_like(image)
    rows.fill(0)
    _slide(image, taps, -radius(sigma), rows)
    _slide_along(rows, taps, -radius(sigma), out)
    return out


def _sample_and_spread(image: Image, sigma: float) -> Image:
    from stackmend.kernels import _loops

    sample_y, spread_y, _, _ = axis_of(image.shape[0], sigma)
    sample_x, _, blocks_x, tail_x = axis_of(image.shape[1], sigma)
    n_columns = sample_x[0].size
    columns = np.zeros((image.shape[0], -(-n_columns // 4) * 4), dtype=np.float32)
    for start in range(0, image.shape[0], TILE):
        columns[start : start + TILE, :n_columns] = _combine(
            image[start : start + TILE].T, sample_x
        ).T
    blurred = np.zeros_like(columns)
    _slide(columns, kernel_of(sigma).astype(np.float32), -radius(sigma), blurred)
    if blocks_x is None:
        return np.ascontiguousarray(blurred[:, :n_columns])
    out = _tails(_combine(image, sample_y), tail_x, radius(sigma))
    if spread_y is not None:
        out = _combine(out, spread_y)
    first, weights, _ = blocks_x
    _loops.spread_along(readonly(blurred), readonly(first), readonly(weights), out)
    return out


def _tails(rows: Image, tail: Image, reach: int) -> Image:
    """The rows convolved along x with the two tails of the kernel."""
    out = np.zeros_like(rows)
    _slide_along(rows, tail, reach + 1, out)
    _slide_along(rows, tail[::-1], -reach - tail.size, out)
    return out
