"""What the plots show, as plain numbers: computed once, drawn on the page and on paper."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from stackmend.report.landscape import Search, Trial, loss_of, short
from stackmend.report.trust import Jump
from stackmend.result.rows import SliceRow

DRAWN = 1500
"""Points in a graph at the most; of a larger search the lowest of each stretch are drawn."""

STRETCHES = 400
"""Places along a stack at the most; of longer ones, range and median of each stretch are drawn."""

DOTTED = 60
"""Up to so many slices each has a dot on its curve."""

WRITTEN = 5
"""Up to so many rows and columns the cells of a heat map have their numbers."""

Point = tuple[float, float]
Range = tuple[float, float, float]
"""A place and the lower and the upper end there."""

MARKS = {
    "global minimum": ("star", "orange"),
    "local minimum": ("triangle", "green"),
    "away from the minimum": ("square", "purple"),
    "local maximum": ("tip", "ink"),
    "highest loss": ("tip", "ink"),
}
"""Shape and colour of the named points: shapes tell them apart without colours."""

PANELS: tuple[tuple[str, tuple[tuple[str, str, str, str], ...]], ...] = (
    ("masked area (px)", (("mask_area", "", "blue", "-"),)),
    (
        "mean grey level",
        (("mean_before", "before", "orange", "--"), ("mean_after", "after", "blue", "-")),
    ),
    ("noise", (("noise_before", "before", "orange", "--"), ("noise_after", "after", "blue", "-"))),
    ("changed (% of px)", (("changed_fraction", "", "blue", "-"),)),
    ("centre of mask (px)", (("mask_y", "y", "blue", "-"), ("mask_x", "x", "orange", "--"))),
    (
        "error against truth",
        (("rmse_before", "before", "orange", "--"), ("rmse_after", "after", "blue", "-")),
    ),
)
"""Measures along a stack: a label, and of each curve the column, the legend, colour and line."""


def stretches(count: int, parts: int) -> Iterator[range]:
    """Whole numbers below ``count`` in ``parts`` runs of nearly equal length.

    >>> list(stretches(5, 2))
    [range(0, 2), range(2, 5)]
    """
    for part in range(parts):
        yield range(part * count // parts, (part + 1) * count // parts)


def percentile(ordered: Sequence[float], percent: float) -> float:
    """A percentile of sorted values, linear between neighbours.

    >>> percentile([1.0, 2.0, 4.0], 75)
    3.0
    """
    place = percent / 100 * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


# A search


def drawn(search: Search) -> list[Trial]:
    """The trials in a graph: all; of every stretch of a large search the lowest, and the named."""
    scored = search.scored
    if len(scored) <= DRAWN:
        return scored
    kept = {trial.index for trial in search.landmarks.values()}
    for part in stretches(len(scored), DRAWN):
        kept.add(min(scored[part.start : part.stop], key=loss_of).index)
    return [trial for trial in scored if trial.index in kept]


def around_minimum(search: Search) -> list[Trial]:
    """The trials next to the chosen one in the order of the search: a tenth of all, at least 20."""
    shown = drawn(search)
    chosen = search.chosen
    if chosen is None:
        return shown
    place = next(index for index, trial in enumerate(shown) if trial.index == chosen.index)
    half = max(10, len(shown) // 20)
    start = max(0, min(place - half, len(shown) - 2 * half - 1))
    return shown[start : start + 2 * half + 1]


def loss_points(trials: Sequence[Trial]) -> list[Point]:
    """Place in the order of the search and loss of each trial."""
    return [(trial.index, loss_of(trial)) for trial in trials]


def marks(search: Search, trials: Sequence[Trial]) -> Iterator[tuple[str, str, str, Point]]:
    """Name, shape, colour and place of the named points that lie among some trials."""
    shown = {trial.index for trial in trials}
    for name, trial in search.landmarks.items():
        if trial.index in shown and name in MARKS:
            yield name, *MARKS[name], (trial.index, loss_of(trial))
    refused = search.best_refused
    if refused and refused.index in shown:
        yield "best of the refused", "diamond", "ink", (refused.index, loss_of(refused))


@dataclass(frozen=True)
class Marginal:
    """What the values of one parameter do to the loss; places are those of the values in order."""

    labels: Sequence[str]
    lowest: Sequence[Point]
    medians: Sequence[Point]
    middle_half: Sequence[Range]
    chosen: Point | None


def marginal(search: Search, name: str) -> Marginal:
    """The lowest loss that each value of a parameter reaches, and the spread of all its losses."""
    best = {key[0]: loss_of(trial) for key, trial in search.lowest(name).items()}
    medians, middle_half = [], []
    for place, losses in sorted(search.losses_of(name).items()):
        ordered = sorted(losses)
        medians.append((float(place), percentile(ordered, 50)))
        middle_half.append((float(place), percentile(ordered, 25), percentile(ordered, 75)))
    chosen = _chosen_place(search, name)
    return Marginal(
        labels=value_labels(search, name),
        lowest=[(place, best[place]) for place in sorted(best)],
        medians=medians,
        middle_half=middle_half,
        chosen=None if chosen is None else (chosen, best[chosen]),
    )


@dataclass(frozen=True)
class HeatMap:
    """The lowest loss for pairs of values, by column and row, counted from the lower left."""

    columns: Sequence[str]
    rows: Sequence[str]
    cells: Mapping[tuple[int, int], float]
    chosen: tuple[int, int] | None

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest loss."""
        return min(self.cells.values()), max(self.cells.values())

    @property
    def written(self) -> bool:
        """Whether the cells are large enough for their numbers."""
        return max(len(self.columns), len(self.rows)) <= WRITTEN


