"""What stands in a report, as plain values for its template: each function one part of the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isnan
from typing import Any

from markupsafe import Markup

from stackmend.report import page_plots, plot_data
from stackmend.report.advice import edges
from stackmend.report.guards import clean_rows, outcome, refused_candidate
from stackmend.report.landscape import Search, Trial, loss_of, short
from stackmend.report.shown import data_uri
from stackmend.report.steps import weaknesses
from stackmend.report.trust import Jump, agreement, by_channel, compared, facts_of
from stackmend.result import Result
from stackmend.result.names import ANIMATION, PREVIEWS
from stackmend.result.previews import ShownSearch
from stackmend.result.record import SearchRecord
from stackmend.result.rows import LEAVE_IT_ALONE, SliceRow, slices_by_words
from stackmend.words import few

LISTED = 20
"""Rows of a table at the most."""

FEW = 3
"""A stack of fewer slices is shown in a table: it is too short for graphs along it."""

BEST = 10
"""Combinations in the table of the best."""

Values = dict[str, Any]


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
        "titles": titles(search, source),
        "refused_best": refused_candidate(search, pictured, source),
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
        parts["best"].append((untouched, f"{alone:.4f}", "nothing is changed"))
    for trial in sorted(search.scored, key=loss_of)[:BEST]:
        values = [short(value) for value in trial.values]
        parts["best"].append((values, f"{loss_of(trial):.4f}", outcome(search, trial)))
    return parts


def titles(search: Search, source: Result) -> dict[str, str]:
    """What swept parameters are called in words, where their steps say so."""
    found: dict[str, str] = {}
    for step in source.record.chain if source.finished else ():
        for name, title in step.titles.items():
            found |= dict.fromkeys({name, f"{step.id}.{name}"}.intersection(search.names), title)
    return found


def _of_record(search: Search, source: Result) -> Values:
    """What the record says of a search; empty while the run is unfinished."""
    record = search.record
    if record is None:
        names = ("steps", "strategy", "loss", "reason", "advice", "one_of", "also")
        empty = {"slices": (), "chosen": [], "clean": [], "failed": [], "scale": "", "weakness": {}}
        return {**dict.fromkeys(names, ""), **empty}
    steps = ", ".join(record.steps)
    if several_channels(source):
        steps += f", channel {record.channel}"
    loss = "" if record.loss_of_choice is None else f"{record.loss_of_choice:.4f}"
    return {
        "steps": steps,
        "slices": record.slices,
        "strategy": ", ".join(filter(None, (record.strategy.get("name", ""), record.stop))),
        "chosen": [(name, short(value)) for name, value in record.chosen.items()],
        "loss": loss,
        "reason": record.reason,
        "scale": record.loss_description,
        "weakness": weaknesses(record),
        "clean": clean_rows(record),
        "most_changed": "" if record.max_changed is None else f"{record.max_changed:.2%}",
        "refused": record.refused,
        "failed": list(record.failed.items()),
        "one_of": record.one_of,
        "beside": [(name, f"{number:.4g}") for name, number in record.beside.items()],
        "also": _also(record),
        "taken": record.status == "chosen",
        "overmasked": record.overmasked,
        "advice": record.advice,
    }


def _also(record: SearchRecord) -> str:
    """What the second loss says of the choice, in a sentence."""
    also = record.also
    if also is None or also["of_choice"] is None:
        return ""
    said = f"By {also['loss']} the choice has {also['of_choice']:.4g}"
    if also["before"] is not None:
        said += f", no correction {also['before']:.4g}"
    if also["best"] is not None:
        best = ", ".join(f"{name} {short(each)}" for name, each in also["best_values"].items())
        best = also["best_chain"] or best
        said += f", the best combination {also['best']:.4g}" + (f" ({best})" if best else "")
    return said + (": the two losses disagree." if also["disagrees"] else ".")


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
            "film": _film(pictured, source),
            "middle": pictured.get("middle", False),
            "broad": pictured["broad"],
            "frames": pictured["frames"],
            "animation": data_uri(source.picture(pictured["animation"])),
            "still": data_uri(source.picture(pictured["still"])),
        }
    return parts


def _film(pictured: ShownSearch, source: Result) -> str:
    """Where the whole animation lies in the result: that of the first search beside the stack."""
    is_first = pictured["search"] == source.previews.searches[0]["search"]
    return ANIMATION if is_first else f"{PREVIEWS}/losses{pictured['search']}.webp"


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
    channels, facts = by_channel(source.slices), facts_of(source)
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
            parts["few"].append((title, _table_of(rows, facts)))
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


def _table_of(rows: Sequence[SliceRow], facts: Mapping[str, str]) -> Values:
    """Everything that is measured on a few slices."""
    table = []
    for panel in plot_data.panels(rows, (), facts):
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
    for words, slices in slices_by_words(rows).items():
        counts.append((words, f"{len(slices)} ({few(slices, 8)})"))
    changed = [
        (row.changed_fraction, row.slice) for row in rows if row.changed_fraction is not None
    ]
    if changed:
        mean = sum(value for value, _ in changed) / len(changed)
        most, where = max(changed, key=lambda each: each[0])
        shares = f"{mean:.2%} on average, {most:.2%} at most (slice {where})"
        counts.append(("changed pixels", shares))
    return [*counts, ("clipped pixels", str(sum(row.clipped for row in rows)))]
