"""The summary of a run, made from what it has left in writing: its record and its table of slices."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from stackmend import registry, words
from stackmend.cli.rows import Row, rows_text

Record = Mapping[str, Any]
_STATUS = {
    "restored": "restored",
    "constant": "constant, left as they are",
    "nothing_found": "nothing found",
    "kept": "unusable, kept as they are",
    "blank": "unreadable, left blank",
    "skipped": "unusable, left out",
}


def summary_text(
    record: Record, slices: Sequence[Mapping[str, str]], folder: Path, width: int
) -> str:
    """What a run did and where its results are, in lines of at most ``width`` columns.

    Parameters
    ----------
    record
        The content of ``run.json``.
    slices
        The rows of ``slices.csv``.
    folder
        The result folder.

    Raises
    ------
    KeyError, TypeError, ValueError, AttributeError
        If the record is not as runs write them.
    """
    facts = slice_facts(record, slices)
    rows = [*_head(record)]
    for search in record["searches"]:
        rows.extend(_search(record, search))
    rows += [*_slices(facts), *_truth(record)]
    rows += [("warning", warning) for warning in record["warnings"]]
    rows += [*_times(record, facts), *_places(folder)]
    return rows_text(rows, width)


def slice_facts(record: Record, slices: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """What ``slices.csv`` says of the whole stack; areas in px."""
    areas = [int(row["charged_area"]) for row in slices if row["charged_area"]]
    changed = [float(row["changed_fraction"]) for row in slices if row["changed_fraction"]]
    return {
        "count": len(slices),
        "status": dict(Counter(row["status"] for row in slices)),
        "kept": record["slices"]["kept_from_earlier"],
        "median_charged_area": median(areas) if areas else None,
        "median_changed_fraction": median(changed) if changed else None,
        "clipped": record["output"]["clipped"],
    }


def _head(record: Record) -> Iterator[Row]:
    started = datetime.fromisoformat(record["times"]["started"])
    name = record["name"] or Path(record["protocol"]["file"]).stem
    yield "protocol", f"{name}, run on {started:%Y-%m-%d at %H:%M}"
    given, output = record["input"], record["output"]
    size = given.get("pixel_size_nm") or {}
    known = [f"{axis} {value:.4g}" for axis, value in size.items() if value]
    pixel = f", pixel size {', '.join(known)} nm" if known else ""
    channels = f"{len(given['channels'])} channels of " if _several(record) else ""
    yield "input", f"{given['label']}: {channels}{_shape(given['shape'])} {given['dtype']}{pixel}"
    if (output["shape"], output["dtype"]) != (given["shape"], given["dtype"]):
        yield "output", f"{_shape(output['shape'])} {output['dtype']}"


def _several(record: Record) -> bool:
    """Whether there is more than one channel."""
    return len(record["input"].get("channels") or ()) > 1


def _shape(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))


def _search(record: Record, search: Record) -> Iterator[Row]:
    tried, slices = search["combinations"], ", ".join(map(str, search["slices"]))
    if _several(record):
        slices += f" of channel {search['channel']}"
    if search["status"] != "chosen":
        yield (
            "search",
            f"{words.counted(tried, 'combination')} on slice {slices}: {search['reason']}",
        )
        return
    for index, (name, value) in enumerate(search["chosen"].items()):
        text = (
            f"{name} {words.value(value)}{_unit(record, name)}, of {_tried(search['space'][name])}"
        )
        if end := search["on_edge"].get(name):
            text += f"; at the {end} edge of its range"
        yield "chosen" if index == 0 else "", text
    middle = search.get("loss_median")
    beside = f"; median {middle:.4g}" if middle is not None else ""
    yield (
        "loss",
        f"{search['loss_of_choice']:.4g} on slice {slices}, lowest of {words.count(tried)}{beside}",
    )
    if (before := search.get("loss_before")) is not None:
        after = search["loss_of_choice"]
        yield "", f"{before:.4g} before correction, {after:.4g} after"
    held_out = [
        f"{v if isinstance(v, str) else f'{v:.4g}'} (slice {n})"
        for n, v in search["held_out"].items()
    ]
    if held_out:
        yield "", f"held out: {', '.join(held_out)}"


def _tried(values: Sequence[Any]) -> str:
    if len(values) <= 6:
        return ", ".join(map(words.value, values))
    return f"{words.value(values[0])} to {words.value(values[-1])} ({len(values)} values)"


def _unit(record: Record, name: str) -> str:
    """The unit of a swept parameter, if its step is installed here and declares one."""
    id, _, own = name.rpartition(".")
    for step in record["chain"]:
        if (not id or step["id"] == id) and own in step["parameters"]:
            try:
                properties = registry.steps().get(step["step"]).schema["properties"]
            except registry.RegistryError:
                return ""
            unit = str(properties.get(own, {}).get("unit", ""))
            return f" ({unit})" if " " in unit else f" {unit}".rstrip()
    return ""


def _slices(facts: Mapping[str, Any]) -> Iterator[Row]:
    parts = [
        f"{words.count(number)} {_STATUS.get(status, status)}"
        for status, number in facts["status"].items()
    ]
    kept = (
        [f"{words.count(facts['kept'])} of them kept from an earlier run"] if facts["kept"] else []
    )
    yield "slices", ", ".join([*parts, *kept])
    if facts["median_changed_fraction"] is not None:
        area = facts["median_charged_area"]
        charged = f"median charged area {words.count(round(area))} px, " if area is not None else ""
        changed = f"median {words.percent(facts['median_changed_fraction'])} of the pixels changed"
        yield "", f"{charged}{changed}, {words.counted(facts['clipped'], 'pixel')} clipped"


def _truth(record: Record) -> Iterator[Row]:
    if record["truth"]:
        before, after = record["truth"]["rmse_before"], record["truth"]["rmse_after"]
        change = f" by {words.percent(abs(1 - after / before))}" if before else ""
        verb = "fell" if after < before else "ROSE" if after > before else "did not change"
        yield (
            "error",
            f"against the truth {verb}{change}, from {before:.3g} to {after:.3g} grey levels (RMS)",
        )


def _times(record: Record, facts: Mapping[str, Any]) -> Iterator[Row]:
    times = record["times"]
    computed, seconds = facts["count"] - facts["kept"], times["apply_s"]
    rate = f" ({words.figure(computed / seconds)} slices/s)" if computed > 0 and seconds > 0 else ""
    yield (
        "time",
        f"{words.duration(times['search_s'])} search, {words.duration(seconds)} application{rate}",
    )


def _places(folder: Path) -> Iterator[Row]:
    for stack in stack_paths(folder):
        yield "stack", words.short_path(stack)
    if (folder / "report.html").exists():
        yield "report", words.short_path(folder / "report.html")
    yield "record", words.short_path(folder / "run.json")
    again = shlex.join(
        ["stackmend", "run", words.short_path(folder / "protocol.yaml"), "--output", "NEW_FOLDER"]
    )
    yield "repeat", words.glue(again)  # to be copied in one piece


def stack_paths(folder: Path) -> list[Path]:
    """The restored stack in a result folder, whatever its format."""
    return sorted(path for path in folder.iterdir() if path.name.split(".")[0] == "stack")
