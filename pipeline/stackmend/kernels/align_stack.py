"""All pairs of a stack together: where every slice lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

from stackmend.kernels import transforms
from stackmend.kernels.transforms import Matrix

Pair = tuple[int, int]
Pairs = Mapping[Pair, Matrix]

ROUNDS = 8
LEAST_SPREAD = 0.01  # px, below which disagreement of pairs is no reason to trust one less


def together(pairs: Pairs, count: int, *, model: str, shape: Sequence[int]) -> NDArray[np.float64]:
    """The transforms of all slices that agree best with all pairs.

    Parameters
    ----------
    pairs
        By two places in the stack, the first below the second: the matrix that leads from
        coordinates of the first slice to those of the second. They connect all slices.
    count
        How many slices there are.
    model
        ``translation``, ``euclidean`` or ``affine``; transforms of ``euclidean`` are brought to the
        nearest rotation.
    shape
        Rows and columns of a slice.

    Returns
    -------
    (N, 2, 3) float64
        From aligned coordinates to those of each slice; that of the first is the identity.

    Notes
    -----
    Least squares over the corners p of ``G_j p - W (G_i p)``, a banded system; in 8 rounds a pair
    weighs ``1 / (1 + (d / (2 s))^2)``, d its disagreement and s that of all, as median, at least
    0.01 px. The equations are linear in the corners as each G leads them, so turns are free.
    """
    keys = sorted(pairs)
    found = np.tile(transforms.identity(), (count, 1, 1))
    if not keys:
        return found
    system = _System(keys, np.stack([pairs[key] for key in keys]), count, shape)
    weights = np.ones(len(keys))
    for _ in range(ROUNDS):
        found = system.solved(weights)
        if model == "euclidean":
            centre = transforms.centre_of(shape)
            found = np.stack([transforms.nearest_rotation(each, centre) for each in found])
        apart = disagreements(pairs, found, shape)
        distances = np.array([apart[key] for key in keys])
        spread = max(1.4826 * float(np.median(distances)), LEAST_SPREAD)
        weights = 1 / (1 + (distances / (2 * spread)) ** 2)
    return found


def disagreements(
    pairs: Pairs, found: NDArray[np.float64], shape: Sequence[int]
) -> dict[Pair, float]:
    """Root mean square distance of the corners, px, between each pair and the transforms found."""
    apart: dict[Pair, float] = {}
    for i, j in sorted(pairs):
        chained = transforms.composed(pairs[i, j], found[i])
        apart[i, j] = transforms.corner_distance(chained, found[j], shape)
    return apart


def chained(pairs: Pairs, count: int) -> NDArray[np.float64]:
    """The transforms of all slices by one neighbouring pair after the other."""
    found = [transforms.identity()]
    for place in range(count - 1):
        found.append(transforms.composed(pairs[place, place + 1], found[-1]))
    return np.stack(found)


class _System:
    """The normal equations of all slices, by pairs.

    Unknown are, of each slice, the coefficients of 1, y and x, about the middle and in units of
    half the diagonal, that displace y, and those that displace x: six numbers from place 6 k on.
    """

    def __init__(
        self, pairs: Sequence[Pair], matrices: NDArray[np.float64], count: int, shape: Sequence[int]
    ) -> None:
        self.unit, self.centre = (
            float(np.hypot(shape[0], shape[1])) / 2,
            transforms.centre_of(shape),
        )
        self.count, self.band = count, 6 * (1 + max(j - i for i, j in pairs))
        first, second = np.array(pairs).T
        linear = matrices[:, :, :2]
        still = linear @ self.centre + matrices[:, :, 2] - self.centre
        places = np.column_stack(
            [np.ones(4), (transforms.corners(shape) - self.centre) / self.unit]
        )
        back = linear.transpose(0, 2, 1)
        # What is left is v_j - linear v_i - still, with v the displaced corner about the middle.
        parts = np.stack([back @ linear, np.broadcast_to(np.eye(2), linear.shape), -linear], axis=1)
        square = places.T @ places
        blocks = np.einsum("pkab,mn->pkambn", parts, square).reshape(len(pairs), 3, 6, 6)
        within = np.arange(6)
        rows = 6 * np.stack([first, second, second], axis=1)[:, :, None, None] + within[:, None]
        columns = 6 * np.stack([first, second, first], axis=1)[:, :, None, None] + within
        lower = rows >= columns
        self.values = np.where(lower, blocks, 0)
        self.index = np.where(lower, (rows - columns) * 6 * count + columns, 0)
        sides = np.stack([-(back @ still[:, :, None])[:, :, 0], still], axis=1)
        self.right = np.einsum("pka,m->pkam", sides, places.sum(axis=0)).reshape(-1, 2, 6)
        self.right_index = 6 * np.stack([first, second], axis=1)[:, :, None] + within

    def solved(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """The transforms of all slices, the first of which stays."""
        size, unit = 6 * self.count, self.unit
        values = weights[:, None, None, None] * self.values
        flat = np.bincount(self.index.ravel(), values.ravel(), self.band * size)
        normal = flat.reshape(self.band, size)
        sides = (weights[:, None, None] * self.right).ravel()
        right = np.bincount(self.right_index.ravel(), sides, size)
        first = np.array([0, unit, 0, 0, 0, unit])
        for column in range(6):
            reached = min(self.band, size - column)
            right[column : column + reached] -= normal[:reached, column] * first[column]
        free = solveh_banded(normal[:, 6:], right[6:], lower=True)
        found = np.concatenate([first, free]).reshape(self.count, 2, 3)
        linear = found[:, :, 1:] / unit
        shift = found[:, :, 0] + self.centre - linear @ self.centre
        return np.concatenate([linear, shift[:, :, None]], axis=2)
