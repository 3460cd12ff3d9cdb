"""Plots of a search: the loss of every combination, and what each parameter does to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from stackmend.report.drawing import Palette, Point, figure, fractions
from stackmend.report.landscape import Axis, Search, Trial, loss_of, short

DRAWN = 1500
"""Points in a graph at the most; of a larger search the lowest of each stretch are drawn."""

MARKS = {
    "global minimum": ("*", "orange", 13.0),
    "local minimum": ("^", "green", 7.0),
    "away from the minimum": ("s", "purple", 6.0),
    "local maximum": ("v", "ink", 7.0),
    "highest loss": ("v", "ink", 7.0),
}
"""Shape, colour and size of the named points: shapes tell them apart without colours."""


def drawn(search: Search) -> list[Trial]:
    """The trials in a graph: all, or of every stretch of a large search the lowest, and the named points."""
    scored = search.scored
    if len(scored) <= DRAWN:
        return scored
    stretches = np.array_split(np.arange(len(scored)), DRAWN)
    kept = {min((scored[i] for i in part), key=loss_of).index for part in stretches}
    kept |= {trial.index for trial in search.landmarks.values()}
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


def loss_graph(
    search: Search, trials: Sequence[Trial], palette: Palette
) -> tuple[Figure, list[Point]]:
    """The loss of combinations in their order; also where each of them is in the figure."""
    graph = figure()
    axes = graph.add_subplot()
    where = [(trial.index, loss_of(trial)) for trial in trials]
    axes.plot(*zip(*where, strict=True), color=palette.faint, linewidth=0.8, zorder=1)
    axes.plot(*zip(*where, strict=True), ".", color=palette.blue, markersize=4, zorder=2)
    shown = {trial.index for trial in trials}
    for name, trial in search.landmarks.items():
        if trial.index in shown and name in MARKS:
            marker, colour, size = MARKS[name]
            how: dict[str, Any] = {
                "marker": marker,
                "color": getattr(palette, colour),
                "markersize": size,
            }
            axes.plot(
                [trial.index], [loss_of(trial)], linestyle="none", label=name, zorder=3, **how
            )
    axes.set(xlabel="combination, in the order tried", ylabel="loss (lower is better)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    axes.grid(axis="y")
    graph.legend(loc="outside upper left", ncols=2, handletextpad=0.3, columnspacing=1.2)
    return graph, fractions(graph, axes, where)


def marginal(search: Search, name: str, palette: Palette) -> Figure:
    """The lowest loss that each value of a parameter can reach, and the spread of all its losses."""
    graph = figure(2.6, 2.0)
    axes = graph.add_subplot()
    axis = search.axis(name)
    best = {key[0]: loss_of(trial) for key, trial in search.lowest(name).items()}
    every = search.losses_of(name)
    places = sorted(best)
    spread = np.array([np.percentile(every[place], (25, 50, 75)) for place in places]).T
    axes.fill_between(places, spread[0], spread[2], color=palette.blue, alpha=0.18, linewidth=0)
    axes.plot(places, spread[1], "--", color=palette.blue, linewidth=1, label="median")
    axes.plot(
        places,
        [best[place] for place in places],
        "o-",
        color=palette.blue,
        markersize=4,
        label="lowest",
    )
    if search.chosen is not None:
        place = axis.group[search.chosen.values[search.names.index(name)]]
        axes.plot([place], [best[place]], "*", color=palette.orange, markersize=12, zorder=3)
    _values_on(axes, "x", axis)
    axes.set(xlabel=name, ylabel="loss")
    axes.grid(axis="y")
    axes.margins(x=0.12)
    return graph


def heat_map(search: Search, pair: tuple[str, str], palette: Palette) -> Figure:
    """The lowest loss for each pair of values, whatever the other parameters are."""
    graph = figure(2.6, 2.3)
    axes = graph.add_subplot()
    x_axis, y_axis = (search.axis(name) for name in pair)
    lowest = np.full((len(y_axis.labels), len(x_axis.labels)), np.nan)
    for (x, y), trial in search.lowest(*pair).items():
        lowest[y, x] = loss_of(trial)
    axes.pcolormesh(np.ma.masked_invalid(lowest), cmap="cividis", edgecolors="none")
    if max(lowest.shape) <= 5:
        middle = (np.nanmin(lowest) + np.nanmax(lowest)) / 2
        for (y, x), value in np.ndenumerate(lowest):
            if np.isfinite(value):
                colour = "black" if value > middle else "white"
                axes.text(
                    x + 0.5,
                    y + 0.5,
                    f"{value:.2f}",
                    ha="center",
                    va="center",
                    color=colour,
                    fontsize=8,
                )
    if search.chosen is not None:
        x, y = (
            axis.group[search.chosen.values[search.names.index(axis.name)]]
            for axis in (x_axis, y_axis)
        )
        axes.add_patch(_frame(x, y, palette))
    _values_on(axes, "x", x_axis, 0.5)
    _values_on(axes, "y", y_axis, 0.5)
    axes.set(xlabel=pair[0], ylabel=pair[1])
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return graph


def _frame(x: int, y: int, palette: Palette) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle(
        (x + 0.04, y + 0.04), 0.92, 0.92, fill=False, edgecolor=palette.orange, linewidth=3
    )


def _values_on(axes: Axes, which: str, axis: Axis, middle: float = 0.0) -> None:
    """Ticks with the values of a parameter, one for each position."""
    labels = [short(label) for label in axis.labels]
    room = 20 if which == "x" else 60  # characters that stand side by side in a small plot
    every = max(1, -(-sum(map(len, labels)) // room))
    places = range(0, len(labels), every)
    setter = axes.set_xticks if which == "x" else axes.set_yticks
    setter([place + middle for place in places], [labels[place] for place in places])
