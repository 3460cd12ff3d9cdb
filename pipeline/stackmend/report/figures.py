"""The plots and pictures of a report as files, for papers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from stackmend.disk import remedy
from stackmend.errors import OutputError
from stackmend.report import loss_plots, plot_data, slice_plots, step_figures
from stackmend.report.drawing import COLOURS, figure, style
from stackmend.report.landscape import Search, searches
from stackmend.report.trust import by_channel, compared, facts_of, jumps
from stackmend.result import Result
from stackmend.result.previews import ShownSection, ShownSlice


def write(source: Result, folder: Path, *, format: str, dpi: int) -> list[Path]:
    """Write every plot and picture of a run into a folder.

    Raises
    ------
    OutputError
        If that cannot be done.
    """
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with style():
            for name, each in every(source):
                target = folder / f"{re.sub(r'[^A-Za-z0-9_.-]+', '_', name)}.{format}"
                dates: Mapping[str, Any] = {
                    "svg": {"Date": None},
                    "pdf": {"CreationDate": None},
                    "png": {},
                }
                each.savefig(target, format=format, dpi=dpi, metadata=dates[format])
                written.append(target)
    except OSError as error:
        what = f"cannot be written ({error.strerror or error})"
        raise OutputError(f"{folder}: the figures {what}; {remedy(error)}") from error
    return written


def every(source: Result) -> Iterator[tuple[str, Figure]]:
    """Names and figures, one after the other."""
    found = searches(source)
    for search in found:
        prefix = f"search{search.index}_" if len(found) > 1 else ""
        for name, each in _of_search(search, source):
            yield prefix + name, each
    channels, odd = by_channel(source.slices), jumps(source.slices)
    for channel, rows in channels.items():
        name = f"along_stack_channel{channel}" if len(channels) > 1 else "along_stack"
        if len(rows) > 1:
            yield (
                name,
                slice_plots.along_stack(
                    rows, [jump for jump in odd if jump.channel == channel], facts_of(source)
                ),
            )
    for shown in source.previews.slices:
        for name, line in plot_data.profiles(shown["profile"]):
            yield f"slice{shown['slice']}_{name}", slice_plots.line_profile(*line)
        pictures = {name: _opened(source, file) for name, file in shown["pictures"].items()}
        if pictures.get("before") is not None and pictures.get("after") is not None:
            yield f"slice{shown['slice']}_before_after", _before_after(shown, pictures)
    for section in source.previews.sections:
        pictures = {name: _opened(source, file) for name, file in section["pictures"].items()}
        if pictures.get("before") is not None and pictures.get("after") is not None:
            yield f"section_{section['axis']}z", _section(section, pictures)
    yield from step_figures.of_steps(source, lambda name: _opened(source, name))


def _of_search(search: Search, source: Result) -> Iterator[tuple[str, Figure]]:
    if search.scored:
        near = plot_data.around_minimum(search)
        yield "loss", loss_plots.loss_graph(search, plot_data.drawn(search))
        yield "loss_near_minimum", loss_plots.loss_graph(search, near)
        for name in search.swept:
            yield f"parameter_{name}", loss_plots.marginal(search, name)
        for pair in search.pairs:
            yield f"pair_{pair[0]}_{pair[1]}", loss_plots.heat_map(search, pair)
    slices = [each for each in compared(search, source) if each.after is not None]
    if slices:
        yield "losses_compared", slice_plots.losses_compared(slices[:20])
    pictured = source.previews.of_search(search.index)
    for number, each in pictured["compared"].items() if pictured else ():
        if each.histograms:
            yield f"histograms_slice{number}", slice_plots.histograms(each.histograms)
    files = pictured["points"] if pictured else {}
    points = {name: _opened(source, file) for name, file in files.items()}
    points = {name: picture for name, picture in points.items() if picture is not None}
    if points:
        yield "points", _points(search, points)


def _opened(source: Result, name: str) -> Any:
    content = source.picture(name)
    return None if content is None else np.asarray(Image.open(BytesIO(content)).convert("RGB"))


def _picture(axes: Axes, picture: Any, title: str) -> None:
    axes.imshow(picture, interpolation="none", aspect="auto")
    axes.set_title(title, loc="left")
    axes.set_axis_off()


def _points(search: Search, pictures: Mapping[str, Any]) -> Figure:
    """The optimization slice at the named points of the search."""
    height, width = next(iter(pictures.values())).shape[:2]
    graph = figure(
        3.4 * 2,
        2 * (3.4 * height / width + 0.35) if len(pictures) > 2 else 3.4 * height / width + 0.35,
    )
    for axes in graph.subplots(2 if len(pictures) > 2 else 1, 2, squeeze=False).flat:
        axes.set_axis_off()
    for axes, (name, picture) in zip(graph.axes, pictures.items(), strict=False):
        trial = search.landmarks.get(name)
        loss = f", loss {trial.loss:.4f}" if trial and trial.loss is not None else ""
        _picture(axes, picture, f"{name}{loss}")
    return graph


def _before_after(shown: ShownSlice, pictures: Mapping[str, Any]) -> Figure:
    """A slice before and after, and the same enlarged where the change is deepest."""
    height, width = pictures["before"].shape[:2]
    zoomed = all(pictures.get(f"zoom_{moment}") is not None for moment in ("before", "after"))
    heights = [
        pictures[name].shape[0] / pictures[name].shape[1]
        for name in ["before", "zoom_before"][: 1 + zoomed]
    ]
    graph = figure(3.4 * 2, sum(3.4 * each + 0.3 for each in heights))
    rows = graph.subplots(len(heights), 2, squeeze=False, gridspec_kw={"height_ratios": heights})
    (top, bottom), (left, right) = shown["zoom"]
    tall, wide = shown["shape"]
    for axes, moment in zip(rows[0], ("before", "after"), strict=True):
        _picture(axes, pictures[moment], f"slice {shown['slice']} {moment}")
        if zoomed:
            place = (left / wide * width, top / tall * height)
            size = ((right - left) / wide * width, (bottom - top) / tall * height)
            axes.add_patch(
                Rectangle(place, *size, fill=False, edgecolor=COLOURS["orange"], linewidth=1)
            )
    if zoomed:
        for axes, moment in zip(rows[1], ("before", "after"), strict=True):
            _picture(axes, pictures[f"zoom_{moment}"], f"enlarged, {moment}")
    return graph


def _section(shown: ShownSection, pictures: Mapping[str, Any]) -> Figure:
    """A section across the slices before and after, the first slice at the top."""
    across, at = ("XZ", "y") if shown["axis"] == "x" else ("YZ", "x")
    graph = figure(3.4 * 2, 3.4 / shown["aspect"] + 0.3)
    for axes, moment in zip(graph.subplots(1, 2), ("before", "after"), strict=True):
        _picture(axes, pictures[moment], f"{across} at {at} = {shown['at']}, {moment}")
    return graph
