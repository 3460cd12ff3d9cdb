"""Figures of a search: the loss of every combination, and what each parameter does to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from stackmend.report import plot_data
from stackmend.report.drawing import COLOURS, figure
from stackmend.report.landscape import Search, Trial

_MARKERS = {
    "star": ("*", 13.0),
    "triangle": ("^", 7.0),
    "square": ("s", 6.0),
    "tip": ("v", 7.0),
    "diamond": ("D", 6.0),
}
"""Matplotlib's names of the shapes of marks, and their sizes."""


def loss_graph(search: Search, trials: Sequence[Trial]) -> Figure:
    """The loss of combinations in their order."""
    graph = figure()
    axes = graph.add_subplot()
    places, losses = zip(*plot_data.loss_points(trials), strict=True)
    axes.plot(places, losses, color=COLOURS["faint"], linewidth=0.8, zorder=1)
    axes.plot(places, losses, ".", color=COLOURS["blue"], markersize=4, zorder=2)
    for name, shape, colour, (place, loss) in plot_data.marks(search, trials):
        marker, size = _MARKERS[shape]
        axes.plot(place, loss, marker, color=COLOURS[colour], markersize=size, label=name, zorder=3)
    axes.set(xlabel="combination, in the order tried", ylabel="loss (lower is better)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    axes.grid(axis="y")
    graph.legend(loc="outside upper left", ncols=2, handletextpad=0.3, columnspacing=1.2)
    return graph


def marginal(search: Search, name: str) -> Figure:
    """The lowest loss that each value of a parameter reaches, and the spread of all its losses."""
    graph = figure(2.6, 2.0)
    axes = graph.add_subplot()
    found = plot_data.marginal(search, name)
    blue = COLOURS["blue"]
    places, low, high = zip(*found.middle_half, strict=True)
    axes.fill_between(places, low, high, color=blue, alpha=0.18, linewidth=0)
    axes.plot(*zip(*found.medians, strict=True), "--", color=blue, linewidth=1, label="median")
    axes.plot(*zip(*found.lowest, strict=True), "o-", color=blue, markersize=4, label="lowest")
    if found.chosen:
        axes.plot(*found.chosen, "*", color=COLOURS["orange"], markersize=12, zorder=3)
    _values_on(axes, "x", found.labels)
    axes.set(xlabel=name, ylabel="loss")
    axes.grid(axis="y")
    axes.margins(x=0.12)
    return graph


def heat_map(search: Search, pair: tuple[str, str]) -> Figure:
    """The lowest loss for each pair of values, whatever the other parameters are."""
    graph = figure(2.6, 2.3)
    axes = graph.add_subplot()
    found = plot_data.heat_map(search, pair)
    losses = np.full((len(found.rows), len(found.columns)), np.nan)
    for (x, y), loss in found.cells.items():
        losses[y, x] = loss
    axes.pcolormesh(np.ma.masked_invalid(losses), cmap="cividis", edgecolors="none")

    # Numbers where they have room, and a frame around the choice.
    if found.written:
        for (x, y), loss in found.cells.items():
            colour = "black" if loss > sum(found.range) / 2 else "white"
            where: Any = {"ha": "center", "va": "center"}
            axes.text(x + 0.5, y + 0.5, f"{loss:.2f}", color=colour, fontsize=8, **where)
    if found.chosen:
        corner = (found.chosen[0] + 0.04, found.chosen[1] + 0.04)
        orange = COLOURS["orange"]
        axes.add_patch(Rectangle(corner, 0.92, 0.92, fill=False, edgecolor=orange, linewidth=3))
    _values_on(axes, "x", found.columns, 0.5)
    _values_on(axes, "y", found.rows, 0.5)
    axes.set(xlabel=pair[0], ylabel=pair[1])
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return graph


def _values_on(axes: Axes, which: str, labels: Sequence[str], middle: float = 0.0) -> None:
    """Ticks with the values of a parameter, one for each position."""
    room = 20 if which == "x" else 60  # characters that stand side by side in a small plot
    every = max(1, -(-sum(map(len, labels)) // room))
    places = range(0, len(labels), every)
    setter = axes.set_xticks if which == "x" else axes.set_yticks
    setter([place + middle for place in places], [labels[place] for place in places])
