"""What moves together: the largest part of the field is made to stand still.

Objects that are tilted move from slice to slice like drift. What moves with them is told from the
rest by the shifts of blocks, over several slices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels import transforms

Array = NDArray[np.float64]
Records = Mapping[tuple[int, int], Mapping[str, Any]]

ROUNDS = 3
SLICES = 9  # over which the shifts of blocks are averaged
DISAGREE = 0.3  # px per slice, of the 90 % quantile of distances from the median
WINDOW = 0.12  # px per slice, sigma of what counts as moving alike
ALIKE = 3  # of these sigmas, within which a block belongs to a group
SMALLEST = 0.1  # share of the firm blocks that is told as a group
CERTAIN = 0.5  # share that the standing group must have, so that nothing is to be asked


def standing_still(found: Array, records: Records) -> tuple[Array, list[dict[str, Any]]]:
    """The transforms under which the largest group stands still, and the groups.

    Parameters
    ----------
    found : (N, 2, 3) float64
        From aligned coordinates to those of each slice.
    records
        Pairs of neighbours with ``blocks``, by two places in `found`.

    Returns
    -------
    transforms : (N, 2, 3) float64
        As given where blocks agree.
    groups
        Each with ``share`` of the field and ``shift`` (y, x), px per slice in aligned coordinates,
        where blocks disagree; the one that stands still first. Else empty.
    """
    if not records:
        return found, []
    disagreeing = np.zeros(len(found) - 1, dtype=bool)
    for _ in range(ROUNDS):
        shifts, firm = _averaged(*_shifts(found, records))
        here = _disagree(shifts, firm)
        if not here.any():
            break
        disagreeing |= here
        steps = np.zeros((len(found), 2))
        for place in np.flatnonzero(here):
            steps[place + 1] = _mode(shifts[place], firm[place])
        moved = np.cumsum(steps, axis=0)
        together = [
            transforms.composed(matrix, transforms.translation(shift))
            for matrix, shift in zip(found, moved, strict=True)
        ]
        found = np.stack(together)
    if not disagreeing.any():
        return found, []
    shifts, firm = _shifts(found, records)
    return found, _groups(*_over_all(shifts[disagreeing], firm[disagreeing]))


def warning_of(groups: Sequence[Mapping[str, Any]]) -> str:
    """What must be said of the groups; empty if nothing."""
    others = [each for each in groups[1:] if each["share"] >= SMALLEST * 2]
    if not groups or (groups[0]["share"] >= CERTAIN and not others):
        return ""
    told = ", ".join(
        f"{100 * each['share']:.0f} % by {np.hypot(*each['shift']):.2f} px per slice"
        for each in groups[1:]
    )
    rest = f"; other parts move together ({told})" if told else ""
    return (
        f"{100 * groups[0]['share']:.0f} % of the field was made to stand still{rest}: a tilted "
        "object cannot be told from drift by what is larger; name a region that truly stands still"
    )


def _shifts(found: Array, records: Records) -> tuple[Array, Array]:
    """How far each block of the aligned field moves from slice to slice, and how firm that is."""
    first = next(iter(records.values()))
    n_blocks, (y0, y1, x0, x1) = len(first["blocks"]), first["box"]
    corner, side = np.array([y0, x0]), np.array([y1 - y0, x1 - x0]) / n_blocks
    middle = np.arange(n_blocks) + 0.5
    grid = np.stack(np.meshgrid(middle, middle, indexing="ij"), axis=-1) * side + corner - 0.5
    shifts = np.zeros((len(found) - 1, n_blocks, n_blocks, 2))
    firm = np.zeros(shifts.shape[:3])
    for (i, j), record in records.items():
        here = transforms.moved(found[i], grid)
        cells = np.floor((here + 0.5 - corner) / side).astype(np.intp)
        within = ((cells >= 0) & (cells < n_blocks)).all(axis=-1)
        rows, columns = np.moveaxis(np.clip(cells, 0, n_blocks - 1), -1, 0)
        blocks = np.asarray(record["blocks"], dtype=np.float64)[rows, columns]
        there = transforms.moved(record["matrix"], here) + blocks[..., :2]
        shifts[i] = (transforms.moved(transforms.inverse(found[j]), there) - grid) / (j - i)
        firm[i] = np.where(within, blocks[..., 2], 0)
    known = firm[firm > 0]
    return shifts, np.minimum(firm, np.median(known)) if known.size else firm


def _averaged(shifts: Array, firm: Array) -> tuple[Array, Array]:
    """Weighted means over the slices around each."""
    reach = SLICES // 2
    means, weights = np.zeros_like(shifts), np.zeros_like(firm)
    for place in range(len(shifts)):
        near = slice(max(place - reach, 0), place + reach + 1)
        means[place], weights[place] = _over_all(shifts[near], firm[near])
    return means, weights


def _over_all(shifts: Array, firm: Array) -> tuple[Array, Array]:
    weight = firm.sum(axis=0)
    total = (shifts * firm[..., None]).sum(axis=0)
    return total / np.maximum(weight, 1e-30)[..., None], weight / max(len(firm), 1)


def _disagree(shifts: Array, firm: Array) -> NDArray[np.bool_]:
    """At which pairs blocks are not of one mind."""
    told = np.zeros(len(shifts), dtype=bool)
    for place, (each, weight) in enumerate(zip(shifts, firm, strict=True)):
        if weight.any():
            middle = [_quantile(each[..., axis], weight, 0.5) for axis in (0, 1)]
            distance = np.hypot(*np.moveaxis(each - middle, -1, 0))
            told[place] = _quantile(distance, weight, 0.9) > DISAGREE
    return told


def _quantile(values: Array, weights: Array, share: float) -> float:
    """The least value that at least a share of the weight does not exceed."""
    order = np.argsort(values, axis=None)
    sums = np.cumsum(weights.ravel()[order])
    place = min(int(np.searchsorted(sums, share * sums[-1])), order.size - 1)
    return float(values.ravel()[order[place]])


def _mode(shifts: Array, firm: Array) -> Array:
    """The shift that most of the field has, nearly."""
    points, weights = shifts.reshape(-1, 2), firm.ravel()
    apart = np.sum((points[:, None] - points) ** 2, axis=-1)
    density = np.exp(-apart / (2 * WINDOW**2)) @ weights
    at: Array = points[int(np.where(weights > 0, density, -1).argmax())]
    for _ in range(10):
        near = weights * np.exp(-np.sum((points - at) ** 2, axis=-1) / (2 * WINDOW**2))
        at = near @ points / near.sum()
    return at


def _groups(shifts: Array, firm: Array) -> list[dict[str, Any]]:
    """What moves alike, the largest first, of all that is firm."""
    points, left = shifts.reshape(-1, 2), firm.ravel().copy()
    total, groups = left.sum(), []
    while left.sum() > 0:
        at = _mode(points, left)
        members = (np.hypot(*(points - at).T) < ALIKE * WINDOW) & (left > 0)
        share = float(left[members].sum() / total)
        if share < SMALLEST:
            break
        groups.append({"share": share, "shift": [float(each) for each in at]})
        left[members] = 0
    return groups
