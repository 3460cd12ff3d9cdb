"""The summary of a run, from what it has left in writing: its record and its table of slices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from stackmend import api, registry
from stackmend.cli.rows import Row, rows_text
from stackmend.cli.terminal.streams import text_width
from stackmend.result import Record, Result, names
from stackmend.result.gate_record import fails, gate_text
from stackmend.result.record import SearchRecord
from stackmend.result.rows import SliceRow
from stackmend.words import (
    command_text,
    count,
    counted,
    duration,
    figure,
    glue,
    percent,
    short_path,
    value,
)


def summary_of(run: Path, *, shown: Sequence[str] = ()) -> str:
    """What a run did and where its results are, as wide as the terminal.

    ``shown`` are warnings that stand there already.

    Raises
    ------
    InputError
        If there is no result of a run, or it is not finished.
    """
    return summary_text(api.show(run), text_width(), shown=shown)


def summary_text(result: Result, width: int, *, shown: Sequence[str] = ()) -> str:
    """What a run did and where its results are, in lines of at most ``width`` columns."""
    record, facts = result.record, slice_facts(result)
    rows = [*_head(record)]
    for search in record.searches:
        rows.extend(_search(record, search))
    rows += [("found", f"{step.id}: {step.found}") for step in record.chain if step.found]
    rows += [*_recovery(record), *_slices(result.slices, facts), *_truth(record), *_gates(record)]
    rows += [("warning", warning) for warning in result.warnings if warning not in shown]
    if shown:
        rows.append(("warnings", f"{count(len(shown))}, above"))
    rows += [*_times(record, facts), *_places(result)]
    return rows_text(rows, width)


def slice_facts(result: Result) -> dict[str, Any]:
    """What ``slices.csv`` says of the whole stack; areas in px."""
    areas = [row.mask_area for row in result.slices if row.mask_area is not None]
    changed = [row.changed_fraction for row in result.slices if row.changed_fraction is not None]
    return {
        "count": len(result.slices),
        "status": dict(Counter(row.status.value for row in result.slices)),
        "kept": result.record.slices["kept_from_earlier"],
        "median_mask_area": median(areas) if areas else None,
        "median_changed_fraction": median(changed) if changed else None,
        "clipped": result.record.output.clipped,
    }


def _head(record: Record) -> Iterator[Row]:
    started = datetime.fromisoformat(record.times["started"])
    name = record.name or Path(record.protocol["file"]).stem
    yield "protocol", f"{name}, run on {started:%Y-%m-%d at %H:%M}"
    given, output = record.input, record.output
    known = [f"{axis} {size:.4g}" for axis, size in given.pixel_size_nm.items() if size]
    pixel = f", pixel size {', '.join(known)} nm" if known else ", pixel size unknown"
    channels = f"{len(given.channels)} channels of " if _several(record) else ""
    yield "input", f"{given.label}: {channels}{_shape(given.shape)} {given.dtype}{pixel}"
    if (output.shape, output.dtype) != (given.shape, given.dtype):
        yield "output", f"{_shape(output.shape)} {output.dtype}"


def _several(record: Record) -> bool:
    """Whether there is more than one channel."""
    return len(record.input.channels) > 1


def _shape(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))


def _search(record: Record, search: SearchRecord) -> Iterator[Row]:
    slices = ", ".join(map(str, search.slices))
    if _several(record):
        slices += f" of channel {search.channel}"
    several = len(record.searches) > 1
    named = ", ".join(search.steps)
    if search.status != "chosen":
        of = f"{named}: " if several else ""
        yield "search", f"{of}{_tried(search)} on slice {slices}: {search.reason}"
        yield from _clean(search)
        return
    if several:
        yield "search", f"{named}, by {search.loss}"
    if search.one_of:
        yield "one of", f"{search.one_of} is taken"
    # the values, each beside those that were tried
    for index, (name, chosen) in enumerate(search.chosen.items()):
        text = f"{name} {value(chosen)}{_unit(record, name)}, of {_range_text(search.space[name])}"
        if end := search.on_edge.get(name):
            text += f"; at the {end} edge of its range"
        yield "chosen" if index == 0 else "", text
    yield from _loss(search, slices)
    yield from _also(search)
    held_out = []
    for number, loss in search.held_out.items():
        shown = loss if isinstance(loss, str) else f"{loss:.4g}"
        held_out.append(f"{shown} (slice {number})")
    if held_out:
        yield "", f"held out: {', '.join(held_out)}"
    yield from _clean(search)


def _loss(search: SearchRecord, slices: str) -> Iterator[Row]:
    """The loss of the choice, beside that of the others and of the slices left alone."""
    lowest = f"lowest of {count(search.combinations)}"
    if search.loss_median is not None:
        lowest += f"; median {search.loss_median:.4g}"
    lowest += "".join(f"; {name} {number:.4g}" for name, number in search.beside.items())
    lowest += f"; {search.stop}" if search.stop else ""
    yield "loss", f"{search.loss_of_choice:.4g} on slice {slices}, {lowest}"
    if search.loss_before is not None:
        after = search.loss_of_choice
        yield "", f"{search.loss_before:.4g} before correction (leave it alone), {after:.4g} after"


def _also(search: SearchRecord) -> Iterator[Row]:
    """What the second loss says."""
    if search.also is None:
        return
    said = []
    for name in ("of_choice", "before", "best"):
        number = search.also[name]
        said.append("no value" if number is None else f"{number:.4g}")
    best = ", ".join(f"{name} {value(each)}" for name, each in search.also["best_values"].items())
    best = search.also["best_chain"] or best
    where = f" ({best})" if best and search.also["disagrees"] else ""
    text = f"{search.also['loss']} {said[0]}, {said[1]} before correction, {said[2]} at best{where}"
    yield "also", text + ("; the two losses disagree" if search.also["disagrees"] else "")


def _tried(search: SearchRecord) -> str:
    named = f"{search.one_of}, " if search.one_of else ""
    return named + counted(search.combinations, "combination")


def _clean(search: SearchRecord) -> Iterator[Row]:
    """What is changed of clean slices; where all combinations were refused, by the mildest.

    Also why combinations could not be computed.
    """
    for reason, number in search.failed.items():
        yield "failed", f"{counted(number, 'combination')}: {reason}"
    if not search.clean:
        return
    shares = [f"{share:.2%} of {name}" for name, share in search.clean.items()]
    changed = f"{', '.join(shares)} changed"
    if search.status != "chosen":
        changed += " by the mildest combination"
    yield "clean", f"{changed}; {search.max_changed:.2%} allowed, {search.refused} refused"


def _range_text(values: Sequence[Any]) -> str:
    if len(values) <= 6:
        return ", ".join(map(value, values))
    return f"{value(values[0])} to {value(values[-1])} ({len(values)} values)"


def _unit(record: Record, name: str) -> str:
    """The unit of a swept parameter, if its step here declares one, and its length in nm or um."""
    id, _, own = name.rpartition(".")
    for step in record.chain:
        if (not id or step.id == id) and own in step.parameters:
            try:
                properties = registry.steps().get(step.step).schema["properties"]
            except registry.RegistryError:
                return ""
            unit = str(properties.get(own, {}).get("unit", ""))
            length = step.parameters[own].get("length")
            shown = f" ({unit})" if " " in unit else f" {unit}".rstrip()
            return f"{shown} ({length})" if length else shown
    return ""


def _slices(rows: Sequence[SliceRow], facts: Mapping[str, Any]) -> Iterator[Row]:
    became = Counter(row.words for row in rows)
    parts = [f"{count(number)} {words}" for words, number in became.items()]
    if facts["kept"]:
        parts.append(f"{count(facts['kept'])} of them kept from an earlier run")
    yield "slices", ", ".join(parts)
    if facts["median_changed_fraction"] is not None:
        area = facts["median_mask_area"]
        masked = "" if area is None else f"median masked area {count(round(area))} px, "
        changed = f"median {percent(facts['median_changed_fraction'])} of the pixels changed"
        yield "", f"{masked}{changed}, {counted(facts['clipped'], 'pixel')} clipped"


def _truth(record: Record) -> Iterator[Row]:
    if record.truth is None:
        return
    before, after = record.truth["rmse_before"], record.truth["rmse_after"]
    change = f" by {percent(abs(1 - after / before))}" if before else ""
    verb = "did not change"
    if after != before:
        verb = "fell" if after < before else "ROSE"
    levels = f"from {before:.3g} to {after:.3g} grey levels (RMS)"
    yield "error", f"against the truth {verb}{change}, {levels}"


def _gates(record: Record) -> Iterator[Row]:
    for gate in record.gates:
        yield "gate", f"{'FAILED: ' if fails(gate) else ''}{gate_text(gate)}"


def _recovery(record: Record) -> Iterator[Row]:
    """What becomes of known faults: the headline where there is a test."""
    for tested in record.recovery:
        where = f"channel {tested.channel}: " if _several(record) else ""
        yield "recovery", f"{where}{tested.words}"


def _times(record: Record, facts: Mapping[str, Any]) -> Iterator[Row]:
    computed, seconds = facts["count"] - facts["kept"], record.times["apply_s"]
    rate = f" ({figure(computed / seconds)} slices/s)" if computed > 0 and seconds > 0 else ""
    parts = [*_search_time(record), f"{duration(seconds)} application{rate}"]
    yield "time", ", ".join(parts)


def _search_time(record: Record) -> Iterator[str]:
    """What searching took, where there was anything to be searched that was not known."""
    if not record.searches:
        return
    searched = [each.seconds for each in record.searches if each.computed != 0]
    known = "nothing searched again"
    yield f"{duration(sum(searched))} search" if searched else known


def _places(result: Result) -> Iterator[Row]:
    folder, masks = result.folder, result.record.output.masks
    for stack in stack_paths(folder):
        yield "stack", short_path(stack)
    if masks:
        yield "masks", short_path(folder / masks["path"])
    if (folder / names.REPORT).exists():
        yield "report", short_path(folder / names.REPORT)
    yield "record", short_path(folder / names.RECORD)
    protocol = short_path(folder / names.PROTOCOL)
    again = command_text("stackmend", "run", protocol, "--output", "NEW_FOLDER")
    yield "repeat", glue(again)  # to be copied in one piece


def stack_paths(folder: Path) -> list[Path]:
    """The restored stack in a result folder, whatever its format."""
    return sorted(path for path in folder.iterdir() if path.name.split(".")[0] == names.STACK)
