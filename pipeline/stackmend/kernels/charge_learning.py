"""How the charging model is learnt: from slices to which known charge is added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from stackmend.kernels.charge_features import doubled, first_features, halved
from stackmend.kernels.charge_gate import Evidence, Gate, accepted
from stackmend.kernels.charge_model import ARRAYS, check, evidence_of, level_of, standardized
from stackmend.kernels.charge_regression import Regression, fit
from stackmend.kernels.gaussian import gaussian
from stackmend.kernels.injection import known_charge

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]

LARGEST_PART, PARTS = 640, 8  # px a side, and how many: what is learnt from
RANGE = 200.0  # what 99.8 % of the grey levels span in units of an 8-bit slice
CHARGED, CLEAN = 3000, 5000  # pixels taken from a copy
FAINT = 3.0  # grey levels above which a pixel counts as charged
MIN_AREA, MAX_EDGE, MIN_SOFT = 12, 0.2, 1.2  # of what is left out


@dataclass(frozen=True)
class Lesson:
    """How the model is learnt; `steps.learn_charging` says what each is."""

    inverse: bool
    members: int
    rounds: int
    copies: int
    hidden: int
    first: float
    exclude: float
    amplitude: tuple[float, float]
    size: tuple[float, float]
    seed: int


def learn(images: Sequence[Image], lesson: Lesson) -> dict[str, Any]:
    """Learn what charge looks like on some slices, by adding charge that is known.

    Parameters
    ----------
    images : sequence of (Y, X) numbers
        Parts of slices, charged or not, of one stack, from `parts_of`. Of more than 8, every second
        (third, ...) is learnt from.
    lesson
        How.

    Returns
    -------
    dict of str to numbers and arrays
        Plain data: ``median`` and ``spread`` (grey levels of an 8-bit slice), ``unit`` (grey
        levels of the stack in one of those, negative for dark charge), and the members' arrays,
        stacked.

    Raises
    ------
    ValueError
        If there are no slices, one is smaller than 64 x 64 px, or one has NaN or infinite pixels.
    """
    for image in images:
        check(image)
    unit, lowest, highest = units(images)
    parts = [image.astype(np.float32) / np.float32(unit) for image in images]
    parts = parts[:: -(-len(parts) // PARTS)]
    left_out = [_suspects(part, lesson) for part in parts]
    median, spread = _grey_levels(parts, left_out)

    # The first copies are the parts as they are; they belong to every member.
    limits = lowest, highest
    count = len(parts) + lesson.members * lesson.copies
    copies = [_copy(parts, number, lesson, limits, median, spread) for number in range(count)]
    for round_ in range(lesson.rounds - 1):
        regression = _fitted(copies, left_out, lesson, 0, round_)
        levels = [level_of(part, lesson.inverse) for part in parts]
        seen = [
            evidence_of([regression], c.features, v) for c, v in zip(copies, levels, strict=False)
        ]
        left_out = [_excluded(evidence, lesson.exclude) for evidence in seen]
    each = range(lesson.members)
    members = [_fitted(copies, left_out, lesson, member, lesson.rounds) for member in each]
    arrays = {name: np.stack([getattr(one, name) for one in members]) for name in ARRAYS}
    sign = -1.0 if lesson.inverse else 1.0
    return {"median": float(median), "spread": float(spread), "unit": sign * unit, **arrays}


def parts_of(image: Image) -> list[NDArray[Any]]:
    """What is learnt from of a slice: all of it or, if it is large, parts of 640 px a side at most.

    Whole numbers up to 255 become uint8; the parts are views otherwise.
    """
    if image.size and image.min() >= 0 and image.max() <= 255 and np.all(image == np.rint(image)):
        image = image.astype(np.uint8)
    places = [_places(size) for size in image.shape]
    parts: list[NDArray[Any]] = []
    for rows in places[0]:
        parts += [image[rows, columns] for columns in places[1]]
    return parts


def _places(size: int) -> list[slice]:
    if size <= LARGEST_PART:
        return [slice(0, size)]
    length = min(size // 2, LARGEST_PART)
    return [slice(start, start + length) for start in (0, size - length)]


def units(images: Sequence[Image]) -> tuple[float, float, float]:
    """Grey levels of a stack in one of an 8-bit slice, and the lowest and highest in those.

    1, 0 and 255 for whole numbers from 0 to 255. Otherwise what 99.8 % of the pixels span is 200,
    and nothing bounds it.
    """
    lowest = min(float(image.min()) for image in images)
    highest = max(float(image.max()) for image in images)
    if lowest >= 0 and highest <= 255 and all(np.all(image == np.rint(image)) for image in images):
        return 1.0, 0.0, 255.0
    pixels = np.concatenate([image.ravel() for image in images])
    low, high = np.percentile(pixels, (0.1, 99.9))
    return float(high - low) / RANGE or 1.0, -np.inf, np.inf


@dataclass(frozen=True, eq=False)
class _Copy:
    """A part of a slice with known charge: its features ``(F, Y, X)``, and the charge, halved."""

    features: Image
    charge: Image


def _suspects(part: Image, lesson: Lesson) -> Mask:
    """What looks charged before anything is learnt: smooth regions far above their surroundings."""
    half = halved(part)
    rise = gaussian(half, 3) - gaussian(half, 24)
    rise = -rise if lesson.inverse else rise
    low, high = np.percentile(rise, (25, 75))
    step = lesson.first * max((high - low) / 1.35, 1.0)
    rise = np.maximum(rise, 0)
    evidence = Evidence(
        rise, rise, rise, level_of(part, lesson.inverse), np.zeros(rise.shape, bool)
    )
    gate = Gate(2 * step, step, MIN_AREA, MAX_EDGE, MIN_SOFT)
    mask = ndimage.binary_dilation(accepted(evidence, gate), iterations=5)
    return mask if lesson.first and mask.mean() < 0.4 else np.zeros_like(mask)


def _excluded(evidence: Evidence, exclude: float) -> Mask:
    """What the model so far takes for charge."""
    gate = Gate(1.6 * exclude, exclude, MIN_AREA, MAX_EDGE, MIN_SOFT)
    mask = ndimage.binary_dilation(accepted(evidence, gate), iterations=3)
    return mask if mask.mean() <= 0.6 else np.zeros_like(mask)


def _grey_levels(parts: Sequence[Image], left_out: Sequence[Mask]) -> tuple[float, float]:
    """Median and spread of the pixels in use."""
    used: list[Image] = []
    for part, mask in zip(parts, left_out, strict=True):
        used.append(part[doubled(mask.astype(np.float32), part.shape) < 0.5])
    low, median, high = np.percentile(np.concatenate(used), (5, 50, 95))
    return float(median), max(float(high - low) / 3.3, 1.0)


def _copy(
    parts: Sequence[Image],
    number: int,
    lesson: Lesson,
    limits: tuple[float, float],
    median: float,
    spread: float,
) -> _Copy:
    part = parts[number % len(parts)]
    if number < len(parts):
        charge = np.zeros_like(part)
    else:
        seed = (lesson.seed, number - len(parts))
        charge = known_charge(part.shape, seed=seed, amplitude=lesson.amplitude, size=lesson.size)
    charged = np.clip(part - charge if lesson.inverse else part + charge, *limits)
    return _Copy(first_features(standardized(charged, median, spread)), halved(charge))


def _fitted(
    copies: Sequence[_Copy], left_out: Sequence[Mask], lesson: Lesson, member: int, round_: int
) -> Regression:
    """The regression on pixels of a member's copies."""
    random = np.random.default_rng([lesson.seed + member, round_])
    charged: list[tuple[Image, Image]] = []
    clean: list[tuple[Image, Image]] = []
    for number, copy in enumerate(copies):
        own = (number - len(left_out)) // lesson.copies == member
        if number < len(left_out) or own:
            used = ~left_out[number % len(left_out)].ravel()
            target = copy.charge.ravel()
            for kind, found, most in (
                (charged, used & (target > FAINT), CHARGED),
                (clean, used & (target <= FAINT), CLEAN),
            ):
                pixels = random.permutation(np.flatnonzero(found))[:most]
                kind.append(
                    (copy.features.reshape(len(copy.features), -1)[:, pixels], target[pixels])
                )
    features = np.concatenate([each for each, _ in charged + clean], axis=1)
    targets = np.concatenate([each for _, each in charged + clean])
    count = sum(len(each) for _, each in charged)
    return fit(np.ascontiguousarray(features), targets, count, lesson.hidden, random)
