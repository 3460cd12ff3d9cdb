"""Parts of the settings of bmiptools that several of its plugins have, in terms of this program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

from stackmend.translation.writing import Translation

MOST = 10_000
"""More values than any search has."""


def section(given: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A mapping within the settings.

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    found = given.get(name)
    if not isinstance(found, dict):
        raise ValueError(f"the settings have no {name}")
    return found


def optional(given: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The same, empty where it is left out."""
    return {} if given.get(name) is None else section(given, name)


def first_of(found: Translation, plugin: str, value: Any, what: str) -> Any:
    """A value, or the first of a list; that there are others is listed."""
    each = value if isinstance(value, list) and value else [value]
    if any(other != each[0] for other in each):
        found.left_out.append(f"{plugin}: {what} ({each}); the first is used for all")
    return each[0]


def search_on(
    found: Translation,
    plugin: str,
    given: Mapping[str, Any],
    ids: Sequence[str],
    loss: str | Mapping[str, Any],
) -> dict[str, Any]:
    """The search of some steps on every n-th slice, on a part of it where one is given."""
    entry = {"steps": list(ids), "slices": f"::{given.get('fit_step', 1)}", "loss": loss}
    region = _region(found, plugin, optional(given, "opt_bounding_box"))
    return {**entry, "region": region} if region else entry


def values_of(values: Sequence[Any]) -> Any:
    """A sweep over these values; the value, where there is one only.

    Raises
    ------
    ValueError
        If there is none, or there are too many.
    """
    if not 1 <= len(values) <= MOST:
        raise ValueError(f"a search has from 1 to {MOST} values, got {len(values)}")
    kept = list(dict.fromkeys(values))
    return {"sweep": kept} if len(kept) > 1 else kept[0]


def in_steps(plugin: str, first: float, end: float, step: float) -> Any:
    """A sweep from a value on in equal steps, which ends before another value.

    Raises
    ------
    ValueError
        If there is no such value, or there are too many.
    """
    count = ceil((end - first) / step) if step > 0 else 0
    if not 1 <= count <= MOST:
        raise ValueError(f"{plugin}: no values from {first} to {end} in steps of {step}")
    values = [round(first + number * step, 9) for number in range(count)]
    if all(float(value).is_integer() for value in values):
        return values_of([int(value) for value in values])
    return between(values[0], values[-1], count)


def between(first: float, last: float, count: int) -> Any:
    """A sweep over so many values from the first to the last."""
    if count == 1 or first == last:
        return first
    return {"sweep": {"from": first, "to": last, "count": count}}


def evenly(first: float, last: float, count: int) -> Any:
    """The same for parameters that may have no value, written one by one."""
    parts = max(count - 1, 1)
    numbers = range(min(count, MOST + 1))
    return values_of([round(first + (last - first) * number / parts, 9) for number in numbers])


def _region(found: Translation, plugin: str, box: Mapping[str, Any]) -> dict[str, list[int]]:
    region: dict[str, list[int]] = {}
    if not box.get("use_bounding_box"):
        return region
    for axis in "yx":
        limits = box.get(f"{axis}_limits_bbox")
        if limits in (None, [None, None]):
            continue
        if not isinstance(limits, list) or any(end is None or end < 0 for end in limits):
            what = f"a region along {axis} that is counted from the end ({limits})"
            advice = "the whole slice is used; write region with numbers from the beginning"
            found.left_out.append(f"{plugin}: {what}: {advice}")
            continue
        region[axis] = [int(end) for end in limits]
    return region
