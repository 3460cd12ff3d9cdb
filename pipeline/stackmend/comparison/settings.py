"""Protocols, versions, input and output of two runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from typing import Any

from stackmend.comparison.differences import Difference, Moves
from stackmend.result import Record
from stackmend.result.encoding import as_json
from stackmend.result.environment import MOVING_PIXELS
from stackmend.verification.recorded import Recorded
from stackmend.words import counted, few


def protocol(first: Record, second: Record) -> Iterator[Difference]:
    """Lines of the text; what they say of values is compared by itself.

    So no line can move pixels that is not also a difference of steps, parameters, input or search.
    """
    old, new = (each.protocol["text"].splitlines() for each in (first, second))
    for kind, start, stop, begin, end in SequenceMatcher(None, old, new, False).get_opcodes():
        if kind == "equal":
            continue
        lines = _lines(start, stop), _lines(begin, end)
        what = " and ".join(dict.fromkeys(filter(None, lines)))
        yield Difference(
            *("protocol", what, "\n".join(old[start:stop]), "\n".join(new[begin:end])),
            Moves.CANNOT,
            note="what it says is compared below",
        )
    old_set, new_set = first.protocol["set"], second.protocol["set"]
    yield from _values("command line", old_set, new_set, Moves.CANNOT)


def _lines(start: int, stop: int) -> str:
    if start == stop:
        return ""
    return f"line {start + 1}" if stop == start + 1 else f"lines {start + 1} to {stop}"


def versions(first: Record, second: Record) -> Iterator[Difference]:
    """Packages, Python and the machine.

    Packages that compute pixels can move them; so can a processor. What only reads, writes or
    checks cannot, as what it hands over has a hash.
    """
    old, new = first.environment, second.environment
    for name in dict.fromkeys((*old["packages"], *new["packages"])):
        moves = Moves.CAN if name in MOVING_PIXELS else Moves.CANNOT
        values = old["packages"].get(name), new["packages"].get(name)
        yield from _value("versions", name, *values, moves)
    yield from _value("versions", "python", old["python"], new["python"], Moves.CANNOT)
    yield from _value("versions", "processor", old["processor"], new["processor"], Moves.CAN)


def input(first: Recorded, second: Recorded) -> Iterator[Difference]:
    """The stack that was read: its hash, its slices, and what is known of it."""
    old, new = first.record.input, second.record.input
    for name in ("shape", "dtype", "channels", "slices", "on_bad_slice"):
        values = as_json(getattr(old, name)), as_json(getattr(new, name))
        yield from _value("input", name, *values, Moves.CAN)
    for name in ("pixel_size_nm", "pixel_size_source"):
        yield from _value("input", name, getattr(old, name), getattr(new, name), Moves.CANNOT)
    if old.pixel_hash == new.pixel_hash:
        return
    one, other = first.by_key, second.by_key
    both = sorted(one.keys() & other.keys())
    others = [key for key in both if one[key].input_hash != other[key].input_hash]
    named = few(_names(others, old.channels), 20)
    note = f"other in {counted(len(others), 'slice')}: {named}"
    values = old.pixel_hash, new.pixel_hash
    yield from _value("input", "pixel_hash", *values, Moves.CAN, note if others else "")


def _names(keys: list[tuple[int, int]], channels: tuple[int, ...]) -> list[str]:
    if len(channels) == 1:
        return [str(number) for number, _ in keys]
    return [f"{number} of channel {channel}" for number, channel in keys]


def output(first: Record, second: Record) -> Iterator[Difference]:
    """The stack that was written: its type and place can move pixels, its format cannot."""
    old, new = first.output, second.output
    for name in ("dtype", "shape", "origin", "format", "compression", "pyramid"):
        moves = Moves.CAN if name in ("dtype", "shape", "origin") else Moves.CANNOT
        values = as_json(getattr(old, name)), as_json(getattr(new, name))
        yield from _value("output", name, *values, moves)


def circumstances(first: Record, second: Record) -> dict[str, tuple[Any, Any]]:
    """Where and when they were made, which is no difference of the runs themselves."""
    found: dict[str, tuple[Any, Any]] = {
        "started": (first.times["started"], second.times["started"]),
        "protocol": (first.protocol["file"], second.protocol["file"]),
        "input": (first.input.path, second.input.path),
    }
    for name in ("platform", "cores", "workers"):
        found[name] = (first.environment.get(name), second.environment.get(name))
    return {what: values for what, values in found.items() if values[0] != values[1]}


def _values(
    section: str, first: Mapping[str, Any], second: Mapping[str, Any], moves: Moves
) -> Iterator[Difference]:
    for name in dict.fromkeys((*first, *second)):
        yield from _value(section, name, first.get(name), second.get(name), moves)


def _value(
    section: str, what: str, first: Any, second: Any, moves: Moves, note: str = ""
) -> Iterator[Difference]:
    if first != second:
        yield Difference(section, what, first, second, moves, note)
