"""What stands in a report, as plain values for its template: each function one part of the page."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from math import isnan
from typing import Any

from markupsafe import Markup

from stackmend.report import page_plots, plot_data
from stackmend.report.landscape import Search, Trial, edges, loss_of, short
from stackmend.report.trust import Jump, agreement, by_channel, compared
from stackmend.result import Result
from stackmend.result.previews import ShownSearch, ShownSlice
from stackmend.result.rows import LEAVE_IT_ALONE, SliceRow, Status
from stackmend.words import few

LISTED = 20
"""Rows of a table at the most."""

FEW = 3
"""A stack of fewer slices is shown in a table: it is too short for graphs along it."""

BEST = 10
"""Combinations in the table of the best."""

Values = dict[str, Any]

_NEEDED = ("before", "after", "difference", "zoom_before", "zoom_after")
_OPTIONAL = ("mask", "zoom_mask")  # there is none where no step makes one


def data_uri(content: bytes | None) -> str | None:
    """A picture as a part of the page."""
    if content is None:
        return None
    kind = "png" if content.startswith(b"\x89PNG") else "webp"
    return f"data:image/{kind};base64,{b64encode(content).decode('ascii')}"


def shown_slices(source: Result) -> Iterator[Values]:
    """Slices before and after, those of which all pictures are there."""
    first = next(iter(by_channel(source.slices).values()), [])
    rows = {row.slice: row for row in first}
    for place, shown in enumerate(source.previews.slices):
        pictures = dict.fromkeys(_OPTIONAL)
        for name, file in shown["pictures"].items():
            pictures[name] = data_uri(source.picture(file))
        if all(pictures.get(name) for name in _NEEDED):
            row = rows.get(shown["slice"])
            yield _shown_slice(f"slice{place}", shown, row, pictures)


def _shown_slice(
    key: str, shown: ShownSlice, row: SliceRow | None, pictures: dict[str, str | None]
) -> Values:
    height, width = shown["shape"]
    (top, bottom), (left, right) = shown["zoom"]
    box = left / width, top / height, (right - left) / width, (bottom - top) / height
    return {
        "id": key,
        "slice": shown["slice"],
        "name": shown["name"],
        "why": shown["why"],
        "display": shown["display"],
        "largest_change": shown["largest_change"],
        "difference_scale": shown["difference_scale"],
        "pictures": pictures,
        "profile_svg": page_plots.line_profile(shown["profile"]),
        "size": f"{height} by {width} px",
        "reduced": shown["factor"],
        "box": [round(100 * share, 3) for share in box],
        "zoom_text": f"y {top} to {bottom}, x {left} to {right}",
        "broad": width > 2 * height,
        "aspect": f"{width} / {height}",
        "zoom_aspect": f"{right - left} / {bottom - top}",
        "changed": short_percent(row.changed_fraction if row else None),
    }


def several_channels(source: Result) -> bool:
    """Whether more than one channel was restored."""
    return source.finished and len(source.record.input.channels) > 1


def search_parts(search: Search, source: Result) -> Values:
    """The choice of one search: graphs, points, tables."""
    pictured, key = source.previews.of_search(search.index), f"s{search.index}"
    parts: Values = {
        "key": key,
        "count": len(search.trials),
        "defined": len(search.scored),
        "names": search.names,
        "edges": list(edges(search, source)),
        "graphs": [],
        "best": [],
        **_of_record(search, source),
        **_pictures(search, pictured, source),
    }
    if not search.scored:
        return parts
    parts["graphs"] = list(_graphs(search, key))
    parts["marginals"] = [(name, page_plots.marginal(search, name)) for name in search.swept]
    parts["maps"] = [(pair, page_plots.heat_map(search, pair)) for pair in search.pairs]
    parts["histograms"] = list(_histograms(pictured))
    every = len(search.swept) * (len(search.swept) - 1) // 2
    parts["more_maps"] = every - len(search.pairs)
    alone = search.record.loss_before if search.record else None
    if alone is not None:
        untouched = [LEAVE_IT_ALONE, *[""] * (len(search.names) - 1)]
        parts["best"].append((untouched, f"{alone:.4f}"))
    for trial in sorted(search.scored, key=loss_of)[:BEST]:
        parts["best"].append(([short(value) for value in trial.values], f"{loss_of(trial):.4f}"))
    return parts


def _of_record(search: Search, source: Result) -> Values:
    """What the record says of a search; empty while the run is unfinished."""
    record = search.record
    if record is None:
        names = ("steps", "strategy", "loss", "reason", "advice", "one_of")
        return {**dict.fromkeys(names, ""), "slices": (), "chosen": [], "failed": []}
    steps = ", ".join(record.steps)
    if several_channels(source):
        steps += f", channel {record.channel}"
    loss = "" if record.loss_of_choice is None else f"{record.loss_of_choice:.4f}"
    return {
        "steps": steps,
        "slices": record.slices,
        "strategy": record.strategy.get("name", ""),
        "chosen": [(name, short(value)) for name, value in record.chosen.items()],
        "loss": loss,
        "reason": record.reason,
        "clean": [(name, f"{share:.2%}") for name, share in record.clean.items()],
        "refused": record.refused,
        "failed": list(record.failed.items()),
        "one_of": record.one_of,
        "beside": [(name, f"{number:.4g}") for name, number in record.beside.items()],
        "taken": record.status == "chosen",
        "advice": record.advice,
    }


def _pictures(search: Search, pictured: ShownSearch | None, source: Result) -> Values:
    """The points of a search side by side, and the animation through it."""
    points = {} if pictured is None else pictured["points"]
    named = ("local minimum", "local maximum")
    parts: Values = {
        "points": [],
        "missing": [name for name in named if name not in search.landmarks],
        "broad": False,
        "animation": None,
    }
    for name, trial in search.landmarks.items():
        pairs = zip(search.names, trial.values, strict=True)
        if trial.loss is not None:
            point = {
                "name": name,
                "loss": f"{trial.loss:.4f}",
                "parameters": [f"{key} {short(value)}" for key, value in pairs],
                "picture": data_uri(source.picture(points[name])) if name in points else None,
            }
            parts["points"].append(point)
    if pictured:
        parts |= {
            "slice": pictured["slice"],
            "broad": pictured["broad"],
            "frames": pictured["frames"],
            "animation": data_uri(source.picture(pictured["animation"])),
            "still": data_uri(source.picture(pictured["still"])),
        }
    return parts


def _graphs(search: Search, key: str) -> Iterator[Values]:
    every, around = plot_data.drawn(search), plot_data.around_minimum(search)
    yield {
        **_graph(search, every, f"{key}all"),
        "title": "Every combination",
        "left_out": len(search.scored) - len(every),
    }
    if len(around) < len(every):
        near = _graph(search, around, f"{key}near")
        yield {**near, "title": "Around the minimum", "left_out": 0}


def _graph(search: Search, trials: Sequence[Trial], name: str) -> Values:
    graph, places = page_plots.loss_graph(search, trials)
    points = []
    for place, trial in zip(places, trials, strict=True):
        values = list(map(short, trial.values))
        points.append([*place, trial.index, f"{loss_of(trial):.4f}", values])
    hover = {"names": search.names, "points": points}
    return {"id": name, "svg": graph, "hover": hover}


def _histograms(pictured: ShownSearch | None) -> Iterator[tuple[int, int, Markup]]:
    """The first two slices whose regions the loss compares."""
    compared = list(pictured["compared"].items())[:2] if pictured else []
    for number, each in compared:
        if each.histograms:
            regions: int = each.histograms["regions"]
            yield number, regions, page_plots.histograms(each.histograms)


def trust_parts(source: Result, found: Sequence[Search], odd: Sequence[Jump]) -> Values:
    """Whether the result can be trusted: graphs and tables."""
    channels = by_channel(source.slices)
    parts: Values = {
        "along": [],
        "few": [],
        "losses": [],
        "counts": _counts(source),
        "odd": odd[:LISTED],
        "more_odd": max(len(odd) - LISTED, 0),
        "several": len(channels) > 1,
    }
    for channel, rows in channels.items():
        title = f", channel {channel}" if len(channels) > 1 else ""
        if len(rows) < FEW:
            parts["few"].append((title, _table_of(rows)))
            continue
        own = [jump for jump in odd if jump.channel == channel]
        parts["along"].append((title, page_plots.along_stack(rows, own)))
    parts["losses"] = list(_losses(source, found))
    return parts


def _losses(source: Result, found: Sequence[Search]) -> Iterator[Values]:
    """For each search, how the slices that chose and those held out do."""
    for search in found:
        slices = compared(search, source)
        if all(each.after is None for each in slices):
            continue
        yield {
            "steps": search.record.steps if search.record else (),
            "agreement": agreement(slices),
            "graph": page_plots.losses_compared(slices[:LISTED]),
            "more": max(len(slices) - LISTED, 0),
        }


def _table_of(rows: Sequence[SliceRow]) -> Values:
    """Everything that is measured on a few slices."""
    table = []
    for panel in plot_data.panels(rows, ()):
        for curve in panel.curves:
            label = f"{panel.label}, {curve.legend}" if curve.legend else panel.label
            values = [value for _, value in curve.points]
            table.append((label, ["" if isnan(value) else f"{value:.5g}" for value in values]))
    return {"slices": [row.slice for row in rows], "rows": table}


def _counts(source: Result) -> list[tuple[str, str]]:
    """How many slices became what, and how much was changed and clipped."""
    rows = source.slices
    if not rows:
        return []
    counts = [("slices", str(len(rows)))]
    for status in Status:
        slices = [row.slice for row in rows if row.status is status]
        if slices and status is not Status.RESTORED:
            counts.append((status.words, f"{len(slices)} ({few(slices, 8)})"))
    changed = [
        (row.changed_fraction, row.slice) for row in rows if row.changed_fraction is not None
    ]
    if changed:
        mean = sum(value for value, _ in changed) / len(changed)
        most, where = max(changed, key=lambda each: each[0])
        shares = f"{mean:.2%} on average, {most:.2%} at most (slice {where})"
        counts.append(("changed pixels", shares))
    return [*counts, ("clipped pixels", str(sum(row.clipped for row in rows)))]


def short_percent(share: float | None) -> str:
    """A share as percent."""
    return "" if share is None else f"{share:.2%}"
