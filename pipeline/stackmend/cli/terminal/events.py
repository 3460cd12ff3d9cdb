"""Events of a run in words, and as lines of JSON."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any

from stackmend.cli.terminal.streams import json_text, say
from stackmend.words import count, counted, duration

Fields = Mapping[str, Any]


class JsonLines:
    """Every event as a line of JSON on standard output; progress at most once a second."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._last: tuple[str, float] | None = None

    def __call__(self, kind: str, fields: Fields) -> None:
        if kind == "progress" and 0 < fields["done"] < fields["total"]:
            now = self._clock()
            if self._last and self._last[0] == fields["phase"] and now - self._last[1] < 1:
                return
            self._last = (fields["phase"], now)
        say_event(kind, fields)


def say_event(kind: str, fields: Fields) -> None:
    """One line of JSON on standard output."""
    from stackmend.result.log import now

    say(json_text({"event": kind, "time": now(), **fields}), sys.stdout)


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
