"""Figures of slices: along the stack, line profiles, histograms, losses before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from stackmend.report import plot_data
from stackmend.report.drawing import COLOURS, figure
from stackmend.report.trust import Compared, Jump
from stackmend.result.rows import SliceRow


def along_stack(
    rows: Sequence[SliceRow], odd: Sequence[Jump], facts: Mapping[str, str] | None = None
) -> Figure:
    """What is known of every slice, a panel for each measure; slices that stand out are marked."""
    panels = plot_data.panels(rows, odd, facts)
    graph = figure(4.4, 0.4 + 1.15 * max(len(panels), 1))
    every = graph.subplots(max(len(panels), 1), 1, sharex=True, squeeze=False)[:, 0]
    for axes, panel in zip(every, panels, strict=False):
        for curve in panel.curves:
            _draw(axes, curve, 1.0 if curve.around else 1.2)
        for place, value in panel.odd:
            axes.plot(place, value, "o", color=COLOURS["orange"], fillstyle="none", markersize=9)
        axes.set_title(panel.label, loc="left")
        axes.grid(axis="y")
        axes.yaxis.set_major_locator(MaxNLocator(nbins=3))
        if any(curve.legend for curve in panel.curves):
            axes.legend(loc="lower right", bbox_to_anchor=(1, 0.96), ncols=2, borderaxespad=0)
    every[-1].set_xlabel("slice")
    every[-1].xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    return graph


def _draw(axes: Axes, curve: plot_data.Curve, thickness: float) -> None:
    colour = COLOURS[curve.colour]
    if curve.around:
        places, low, high = zip(*curve.around, strict=True)
        axes.fill_between(places, low, high, color=colour, alpha=0.25, linewidth=0)
    axes.plot(
        *zip(*curve.points, strict=True),
        linestyle=curve.line,
        marker="." if curve.dotted else "",
        color=colour,
        label=curve.legend,
        linewidth=thickness,
    )


def line_profile(profile: Mapping[str, Any], middle: float, title: str) -> Figure:
    """Grey levels before and after along a line; what is masked is shaded, a place is marked."""
    graph = figure(4.4, 2.2)
    axes = graph.add_subplot()
    for curve in plot_data.profile_curves(profile):
        _draw(axes, curve, 1.0)
    for start, stop in profile.get("masked", ()):
        axes.axvspan(start - 0.5, stop - 0.5, color=COLOURS["faint"], alpha=0.25, linewidth=0)
    axes.axvline(middle, color=COLOURS["faint"], linewidth=0.8)
    axes.set(xlabel=title, ylabel="grey level")
    axes.grid(axis="y")
    graph.legend(loc="outside upper right", ncols=2)
    return graph


def histograms(found: Mapping[str, Sequence[float]]) -> Figure:
    """Grey levels of the regions and of the rings around them, before and after."""
    graph = figure(4.4, 2.2)
    left, right = graph.subplots(1, 2, sharex=True, sharey=True)
    edges = plot_data.bin_edges(len(found["region_before"]))
    blue, orange = COLOURS["blue"], COLOURS["orange"]
    for axes, moment in ((left, "before"), (right, "after")):
        ring, region = found[f"ring_{moment}"], found[f"region_{moment}"]
        axes.stairs(ring, edges, color=blue, fill=True, alpha=0.3, label="rings around them")
        axes.stairs(region, edges, color=orange, linewidth=1.4, label="regions")
        axes.set_title(moment, loc="left")
        axes.set_xlabel("grey level, 0 to 1")
    left.set_ylabel("share of pixels")
    graph.legend(*left.get_legend_handles_labels(), loc="outside upper right", ncols=2)
    return graph


def losses_compared(slices: Sequence[Compared]) -> Figure:
    """The loss of each slice untouched and corrected."""
    graph = figure(4.4, 0.8 + 0.32 * len(slices))
    axes = graph.add_subplot()
    unnamed = {"untouched", "corrected"}
    for place, each in enumerate(reversed(slices)):
        if each.before is not None and each.after is not None:
            ends = [each.before, each.after]
            axes.plot(ends, [place, place], color=COLOURS["faint"], linewidth=2, zorder=1)
        for value, marker, colour, name in (
            (each.before, "o", "orange", "untouched"),
            (each.after, "D", "blue", "corrected"),
        ):
            if value is not None:
                how: Any = {"label": name if name in unnamed else None, "zorder": 2}
                unnamed.discard(name)
                axes.plot([value], [place], marker, color=COLOURS[colour], markersize=6, **how)
    axes.set_yticks(
        range(len(slices)), [f"{each.slice} ({each.role})" for each in reversed(slices)]
    )
    axes.set(xlabel="loss (lower is better)", ylabel="slice")
    axes.margins(y=0.3 if len(slices) < 3 else 0.1)
    axes.grid(axis="x")
    graph.legend(loc="outside upper right", ncols=2)
    return graph
