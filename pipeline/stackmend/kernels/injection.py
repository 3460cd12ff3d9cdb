"""Known charge: fields that are added to a slice, to learn from or to be taken away again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, log, pi
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from stackmend.kernels._arrays import readonly

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]
Span = tuple[float, float]
Profile = Callable[[Image, Image], Image]

AMPLITUDE: Span = (8.0, 110.0)
SIZE: Span = (4.0, 22.0)
PIXELS_PER_SHAPE = 30000
FEWEST = 3
CLEARANCE = 10
FAINTEST = 0.05  # grey levels: a shape is drawn as far as it is stronger than this
TRIES = 40
COARSE = 4  # px between those that are looked at first
FAINT = 0.1  # share of a shape's height that may be cut off
CHARGED = 8.0  # grey levels above which injected charge counts


def known_charge(
    shape: tuple[int, int],
    *,
    seed: Sequence[int],
    amplitude: Span = AMPLITUDE,
    size: Span = SIZE,
    kinds: Sequence[str] = ("blob", "tail", "stroke"),
    avoid: Mask | None = None,
    count: int | None = None,
) -> Image:
    """A field of charge of several shapes, joined by their maximum.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of the slice.
    seed : sequence of int
        Of the random numbers, none negative: the same seed gives the same field. Every use has
        seeds of its own.
    amplitude : (low, high)
        Grey levels; the peak of a shape is log-uniform between them.
    size : (low, high)
        Pixels; the half-width of a shape is log-uniform between them.
    kinds : sequence of str
        What is drawn from, each as likely: ``blob`` (round or drawn out, flat or pointed), ``tail``
        (sharp rims along the scan line x, fading to both sides, with or without a core), ``stroke``
        (an arc), ``streak`` (a straight band along x with sharp rims and long tails), ``cored`` (a
        round core with sharp, fainter tails along x).
    avoid : (Y, X) bool, optional
        Charge is nowhere nearer to these pixels than 10 px of city-block distance; a shape is
        placed where it would be fainter than a tenth of its height there, and is cut off, and where
        it meets no other one. Centres are then as far inside the slice as shapes may be large, but
        a quarter of it at the most.
    count : int, optional
        How many shapes; one for 30000 px, three at least, if left out.

    Returns
    -------
    (Y, X) float32
        Grey levels, at least 0; 0 where the field is fainter than 0.05. A shape that finds no place
        beside the pixels to avoid in 40 tries is left out.

    Raises
    ------
    ValueError
        If a range is not positive and ascending, a kind is unknown, or ``avoid`` has another shape.

    Examples
    --------
    >>> field = known_charge((80, 120), seed=(0, 1), amplitude=(20, 20))
    >>> field.shape, bool(field.max() <= 20), bool(field.min() == 0)
    ((80, 120), True, True)
    """
    _check_range("amplitude", amplitude)
    _check_range("size", size)
    if unknown := [kind for kind in kinds if kind not in SHAPES]:
        raise ValueError(f"kinds: expected some of {', '.join(SHAPES)}, got {unknown[0]!r}")
    near = None if avoid is None else _neighbourhood(avoid, shape)
    margin = 0.0 if avoid is None else min(size[1], min(shape) / 4)
    random = np.random.default_rng(list(seed))
    field = np.zeros(shape, np.float32)
    for _ in range(count or max(FEWEST, shape[0] * shape[1] // PIXELS_PER_SHAPE)):
        for _ in range(1 if near is None else TRIES):
            placed = _placed(random, shape, amplitude, size, kinds, margin)
            # What a few pixels tell already need not be drawn: such shapes may be large.
            if near is not None and _is_near(placed, near):
                continue
            drawn, box = placed.drawn(), placed.box
            if near is not None:
                if drawn.max(initial=0, where=near[box]) > FAINT * drawn.max():
                    continue
                if np.any((drawn > CHARGED / 2) & (field[box] > CHARGED / 2)):
                    continue
                drawn[near[box]] = 0
            np.maximum(field[box], drawn, out=field[box])
            break
    return field


def _check_range(name: str, span: Span) -> None:
    if not 0 < span[0] <= span[1] < np.inf:
        raise ValueError(
            f"{name}: expected two positive numbers, the lower one first, got {span!r}"
        )


def _neighbourhood(avoid: Mask, shape: tuple[int, int]) -> Mask:
    from stackmend.kernels.regions import cityblock_distance

    if avoid.shape != tuple(shape):
        raise ValueError(f"avoid: expected shape {tuple(shape)}, got {avoid.shape}")
    near: Mask = cityblock_distance(readonly(avoid), CLEARANCE) < CLEARANCE
    return near


def _log_uniform(random: Generator, span: Span) -> float:
    return exp(random.uniform(log(span[0]), log(span[1])))


class _Placed(NamedTuple):
    """A shape at its place: its height, its profile, and the pixels that it reaches."""

    height: float
    profile: Profile
    centre: tuple[float, float]
    box: tuple[slice, slice]

    def drawn(self, step: int = 1) -> Image:
        """The field in its box, or every so many pixels of it."""
        y, x = (np.arange(each.start, each.stop, step, dtype=np.float32) for each in self.box)
        dy = y[:, None] - np.float32(self.centre[0])
        dx = x[None, :] - np.float32(self.centre[1])
        drawn = np.float32(self.height) * self.profile(dy, dx).astype(np.float32)
        drawn[drawn < FAINTEST] = 0
        return drawn


def _is_near(placed: _Placed, near: Mask) -> bool:
    """Whether a few pixels show that a shape is too strong near those to avoid."""
    if not near[placed.box].any():
        return False
    few = placed.drawn(COARSE)
    most = few.max(initial=0, where=near[placed.box][::COARSE, ::COARSE])
    return bool(most > FAINT * np.float32(placed.height))


def _placed(
    random: Generator,
    shape: tuple[int, int],
    amplitude: Span,
    size: Span,
    kinds: Sequence[str],
    margin: float,
) -> _Placed:
    """One shape at a place."""
    y, x = (random.uniform(margin, length - margin) for length in shape)
    height, half_width = _log_uniform(random, amplitude), _log_uniform(random, size)
    profile, reach = SHAPES[kinds[int(random.integers(len(kinds)))]](
        random, half_width, log(height / FAINTEST)
    )
    rows, columns = (
        slice(max(int(c - r), 0), min(int(c + r) + 2, n))
        for c, r, n in zip((y, x), reach, shape, strict=True)
    )
    return _Placed(height, profile, (y, x), (rows, columns))


Drawn = tuple[Profile, tuple[float, float]]


def _rim(distance: Image, softness: float) -> Image:
    """1 inside a rim, 0 outside it; ``distance`` is positive inside."""
    soft: Image = 1 / (1 + np.exp(-np.clip(distance / np.float32(softness), -60, 60)))
    return soft


def _blob(random: Generator, half_width: float, strength: float) -> Drawn:
    angle, stretch, power = (
        random.uniform(-0.5, 0.5),
        random.uniform(1, 2.2),
        random.uniform(0.7, 1.5),
    )

    def profile(dy: Image, dx: Image) -> Image:
        along = (dx * np.float32(np.cos(angle)) + dy * np.float32(np.sin(angle))) / np.float32(
            stretch
        )
        across = dy * np.float32(np.cos(angle)) - dx * np.float32(np.sin(angle))
        square = (along**2 + across**2) / np.float32(2 * half_width**2)
        bell: Image = np.exp(-(square ** np.float32(power)))
        return bell

    reach = half_width * stretch * (2 * max(strength, 0.1) ** (1 / power)) ** 0.5
    return profile, (reach, reach)


def _tail(random: Generator, half_width: float, strength: float) -> Drawn:
    softness, left, right = random.uniform(0.7, 4), random.uniform(10, 100), random.uniform(10, 100)
    return _band(random, half_width, strength, softness, (left, right), random.random() < 0.5)


def _streak(random: Generator, half_width: float, strength: float) -> Drawn:
    softness, left, right = (
        random.uniform(0.5, 1.5),
        random.uniform(60, 300),
        random.uniform(60, 300),
    )
    return _band(random, half_width, strength, softness, (left, right), False)


def _cored(random: Generator, half_width: float, strength: float) -> Drawn:
    softness, left, right = random.uniform(0.7, 2), random.uniform(20, 150), random.uniform(20, 150)
    return _band(random, half_width, strength, softness, (left, right), True)


def _band(
    random: Generator,
    half_width: float,
    strength: float,
    softness: float,
    fading: Span,
    cored: bool,
) -> Drawn:
    faintness, core_softness = random.uniform(0.4, 0.9), random.uniform(0.7, 3)

    def profile(dy: Image, dx: Image) -> Image:
        length = np.where(dx < 0, np.float32(fading[0]), np.float32(fading[1]))
        along = np.exp(-np.maximum(np.abs(dx) - np.float32(0.8 * half_width), 0) / length)
        band: Image = _rim(np.float32(half_width) - np.abs(dy), softness) * along
        if cored:
            core = _rim(np.float32(half_width) - np.hypot(dy, dx), core_softness)
            band = np.maximum(np.float32(faintness) * band, core)
        return band

    reach = max(strength, 0.1)
    sides = 0.8 * half_width + max(fading) * reach
    return profile, (half_width + max(softness, core_softness) * reach, sides)


def _stroke(random: Generator, _half_width: float, strength: float) -> Drawn:
    radius, width = random.uniform(10, 45), random.uniform(2.5, 7)
    middle, half_angle = random.uniform(-pi, pi), random.uniform(0.5, 3.2)

    def profile(dy: Image, dx: Image) -> Image:
        turn = np.arctan2(dy, dx) - np.float32(middle) + np.float32(pi)
        turn = np.abs(turn % np.float32(2 * pi) - np.float32(pi))
        ring = np.exp(-((np.hypot(dy, dx) - np.float32(radius)) ** 2) / np.float32(2 * width**2))
        arc: Image = ring * _rim((np.float32(half_angle) - turn) * np.float32(radius), 4.0)
        return arc

    reach = radius + width * (2 * max(strength, 0.1)) ** 0.5
    return profile, (reach, reach)


SHAPES: dict[str, Callable[[Generator, float, float], Drawn]] = {
    "blob": _blob,
    "tail": _tail,
    "stroke": _stroke,
    "streak": _streak,
    "cored": _cored,
}
