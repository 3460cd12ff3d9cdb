"""One slice laid on another at one resolution: robust least squares over all pixels of a box."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels import transforms
from stackmend.kernels._arrays import readonly
from stackmend.kernels.align_slices import Level

Image = NDArray[np.float32]
Matrix = NDArray[np.float64]
Limits = NDArray[np.intp]

STEPS = 12  # at each level, at the most
SETTLED = 1e-3  # px, less than which every parameter moves in the end
TUKEY, TO_SIGMA = 4.685, 1.4826
MARGINS = {"translation": 1, "euclidean": 4, "affine": 4}  # px to the frame of either slice
LONGEST = 3.0  # steps at once
LEAST_SCALE = 1e-12  # grey levels, where slices are the same to the last bit
ALL_ALIKE = 1e18  # grey levels beside which every residual is small
EVERY = 4  # rows, of which one tells gain and curvature; where to go is found from all

_DIRECTIONS = {
    "translation": np.eye(6)[:, [0, 3]],
    "euclidean": np.column_stack([np.eye(6)[:, [0, 3]], [0, 0, -1, 0, 1, 0]]),
    "affine": np.eye(6),
}
"""Parameters by columns: what they add to y by 1, y and x, and to x by 1, y and x."""


@dataclass(frozen=True)
class Fit:
    """Where a fit stands: ``gain * second(matrix p) + offset`` is like ``first(p)``.

    ``used`` is the share of the box that has weight.
    """

    matrix: Matrix
    gain: float = 1.0
    offset: float = 0.0
    correlation: float = 0.0
    used: float = 0.0
    settled: bool = False


def inner_box(level: Level, model: str) -> Limits:
    """The box of a level without the margin that is left out at the frame."""
    margin = MARGINS[model]
    rows, columns = level.values.shape
    low, high = [margin, margin], [rows - margin, columns - margin]
    box = level.box
    limits = [max(box[0], low[0]), min(box[1], high[0]), max(box[2], low[1]), min(box[3], high[1])]
    return np.array(limits, dtype=np.intp)


def fitted(
    one: Level,
    two: Level,
    start: Fit,
    model: str,
    *,
    box: Limits,
    spline: bool,
    robust: bool = True,
    steps: int = STEPS,
) -> Fit:
    """The fit on a box of one level, from where it stands.

    Inverse compositional Gauss-Newton, until no parameter moves by 0.001 px. The second slice is
    read by its cubic spline, or linearly. Unless it is robust, all pixels weigh alike.
    """
    fit, margin = replace(start, used=0.0, settled=False), MARGINS[model]
    rest = np.empty((box[1] - box[0], box[3] - box[2]), np.float32)
    seen, limits = np.ones_like(rest), np.empty((rest.shape[0], 2), np.intp)
    before, length = None, 1.0
    for _ in range(steps):
        _read(one, two, fit, box, margin, spline=spline, into=(rest, seen, limits))
        median = _median(rest, seen, limits, box)
        if median is None:
            break
        scale = max(TUKEY * TO_SIGMA * median, LEAST_SCALE) if robust else ALL_ALIKE
        sums = _sums(one, box, scale, rest, seen, limits)
        normal, right = _equations(sums)
        directions = _DIRECTIONS[model]
        curvature = directions.T @ normal @ directions
        if not _is_firm(curvature):
            break
        step = np.linalg.solve(curvature, directions.T @ right)
        length, before = _length(step, before, length), step
        step = length * step
        matrix = _moved(fit.matrix, directions @ step, box, model)
        still = bool(np.abs(step).max() < SETTLED)
        fit = replace(_levelled(fit, sums[13:, 0], rest.size), matrix=matrix, settled=still)
        if fit.settled:
            break
    return fit


def _length(step: Matrix, before: Matrix | None, length: float) -> float:
    """How many steps to go at once, from how much shorter this one is than the one before.

    Where both slices are noisy or partly unlike, each step covers the same part of the way only.
    """
    if before is None:
        return 1.0
    covered = (1 - float(step @ before) / float(before @ before)) / length
    return float(np.clip(1 / max(covered, 1 / LONGEST), 1, LONGEST))


def _read(
    one: Level,
    two: Level,
    fit: Fit,
    box: Limits,
    margin: int,
    *,
    spline: bool,
    into: tuple[Image, Image, Limits],
) -> None:
    """Set what is left between the slices, where it is seen, and from and to which columns."""
    from stackmend.kernels import _align_loops

    rest, seen, limits = into
    matrix, frame = readonly(fit.matrix), readonly(np.array(two.values.shape, dtype=np.intp))
    box = readonly(box)
    _align_loops.inside(matrix, box, frame, float(margin), limits)
    if not spline:
        _align_loops.read_linear(two.spline, matrix, box, limits, rest)
    elif np.array_equal(matrix[:, :2], np.eye(2)):
        shift = readonly(matrix[:, 2].copy())
        _align_loops.read_shifted(two.spline, shift, box, limits, rest)
    else:
        _align_loops.read_cubic(two.spline, matrix, box, limits, rest)
    _align_loops.residuals(one.values, fit.gain, fit.offset, box, limits, rest)
    if one.seen is not None or two.seen is not None:
        _align_loops.seen_in_both(seen_of(one), seen_of(two), matrix, box, limits, seen)


def seen_of(level: Level) -> NDArray[np.bool_]:
    """What of a level is seen, also where that is all."""
    return readonly(np.ones(level.values.shape, np.bool_)) if level.seen is None else level.seen


def _median(rest: Image, seen: Image, limits: Limits, box: Limits) -> float | None:
    """The median modulus of what is left, on every seventh pixel; ``None`` if there is none."""
    from stackmend.kernels import _align_loops

    values = np.empty(rest.size // 7 + 1, np.float32)
    count = _align_loops.sample(rest, seen, limits, int(box[2]), values)
    return float(np.partition(values[:count], count // 2)[count // 2]) if count else None


def _unit(box: Limits) -> float:
    """A quarter of the diagonal: what turns and strains are multiplied by to be pixels."""
    return float(np.hypot(box[1] - box[0], box[3] - box[2])) / 4


def _middle(box: Limits) -> Matrix:
    return np.array([box[0] + box[1] - 1, box[2] + box[3] - 1]) / 2


def _sums(
    one: Level, box: Limits, scale: float, rest: Image, seen: Image, limits: Limits
) -> Matrix:
    """The sums that `_sum_loops.weighted_sums` tells, times 1, x and x x."""
    from stackmend.kernels import _sum_loops

    columns = np.zeros((20, rest.shape[1]), np.float32)
    slope_y, slope_x = one.slopes
    found = one.values, slope_y, slope_x, rest, seen
    _sum_loops.weighted_sums(*found, scale, readonly(box), limits, _unit(box), EVERY, columns)
    x = (np.arange(box[2], box[3]) - _middle(box)[1]) / _unit(box)
    sums: Matrix = columns.astype(np.float64) @ np.stack([np.ones_like(x), x, x * x], axis=1)
    return sums


def _equations(sums: Matrix) -> tuple[Matrix, Matrix]:
    """The normal equations of all six parameters."""
    normal, right = np.empty((6, 6)), np.empty(6)
    powers = ((0, 0), (1, 0), (0, 1))
    for m, (y, x) in enumerate(powers):
        right[m], right[3 + m] = sums[y, x], sums[2 + y, x]
        for n, (v, u) in enumerate(powers):
            normal[m, n] = sums[4 + y + v, x + u]
            normal[m, 3 + n] = normal[3 + n, m] = sums[7 + y + v, x + u]
            normal[3 + m, 3 + n] = sums[10 + y + v, x + u]
    return normal * EVERY, right


def _is_firm(curvature: Matrix) -> bool:
    """Whether all directions are known, none of them 10^9 times less than another."""
    least, *_, most = np.linalg.eigvalsh(curvature)
    return bool(least > 1e-9 * most)


def _moved(matrix: Matrix, step: Matrix, box: Limits, model: str) -> Matrix:
    """The matrix after a step, which is taken back on the side of the first slice."""
    change = step.reshape(2, 3)[:, [1, 2, 0]].copy()
    change[:, :2] /= _unit(box)
    change[:, :2] += np.eye(2)
    if model == "euclidean":
        change = transforms.nearest_rotation(change, (0, 0))
    back = transforms.inverse(transforms.about(change, _middle(box)))
    return transforms.composed(matrix, back)


def _levelled(fit: Fit, sums: Matrix, pixels: int) -> Fit:
    """The fit with the gain and offset that weighted pixels have, and how they agree."""
    mean, rest, square, product, rests = sums[1:6] / sums[0]
    variance = square - mean * mean
    # The second slice as it was read is (first + rest - offset) / gain.
    shared = variance + product - mean * rest
    other = 2 * shared - variance + rests - rest * rest
    middle = (mean + rest - fit.offset) / fit.gain
    correlation = float(shared / np.sqrt(max(variance * other, 1e-30)))
    gain = fit.gain * float(np.sqrt(variance / max(other, 1e-30)))
    offset = float(mean - gain * middle)
    used = float(sums[6] * EVERY / pixels)
    return replace(fit, gain=gain, offset=offset, correlation=correlation, used=min(used, 1.0))
