"""What a run would do, for people: a few lines, as wide as a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap
from typing import Any

from stackmend.api import RunPlan

_WIDTH = 80
_LABEL = 10


def told(outlook: RunPlan, stack: str) -> str:
    """An outlook in lines of a label and a text; ``stack`` is where the result will be."""
    lines = []
    for label, text in _rows(outlook, stack):
        first, *more = wrap(
            text, _WIDTH - _LABEL, break_long_words=False, break_on_hyphens=False
        ) or [""]
        lines += [f"{label:<{_LABEL}}{first}".rstrip(), *(" " * _LABEL + line for line in more)]
    return "\n".join(lines)


def _rows(outlook: RunPlan, stack: str) -> Iterator[tuple[str, str]]:
    given, result = outlook.input, outlook.output
    yield "in", f"{given['label']}: {_extent(given)}"
    compressed = "" if result["compression"] == "none" else f", {result['compression']}"
    yield "out", f"{stack}: {_extent(result)}, {result['format']}{compressed}"
    if len(outlook.channels) > 1:
        yield "channels", ", ".join(map(str, outlook.channels))
    for number, step in enumerate(outlook.steps):
        swept = [
            f"{name} {' | '.join(map(_plain, values))}" for name, values in step["swept"].items()
        ]
        fixed = [
            f"{name} {_plain(value)}" for name, value in step["fixed"].items() if value is not None
        ]
        yield (
            ("steps" if not number else ""),
            f"{step['id']}: {', '.join([*swept, *fixed])}" if swept or fixed else step["id"],
        )
    if outlook.survey:
        yield "survey", "every slice is looked at first: a step must know the whole stack"
    for search in outlook.searches:
        yield from _search(search)
    yield from _done(outlook)
    yield from _needs(outlook)
    for warning in outlook.warnings:
        yield "warning", warning


def _extent(stack: Any) -> str:
    return f"{' x '.join(map(str, stack['shape']))} {stack['dtype']}"


def _search(search: Any) -> Iterator[tuple[str, str]]:
    counted = search.counted or {
        name.replace("_", " "): count for name, count in search.distinct_work.items()
    }
    parts = ", ".join(f"{count} {name}" for name, count in counted.items())
    more = (
        f" (at most {search.at_most} with {search.strategy})"
        if search.at_most > search.combinations
        else ""
    )
    where = f"slice{'s' * (len(search.slices) > 1)} {', '.join(map(str, search.slices))}"
    yield "search", f"{search.combinations} combinations: {parts}{more}; on {where}"
    if search.decided:
        yield "", "all losses are known: nothing is searched again"
    elif search.known:
        yield "", f"{search.known} of {search.needed} losses are known already"


def _done(outlook: RunPlan) -> Iterator[tuple[str, str]]:
    done = outlook.done
    everything = done.finished + done.todo
    if outlook.busy:
        yield "busy", "another run is at work in this folder; a run would refuse to begin"
    if done.finished:
        yield (
            "done",
            f"{done.finished} of {everything} slices; the run checks their content and keeps what holds",
        )
    if done.undecided:
        yield (
            "done",
            f"{done.undecided} of {everything} slices are kept if the search chooses as it did before",
        )
    for reason, count in done.again.items():
        yield "again", f"{reason}: {count} slices are computed again"
    if done.todo and not done.undecided:
        yield "to do", f"{done.todo} slice{'s' * (done.todo > 1)}"
    elif not done.todo:
        yield "to do", "nothing but that"


def _needs(outlook: RunPlan) -> Iterator[tuple[str, str]]:
    need = outlook.need
    parts = [("survey", need.survey_s)] * outlook.survey + [
        ("search", need.search_s),
        ("slices", need.apply_s),
    ]
    said = " + ".join(f"{_time(seconds)} {name}" for name, seconds in parts)
    if need.total_s:
        yield "time", f"about {_time(need.total_s)} ({said}), measured on slice {need.slice}"
    room = "allowed" if outlook.budget is not None else "free"
    fits = "fits" if need.fits_memory else "DOES NOT FIT"
    search = f"search {_size(need.search_bytes)}, " if need.search_bytes else ""
    restoring = (
        f"{search}{need.workers} worker{'s' * (need.workers > 1)} of {_size(need.worker_bytes)}"
    )
    yield (
        "memory",
        f"{restoring}; {_size(need.memory_bytes)} of {_size(need.memory_room)} {room}: {fits}",
    )
    if need.workers < outlook.workers:
        yield "", f"{need.workers} of {outlook.workers} workers, there is room for no more"
    stays = (
        f"; the earlier result ({_size(outlook.earlier_bytes)}) stays until then"
        if outlook.earlier_bytes
        else ""
    )
    fits = "fits" if need.fits_disk else "DOES NOT FIT"
    yield "disk", f"at most {_size(need.disk_bytes)}, {_size(need.disk_free)} free{stays}: {fits}"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _time(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 100 * 60 else f"{seconds / 3600:.1f} h"


def _size(count: float) -> str:
    for unit, name in ((1e9, "GB"), (1e6, "MB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count / 1e3:.0f} kB"
