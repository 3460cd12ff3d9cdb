"""Slices that a protocol names by their files, as numbers: only the stack knows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from stackmend.errors import Problem
from stackmend.protocol.model import Protocol, SliceSelection
from stackmend.protocol.text import DataPath
from stackmend.protocol.wording import suggestion


def named_slices(
    protocol: Protocol, names: Sequence[str], label: str
) -> tuple[Protocol, list[Problem]]:
    """The protocol with numbers for the slices of a stack, and names that no slice has."""
    place: dict[int | str, int] = {name: number for number, name in enumerate(names)}
    problems: list[Problem] = []

    def numbered(selection: SliceSelection, path: DataPath) -> SliceSelection:
        problems.extend(_unknown(protocol, selection, path, place, label))
        if not selection.given:
            return selection
        numbers = []
        for each in selection.given:
            number = place.get(each) if isinstance(each, str) else each
            if number is not None:
                numbers.append(number)
        return replace(selection, numbers=tuple(numbers))

    entries = []
    for entry in protocol.optimize:
        slices = numbered(entry.slices, (*entry.path, "slices"))
        held_out = entry.validate and numbered(entry.validate, (*entry.path, "validate"))
        entries.append(replace(entry, slices=slices, validate=held_out))
    chosen = numbered(protocol.input.slices, ("input", "slices"))
    changed = replace(protocol.input, slices=chosen)
    return replace(protocol, input=changed, optimize=tuple(entries)), problems


def _unknown(
    protocol: Protocol,
    selection: SliceSelection,
    path: DataPath,
    place: Mapping[int | str, int],
    label: str,
) -> Iterator[Problem]:
    for index, each in enumerate(selection.given):
        if isinstance(each, str) and each not in place:
            near = suggestion(each, [name for name in place if isinstance(name, str)])
            message = f"{label} has no slice of this name{near if len(place) < 5000 else ''}"
            yield protocol.text.problem((*path, index), message)
