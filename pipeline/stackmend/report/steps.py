"""What is shown of each step: what it took away, what it declares itself, how it was chosen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from markupsafe import Markup

from stackmend.report import step_plots
from stackmend.report.landscape import short
from stackmend.report.shown import data_uri
from stackmend.report.trust import by_channel
from stackmend.result import Result
from stackmend.result.previews import SeenStep, ShownPart, ShownStep
from stackmend.result.record import SearchRecord
from stackmend.result.step_record import StepRecord
from stackmend.words import figure

Values = dict[str, Any]


def step_parts(source: Result) -> list[Values]:
    """The steps of the first channel in chain order, then those that were left out."""
    if not source.finished:
        return []
    shown = {each["step"]: each for each in source.previews.steps}
    parts: list[Values] = []
    for step in source.record.chain:
        pictured = shown.get(step.id)
        values = _part_of(step.id, source)
        if pictured is not None:
            values |= {"step": step.step, **_pictured(pictured, source), **_by_slice(step, source)}
        if any(values[name] for name in ("seen", "parts", "facts", "curves")):
            parts.append(values)
    for id in source.record.skipped_steps:
        values = _part_of(id, source)
        if values["choices"]:
            parts.append({**values, "left_out": True})
    return parts


def _part_of(id: str, source: Result) -> Values:
    """What is said of a step of which nothing is shown."""
    nothing: Values = {"step": id, "about": "", "watch": "", "idle": False, "left_out": False}
    empty: Values = {name: [] for name in ("seen", "parts", "facts", "curves")}
    found = (each.found for each in source.record.chain if each.id == id)
    nothing["found"] = next(found, "")
    return {"id": id, "choices": list(_choices(id, source)), **nothing, **empty}


def _pictured(shown: ShownStep, source: Result) -> Values:
    """What a step took away from some slices, and what else it has to show."""
    seen = [_seen(each, source) for each in shown["seen"]]
    return {
        "about": shown["about"],
        "watch": shown["watch"],
        "seen": seen,
        "idle": bool(seen) and not any(each["rms"] for each in seen),
        "parts": _titled(shown, source),
    }


def _by_slice(step: StepRecord, source: Result) -> Values:
    """What a step says of every slice: curves, and what is the same in all."""
    facts: list[tuple[str, str]] = []
    plots: list[tuple[str, Markup]] = []
    rows = next(iter(by_channel(source.slices).values()), [])
    for name, words in step.facts.items():
        own = {row.slice: row.facts.get(f"{step.id}.{name}") for row in rows}
        known = {number: value for number, value in own.items() if value is not None}
        if len(set(known.values())) == 1:
            facts.append((words, figure(next(iter(known.values())))))
        elif known:
            plots.append((words, step_plots.along(known)))
    return {"facts": facts, "curves": plots}


def _seen(seen: SeenStep, source: Result) -> Values:
    levels = seen["low"], seen["high"], seen["before"], seen["after"]
    return {
        "slice": seen["slice"],
        "rms": seen["rms"] and f"{seen['rms']:.3g}",
        "range": f"{seen['low']:.4g} to {seen['high']:.4g}",
        "scale": f"{seen['scale']:.3g}",
        "picture": data_uri(source.picture(seen["picture"])) if seen["picture"] else None,
        "histogram": step_plots.histogram(*levels) if seen["before"] else None,
    }


def _titled(shown: ShownStep, source: Result) -> list[Values]:
    """What a step declares, by its titles: one text each, with one drawing for every slice."""
    found: dict[str, Values] = {}
    for part in shown["parts"]:
        own = found.setdefault(part["title"], {"title": part["title"], "words": part["words"]})
        own.setdefault("drawn", []).append(_drawn(part, source))
    return list(found.values())


def _drawn(part: ShownPart, source: Result) -> Values:
    plot, ends = part["plot"], part["range"] or (0.0, 0.0)
    named = ("(blue)", "(orange)") if part["signed"] else ("(black)", "(white)")
    span = f"{ends[0]:.4g} {named[0]} to {ends[1]:.4g} {named[1]}"
    return {
        "slice": part["slice"],
        "note": part["note"],
        "plot": None if plot is None else step_plots.curves(plot),
        "picture": data_uri(source.picture(part["picture"])) if part["picture"] else None,
        "range": span if part["picture"] else "",
    }


def _choices(id: str, source: Result) -> Iterator[Values]:
    """What the searches that tuned a step say."""
    with_losses = {row.search for row in source.losses}
    for index, search in enumerate(source.searches):
        if id in search.steps and search.status != "outdone":
            key = f"s{index}" if index in with_losses else ""
            yield {"key": key, "words": _words(search), "weakness": weaknesses(search)}


def _words(search: SearchRecord) -> str:
    """What a search chose, and how that compares with leaving the slices alone."""
    by = f"by {search.loss}"
    if search.status == "left_alone":
        return f"Searched {by}, and the slice as it is won: {search.reason}."
    if search.status != "chosen":
        return f"Searched {by}, and nothing was taken: {search.reason}."
    chosen = ", ".join(f"{name} {short(value)}" for name, value in search.chosen.items())
    said = f"Chosen {by}: {chosen}"
    if search.loss_before is None or search.loss_of_choice is None:
        return f"{said}."
    pair = f"{search.loss_before:.4g} for the slice left as it is, {search.loss_of_choice:.4g}"
    return f"{said}. The loss is {pair} with the choice."


def weaknesses(search: SearchRecord) -> dict[str, str]:
    """Where the losses of a search are known to choose badly, by their names."""
    found = {search.loss: search.known_weakness}
    if search.also is not None:
        found[search.also["loss"]] = search.also.get("known_weakness", "")
    return {name: words for name, words in found.items() if words}
