"""What to change in a protocol where the choice lies on the edge of a range."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, inf

from stackmend.report.landscape import Search, short
from stackmend.result import Record, Result
from stackmend.result.record import SearchRecord


@dataclass(frozen=True)
class EdgeAdvice:
    """A parameter chosen at an end of its range, and the change to the protocol that widens it.

    ``suggestion`` is empty where the step takes no value beyond.
    """

    name: str
    value: str
    end: str
    line: int | None
    present: str
    suggestion: str


def edges(search: Search, source: Result) -> Iterator[EdgeAdvice]:
    """What to change where the choice lies on the edge of a range."""
    if search.record is None:
        return
    for name, end in search.record.on_edge.items():
        declared = [each for each in search.record.space[name] if isinstance(each, int | float)]
        if len(declared) < 2 or (end == "lower" and min(declared) == 0):
            continue  # below nothing there is hardly ever anything
        # the line as it stands, so that it can be found, and as it could be
        line = _line_of(name, search.record, source.record)
        text = source.record.protocol["text"].splitlines()
        present = text[line - 1].strip() if line and line <= len(text) else ""
        beyond = _within(_beyond(sorted(declared), end), name, end, search.record)
        suggestion = ""
        if beyond is not None and not min(declared) <= beyond <= max(declared):
            wider = ", ".join(map(short, sorted({*declared, beyond})))
            suggestion = f"{name.rpartition('.')[2]}: {{sweep: [{wider}]}}"
        value = short(search.record.chosen[name])
        yield EdgeAdvice(name, value, end, line, present, suggestion)


def _line_of(name: str, search: SearchRecord, record: Record) -> int | None:
    """The line of the protocol that gives a swept parameter."""
    step_id, _, parameter = name.rpartition(".")
    for step in record.chain:
        if step.id not in search.steps or step_id not in ("", step.id):
            continue
        if parameter in step.parameters:
            found = re.search(r"line (\d+)", step.parameters[parameter]["origin"])
            if found:
                return int(found[1])
    return None


def _within(value: float, name: str, end: str, search: SearchRecord) -> float | None:
    """A value, or the limit of the parameter that it lies beyond; ``None`` at an open limit."""
    limits = search.limits.get(name, {})
    if name in search.whole:
        value = floor(value) if end == "lower" else ceil(value)
    value = min(max(value, limits.get("minimum", -inf)), limits.get("maximum", inf))
    low, high = limits.get("exclusiveMinimum", -inf), limits.get("exclusiveMaximum", inf)
    return value if low < value < high else None


def _beyond(values: Sequence[float], end: str) -> float:
    """One more value.

    As far above the largest as that is above the next, or below the smallest by the same ratio.
    """
    if end == "upper":
        wider = values[-1] + (values[-1] - values[-2])
    elif values[0] > 0:
        wider = values[0] * values[0] / values[1]
    else:
        wider = values[0] - (values[1] - values[0])
    rounded = float(f"{wider:.2g}")
    if values[0] <= rounded <= values[-1]:
        rounded = float(f"{wider:.6g}")
    # among whole numbers a whole one, where it is another and does not become nothing
    whole = all(float(value).is_integer() for value in values)
    if whole and round(rounded) not in values and (rounded >= 1 or rounded < 0):
        return round(rounded)
    return rounded
