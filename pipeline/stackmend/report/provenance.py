"""Where everything in a run comes from, and what it took."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stackmend import words
from stackmend.report.landscape import short
from stackmend.result.reading import Source


def provenance(source: Source) -> dict[str, Any]:
    """Where everything comes from."""
    record = source.record
    environment = record.get("environment") or {}
    times = record.get("times") or {}
    return {
        "parameters": [
            (step["id"], step["step"], step["version"], name, short(each["value"]), each["origin"])
            for step in record.get("chain", ())
            for name, each in (step["parameters"] or {"": {"value": "", "origin": ""}}).items()
        ],
        "costs": costs(source),
        "no_estimate": (record.get("estimate") or {}).get("skipped", ""),
        "started": times.get("started", ""),
        "versions": list((environment.get("packages") or {}).items()),
        "machine": [
            (name, str(environment[name]))
            for name in ("python", "platform", "processor", "cores", "workers")
            if environment.get(name) is not None
        ],
        "command": " ".join(map(str, environment.get("command") or ())),
        "input": record.get("input") or {},
        "output": record.get("output") or {},
        "pixel_size": _pixel_size(record.get("input") or {}),
        "protocol": (record.get("protocol") or {}).get("text", ""),
    }


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


def costs(source: Source) -> list[tuple[str, str, str]]:
    """What each part took, and what it was expected to take, where that was estimated."""
    estimate = source.record.get("estimate") or {}
    expected = estimate.get("expected") or {}
    took = {"pictures_s": source.previews.get("seconds")} | (estimate.get("actual") or {})
    took |= source.record.get("times") or {}
    return [
        (label, quantity(name, took.get(name)), quantity(name, expected.get(name)))
        for name, label in COSTS.items()
        if isinstance(took.get(name), int | float) or isinstance(expected.get(name), int | float)
    ]


def quantity(name: str, value: Any) -> str:
    """Seconds or bytes, as the end of the name says, in words."""
    if not isinstance(value, int | float):
        return ""
    return words.duration(value) if name.endswith("_s") else words.size(value)


def _pixel_size(given: Mapping[str, Any]) -> str:
    known = {axis: value for axis, value in (given.get("pixel_size_nm") or {}).items() if value}
    if not known:
        return "not known"
    return (
        ", ".join(f"{axis} {value:.4g} nm" for axis, value in known.items())
        + f" ({given.get('pixel_size_source')})"
    )