def heat_map(search: Search, pair: tuple[str, str]) -> HeatMap:
    """The lowest loss for each pair of values, whatever the other parameters are."""
    column, row = (_chosen_place(search, name) for name in pair)
    cells = {(x, y): loss_of(trial) for (x, y), trial in search.lowest(*pair).items()}
    return HeatMap(
        columns=value_labels(search, pair[0]),
        rows=value_labels(search, pair[1]),
        cells=cells,
        chosen=None if column is None or row is None else (column, row),
    )


def value_labels(search: Search, name: str) -> list[str]:
    """The values of a parameter as they stand at an axis."""
    return [short(label) for label in search.axis(name).labels]


def _chosen_place(search: Search, name: str) -> int | None:
    if search.chosen is None:
        return None
    return search.axis(name).group[search.chosen.values[search.names.index(name)]]


# Slices


@dataclass(frozen=True)
class Curve:
    """A line, NaN where it has a gap, and perhaps a range around it."""

    legend: str
    colour: str
    line: str
    points: Sequence[Point]
    around: Sequence[Range] = ()
    dotted: bool = False


@dataclass(frozen=True)
class Panel:
    """One measure along a stack; ``odd`` are the slices that stand out."""

    label: str
    curves: Sequence[Curve]
    odd: Sequence[Point] = field(default_factory=list)


def panels(
    rows: Sequence[SliceRow], odd: Sequence[Jump], facts: Mapping[str, str] | None = None
) -> list[Panel]:
    """What is known of every slice, one panel for each measure; ``facts`` are steps' own."""
    found = []
    places = slice_numbers(rows)
    for label, columns in PANELS:
        curves = []
        for column, *look in columns:
            values = [_value(row, column) for row in rows]
            if any(map(math.isfinite, values)):
                curves.append(_curve(places, values, *look))
        measured = {column for column, *_ in columns}
        standing_out = [(places[jump.place], jump.value) for jump in odd if jump.column in measured]
        if curves:
            found.append(Panel(label, curves, standing_out))
    for name, label in (facts or {}).items():
        values = [row.facts.get(name, math.nan) for row in rows]
        if any(map(math.isfinite, values)):
            found.append(Panel(label, [_curve(places, values, "", "blue", "-")]))
    return found


def slice_numbers(rows: Sequence[SliceRow]) -> list[float]:
    """The numbers of slices, by which curves run along the stack."""
    return [float(row.slice) for row in rows]


def _value(row: SliceRow, column: str) -> float:
    value: float | None = getattr(row, column)
    if value is None:
        return math.nan
    return 100 * value if column == "changed_fraction" else value


def _curve(
    places: Sequence[float], values: Sequence[float], legend: str, colour: str, line: str
) -> Curve:
    if len(places) <= STRETCHES:
        points = list(zip(places, values, strict=True))
        return Curve(legend, colour, line, points, dotted=len(places) <= DOTTED)
    points, around = [], []
    for part in stretches(len(places), STRETCHES):
        known = [values[place] for place in part if math.isfinite(values[place])]
        if known:
            middle = sum(places[place] for place in part) / len(part)
            points.append((middle, median(known)))
            around.append((middle, min(known), max(known)))
    return Curve(legend, colour, line, points, around)


Line = tuple[Mapping[str, Any], float, str]
"""Levels along a line, the place of the deepest change on it, and what the line is."""


def profiles(profile: Mapping[str, Any]) -> Iterator[tuple[str, Line]]:
    """Names of the lines through the deepest change, and what is to be drawn of each."""
    y, x = profile["y"], profile["x"]
    yield "profile", (profile, x, f"x (px), along the scan line y = {y}")
    if "across" in profile:
        title = f"y (px), across the scan lines at x = {x}"
        yield "profile_across", (profile["across"], y, title)


def profile_curves(profile: Mapping[str, Any]) -> list[Curve]:
    """Grey levels before and after along a line through the deepest change."""
    curves = []
    for name, colour, line in (("before", "orange", "--"), ("after", "blue", "-")):
        levels = [math.nan if each is None else each for each in profile[name]]
        curves.append(Curve(name, colour, line, list(enumerate(levels, profile["start"]))))
    return curves


def bin_edges(count: int) -> list[float]:
    """Edges of the bins of grey levels from 0 to 1."""
    return [place / count for place in range(count + 1)]
