"""``stackmend plan``: what a run would do, find done already, and need."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from stackmend import words
from stackmend.cli.options import (
    Options,
    add_format,
    add_memory,
    add_protocol,
    add_workers,
)
from stackmend.cli.rows import Row, rows_text
from stackmend.cli.terminal.streams import answer, json_text, text_width

if TYPE_CHECKING:
    from stackmend.api import RunPlan

HELP = "say what a run would do, find done, and need; write nothing"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the verb takes."""
    add_protocol(parser)
    add_workers(parser)
    add_memory(parser)
    add_format(parser)


def main(options: Options) -> int:
    """Print the plan."""
    from stackmend import api

    plan = api.plan(**options.given, workers=options.workers, memory=options.memory)
    if options.format == "json":
        answer(json_text(plan.as_dict(), indent=2))
    else:
        answer(plan_text(plan, text_width()))
    return 0


def plan_text(plan: RunPlan, width: int) -> str:
    """A plan in lines of at most ``width`` columns."""
    rows = [*_stacks(plan), *_steps(plan)]
    several = len(plan.searches) > 1
    for search in plan.searches:
        named = f"{', '.join(search.steps)} by {search.loss}: " if several else ""
        rows += _search(search, named)
    rows += [*_done(plan), *_needs(plan)]
    rows += [("warning", warning) for warning in plan.warnings]
    return rows_text(rows, width)


def _stacks(plan: RunPlan) -> Iterator[Row]:
    given, result = plan.input, plan.output
    yield "in", f"{given['label']}: {_extent_text(given)}, {given['pixel_size']}"
    for note in given["notes"]:
        yield "note", note
    written = result["format"]
    if result["compression"] != "none":
        written += f", {result['compression']}"
    yield "out", f"{words.short_path(result['path'])}: {_extent_text(result)}, {written}"
    if result["masks"]:
        yield "masks", words.short_path(result["masks"])
    if len(plan.channels) > 1:
        yield "channels", ", ".join(map(str, plan.channels))


def _extent_text(stack: Mapping[str, Any]) -> str:
    return f"{' x '.join(map(str, stack['shape']))} {stack['dtype']}"


def _steps(plan: RunPlan) -> Iterator[Row]:
    for number, step in enumerate(plan.steps):
        values = []
        for name, tried in step["swept"].items():
            values.append(f"{name} {' | '.join(_value_texts(step, name, tried))}")
        for name, value in step["fixed"].items():
            if value is not None:
                values.append(f"{name} {_value_texts(step, name, [value])[0]}")
        named = f"{step['one_of']}: {step['id']}" if step["one_of"] else step["id"]
        text = f"{named}: {', '.join(values)}" if values else named
        yield "" if number else "steps", text
    if plan.survey:
        yield "survey", "steps that must know the stack look at slices of it before they begin"


def _value_texts(step: Mapping[str, Any], name: str, given: Sequence[Any]) -> list[str]:
    """Values of a parameter, with what they are in nm."""
    found = []
    for value, length in zip_longest(given, step["lengths"].get(name, ())):
        found.append(words.value(value) + (f" ({length})" if length else ""))
    return found


def _search(search: Any, named: str) -> Iterator[Row]:
    work = {name.replace("_", " "): number for name, number in search.distinct_work.items()}
    parts = [f"{words.count(number)} {name}" for name, number in (search.counted or work).items()]
    text = f"{words.counted(search.combinations, 'combination')}: {', '.join(parts)}"
    if search.at_most > search.combinations:
        text += f" (at most {words.count(search.at_most)} with {search.strategy})"
    slices = "slices" if len(search.slices) > 1 else "slice"
    if search.one_of:
        text = f"{search.one_of}: {text}"
    yield "search", f"{named}{text}; on {slices} {words.few(search.slices, 20)}"
    if search.decided:
        yield "", "all losses are known: nothing is searched again"
    elif search.known:
        yield "", f"{search.known} of {search.needed} losses are known already"


def _done(plan: RunPlan) -> Iterator[Row]:
    done = plan.done
    finished, undecided, todo = done["finished"], done["undecided"], done["todo"]
    everything = words.counted(finished + todo, "slice")
    if plan.busy:
        yield "busy", "another run is at work in this folder; a run would refuse to begin"
    if finished:
        text = f"{words.count(finished)} of {everything}"
        yield "done", f"{text}; the run checks their content and keeps what holds"
    if undecided:
        text = f"{words.count(undecided)} of {everything}"
        yield "done", f"{text} are kept if the search chooses as it did before"
    for reason, number in done["again"].items():
        yield "again", f"{reason}: {words.counted(number, 'slice')} to be computed again"
    if not todo:
        yield "to do", "nothing but that"
    elif not undecided:
        yield "to do", words.counted(todo, "slice")


def _needs(plan: RunPlan) -> Iterator[Row]:
    need = plan.need
    if need.total_s:
        parts = [(need.search_s, "search"), (need.apply_s, "slices")]
        if need.recovery_s:
            parts.append((need.recovery_s, "test on known faults"))
        if plan.survey:
            parts.insert(0, (need.survey_s, "survey"))
        each = " + ".join(f"{words.duration(seconds)} {name}" for seconds, name in parts)
        total = words.duration(need.total_s)
        yield "time", f"about {total} ({each}), measured on slice {need.slice}"

    text = f"{words.counted(need.workers, 'worker')} of {words.size(need.worker_bytes)}"
    if need.search_bytes:
        text = f"search {words.size(need.search_bytes)}, {text}"
    room = "free" if plan.budget is None else "allowed"
    known = f"{words.size(need.memory_bytes)} of {words.size(need.memory_room)} {room}"
    yield "memory", f"{text}; {known}: {_fit_text(need.fits_memory)}"
    if need.workers < plan.workers:
        yield "", f"{need.workers} of {plan.workers} workers, there is room for no more"

    text = f"at most {words.size(need.disk_bytes)}, {words.size(need.disk_free)} free"
    if plan.earlier_bytes:
        text += f"; the earlier result ({words.size(plan.earlier_bytes)}) stays until then"
    yield "disk", f"{text}: {_fit_text(need.fits_disk)}"


def _fit_text(fits: bool) -> str:
    return "fits" if fits else "DOES NOT FIT"
