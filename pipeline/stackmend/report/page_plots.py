"""The plots of the page: each a chart of what ``plot_data`` says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from stackmend.report import charts, plot_data
from stackmend.report.charts import Entry, chart
from stackmend.report.landscape import Search, Trial
from stackmend.report.scales import (
    EDGE,
    ROW,
    TITLE,
    Frame,
    Point,
    Scale,
    Tick,
    left_of,
    name_ticks,
    number_ticks,
    span,
    ticks,
)
from stackmend.report.trust import Compared, Jump
from stackmend.result.rows import SliceRow

WIDE, SMALL = 340.0, 220.0
"""Widths of a plot of its own and of one among several."""

BELOW = 2 * ROW + 5
"""Room below a plot for labels and a title."""


def framed(
    wide: float,
    high: float,
    top: float,
    x: tuple[float, float],
    y: tuple[float, float],
    *,
    steps: int,
) -> tuple[Frame, list[Tick]]:
    """Scales from ranges within the margins; and the ticks to the left, for which there is room."""
    y_ticks = ticks(*y, steps)
    left = left_of((label for _, label in y_ticks), titled=True)
    return Frame(Scale(*x, left, wide - EDGE), Scale(*y, high - BELOW, top)), y_ticks


def loss_graph(search: Search, trials: Sequence[Trial]) -> tuple[Markup, list[Point]]:
    """The loss of combinations in their order; and where each is, as shares of width and height."""
    points = plot_data.loss_points(trials)
    marks = list(plot_data.marks(search, trials))
    entries = [(shape, colour, name) for name, shape, colour, _ in marks]
    top = 8 + ROW * charts.legend_rows(entries, 4, WIDE)
    high = top + 135 + BELOW
    x, y = (span(values) for values in zip(*points, strict=True))
    frame, y_ticks = framed(WIDE, high, top, x, y, steps=5)
    places = [frame(point) for point in points]
    parts = [
        charts.legend(entries, 4, WIDE, 8),
        charts.axes(frame, number_ticks(frame.x, whole=True), y_ticks),
        charts.curve(places, "faint", "thin"),
        charts.dots(places, "blue"),
        *(charts.mark(frame(point), shape, colour) for _, shape, colour, point in marks),
        charts.x_title(frame, high - 3, "combination, in the order tried"),
        charts.y_title(frame, "loss (lower is better)"),
    ]
    shares = [(round(x / WIDE, 4), round(y / high, 4)) for x, y in places]
    return chart(WIDE, high, parts), shares


def marginal(search: Search, name: str) -> Markup:
    """The lowest loss that each value of a parameter reaches, and the spread of all its losses."""
    found = plot_data.marginal(search, name)
    high, top = 165.0, 8.0
    losses = [loss for _, loss in found.lowest]
    for _, lower, upper in found.middle_half:
        losses += [lower, upper]
    places = span(range(len(found.labels)), 0.12)
    frame, y_ticks = framed(SMALL, high, top, places, span(losses), steps=4)
    x_ticks, room = name_ticks(found.labels, frame.x)
    lowest = [frame(point) for point in found.lowest]
    parts = [
        charts.axes(frame, x_ticks, y_ticks, x_room=room),
        charts.between(frame, found.middle_half, "blue"),
        charts.curve(map(frame, found.medians), "blue", "--"),
        charts.curve(lowest, "blue"),
        charts.dots(lowest, "blue"),
        charts.mark(frame(found.chosen), "star", "orange") if found.chosen else "",
        charts.x_title(frame, high - 3, name),
        charts.y_title(frame, "loss"),
    ]
    return chart(SMALL, high, parts)


def heat_map(search: Search, pair: tuple[str, str]) -> Markup:
    """The lowest loss for each pair of values, whatever the other parameters are."""
    found = plot_data.heat_map(search, pair)
    high, side = 190.0, 60.0
    left = left_of(found.rows, titled=True, room=side)
    frame = Frame(
        Scale(0, len(found.columns), left, SMALL - EDGE),
        Scale(0, len(found.rows), high - BELOW, 4),
    )
    least, most = found.range

    # The cells, and the numbers above them.
    parts, numbers = ['<g class="cells">'], []
    for (x, y), loss in found.cells.items():
        share = (loss - least) / ((most - least) or 1)
        parts.append(charts.cell(frame, x, y, charts.heat(share)))
        if found.written:
            middle = frame((x + 0.5, y + 0.5))
            kind = "on-bright" if share > 0.5 else "on-dark"
            numbers.append(
                charts.text(middle[0], middle[1] + 3.5, f"{loss:.2f}", anchor="middle", kind=kind)
            )
    parts.append("</g>")

    # Around them the values and names of the parameters.
    x_ticks, x_room = name_ticks(found.columns, frame.x, 0.5)
    y_ticks, _ = name_ticks(found.rows, frame.y, 0.5, upright=True)
    if found.chosen:
        parts.append(charts.border(frame, *found.chosen, "orange"))
    parts += [
        *numbers,
        charts.axes(frame, x_ticks, y_ticks, grid="", spines=False, x_room=x_room, y_room=side),
        charts.x_title(frame, high - 3, pair[0]),
        charts.y_title(frame, pair[1]),
    ]
    return chart(SMALL, high, parts)


def along_stack(rows: Sequence[SliceRow], odd: Sequence[Jump]) -> Markup:
    """What is measured of every slice, a panel each; slices that stand out are marked.

    What steps say of slices is shown with these steps.
    """
    panels = plot_data.panels(rows, odd)
    inner, above, between = 62.0, ROW + 3, 14.0
    step = above + inner + between
    high = 4 + step * len(panels) - between + BELOW
    y_spans = [
        span([*_heights(panel.curves), *(height for _, height in panel.odd)]) for panel in panels
    ]
    y_ticks = [ticks(*ends, 3) for ends in y_spans]
    left = max(
        (left_of((label for _, label in each), titled=False) for each in y_ticks), default=30.0
    )
    x = Scale(*span(plot_data.slice_numbers(rows)), left, WIDE - EDGE)
    x_ticks = number_ticks(x, whole=True)

    # One below the other, slice below slice.
    parts = []
    for place, panel in enumerate(panels):
        top = 4 + step * place + above
        frame = Frame(x, Scale(*y_spans[place], top + inner, top))
        last = place == len(panels) - 1
        parts.append(charts.axes(frame, x_ticks, y_ticks[place], x_labels=last))
        parts += [_curve(frame, each) for each in panel.curves]
        parts += [charts.mark(frame(point), "ring", "orange") for point in panel.odd]
        parts.append(charts.text(left, top - 8, panel.label, size=TITLE, room=WIDE - left))
        entries = [(each.line, each.colour, each.legend) for each in panel.curves if each.legend]
        parts.append(_legend_at_the_right(entries, top - 11))
        if last:
            parts.append(charts.x_title(frame, high - 3, "slice"))
    return chart(WIDE, high, parts)


def _heights(curves: Sequence[plot_data.Curve]) -> list[float]:
    """Everything between which an axis has to reach."""
    found: list[float] = []
    for each in curves:
        found += [height for _, height in each.points]
        for _, low, high in each.around:
            found += [low, high]
    return found


def _curve(frame: Frame, each: plot_data.Curve) -> str:
    places = [frame(point) for point in each.points]
    parts = [
        charts.between(frame, each.around, each.colour),
        charts.curve(places, each.colour, each.line),
        charts.dots(places, each.colour) if each.dotted else "",
    ]
    return "\n".join(filter(None, parts))


def _legend_at_the_right(entries: Sequence[Entry], y: float) -> str:
    return charts.legend(entries, WIDE - charts.legend_width(entries), WIDE, y)


def line_profile(profile: Mapping[str, Any], middle: float, title: str) -> Markup:
    """Grey levels before and after along a line; what is masked is shaded, a place is marked."""
    curves = plot_data.profile_curves(profile)
    high, top = 175.0, 18.0
    x = span(place for place, _ in curves[0].points)
    frame, y_ticks = framed(WIDE, high, top, x, span(_heights(curves)), steps=4)
    deepest = frame.x(middle)
    parts = [
        *(_shaded(frame, ends) for ends in profile.get("masked", ())),
        charts.axes(frame, number_ticks(frame.x, whole=True), y_ticks),
        charts.curve([(deepest, frame.y.start), (deepest, frame.y.end)], "faint"),
        *(_curve(frame, each) for each in curves),
        _legend_at_the_right([(each.line, each.colour, each.legend) for each in curves], 8),
        charts.x_title(frame, high - 3, title),
        charts.y_title(frame, "grey level"),
    ]
    return chart(WIDE, high, parts)


def _shaded(frame: Frame, ends: Sequence[float]) -> str:
    """A part of the x axis, from bottom to top; its ends lie between pixels."""
    left, right = (min(max(frame.x(end - 0.5), frame.x.start), frame.x.end) for end in ends)
    bottom, top = frame.y.start, frame.y.end
    return charts.band([(left, bottom), (left, top), (right, top), (right, bottom)], "faint")


def histograms(found: Mapping[str, Sequence[float]]) -> Markup:
    """Grey levels of the regions and of the rings around them, before and after."""
    high, top, gap = 175.0, 36.0, 14.0
    edges = plot_data.bin_edges(len(found["region_before"]))
    names = ("region_before", "region_after", "ring_before", "ring_after")
    most = max(max(found[name]) for name in names) or 1.0
    shares = (0.0, 1.05 * most)
    y_ticks = ticks(*shares, 5)
    left = left_of((label for _, label in y_ticks), titled=True)
    wide = (WIDE - EDGE - left - gap) / 2
    entries = [("area", "blue", "rings around them"), ("-", "orange", "regions")]
    parts = [_legend_at_the_right(entries, 8)]
    for place, moment in enumerate(("before", "after")):
        start = left + place * (wide + gap)
        frame = Frame(Scale(-0.04, 1.04, start, start + wide), Scale(*shares, high - BELOW, top))
        labelled = y_ticks if place == 0 else []
        parts += [
            charts.axes(frame, ticks(0, 1, 2), labelled, grid=""),
            charts.band(charts.stairs(frame, edges, found[f"ring_{moment}"]), "blue"),
            charts.curve(charts.stairs(frame, edges, found[f"region_{moment}"]), "orange"),
            charts.text(start, top - 6, moment, size=TITLE),
            charts.x_title(frame, high - 3, "grey level, 0 to 1"),
        ]
        if place == 0:
            parts.append(charts.y_title(frame, "share of pixels"))
    return chart(WIDE, high, parts)


def losses_compared(slices: Sequence[Compared]) -> Markup:
    """The loss of each slice untouched and corrected."""
    entries = [("circle", "orange", "untouched"), ("diamond", "blue", "corrected")]
    names = [f"{each.slice} ({each.role})" for each in reversed(slices)]
    top, room = 18.0, WIDE / 3
    high = top + 20 + 22.0 * len(slices) + BELOW
    losses = []
    for each in slices:
        losses += [loss for loss in (each.before, each.after) if loss is not None]
    left = left_of(names, titled=True, room=room)
    frame = Frame(
        Scale(*span(losses), left, WIDE - EDGE),
        Scale(-0.9, len(slices) - 0.1, high - BELOW, top),
    )
    y_ticks = [(float(place), name) for place, name in enumerate(names)]
    parts = [
        _legend_at_the_right(entries, 8),
        charts.axes(frame, number_ticks(frame.x), y_ticks, grid="x", y_room=room),
        charts.x_title(frame, high - 3, "loss (lower is better)"),
        charts.y_title(frame, "slice"),
    ]
    for place, each in enumerate(reversed(slices)):
        ends = [frame((loss, place)) for loss in (each.before, each.after) if loss is not None]
        if len(ends) == 2:
            parts.append(charts.curve(ends, "faint", "thick"))
        for loss, (shape, colour, _) in zip((each.before, each.after), entries, strict=True):
            if loss is not None:
                parts.append(charts.mark(frame((loss, place)), shape, colour))
    return chart(WIDE, high, parts)
