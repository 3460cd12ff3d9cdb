"""Events of a run in words: on a terminal, and in the log that people read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stackmend.words import count, counted, duration, printable

Fields = Mapping[str, Any]


def log_line(time: str, kind: str, fields: Fields) -> str:
    """An event as a line of the log for people."""
    text = event_text(kind, fields, verbose=True)
    if kind == "stopped":
        text = f"stopped by {fields['error']}: {fields['message']}"
    return f"{time} {printable(text or kind)}\n"


def event_text(kind: str, fields: Fields, *, verbose: bool) -> str | None:
    """An event as a person reads it; ``None`` if it is not worth a line."""
    if kind == "note":
        return str(fields["message"])
    if kind == "warning":
        return f"warning: {fields['message']}"
    if not verbose or kind in ("stopped", "finished"):  # the error or the summary says it
        return None
    return _VERBOSE[kind](fields) if kind in _VERBOSE else f"{kind}: {_pairs_text(fields)}"


def _pairs_text(fields: Fields) -> str:
    return ", ".join(f"{name} {value}" for name, value in fields.items())


def _start_text(fields: Fields) -> str:
    shape = " x ".join(map(str, fields["shape"]))
    return f"{fields['protocol']}: {fields['input']}, {shape}, {fields['workers']} workers"


def _search_start_text(fields: Fields) -> str:
    slices, steps = ", ".join(map(str, fields["slices"])), ", ".join(fields["steps"])
    grid = f"{fields['strategy']}, grid of {count(fields['grid'])}"
    return f"search for {steps} on slices {slices}: {grid}"


def _search_end_text(fields: Fields) -> str:
    parts = [f"{count(number)} {product}" for product, number in fields["distinct_work"].items()]
    tried = f"{counted(fields['combinations'], 'combination')} in {duration(fields['seconds'])}"
    return f"{tried}; distinct work: {', '.join(parts)}"


def _choice_text(fields: Fields) -> str:
    text = f"chosen: {_pairs_text(fields['values'])}; loss {fields['loss']:.4g}"
    if fields["loss_before"] is not None:
        text += f" (before correction {fields['loss_before']:.4g})"
    return text


def _application_text(fields: Fields) -> str:
    return f"restoring {counted(fields['slices'], 'slice')} as {fields['dtype']}"


def _slice_text(fields: Fields) -> str:
    status = fields["status"].replace("_", " ")
    return f"slice {fields['slice']} ({fields['name']}): {status}, {duration(fields['seconds'])}"


def _kept_text(fields: Fields) -> str:
    return f"slice {fields['slice']} ({fields['name']}): kept from an earlier run"


_VERBOSE: dict[str, Callable[[Fields], str]] = {
    "started": _start_text,
    "search started": _search_start_text,
    "search finished": _search_end_text,
    "chosen": _choice_text,
    "application started": _application_text,
    "slice": _slice_text,
    "slice kept": _kept_text,
}
