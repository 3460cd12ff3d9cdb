"""Charts as SVG: axes, and what is drawn between them.

Lengths are in units of the drawing, y runs downwards. A colour is the name of a class, to which the
style sheet of the page gives a colour of its theme.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from markupsafe import Markup, escape

from stackmend.report.scales import EDGE, ROW, TICK, TITLE, Frame, Point, Tick, fitted, width

Entry = tuple[str, str, str]
"""In a legend: a shape, a line (``-``, ``--``) or ``area``; its colour; its name."""

SHAPES = {
    "circle": "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0z",
    "ring": "M-6 0a6 6 0 1 0 12 0a6 6 0 1 0-12 0z",
    "diamond": "M0-4.6L4.6 0L0 4.6L-4.6 0z",
    "square": "M-3.3-3.3h6.6v6.6h-6.6z",
    "star": "M0-7.5L1.7-2.3L7.1-2.3L2.7 .9L4.4 6.1L0 2.9L-4.4 6.1L-2.7 .9L-7.1-2.3L-1.7-2.3z",
    "tip": "M-4.2-3.5h8.4L0 4z",
    "triangle": "M-4.2 3.5h8.4L0-4z",
}
"""Marks, around the point at which they stand."""

_LINES = {"-": "", "--": "dashed", "thin": "thin", "thick": "thick"}
"""Classes of lines."""

_MANY = 400
"""More dots than this are small."""

_CIVIDIS = (
    *("00224e", "1a386f", "434e6c", "61656f", "7d7c78"),
    *("9b9476", "bcae6c", "dec958", "fee838"),
)
"""From dark blue to yellow, which all kinds of colour vision read alike: the colours at eighths."""


def chart(wide: float, high: float, parts: Iterable[str]) -> Markup:
    """A drawing of some size; it is described by what stands around it."""
    inside = "\n".join(part for part in parts if part)
    size = f"0 0 {_short(wide)} {_short(high)}"
    return Markup(f'<svg class="chart" viewBox="{size}" aria-hidden="true">\n{inside}\n</svg>')


def text(
    x: float,
    y: float,
    content: str,
    *,
    anchor: str = "",
    room: float = math.inf,
    size: int = TICK,
    kind: str = "",
    upwards: bool = False,
) -> str:
    """A text in a line, cut where it has no room; then all of it is said to who points at it."""
    short = fitted(content, room, size)
    full = "" if short == content else f"<title>{escape(content)}</title>"
    kinds = " ".join(filter(None, (anchor, kind, "title" if size == TITLE else "")))
    where = f'x="{_short(x)}" y="{_short(y)}"'
    if upwards:
        where = f'transform="translate({_short(x)} {_short(y)}) rotate(-90)"'
    return f"<text {where}{_class(kinds)}>{full}{escape(short)}</text>"


def axes(
    frame: Frame,
    x_ticks: Sequence[Tick],
    y_ticks: Sequence[Tick],
    *,
    grid: str = "y",
    spines: bool = True,
    x_room: float = math.inf,
    y_room: float = math.inf,
    x_labels: bool = True,
) -> str:
    """The two axes with ticks and labels, and lines of the grid from the ticks of one of them."""
    left, right, bottom, top = frame.x.start, frame.x.end, frame.y.start, frame.y.end
    spine = [f"M{_short(left)} {_short(top)}V{_short(bottom)}H{_short(right)}"]
    lines, labels = [], []
    for value, label in x_ticks:
        x = frame.x(value)
        lines.append(f"M{_short(x)} {_short(bottom)}V{_short(top)}" if grid == "x" else "")
        spine.append(f"M{_short(x)} {_short(bottom)}v3.5")
        if x_labels:
            half = min(width(label), x_room) / 2
            x = max(min(x, right + EDGE - half), half)
            labels.append(text(x, bottom + 14, label, anchor="middle", room=x_room))
    for value, label in y_ticks:
        y = frame.y(value)
        lines.append(f"M{_short(left)} {_short(y)}H{_short(right)}" if grid == "y" else "")
        spine.append(f"M{_short(left)} {_short(y)}h-3.5")
        labels.append(text(left - 6, y + 3.5, label, anchor="end", room=y_room))
    drawn = [_path("grid", lines), _path("axis", spine if spines else []), *labels]
    return "\n".join(filter(None, drawn))


def x_title(frame: Frame, y: float, content: str) -> str:
    """A title below, in the middle as far as the drawing has room for it."""
    wide = frame.x.end + EDGE
    half = min(width(content, TITLE), wide) / 2
    middle = max(min((frame.x.start + frame.x.end) / 2, wide - half), half)
    return text(middle, y, content, anchor="middle", room=wide, size=TITLE)


def y_title(frame: Frame, content: str) -> str:
    """A title to the left, read upwards."""
    middle = (frame.y.start + frame.y.end) / 2
    room = frame.y.start - frame.y.end + ROW
    return text(TITLE, middle, content, anchor="middle", room=room, size=TITLE, upwards=True)


def curve(points: Iterable[Point], colour: str, line: str = "-") -> str:
    """A line through points, whole or dashed; where one is not a number, there is a gap."""
    moves, begun = [], False
    for x, y in points:
        if math.isfinite(x) and math.isfinite(y):
            moves.append(f"{'L' if begun else 'M'}{_short(x)} {_short(y)}")
            begun = True
        else:
            begun = False
    return _path(f"curve {_LINES[line]} {colour}", moves)


def dots(points: Iterable[Point], colour: str) -> str:
    """A dot at each point, smaller where there are many."""
    finite = [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]
    size = "small" if len(finite) > _MANY else ""
    return _path(f"dots {size} {colour}", [f"M{_short(x)} {_short(y)}h0" for x, y in finite])


def mark(point: Point, shape: str, colour: str) -> str:
    """One of the shapes at a point."""
    kind = "open" if shape == "ring" else "mark"
    where = f"translate({_short(point[0])} {_short(point[1])})"
    return f'<path{_class(f"{kind} {colour}")} transform="{where}" d="{SHAPES[shape]}"/>'


def band(outline: Sequence[Point], colour: str) -> str:
    """The area within an outline."""
    corners = " ".join(f"{_short(x)} {_short(y)}" for x, y in outline)
    return _path(f"band {colour}", [f"M{corners}z"] if corners else [])


def between(frame: Frame, ranges: Sequence[tuple[float, float, float]], colour: str) -> str:
    """The area between lower and upper values."""
    upper = [frame((place, high)) for place, _, high in ranges]
    lower = [frame((place, low)) for place, low, _ in reversed(ranges)]
    return band([*upper, *lower], colour)


def stairs(frame: Frame, edges: Sequence[float], heights: Sequence[float]) -> list[Point]:
    """The outline of the bars of a histogram, from the ground to the ground."""
    outline = [frame((edges[0], 0.0))]
    for left, right, height in zip(edges, edges[1:], heights, strict=False):
        outline += [frame((left, height)), frame((right, height))]
    return [*outline, frame((edges[-1], 0.0))]


def cell(frame: Frame, x: int, y: int, fill: str) -> str:
    """A cell of a map, one wide and one high."""
    return f'<path fill="{fill}" d="{_square(frame, x, y)}"/>'


def border(frame: Frame, x: int, y: int, colour: str) -> str:
    """A border within a cell of a map."""
    return _path(f"border {colour}", [_square(frame, x, y, 1.5)])


def _square(frame: Frame, x: int, y: int, inset: float = 0.0) -> str:
    left, right = frame.x(x) + inset, frame.x(x + 1) - inset
    top, bottom = frame.y(y + 1) + inset, frame.y(y) - inset
    return f"M{_short(left)} {_short(top)}H{_short(right)}V{_short(bottom)}H{_short(left)}z"


def heat(share: float) -> str:
    """The colour of a share from 0 (dark) to 1 (bright)."""
    place = min(max(share, 0.0), 1.0) * (len(_CIVIDIS) - 1)
    below = min(int(place), len(_CIVIDIS) - 2)
    pair = [bytes.fromhex(each) for each in _CIVIDIS[below : below + 2]]
    mixed = [round(a + (place - below) * (b - a)) for a, b in zip(*pair, strict=True)]
    return f"#{bytes(mixed).hex()}"


def legend(entries: Sequence[Entry], left: float, right: float, y: float) -> str:
    """Symbol, colour and name of what is drawn, in rows from the left."""
    parts = []
    for (symbol, colour, name), (x, row) in zip(entries, _flow(entries, left, right), strict=True):
        middle = y + row * ROW
        if symbol in SHAPES:
            parts.append(mark((x + 8, middle), symbol, colour))
        elif symbol == "area":
            above, below = middle - 4, middle + 4
            parts.append(band([(x, above), (x + 16, above), (x + 16, below), (x, below)], colour))
        else:
            parts.append(curve([(x, middle), (x + 16, middle)], colour, symbol))
        parts.append(text(x + 20, middle + 3.5, name))
    return "\n".join(parts)


def legend_rows(entries: Sequence[Entry], left: float, right: float) -> int:
    """How many rows a legend takes."""
    return 1 + max((row for _, row in _flow(entries, left, right)), default=-1)


def legend_width(entries: Sequence[Entry]) -> float:
    """How wide a legend is in one row."""
    return sum(width(name) + _GAP for *_, name in entries)


_GAP = 30.0
"""Of a name in a legend: room for the symbol before it and the space behind it."""


def _flow(entries: Sequence[Entry], left: float, right: float) -> Iterator[tuple[float, int]]:
    """Where the entries of a legend begin, and in which row."""
    x, row = left, 0
    for *_, name in entries:
        wide = width(name) + _GAP
        if x > left and x + wide > right:
            x, row = left, row + 1
        yield x, row
        x += wide


def _path(kinds: str, moves: Sequence[str]) -> str:
    steps = "".join(moves)
    return f'<path{_class(kinds)} d="{steps}"/>' if steps else ""


def _class(kinds: str) -> str:
    names = " ".join(kinds.split())
    return f' class="{names}"' if names else ""


def _short(value: float) -> str:
    """A length to a tenth of a unit."""
    return f"{value:.1f}".removesuffix(".0")
