"""What stands in a report, as plain values for its template: each function one part of the page."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from math import isnan
from typing import Any

from markupsafe import Markup

from stackmend.report import page_plots, plot_data
from stackmend.report.landscape import Search, edges, loss_of, short
from stackmend.report.trust import UNUSABLE, Jump, agreement, by_channel, compared
from stackmend.result.reading import Row, Source, number

LISTED = 20
"""Rows of a table at the most."""

FEW = 3
"""A stack of fewer slices is shown in a table: it is too short for graphs along it."""

BEST = 10
"""Combinations in the table of the best."""

Values = dict[str, Any]


def data_uri(content: bytes | None) -> str | None:
    """A picture as a part of the page."""
    if content is None:
        return None
    kind = "png" if content.startswith(b"\x89PNG") else "webp"
    return f"data:image/{kind};base64,{b64encode(content).decode('ascii')}"


def shown_slices(source: Source) -> Iterator[Values]:
    """Slices before and after."""
    first = next(iter(by_channel(source.slices).values()), [])
    rows = {row["slice"]: row for row in first}
    for place, shown in enumerate(source.previews.get("slices") or ()):
        pictures = dict.fromkeys(
            ("mask", "zoom_mask")
        )  # there is none where no step looks for charging
        pictures |= {
            name: data_uri(source.picture(file)) for name, file in shown["pictures"].items()
        }
        if not all(
            pictures.get(name)
            for name in ("before", "after", "difference", "zoom_before", "zoom_after")
        ):
            continue
        height, width = shown["shape"]
        (top, bottom), (left, right) = shown["zoom"]
        row = rows.get(str(shown["slice"]), {})
        yield {
            **shown,
            "id": f"slice{place}",
            "pictures": pictures,
            "profile_svg": page_plots.line_profile(shown),
            "size": f"{height} by {width} px",
            "reduced": shown["factor"],
            "box": [
                round(100 * v, 3)
                for v in (
                    left / width,
                    top / height,
                    (right - left) / width,
                    (bottom - top) / height,
                )
            ],
            "zoom_text": f"y {top} to {bottom}, x {left} to {right}",
            "broad": width > 2 * height,
            "aspect": f"{width} / {height}",
            "zoom_aspect": f"{right - left} / {bottom - top}",
            "changed": short_percent(row.get("changed_fraction")),
            "charged": row.get("charged_area", ""),
        }


def _searched(search: Search, source: Source) -> str:
    """The steps of a search, and of which channel where there are several."""
    steps = ", ".join(search.record.get("steps", ()))
    several = len((source.record.get("input") or {}).get("channels") or ()) > 1
    return f"{steps}, channel {search.record.get('channel')}" if several else steps


def search_parts(search: Search, source: Source) -> Values:
    """The choice of one search: graphs, points, tables."""
    pictured: Mapping[str, Any] = next(
        (
            each
            for each in source.previews.get("searches", ())
            if each.get("search") == search.index
        ),
        {},
    )
    key = f"s{search.index}"
    parts: Values = {
        "key": key,
        "record": search.record,
        "count": len(search.trials),
        "defined": len(search.scored),
        "names": search.names,
        "steps": _searched(search, source),
        "chosen": [
            (name, short(value)) for name, value in (search.record.get("chosen") or {}).items()
        ],
        "edges": list(edges(search, source)),
        "points": list(_points(search, pictured, source)),
        "slice": pictured.get("slice"),
        "broad": pictured.get("broad", False),
        "missing": [
            name for name in ("local minimum", "local maximum") if name not in search.landmarks
        ],
        "frames": pictured.get("frames"),
        "animation": data_uri(source.picture(pictured["animation"])) if pictured else None,
        "still": data_uri(source.picture(pictured["still"])) if pictured else None,
        "graphs": [],
        "best": [],
    }
    if not search.scored:
        return parts
    parts["graphs"] = list(_graphs(search, key))
    parts["marginals"] = [(name, page_plots.marginal(search, name)) for name in search.swept]
    parts["maps"] = [(pair, page_plots.heat_map(search, pair)) for pair in search.pairs]
    parts["histograms"] = list(_histograms(pictured))
    every = len(search.swept) * (len(search.swept) - 1) // 2
    parts["more_maps"] = every - len(search.pairs)
    ranked = sorted(search.scored, key=loss_of)[:BEST]
    parts["best"] = [
        ([short(value) for value in trial.values], f"{loss_of(trial):.4f}") for trial in ranked
    ]
    return parts


def _graphs(search: Search, key: str) -> Iterator[Values]:
    shown = plot_data.drawn(search)
    around = plot_data.around_minimum(search)
    for name, title, trials in (
        ("all", "Every combination", shown),
        ("near", "Around the minimum", around if len(around) < len(shown) else []),
    ):
        if trials:
            graph, places = page_plots.loss_graph(search, trials)
            points = [
                [*place, trial.index, f"{loss_of(trial):.4f}", list(map(short, trial.values))]
                for place, trial in zip(places, trials, strict=True)
            ]
            yield {
                "id": f"{key}{name}",
                "title": title,
                "svg": graph,
                "hover": {"names": search.names, "points": points},
                "left_out": len(search.scored) - len(trials) if name == "all" else 0,
            }


def _points(search: Search, pictured: Mapping[str, Any], source: Source) -> Iterator[Values]:
    for name, trial in search.landmarks.items():
        file = (pictured.get("points") or {}).get(name)
        values = [
            f"{key} {short(value)}" for key, value in zip(search.names, trial.values, strict=True)
        ]
        if trial.loss is not None:
            yield {
                "name": name,
                "loss": f"{trial.loss:.4f}",
                "parameters": values,
                "picture": data_uri(source.picture(file)) if file else None,
            }


def _histograms(pictured: Mapping[str, Any]) -> Iterator[tuple[str, int, Markup]]:
    for place, (name, each) in enumerate((pictured.get("compared") or {}).items()):
        found = each.get("histograms")
        if found and place < 2:
            yield name, found["regions"], page_plots.histograms(found)


def trust_parts(source: Source, found: Sequence[Search], odd: Sequence[Jump]) -> Values:
    """Whether the result can be trusted: graphs and tables."""
    channels = by_channel(source.slices)
    parts: Values = {
        "along": [],
        "few": [],
        "losses": [],
        "counts": _counts(source),
        "odd": odd[:LISTED],
    }
    parts["several"] = len(channels) > 1
    parts["more_odd"] = max(len(odd) - LISTED, 0)
    for channel, rows in channels.items():
        title = f", channel {channel}" if len(channels) > 1 else ""
        if len(rows) < FEW:
            parts["few"].append((title, _table_of(rows)))
        else:
            own = [jump for jump in odd if jump.channel == channel]
            parts["along"].append((title, page_plots.along_stack(rows, own)))
    for search in found:
        slices = compared(search, source)
        if any(each.after is not None for each in slices):
            graph = page_plots.losses_compared(slices[:LISTED])
            more = max(len(slices) - LISTED, 0)
            parts["losses"].append((search, slices[:LISTED], more, graph, agreement(slices)))
    return parts


def _table_of(rows: Sequence[Row]) -> Values:
    """Everything that is measured on a few slices."""
    table = []
    for panel in plot_data.panels(rows, ()):
        for curve in panel.curves:
            label = f"{panel.label}, {curve.legend}" if curve.legend else panel.label
            values = [value for _, value in curve.points]
            table.append((label, ["" if isnan(value) else f"{value:.5g}" for value in values]))
    return {"slices": [row["slice"] for row in rows], "rows": table}


def _counts(source: Source) -> list[tuple[str, str]]:
    rows = source.slices
    if not rows:
        return []
    changed = [
        (value, row["slice"])
        for row in rows
        if (value := number(row.get("changed_fraction"))) is not None
    ]
    clipped = sum(int(number(row.get("clipped")) or 0) for row in rows)
    counts = [("slices", str(len(rows)))]
    statuses: dict[str, list[str]] = {}
    for row in rows:
        statuses.setdefault(row.get("status", ""), []).append(row["slice"])
    for status, slices in statuses.items():
        if status != "restored":
            counts.append(
                (
                    UNUSABLE.get(status, status.replace("_", " ")),
                    f"{len(slices)} ({listed(slices)})",
                )
            )
    if changed:
        mean, (most, where) = (
            sum(value for value, _ in changed) / len(changed),
            max(changed, key=lambda each: each[0]),
        )
        counts.append(
            ("changed pixels", f"{mean:.2%} on average, {most:.2%} at most (slice {where})")
        )
    counts.append(("clipped pixels", str(clipped)))
    return counts


def listed(names: Sequence[str], count: int = 8) -> str:
    """Some names and how many more there are."""
    more = len(names) - count
    return ", ".join(names[:count]) + (f" and {more} more, see slices.csv" if more > 0 else "")


def short_percent(cell: str | None) -> str:
    """A share as percent."""
    value = number(cell)
    return "" if value is None else f"{value:.2%}"
