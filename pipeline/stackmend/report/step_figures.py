"""Figures of single steps: what each took away, grey levels, and what it declares itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from stackmend.report import plot_data
from stackmend.report.drawing import COLOURS, figure
from stackmend.report.step_plots import COLOURS as CURVES
from stackmend.report.step_plots import LINES, places_of
from stackmend.result import Result
from stackmend.result.previews import PlotData, SeenStep, ShownPart, ShownStep

Opened = Callable[[str], Any]
"""The pixels of a picture of the result by its name; ``None`` where there is none."""

WIDTH = 3.4


def of_steps(source: Result, opened: Opened) -> Iterator[tuple[str, Figure]]:
    """Names and figures of all steps that were applied, in chain order."""
    shown = {each["step"]: each for each in source.previews.steps}
    for step in source.record.chain if source.finished else ():
        if step.id in shown:
            yield from _of_step(shown[step.id], opened)


def _of_step(shown: ShownStep, opened: Opened) -> Iterator[tuple[str, Figure]]:
    id = shown["step"]
    for seen in shown["seen"]:
        where = f"slice{seen['slice']}"
        if (taken := opened(seen["picture"]) if seen["picture"] else None) is not None:
            scale = f"from −{seen['scale']:.3g} (blue) to {seen['scale']:.3g} (orange)"
            title = f"{id}, slice {seen['slice']}: taken away, {seen['rms']:.3g} rms"
            yield f"step_{id}_taken_{where}", _picture(taken, title, scale)
        if seen["before"]:
            yield f"step_{id}_histogram_{where}", _histogram(seen)
    for part in shown["parts"]:
        where = "" if part["slice"] is None else f"_slice{part['slice']}"
        graph = _of_part(part, opened)
        if graph is not None:
            yield f"step_{id}_{part['title']}{where}", graph


def _of_part(part: ShownPart, opened: Opened) -> Figure | None:
    """The picture or the plot that a step declares."""
    where = "" if part["slice"] is None else f", slice {part['slice']}"
    title = f"{part['title']}{where}"
    if part["plot"] is not None:
        return _curves(part["plot"], title, part["note"])
    picture = opened(part["picture"])
    if picture is None or part["range"] is None:
        return None
    named = ("blue", "orange") if part["signed"] else ("black", "white")
    low, high = part["range"]
    span = f"from {low:.4g} ({named[0]}) to {high:.4g} ({named[1]})"
    return _picture(picture, title, "; ".join(filter(None, (span, part["note"]))))


def _picture(picture: Any, title: str, below: str) -> Figure:
    height, width = picture.shape[:2]
    graph = figure(WIDTH, WIDTH * height / width + 0.6)
    axes = graph.add_subplot()
    axes.imshow(picture, interpolation="none", aspect="auto")
    axes.set_title(title, loc="left", wrap=True)
    axes.set(xticks=[], yticks=[])
    axes.set_xlabel(below, loc="left", wrap=True)
    axes.spines[:].set_visible(False)
    return graph


def _histogram(seen: SeenStep) -> Figure:
    """Shares of the pixels by grey level."""
    graph = figure(4.4, 2.2)
    axes = graph.add_subplot()
    low, high = seen["low"], seen["high"]
    edges = [low + (high - low) * each for each in plot_data.bin_edges(len(seen["before"]))]
    orange, blue = COLOURS["orange"], COLOURS["blue"]
    axes.stairs(seen["before"], edges, color=orange, fill=True, alpha=0.3, label="before")
    axes.stairs(seen["after"], edges, color=blue, linewidth=1.4, label="after")
    axes.set(xlabel="grey level", ylabel="share of pixels")
    axes.grid(axis="y")
    axes.legend()
    return graph


def _curves(plot: PlotData, title: str, note: str) -> Figure:
    """Curves over one axis, some of them points, with zero in sight."""
    graph = figure(4.4, 2.4)
    axes = graph.add_subplot()
    places = places_of(plot)
    for number, (name, values) in enumerate(plot["curves"].items()):
        colour = COLOURS[CURVES[number % len(CURVES)]]
        how: dict[str, Any] = {"linestyle": LINES[number % len(LINES)]}
        if name in plot["dotted"]:
            how = {"linestyle": "", "marker": "."}
        axes.plot(places[: len(values)], values, color=colour, label=name, **how)
    if plot["labels"]:
        axes.set_xticks(places[: len(plot["labels"])], plot["labels"])
    else:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=8))
    axes.axhline(0, color=COLOURS["faint"], linewidth=0.6)
    axes.set_title("; ".join(filter(None, (title, note))), loc="left", wrap=True)
    axes.set(xlabel=plot["x_title"], ylabel=plot["y_title"])
    axes.grid(axis="y")
    graph.legend(loc="outside lower center", ncols=3)
    return graph
