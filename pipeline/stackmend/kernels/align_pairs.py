"""How one slice lies on another, and where blocks of it move by themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels import transforms
from stackmend.kernels._arrays import readonly
from stackmend.kernels.align_fit import (
    MARGINS,
    STEPS,
    TO_SIGMA,
    TUKEY,
    Fit,
    fitted,
    inner_box,
    seen_of,
)
from stackmend.kernels.align_slices import Level, Prepared, inner
from stackmend.kernels.align_start import shift_of

LEAST_CORRELATION, LEAST_USED = 0.3, 0.2
BLOCKS = 8  # along y and x
BLOCK_STEPS = 3
LEAST_ALIKE = 0.5  # correlation of a block, below which it holds something else
FARTHEST = 4  # px that a block may be moved by itself; farther, it was not found


def robust_pair(
    first: Prepared,
    second: Prepared,
    *,
    model: str,
    largest_shift: float | None = None,
    blocks: bool = False,
) -> dict[str, Any]:
    """Where the pixels of one slice are in another.

    Parameters
    ----------
    first, second
        Both made with this model, by `align_slices.prepare`.
    model
        ``translation``, ``euclidean`` or ``affine``.
    largest_shift
        px; a quarter of the shorter side if ``None``.
    blocks
        Whether the shift that is left is measured in 8 x 8 blocks.

    Returns
    -------
    dict
        Plain data: ``matrix`` (2, 3), from coordinates of the first to those of the second;
        ``status``, empty or why the pair failed; ``gain``, ``correlation`` and ``used``, the share
        of pixels that have weight; ``shape``, and ``box``, the region; ``blocks``, ``None`` or
        (8, 8, 3) float32: y and x of the shift that is left, in px of the second slice, and how
        firm it is.

    Raises
    ------
    ValueError
        If the slices have not one shape and region.

    Notes
    -----
    Inverse compositional Gauss-Newton [1]_ with Tukey weights, on slopes of the first slice, from a
    start by phase correlation at the coarsest level.

    References
    ----------
    .. [1] S. Baker, I. Matthews, Lucas-Kanade 20 years on, Int. J. Comput. Vis. 56 (2004), 221-255,
       :doi:`10.1023/B:VISI.0000011205.11775.fd`.
    """
    checked(first, second)
    largest = largest_of(first, largest_shift)
    fit = coarse_to_fine(first, second, model, largest)
    found = record(first, fit, largest)
    if blocks and not found["status"]:
        found["blocks"] = _moved_blocks(first.levels[0], second.levels[0], fit, model)
    return found


def coarse_to_fine(
    first: Prepared, second: Prepared, model: str, largest: float, *, robust: bool = True
) -> Fit:
    """The fit at the finest level, from a start by phase correlation at the coarsest."""
    top = len(first.levels) - 1
    shape = inner(first.levels[top]).shape
    shift = shift_of(first.spectrum, second.spectrum, shape, largest=largest / 2**top)
    fit = Fit(transforms.translation(shift))
    for number in range(top, -1, -1):
        one, two = first.levels[number], second.levels[number]
        box, spline = inner_box(one, model), number == 0
        fit = fitted(one, two, fit, model, box=box, spline=spline, robust=robust)
        if number:
            fit.matrix[:, 2] *= 2
    return fit


def largest_of(slice_: Prepared, largest_shift: float | None) -> float:
    """The longest shift of a pair, px."""
    return min(slice_.shape) / 4 if largest_shift is None else float(largest_shift)


def record(first: Prepared, fit: Fit, largest: float) -> dict[str, Any]:
    """What is kept of a pair."""
    centre = transforms.centre_of(first.shape)
    shift = float(np.hypot(*(transforms.moved(fit.matrix, centre) - centre)))
    return {
        "matrix": fit.matrix,
        "status": _failure(fit, shift, largest),
        "gain": fit.gain,
        "correlation": fit.correlation,
        "used": fit.used,
        "shape": list(first.shape),
        "box": first.levels[0].box.tolist(),
        "blocks": None,
    }


def checked(first: Prepared, second: Prepared) -> None:
    """Raise ValueError unless two slices have one shape and region."""
    boxes = [each.levels[0].box.tolist() for each in (first, second)]
    if first.shape != second.shape or boxes[0] != boxes[1]:
        what = "expected slices of one shape and region"
        raise ValueError(f"pair: {what}, got {first.shape} {boxes[0]}, {second.shape} {boxes[1]}")


def _failure(fit: Fit, shift: float, largest: float) -> str:
    """Why a pair cannot be used; empty if it can."""
    if not fit.used >= LEAST_USED:
        share = f"{100 * fit.used:.0f} % of the pixels have weight"
        return f"{share}, at least {100 * LEAST_USED:.0f} % must"
    if not fit.correlation >= LEAST_CORRELATION:
        return f"the correlation is {fit.correlation:.2f}, at least {LEAST_CORRELATION} is needed"
    if not fit.settled:
        return f"it did not settle in {STEPS} steps"
    if not shift <= largest:
        return f"the shift is {shift:.0f} px, at most {largest:.0f} px are looked for"
    return ""


def _moved_blocks(one: Level, two: Level, fit: Fit, model: str) -> NDArray[np.float32]:
    """By how much each block must be moved further, and how firm that is."""
    from stackmend.kernels import _block_loops

    box, found = inner_box(one, model), np.zeros((BLOCKS, BLOCKS, 3), np.float32)
    rows = np.linspace(box[0], box[1], BLOCKS + 1).astype(np.intp)
    columns = np.linspace(box[2], box[3], BLOCKS + 1).astype(np.intp)
    first = one.values, *one.slopes, seen_of(one)
    second, matrix = (two.spline, seen_of(two)), readonly(fit.matrix)
    how = fit.gain, float(MARGINS[model]), TUKEY * TO_SIGMA, BLOCK_STEPS
    moved = np.empty(5)
    for i in range(BLOCKS):
        for j in range(BLOCKS):
            part = readonly(np.array([rows[i], rows[i + 1], columns[j], columns[j + 1]]))
            _block_loops.moved_block(first, second, matrix, how[0], part, *how[1:], moved)
            y, x, firm, correlation, used = moved
            alike = correlation >= LEAST_ALIKE and used >= LEAST_USED
            if alike and np.hypot(y, x) < FARTHEST:
                found[i, j] = y, x, firm * correlation**2
    return found
