"""Gain and offset of every slice of a stack, from those of many pairs of slices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from stackmend.kernels._arrays import readonly

Numbers = NDArray[np.float64]
Index = NDArray[np.intp]
Pair = tuple[int, int]

ROUNDS = 10
MAD = 1.4826
FLOOR = 1e-4
"""Residual that is never held against a pair: of a logarithm, or as a share of the spread."""


@dataclass(frozen=True)
class Balance:
    """Gain and offset of slices: each becomes ``gain * slice + offset``.

    ``numbers`` are those of the slices in the order of the stack, ``pairs`` says with how many
    others each was compared; 0 where its values were interpolated.
    """

    numbers: tuple[int, ...]
    gains: Numbers
    offsets: Numbers
    pairs: Index


def stack_balance(
    records: Mapping[Pair, Mapping[str, Any]],
    means: Mapping[int, float],
    *,
    model: str,
    keep_trend: float = 0,
    anchor: int | None = None,
    interpolated: Sequence[int] = (),
) -> Balance:
    """Solve all pairs together; pairs that contradict the others weigh less in the next round.

    Parameters
    ----------
    records
        What `pair_balance` found, by the numbers of the two slices, without what is not believed.
        They must lead from every slice to every other.
    means
        The mean grey level of every slice that is in a pair.
    model : {'gain_offset', 'gain', 'offset'}
        What may differ between slices.
    keep_trend
        Slices over which what changes slowly is kept, by a Gaussian of a quarter of that; 0 keeps
        nothing.
    anchor
        The slice that is left as it is; ``None`` for the mean grey level of the stack (of a gain
        alone, the mean of its logarithm), which then stays.
    interpolated
        Slices between those in pairs, which are given what lies between these.

    Returns
    -------
    Balance
        Of the slices in pairs and the interpolated ones.
    """
    paired = sorted({number for pair in records for number in pair})
    place = {number: at for at, number in enumerate(paired)}
    pairs = np.array([[place[one], place[two]] for one, two in records], dtype=np.intp)
    gains, offsets = _solved(pairs, list(records.values()), model)

    # Slices without a pair, then what changes slowly, and what stays as it was.
    numbers = sorted({*paired, *interpolated})
    gains = np.exp(np.interp(numbers, paired, np.log(gains)))
    offsets = np.interp(numbers, paired, offsets)
    if keep_trend:
        how = {"sigma": keep_trend / 4, "mode": "mirror"}
        if model != "offset":
            gains = gains / ndimage.gaussian_filter1d(gains, **how)
        if model != "gain":
            offsets = offsets - ndimage.gaussian_filter1d(offsets, **how)
    known = np.isin(numbers, paired)
    if anchor is not None:
        here = numbers.index(anchor)
        gains, offsets = gains / gains[here], (offsets - offsets[here]) / gains[here]
    elif model != "gain":
        levels = np.array([means[number] for number in paired])
        offsets = offsets + np.mean(levels - gains[known] * levels - offsets[known])
    counts = np.zeros(len(numbers), dtype=np.intp)
    counts[known] = np.bincount(pairs.ravel(), minlength=len(paired))
    return Balance(tuple(numbers), gains, offsets, counts)


def _solved(
    pairs: Index, records: Sequence[Mapping[str, Any]], model: str
) -> tuple[Numbers, Numbers]:
    """Gains whose logarithm has the mean 0, and offsets of mean 0."""
    count = int(pairs.max()) + 1
    gains, offsets = np.ones(count), np.zeros(count)
    columns = ("gain", "offset", "level", "spread")
    found = {name: np.array([each[name] for each in records]) for name in columns}
    if model != "offset":
        gains = np.exp(_solution(pairs, np.log(found["gain"]), FLOOR))
    if model != "gain":
        first, second = gains[pairs[:, 0]], gains[pairs[:, 1]]
        rest = (first * found["gain"] - second) * found["level"]
        floor = FLOOR * float(np.median(found["spread"]))
        offsets = _solution(pairs, first * found["offset"] + rest, floor)
    return gains, offsets


def groups_of(pairs: Sequence[Pair]) -> list[list[int]]:
    """Numbers that pairs lead between, each group in order; one group if all are joined."""
    numbers = sorted({number for pair in pairs for number in pair})
    place = {number: at for at, number in enumerate(numbers)}
    edges = ([place[one] for one, _ in pairs], [place[two] for _, two in pairs])
    graph = csr_matrix((np.ones(len(pairs)), edges), shape=(len(numbers), len(numbers)))
    groups: dict[int, list[int]] = {}
    for number, group in zip(numbers, connected_components(graph, directed=False)[1], strict=True):
        groups.setdefault(int(group), []).append(number)
    return list(groups.values())


def _solution(pairs: Index, differences: Numbers, floor: float) -> Numbers:
    """Numbers of mean 0 whose differences are those of the pairs, as far as these agree."""
    from stackmend.kernels import _balance_loops

    first, second = (readonly(np.ascontiguousarray(pairs[:, side])) for side in (0, 1))
    weights, numbers = np.ones(len(pairs)), np.empty(int(pairs.max()) + 1)
    band = int(np.abs(second - first).max())
    wanted = readonly(differences)
    for last in range(ROUNDS, -1, -1):
        _balance_loops.from_differences(first, second, wanted, readonly(weights), band, numbers)
        if last:
            left = numbers[second] - numbers[first] - differences
            scale = MAD * float(np.median(np.abs(left))) + floor
            weights = 1 / (1 + (left / (2 * scale)) ** 2)
    numbers -= numbers.mean()
    return numbers
