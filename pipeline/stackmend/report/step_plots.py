"""The plots of single steps: curves that a step declares, and grey levels before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from stackmend.report import charts, plot_data
from stackmend.report.charts import chart
from stackmend.report.page_plots import BELOW, WIDE, framed
from stackmend.report.scales import ROW, Point, name_ticks, number_ticks, span
from stackmend.result.previews import PlotData

HIGH = 135.0
COLOURS = ("blue", "orange", "green", "purple")
LINES = ("-", "--", "-", "--")
"""Of the curves in their order, which differ in grey, too."""


def curves(plot: PlotData) -> Markup:
    """Curves over one axis, some of them points."""
    places = places_of(plot)
    entries, drawn = [], []
    for number, name in enumerate(plot["curves"]):
        dotted = name in plot["dotted"]
        line = "circle" if dotted else LINES[number % len(LINES)]
        entries.append((line, COLOURS[number % len(COLOURS)], name))
        drawn.append(list(zip(places, plot["curves"][name], strict=False)))
    top = 8 + ROW * charts.legend_rows(entries, 4, WIDE)
    high = top + HIGH + BELOW
    heights = [height for points in drawn for _, height in points]
    y = span([0.0, *heights])
    frame, y_ticks = framed(WIDE, high, top, span(places), y, steps=5)
    x_ticks, room = number_ticks(frame.x), WIDE
    if plot["labels"]:
        x_ticks, room = name_ticks(plot["labels"], frame.x)
    parts = [charts.legend(entries, 4, WIDE, 8), charts.axes(frame, x_ticks, y_ticks, x_room=room)]
    for (line, colour, _), points in zip(entries, drawn, strict=True):
        parts += _curve([frame(point) for point in points], line, colour)
    parts += [charts.x_title(frame, high - 3, plot["x_title"])]
    parts += [charts.y_title(frame, plot["y_title"])]
    return chart(WIDE, high, parts)


def along(values: Mapping[int, float]) -> Markup:
    """One number of every slice."""
    frame, y_ticks = framed(WIDE, 130.0, 8.0, span(values), span(values.values()), steps=3)
    points = [frame((number, value)) for number, value in values.items()]
    parts = [
        charts.axes(frame, number_ticks(frame.x, whole=True), y_ticks),
        charts.curve(points, "blue"),
        charts.dots(points, "blue") if len(points) <= plot_data.DOTTED else "",
        charts.x_title(frame, 127, "slice"),
    ]
    return chart(WIDE, 130.0, parts)


def places_of(plot: PlotData) -> list[float]:
    """Where the values of the curves stand along the axis."""
    count = max((len(values) for values in plot["curves"].values()), default=0)
    return list(plot["x"]) or [float(place) for place in range(max(count, len(plot["labels"])))]


def _curve(points: list[Point], line: str, colour: str) -> list[str]:
    if line == "circle":
        return [charts.dots(points, colour)]
    return [charts.curve(points, colour, line)]


def histogram(low: float, high: float, before: Sequence[float], after: Sequence[float]) -> Markup:
    """Grey levels of a slice before and after a step, as shares of its pixels."""
    top = 8 + ROW
    tall = top + HIGH * 0.7 + BELOW
    edges = [low + (high - low) * each for each in plot_data.bin_edges(len(before))]
    y = (0.0, 1.05 * max(*before, *after))
    frame, y_ticks = framed(WIDE, tall, top, span((low, high), 0.02), y, steps=4)
    entries = [("area", "orange", "before"), ("-", "blue", "after")]
    parts = [
        charts.legend(entries, 4, WIDE, 8),
        charts.axes(frame, number_ticks(frame.x), y_ticks),
        charts.band(charts.stairs(frame, edges, before), "orange"),
        charts.curve(charts.stairs(frame, edges, after), "blue"),
        charts.x_title(frame, tall - 3, "grey level"),
        charts.y_title(frame, "share of pixels"),
    ]
    return chart(WIDE, tall, parts)
