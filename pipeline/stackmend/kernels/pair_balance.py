"""Gain and offset between two slices, from the pixels that they have in common."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._arrays import plain_image, readonly

Image = NDArray[np.float32]
Numbers = NDArray[np.float64]

ROUNDS = 15
MAD = 1.4826
FEWEST = 0.05
"""Share of the pixels that must agree, for two slices to be compared."""

GAINS = (0.5, 2.0)
"""Least and greatest gain between two slices that is believed."""

LEAST_SPREAD = 1e-6
"""Share of the mean grey level below which a standard deviation is rounding."""


def pair_balance(first: Image, second: Image, model: str) -> dict[str, Any]:
    """Gain and offset with which the second image is most like the first.

    Spreads are compared, as both images are noisy: the gain of a regression would be too small.
    Pixels that differ weigh less in the next round, and nothing if they differ much, so that what
    only one image shows does not count.

    Parameters
    ----------
    first, second : ndarray of float32, shape (Y, X)
        Two images of one size; pixels that are not finite in either do not count.
    model : {'gain_offset', 'gain', 'offset'}
        What may differ between them.

    Returns
    -------
    dict
        ``gain`` and ``offset`` so that ``first`` is about ``gain * second + offset``; ``level`` and
        ``spread``, mean and standard deviation of the second image where they agree; ``share`` of
        the pixels that do; ``reason`` why the result is not to be believed, or nothing.

    Raises
    ------
    ValueError
        If the images differ in size, are not two-dimensional or are empty.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.random.default_rng(1).normal(100, 20, (50, 50)).astype(np.float32)
    >>> found = pair_balance(2 * image - 30, image + 5, "gain_offset")
    >>> round(found["gain"], 4), round(found["offset"], 2), found["reason"]
    (2.0, -40.0, '')
    """
    from stackmend.kernels import _balance_loops, _curtain_loops

    one, two = plain_image(first), plain_image(second)
    if one.shape != two.shape:
        raise ValueError(f"expected images of one size, got {one.shape} and {two.shape}")
    seen = np.isfinite(one) & np.isfinite(two)
    a, b = (readonly(each.ravel() if seen.all() else each[seen]) for each in (one, two))
    if a.size < FEWEST * one.size:
        return _record(1.0, (0.0, 0.0), 0.0, a.size / one.size)
    left, sums, scale = np.zeros(a.size, np.float32), np.zeros(5), inf
    about = np.array([a.mean(dtype=np.float64), b.mean(dtype=np.float64)])
    gain, spread = 1.0, 0.0
    for _ in range(ROUNDS):
        _balance_loops.weighted_sums(a, b, readonly(left), scale, readonly(about), sums)
        means = sums[1:3] / sums[0]
        variances = np.maximum(sums[3:] / sums[0] - means**2, 0)
        about, spread = about + means, sqrt(variances[1])
        if spread <= LEAST_SPREAD * abs(about[1]):
            return _record(1.0, about, 0.0, 1.0)
        gain = _gain(variances, about, model)
        offset = 0.0 if model == "gain" else about[0] - gain * about[1]
        _balance_loops.distances(a, b, gain, offset, left)
        scale = MAD * _curtain_loops.middle(readonly(left.view(np.uint32)))
    agree = np.count_nonzero(left <= _balance_loops.TUKEY * scale)
    return _record(gain, about, spread, agree / one.size, offset)


def _gain(variances: Numbers, means: Numbers, model: str) -> float:
    if model == "offset":
        return 1.0
    one, two = variances + means**2 if model == "gain" else variances
    return sqrt(one / two)


def _record(
    gain: float, means: Sequence[float] | Numbers, spread: float, share: float, offset: float = 0.0
) -> dict[str, Any]:
    """A record of plain data, with what speaks against it."""
    reason = ""
    if share < FEWEST:
        reason = f"only {share:.1%} of the pixels agree"
    elif min(spread, gain) == 0:
        reason = "one grey level where they agree"
    elif not GAINS[0] <= gain <= GAINS[1]:
        reason = f"gain {gain:.3g}, beyond {GAINS[0]} to {GAINS[1]}"
    level = float(means[1])
    found = {"gain": gain, "offset": float(offset), "level": level, "spread": spread}
    return {**found, "share": share, "reason": reason}
