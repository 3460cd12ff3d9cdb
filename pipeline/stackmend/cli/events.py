"""Events of a run in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stackmend.words import count, duration, printable

Fields = Mapping[str, Any]


def described(kind: str, fields: Fields, *, verbose: bool) -> str | None:
    """An event as a person reads it; ``None`` if it is not worth a line."""
    if kind == "note":
        return printable(fields["message"])
    if kind == "warning":
        return f"warning: {printable(fields['message'])}"
    if not verbose or kind in ("stopped", "finished"):  # the error message or the summary says it
        return None
    return printable(_VERBOSE[kind](fields) if kind in _VERBOSE else f"{kind}: {_listed(fields)}")


def _started(fields: Fields) -> str:
    shape = " x ".join(map(str, fields["shape"]))
    return f"{fields['protocol']}: {fields['input']}, {shape}, {fields['workers']} workers"


def _search_started(fields: Fields) -> str:
    slices = ", ".join(map(str, fields["slices"]))
    steps = ", ".join(fields["steps"])
    return f"search for {steps} on slices {slices}: {fields['strategy']}, grid of {count(fields['grid'])}"


def _search_finished(fields: Fields) -> str:
    work = ", ".join(
        f"{count(number)} {product}" for product, number in fields["distinct_work"].items()
    )
    return f"{count(fields['combinations'])} combinations in {duration(fields['seconds'])}; distinct work: {work}"


def _chosen(fields: Fields) -> str:
    before = (
        f" (before correction {fields['loss_before']:.4g})"
        if fields["loss_before"] is not None
        else ""
    )
    return f"chosen: {_listed(fields['values'])}; loss {fields['loss']:.4g}{before}"


def _slice(fields: Fields) -> str:
    status = fields["status"].replace("_", " ")
    return f"slice {fields['slice']} ({fields['name']}): {status}, {duration(fields['seconds'])}"


def _kept(fields: Fields) -> str:
    return f"slice {fields['slice']} ({fields['name']}): kept from an earlier run"


def _listed(fields: Fields) -> str:
    return ", ".join(f"{name} {value}" for name, value in fields.items())


_VERBOSE: dict[str, Callable[[Fields], str]] = {
    "started": _started,
    "search started": _search_started,
    "search finished": _search_finished,
    "chosen": _chosen,
    "application started": lambda fields: (
        f"restoring {count(fields['slices'])} slices as {fields['dtype']}"
    ),
    "slice": _slice,
    "slice kept": _kept,
}
