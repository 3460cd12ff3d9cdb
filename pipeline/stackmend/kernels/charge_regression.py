"""Ridge regression on random mixtures of features, with sums in a fixed order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from stackmend.kernels._arrays import readonly

Image = NDArray[np.float32]

LIMIT = 6.0  # standard deviations that a feature may be from its mean
RIDGE = 1e-3


@dataclass(frozen=True, eq=False)
class Regression:
    """Features to outputs: standardised, mixed at random, cut at zero, and summed.

    Attributes
    ----------
    mean, scale : (F,) float32
        A feature ``v`` counts as ``clip((v - mean) * scale, -6, 6)``.
    mixing : (hidden, F + 1 and zeros up to a multiple of 4) float32
    coefficients : (outputs, hidden + the same) float32
    """

    mean: Image
    scale: Image
    mixing: Image
    coefficients: Image

    def __call__(self, features: Image) -> Image:
        """The outputs, ``(outputs, N)``, of ``(F, N)`` features, summed in a fixed order."""
        out = np.empty((len(self.coefficients), features.shape[1]), np.float32)
        self.fill(features, np.ones(features.shape[1], dtype=bool), out)
        return out

    def fill(self, features: Image, wanted: NDArray[np.bool_], out: Image) -> None:
        """Set the outputs of the wanted pixels, and of some beside them."""
        from stackmend.kernels import _charge_loops

        features = readonly(np.ascontiguousarray(features, dtype=np.float32))
        scaling = readonly(np.stack((self.mean, self.scale), axis=1))
        mixing, coefficients = readonly(self.mixing), readonly(self.coefficients)
        wanted = readonly(np.ascontiguousarray(wanted))
        _charge_loops.predict(features, wanted, scaling, LIMIT, mixing, coefficients, out)

    def prepared(self, features: Image) -> Image:
        """The standardised features, a row of ones, and zeros."""
        count = len(self.mean)
        prepared = np.zeros((self.mixing.shape[1], features.shape[1]), np.float32)
        np.subtract(features, self.mean[:, None], out=prepared[:count])
        prepared[:count] *= self.scale[:, None]
        np.clip(prepared[:count], -LIMIT, LIMIT, out=prepared[:count])
        prepared[count] = 1
        return prepared


def fit(
    features: Image, targets: Image, charged: int, hidden: int, random: Generator
) -> Regression:
    """Fit two outputs: the charge anywhere, and the charge where there is any.

    Parameters
    ----------
    features : (F, N) float32
    targets : (N,) float32
        Grey levels.
    charged : int
        How many of the samples, the first ones, are charged; the second output is fitted to those.
    hidden : int
        Random mixtures.
    random
        Draws them.

    Returns
    -------
    Regression
        Least squares with ``1e-3 N`` on the diagonal.
    """
    from stackmend.kernels import _charge_loops

    count = len(features)
    mean = features.mean(axis=1, dtype=np.float64).astype(np.float32)
    scale = (1 / (features.std(axis=1, dtype=np.float64) + 1e-6)).astype(np.float32)
    width = -(-(count + 1) // 4) * 4
    mixing = np.zeros((hidden, width), np.float32)
    mixing[:, : count + 1] = random.standard_normal((hidden, count + 1)) / np.sqrt(count)
    empty = Regression(mean, scale, mixing, np.zeros((0, hidden + width), np.float32))
    size = hidden + width
    total = np.zeros((size, size))
    sides = np.zeros((1, size))
    coefficients = np.zeros((2, size), np.float32)
    part = np.empty((size, size), np.float32)
    for output, start, stop in ((1, 0, charged), (0, charged, features.shape[1])):
        padded = stop - start + (start - stop) % 8
        rows = np.zeros((padded, size), np.float32)
        if stop > start:
            own = np.ascontiguousarray(empty.prepared(features[:, start:stop]))
            _charge_loops.lifted_rows(readonly(own), readonly(mixing), rows)
            _charge_loops.add_products(readonly(rows), part, total)
            _charge_loops.add_targets(readonly(rows), readonly(targets[start:stop]), sides)
        matrix = total.copy()
        matrix[np.diag_indices(size)] += RIDGE * max(stop, 1)
        side = sides.copy()
        _charge_loops.solve(matrix, side)
        coefficients[output] = side[0]
    return Regression(mean, scale, mixing, coefficients)
