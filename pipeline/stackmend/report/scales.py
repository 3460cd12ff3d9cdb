"""Where things are in a chart: scales, ticks, and the room that text needs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from unicodedata import combining, east_asian_width

TICK, TITLE = 10, 11
"""Sizes of text."""

ROW = 14.0
"""Height of a line of text."""

EDGE = 10.0
"""Room to the right of an axis."""

Point = tuple[float, float]
Tick = tuple[float, str]


@dataclass(frozen=True)
class Scale:
    """Values from ``low`` to ``high`` along a line from ``start`` to ``end``."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Where a value lies."""
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


@dataclass(frozen=True)
class Frame:
    """The scales between which a chart is drawn."""

    x: Scale
    y: Scale

    def __call__(self, point: Point) -> Point:
        """Where a point lies in the drawing."""
        return self.x(point[0]), self.y(point[1])


def span(values: Iterable[float], margin: float = 0.05) -> tuple[float, float]:
    """The range of the finite values with a margin at both ends; never of no length.

    >>> span([2.0, 4.0, math.nan], 0.5)
    (1.0, 5.0)
    """
    finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        room = abs(low) / 20 or 0.5
    else:
        room = margin * (high - low)
    return low - room, high + room


def ticks(low: float, high: float, count: int, *, whole: bool = False) -> list[Tick]:
    """Round values within a range, no more than ``count`` steps apart, with their labels.

    Of three steps and more at least two values are left, so that they make a scale.

    >>> ticks(0.4, 2.1, 4)
    [(0.5, '0.5'), (1.0, '1.0'), (1.5, '1.5'), (2.0, '2.0')]
    """
    least = (high - low) / count
    power = 10.0 ** math.floor(math.log10(least))
    multiples = (0.5, 1, 2, 5, 10) if whole else (0.5, 1, 2, 2.5, 5, 10)
    steps = [each * power for each in multiples]
    place = next(place for place, step in enumerate(steps) if step >= least * (1 - 1e-9))
    found = _ticks(low, high, max(steps[place], 1.0) if whole else steps[place])
    if len(found) < 2 < count and not (whole and steps[place] <= 1):
        found = _ticks(low, high, steps[place - 1])
    return found


def _ticks(low: float, high: float, step: float) -> list[Tick]:
    """The multiples of a step within a range."""
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    largest = max(abs(low), abs(high))
    return [(at * step, _label(at * step, step, largest)) for at in range(first, last + 1)]


def _label(value: float, step: float, largest: float) -> str:
    """A value as short as tells it from the next one a step away."""
    decimals = next((each for each in range(12) if _is_whole(step * 10**each)), 12)
    if largest >= 1e6 or decimals > 5:
        digits = max(math.floor(math.log10(largest)) - math.floor(math.log10(step)) + 2, 1)
        text = f"{value:.{min(digits, 12)}g}"
    else:
        text = f"{value:.{decimals}f}"
    if abs(value) < step / 2:
        return "0"
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa}{e}{int(exponent) if e else ''}".replace("-", "\N{MINUS SIGN}")


def _is_whole(value: float) -> bool:
    return abs(value - round(value)) < 1e-6 * max(abs(value), 1e-9)


def width(text: str, size: float = TICK) -> float:
    """The width of a text, rather too large than too small, as fonts differ."""
    units = 0.0
    for letter in text:
        if combining(letter):
            continue
        if letter in "iljtfr.,:;|!'()[] -":
            units += 0.42
        elif letter in "mwMW@%…" or east_asian_width(letter) in "WF" or ord(letter) > 0xFFFF:
            units += 1.08 if ord(letter) < 128 else 1.2
        else:
            units += 0.78 if letter.isupper() else 0.65
    return units * size


def widest(labels: Iterable[str]) -> float:
    """The width of the widest label at an axis."""
    return max(map(width, labels), default=0.0)


def fitted(text: str, room: float, size: float = TICK) -> str:
    """A text, cut with an ellipsis where it has no room.

    >>> fitted("a name", 500.0), fitted("a name", 25.0)
    ('a name', 'a…')
    """
    if width(text, size) <= room:
        return text
    kept = text[: int(room / size * 3)]
    while kept and width(kept + "…", size) > room:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def name_ticks(
    names: Sequence[str], scale: Scale, shift: float = 0.0, *, upright: bool = False
) -> tuple[list[Tick], float]:
    """Ticks with names at 0, 1, 2, ..., so many that none touches the next; and the room of each.

    Names along an ``upright`` axis need the height of a line, others their width, but no more than
    is enough to tell them apart.
    """
    slot = abs(scale(1.0) - scale(0.0))
    needed = ROW - 2 if upright else min(widest(names) + 6, 50.0)
    every = max(1, math.ceil(needed / slot))
    found = [(place + shift, names[place]) for place in range(0, len(names), every)]
    room = every * slot - 6

    # What would stick out at an end is moved inwards, towards its neighbour.
    aside = min(scale(shift), scale.end + EDGE - scale(found[-1][0])) if found else 0.0
    return found, min(room, max(room / 2, 0.0) + max(aside, 0.0))


def number_ticks(scale: Scale, *, whole: bool = False) -> list[Tick]:
    """Ticks along a horizontal axis, as many as have room for their labels."""
    length = abs(scale.end - scale.start)
    found: list[Tick] = []
    for count in range(8, 0, -1):
        found = ticks(scale.low, scale.high, count, whole=whole)
        if len(found) * (widest(label for _, label in found) + 8) <= length:
            break
    return found


def left_of(labels: Iterable[str], *, titled: bool, room: float = math.inf) -> float:
    """The room that labels, which have some room each, and a title need to the left of an axis."""
    return min(widest(labels), room) + 7 + (ROW + 4 if titled else 0.0)
