"""Where everything in a run comes from, and what it took."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stackmend.result import Record
from stackmend.result.record import InputRecord
from stackmend.words import duration, size, value


def provenance(record: Record) -> dict[str, Any]:
    """Where everything comes from."""
    where = record.environment
    parts = ("python", "platform", "processor", "cores", "workers")
    machine = {name: each for name, each in where.items() if name in parts}
    return {
        "parameters": _parameters(record),
        "costs": costs(record),
        "no_estimate": record.estimate["skipped"],
        "started": record.times["started"],
        "versions": list(where["packages"].items()),
        "machine": [(name, str(each)) for name, each in machine.items() if each is not None],
        "command": " ".join(where["command"]),
        "input": record.input,
        "output": record.output,
        "pixel_size": _pixel_size(record.input),
        "protocol": record.protocol["text"],
    }


def _parameters(record: Record) -> list[tuple[str, str, int, str, str, str, str]]:
    """A row for each parameter of each step, or one for a step that has none."""
    rows = []
    for step in record.chain:
        for name, each in step.parameters.items():
            shown = value(each["value"]) + (f" ({each['length']})" if each.get("length") else "")
            origin = each["origin"] + (f": {each['given']}" if each.get("given") else "")
            cells = name, step.titles.get(name, ""), shown, origin
            rows.append((step.id, step.step, step.version, *cells))
        if not step.parameters:
            rows.append((step.id, step.step, step.version, "", "", "", ""))
    return rows


COSTS = {
    "survey_s": "looking at the stack",
    "search_s": "search",
    "apply_s": "restoring",
    "recovery_s": "test on known faults",
    "pictures_s": "pictures for this page",
    "total_s": "all",
    "search_bytes": "memory of the search",
    "worker_bytes": "memory of a worker",
    "disk_bytes": "disk",
}


def costs(record: Record) -> list[tuple[str, str, str]]:
    """What each part took, and what it was expected to take, where that was estimated."""
    took: dict[str, Any] = {**record.estimate["actual"], **record.times}
    expected: Mapping[str, float | None] = record.estimate["expected"] or {}
    rows = []
    for name, label in COSTS.items():
        cells = quantity(name, took.get(name)), quantity(name, expected.get(name))
        if any(cells):
            rows.append((label, *cells))
    return rows


def quantity(name: str, found: float | None) -> str:
    """Seconds or bytes, as the end of the name says, in words."""
    if found is None:
        return ""
    return duration(found) if name.endswith("_s") else size(found)


def _pixel_size(given: InputRecord) -> str:
    known = [f"{axis} {nm:.4g} nm" for axis, nm in given.pixel_size_nm.items() if nm]
    return f"{', '.join(known)} ({given.pixel_size_source})" if known else "not known"
