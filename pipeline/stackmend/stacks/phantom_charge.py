"""Kinds of charge of the synthetic stack, and the slices that have it.

An *event* is the charge that appears in one slice; every third event is still there, weaker, in the
next one. All other slices are clean.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from stackmend.stacks.phantom_parameters import Parameters
from stackmend.stacks.phantom_shapes import CUT, Image, box_around

# Streams of random numbers; lower ones belong to the tissue and to the kind of charge ``centres``.
EVENT, OBJECT = 20, 21

LASTING, LEFT = 3, 0.7  # one event in so many lasts two slices, and what is left in the second
OVERLOAD = 1.2  # charge of a saturated core, as a fraction of the grey range


@dataclass(frozen=True)
class Charge:
    """What charge does to a slice; all arrays ``(Y, X)``.

    Attributes
    ----------
    added
        Added grey values, as fractions of the grey range.
    faded
        Share of the structure's contrast that is lost.
    saturated
        Where the detector reaches the end of its range, whatever the type of the pixels.
    """

    added: Image
    faded: Image
    saturated: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


def events(phantom: Parameters, index: int) -> Iterator[tuple[int, float]]:
    """Number and strength of the events that a slice sees; none where it is clean."""
    number, place = divmod(index, phantom.every)
    first = phantom.every // 2
    if place == first:
        yield number, 1.0
    before = (index - 1 - first) // phantom.every
    if (index - 1 - first) % phantom.every == 0 and before >= 0 and before % LASTING == 1:
        yield before, LEFT


def charge_of_kinds(phantom: Parameters, index: int) -> Charge:
    """The charge of a slice but for the kind ``centres``; exactly nothing outside its objects."""
    shape = (phantom.height, phantom.width)
    charge = Charge(
        np.zeros(shape, np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.bool_)
    )
    kinds = [kind for kind in phantom.charge if kind != "centres"]
    if phantom.polarity == "none" or not kinds:
        return charge
    for event, left in events(phantom, index):
        shift = phantom.random(EVENT, event).uniform(0, 1, 2)
        for number in range(phantom.centres):
            # An additive recurrence spreads the objects over the slice.
            spread = (shift + np.multiply(number, (0.7548776662, 0.5698402910))) % 1.0
            x = phantom.width * (0.14 + 0.7 * spread[0])
            y = phantom.height * (0.1 + 0.8 * spread[1])
            bright = phantom.polarity == "bright" or (phantom.polarity == "both" and number % 2)
            random = phantom.random(OBJECT, event, number)
            kind = kinds[number % len(kinds)]
            _add(charge, phantom, kind, (x, y), left if bright else -left, random)
    return charge


def _add(
    charge: Charge,
    phantom: Parameters,
    kind: str,
    centre: tuple[float, float],
    sign: float,
    random: Generator,
) -> None:
    """Add one object: of what overlaps, the stronger counts."""
    x, y = centre
    radius = phantom.radius * random.uniform(0.75, 1.3)
    tail = phantom.tail * random.uniform(0.7, 1.4)
    strength = np.float32(phantom.strength * random.uniform(0.75, 1.0) * sign)
    along, across = (5 * tail + 2 * radius, 2 * radius) if kind in TAILED else 2 * (7 * radius,)
    box = box_around(x, y, along + 3, across + 3, charge.added.shape)
    dx = (np.arange(box[1].start, box[1].stop) - x).astype(np.float32)
    dy = (np.arange(box[0].start, box[0].stop) - y).astype(np.float32)[:, None]
    if kind in TAILED:
        core = _core(dx, dy, radius)
        spot = strength * np.maximum(core, _tails(dx, dy, radius, tail, phantom.streaks, random))
        if kind == "saturated":
            spot += np.float32(OVERLOAD * sign) * core**2
            charge.saturated[box] |= core > 0.5
    else:
        spot = strength * _SHAPES[kind](dx, dy, radius)
    if kind == "faded":
        lost = charge.faded[box]
        np.maximum(lost, np.float32(0.8) * spot / strength, out=lost)
        spot *= np.float32(0.3)
    patch = charge.added[box]
    np.copyto(patch, spot, where=np.abs(spot) > np.abs(patch))


def _core(dx: Image, dy: Image, radius: float) -> Image:
    """A disc with a rim of a pixel or two."""
    return _logistic((np.float32(radius) - np.hypot(dx, dy)) / np.float32(1.2))


def _tails(
    dx: Image, dy: Image, radius: float, tail: float, streaks: float, random: Generator
) -> Image:
    """Tails to both sides on the rows of the core, with sharp rims above and below."""
    rows = _logistic((np.float32(0.9 * radius) - np.abs(dy)) / np.float32(0.6))
    unrest = np.maximum(1 + streaks * random.standard_normal(dy.shape), 0).astype(np.float32)
    length = np.where(dx > 0, tail, 0.7 * tail).astype(np.float32)
    fading = np.exp(-np.abs(dx) / length)
    return _cut(np.float32(0.75) * rows * unrest * fading)


def _blob(dx: Image, dy: Image, radius: float) -> Image:
    """A halo without a rim."""
    width = np.float32(2 * (1.6 * radius) ** 2)
    return _cut(np.exp(-(dx**2 / np.float32(1.5) + dy**2) / width))


def _ring(dx: Image, dy: Image, radius: float) -> Image:
    """A ring with soft rims."""
    distance = (np.hypot(dx, dy) - np.float32(2.4 * radius)) / np.float32(0.45 * radius)
    return _cut(np.exp(np.float32(-0.5) * distance**2))


def _wide(dx: Image, dy: Image, radius: float) -> Image:
    """A wide place without a rim."""
    return _cut(np.exp(-(dx**2 + dy**2) / np.float32(2 * (2.4 * radius) ** 2)))


TAILED = ("streaks", "saturated")
_SHAPES = {"blobs": _blob, "rings": _ring, "faded": _wide}


def _cut(spot: Image) -> Image:
    """What is too weak is none, so that objects end."""
    rest: Image = np.maximum(spot - np.float32(CUT), 0) / np.float32(1 - CUT)
    return rest


def _logistic(value: Image) -> Image:
    step = np.asarray(1 / (1 + np.exp(np.clip(-value, -30, 30))), dtype=np.float32)
    step[step < CUT] = 0
    return step
