"""Where everything in a run comes from, and what it took."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from stackmend.report.landscape import short
from stackmend.result import Record
from stackmend.result.record import InputRecord


def provenance(record: Record) -> dict[str, Any]:
    """Where everything comes from."""
    where = record.environment
    machine = {
        name: getattr(where, name)
        for name in ("python", "platform", "processor", "cores", "workers")
    }
    return {
        "parameters": _parameters(record),
        "costs": costs(record),
        "no_estimate": record.estimate.skipped,
        "started": record.times.started,
        "versions": list(where.packages.items()),
        "machine": [(name, str(value)) for name, value in machine.items() if value is not None],
        "command": " ".join(where.command),
        "input": record.input,
        "output": record.output,
        "pixel_size": _pixel_size(record.input),
        "protocol": record.protocol.text,
    }


def _parameters(record: Record) -> list[tuple[str, str, int, str, str, str]]:
    """A row for each parameter of each step, or one for a step that has none."""
    rows = []
    for step in record.chain:
        for name, each in step.parameters.items():
            value = _in_words(each.value)
            rows.append((step.id, step.step, step.version, name, value, each.origin))
        if not step.parameters:
            rows.append((step.id, step.step, step.version, "", "", ""))
    return rows


COSTS = {
    "survey_s": "looking at the stack",
    "search_s": "search",
    "apply_s": "restoring",
    "pictures_s": "pictures for this page",
    "total_s": "all",
    "search_bytes": "memory of the search",
    "worker_bytes": "memory of a worker",
    "disk_bytes": "disk",
}


def costs(record: Record) -> list[tuple[str, str, str]]:
    """What each part took, and what it was expected to take, where that was estimated."""
    took = {**record.estimate.actual, **asdict(record.times)}
    expected: Mapping[str, float | None] = record.estimate.expected or {}
    rows = []
    for name, label in COSTS.items():
        cells = quantity(name, took.get(name)), quantity(name, expected.get(name))
        if any(cells):
            rows.append((label, *cells))
    return rows


def quantity(name: str, value: float | None) -> str:
    """Seconds or bytes, as the end of the name says, in words."""
    if value is None:
        return ""
    if name.endswith("_s"):
        return f"{value:.1f} s"
    return f"{value / 1e9:.1f} GB" if value >= 1e9 else f"{value / 1e6:.1f} MB"


def _pixel_size(given: InputRecord) -> str:
    known = {axis: value for axis, value in given.pixel_size_nm.items() if value}
    if not known:
        return "not known"
    sizes = ", ".join(f"{axis} {value:.4g} nm" for axis, value in known.items())
    return f"{sizes} ({given.pixel_size_source})"


def _in_words(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else short(value)
