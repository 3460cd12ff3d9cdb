"""Plots of slices: along the stack, line profiles, histograms, losses before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from stackmend.report.drawing import Palette, figure
from stackmend.report.trust import Compared, Jump
from stackmend.result.rows import SliceRow

STRETCHES = 400
"""Places along a stack that are drawn at the most; of longer ones, the range and the median of each stretch."""

Curve = tuple[str, str, str, str]
"""Column, legend, colour, line style."""

PANELS: tuple[tuple[str, tuple[Curve, ...]], ...] = (
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


def along_stack(rows: Sequence[SliceRow], odd: Sequence[Jump], palette: Palette) -> Figure:
    """What is known of every slice, one panel for each measure; slices that stand out are marked."""
    panels = [(label, [c for c in curves if _known(rows, c[0])]) for label, curves in PANELS]
    panels = [(label, curves) for label, curves in panels if curves]
    graph = figure(4.4, 0.4 + 1.15 * max(len(panels), 1))
    every = graph.subplots(max(len(panels), 1), 1, sharex=True, squeeze=False)[:, 0]
    places = np.array([float(row.slice) for row in rows])
    for axes, (label, curves) in zip(every, panels, strict=False):
        for column, legend, colour, line in curves:
            factor = 100.0 if column == "changed_fraction" else 1.0
            values = np.array([_value(row, column) for row in rows]) * factor
            _curve(axes, places, values, legend, getattr(palette, colour), line)
        for jump in odd:
            if jump.column in {curve[0] for curve in curves}:
                axes.plot(
                    places[jump.place],
                    jump.value,
                    "o",
                    color=palette.orange,
                    fillstyle="none",
                    markersize=9,
                )
        axes.set_title(label, loc="left")
        axes.grid(axis="y")
        axes.yaxis.set_major_locator(MaxNLocator(nbins=3))
        if any(curve[1] for curve in curves):
            axes.legend(loc="lower right", bbox_to_anchor=(1, 0.96), ncols=2, borderaxespad=0)
    every[-1].set_xlabel("slice")
    every[-1].xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    return graph


def _known(rows: Sequence[SliceRow], column: str) -> bool:
    return any(getattr(row, column) is not None for row in rows)


def _value(row: SliceRow, column: str) -> float:
    value: float | None = getattr(row, column)
    return np.nan if value is None else value


def _curve(
    axes: Axes,
    places: NDArray[np.float64],
    values: NDArray[np.float64],
    legend: str,
    colour: str,
    line: str,
) -> None:
    if len(places) <= STRETCHES:
        marker = "." if len(places) <= 60 else ""
        axes.plot(
            places, values, linestyle=line, marker=marker, color=colour, label=legend, linewidth=1.2
        )
        return
    parts = [
        part
        for part in np.array_split(np.arange(len(places)), STRETCHES)
        if np.isfinite(values[part]).any()
    ]
    middle = [places[part].mean() for part in parts]
    low, high = ([f(values[part]) for part in parts] for f in (np.nanmin, np.nanmax))
    axes.fill_between(middle, low, high, color=colour, alpha=0.25, linewidth=0)
    medians = [np.nanmedian(values[part]) for part in parts]
    axes.plot(middle, medians, linestyle=line, color=colour, label=legend, linewidth=1)


def line_profile(profile: Mapping[str, Any], palette: Palette) -> Figure:
    """Grey levels before and after along the row through the deepest change."""
    graph = figure(4.4, 2.2)
    axes = graph.add_subplot()
    x = profile["start"] + np.arange(len(profile["before"]))
    axes.plot(
        x, profile["before"], color=palette.orange, linestyle="--", linewidth=1, label="before"
    )
    axes.plot(x, profile["after"], color=palette.blue, linewidth=1, label="after")
    axes.axvline(profile["x"], color=palette.faint, linewidth=0.8)
    axes.set(xlabel=f"x (px), along row y = {profile['y']}", ylabel="grey level")
    axes.grid(axis="y")
    graph.legend(loc="outside upper right", ncols=2)
    return graph


def histograms(found: Mapping[str, Any], palette: Palette) -> Figure:
    """Grey levels of the regions and of the rings around them, before and after."""
    graph = figure(4.4, 2.2)
    left, right = graph.subplots(1, 2, sharex=True, sharey=True)
    edges = np.linspace(0, 1, len(found["region_before"]) + 1)
    for axes, moment in ((left, "before"), (right, "after")):
        axes.stairs(
            found[f"ring_{moment}"],
            edges,
            color=palette.blue,
            fill=True,
            alpha=0.3,
            label="rings around them",
        )
        axes.stairs(
            found[f"region_{moment}"],
            edges,
            color=palette.orange,
            linewidth=1.4,
            label="regions",
        )
        axes.set_title(moment, loc="left")
        axes.set_xlabel("grey level, 0 to 1")
    left.set_ylabel("share of pixels")
    graph.legend(*left.get_legend_handles_labels(), loc="outside upper right", ncols=2)
    return graph


def losses_compared(slices: Sequence[Compared], palette: Palette) -> Figure:
    """The loss of each slice untouched and corrected."""
    graph = figure(4.4, 0.8 + 0.32 * len(slices))
    axes = graph.add_subplot()
    for place, each in enumerate(reversed(slices)):
        if each.before is not None and each.after is not None:
            axes.plot(
                [each.before, each.after],
                [place, place],
                color=palette.faint,
                linewidth=2,
                zorder=1,
            )
        for value, marker, colour, name in (
            (each.before, "o", palette.orange, "untouched"),
            (each.after, "D", palette.blue, "corrected"),
        ):
            if value is not None:
                label = name if place == 0 else None
                axes.plot(
                    [value], [place], marker, color=colour, markersize=6, label=label, zorder=2
                )
    axes.set_yticks(
        range(len(slices)), [f"{each.slice} ({each.role})" for each in reversed(slices)]
    )
    axes.set(xlabel="loss (lower is better)", ylabel="slice")
    axes.margins(y=0.3 if len(slices) < 3 else 0.1)
    axes.grid(axis="x")
    graph.legend(loc="outside upper right", ncols=2)
    return graph
