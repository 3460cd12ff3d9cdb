"""The summary of a run, from what it has left in writing: its record and its table of slices."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from stackmend import api, registry, words
from stackmend.cli.rows import Row, rows_text
from stackmend.cli.terminal.streams import text_width
from stackmend.errors import InputError

Record = Mapping[str, Any]
_STATUS = {
    "restored": "restored",
    "constant": "constant, left as they are",
    "nothing_found": "nothing found",
    "kept": "unusable, kept as they are",
    "blank": "unreadable, left blank",
    "skipped": "unusable, left out",
}


def summary_of(run: Path) -> str:
    """What a run did and where its results are, as wide as the terminal.

    Raises
    ------
    InputError
        If there is no result of a run.
    """
    source = api.show(run)
    try:
        return summary_text(source.record, source.slices, source.folder, text_width())
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"is not as a run writes it ({type(error).__name__}: {error})"
        raise InputError(f"{source.folder / 'run.json'}: {what}; run the protocol again") from error


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
    sizes = given.get("pixel_size_nm") or {}
    known = [f"{axis} {size:.4g}" for axis, size in sizes.items() if size]
    text = f"{_shape(given['shape'])} {given['dtype']}"
    if _several(record):
        text = f"{len(given['channels'])} channels of {text}"
    if known:
        text += f", pixel size {', '.join(known)} nm"
    yield "input", f"{given['label']}: {text}"
    if (output["shape"], output["dtype"]) != (given["shape"], given["dtype"]):
        yield "output", f"{_shape(output['shape'])} {output['dtype']}"


def _several(record: Record) -> bool:
    """Whether there is more than one channel."""
    return len(record["input"].get("channels") or ()) > 1


def _shape(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))


def _search(record: Record, search: Record) -> Iterator[Row]:
    tried, where = search["combinations"], f"on slice {', '.join(map(str, search['slices']))}"
    if _several(record):
        where += f" of channel {search['channel']}"
    if search["status"] != "chosen":
        yield "search", f"{words.counted(tried, 'combination')} {where}: {search['reason']}"
        return

    label = "chosen"
    for name, value in search["chosen"].items():
        text = f"{name} {words.value(value)}{_unit(record, name)}"
        text += f", of {_range_text(search['space'][name])}"
        if end := search["on_edge"].get(name):
            text += f"; at the {end} edge of its range"
        yield label, text
        label = ""

    after, before, middle = map(search.get, ("loss_of_choice", "loss_before", "loss_median"))
    text = f"{after:.4g} {where}, lowest of {words.count(tried)}"
    yield "loss", text if middle is None else f"{text}; median {middle:.4g}"
    if before is not None:
        yield "", f"{before:.4g} before correction, {after:.4g} after"
    held_out = []
    for number, loss in search["held_out"].items():
        said = loss if isinstance(loss, str) else f"{loss:.4g}"
        held_out.append(f"{said} (slice {number})")
    if held_out:
        yield "", f"held out: {', '.join(held_out)}"


def _range_text(values: Sequence[Any]) -> str:
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
    parts = []
    for status, number in facts["status"].items():
        parts.append(f"{words.count(number)} {_STATUS.get(status, status)}")
    if facts["kept"]:
        parts.append(f"{words.count(facts['kept'])} of them kept from an earlier run")
    yield "slices", ", ".join(parts)

    if facts["median_changed_fraction"] is not None:
        text = f"median {words.percent(facts['median_changed_fraction'])} of the pixels changed"
        if facts["median_charged_area"] is not None:
            area = words.count(round(facts["median_charged_area"]))
            text = f"median charged area {area} px, {text}"
        yield "", f"{text}, {words.counted(facts['clipped'], 'pixel')} clipped"


def _truth(record: Record) -> Iterator[Row]:
    if not record["truth"]:
        return
    before, after = record["truth"]["rmse_before"], record["truth"]["rmse_after"]
    verb = "did not change"
    if after != before:
        verb = "fell" if after < before else "ROSE"
    change = f" by {words.percent(abs(1 - after / before))}" if before else ""
    levels = f"from {before:.3g} to {after:.3g} grey levels (RMS)"
    yield "error", f"against the truth {verb}{change}, {levels}"


def _times(record: Record, facts: Mapping[str, Any]) -> Iterator[Row]:
    searching, restoring = record["times"]["search_s"], record["times"]["apply_s"]
    text = f"{words.duration(searching)} search, {words.duration(restoring)} application"
    computed = facts["count"] - facts["kept"]
    if computed > 0 and restoring > 0:
        text += f" ({words.figure(computed / restoring)} slices/s)"
    yield "time", text


def _places(folder: Path) -> Iterator[Row]:
    for stack in stack_paths(folder):
        yield "stack", words.short_path(stack)
    if (folder / "report.html").exists():
        yield "report", words.short_path(folder / "report.html")
    yield "record", words.short_path(folder / "run.json")
    protocol = words.short_path(folder / "protocol.yaml")
    again = shlex.join(["stackmend", "run", protocol, "--output", "NEW_FOLDER"])
    yield "repeat", words.glue(again)  # to be copied in one piece


def stack_paths(folder: Path) -> list[Path]:
    """The restored stack in a result folder, whatever its format."""
    return sorted(path for path in folder.iterdir() if path.name.split(".")[0] == "stack")
