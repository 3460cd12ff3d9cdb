"""What a protocol asks of its stack: slices, channels and regions that exist.

Also what the chain leaves of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stackmend.errors import Problem
from stackmend.protocol.model import ONE_OF, OptimizeEntry, Protocol, SliceSelection, StepEntry
from stackmend.protocol.text import DataPath
from stackmend.words import counted


def check_stack(
    protocol: Protocol, shape: tuple[int, int, int], channels: int, label: str
) -> Iterator[Problem]:
    """Every problem with slices, channels and regions in a ``(Z, Y, X)`` stack."""
    yield from _in_stack(protocol, ("input", "slices"), protocol.input.slices, shape[0], label)
    yield from _channels(protocol, channels, label)
    yield from _emptied(protocol, (len(protocol.input.slices.indices(shape[0])), *shape[1:]))
    for entry in protocol.optimize:
        yield from _in_stack(protocol, (*entry.path, "slices"), entry.slices, shape[0], label)
        if entry.validate:
            yield from _in_stack(
                protocol, (*entry.path, "validate"), entry.validate, shape[0], label
            )
            if entry.slices.numbers is None or entry.validate.numbers is None:
                yield from held_out_twice(protocol, entry, shape[0])
        if entry.slices.numbers is None:
            yield from chosen_on_clean(protocol, entry, shape[0])
        yield from _clean_in_stack(protocol, entry, shape, label)
        restored = (len(protocol.input.slices.indices(shape[0])), *shape[1:])
        if entry.instead and remaining(entry.instead, restored) != remaining(
            protocol.chain, restored
        ):
            message = (
                "these steps leave another part of the stack than the chain; crop it here as there"
            )
            yield protocol.text.problem(
                (*entry.path, "on_nothing_found", "instead"), message, key=True
            )
        ids = [step.id for step in protocol.chain]
        places = [ids.index(id) for id in entry.steps if id in ids]
        places += [protocol.one_of.at] if protocol.one_of and ONE_OF in entry.steps else []
        before = protocol.chain[: min(places, default=0)]
        sizes = dict(zip("zyx", map(len, remaining(before, shape)), strict=True))
        for axis, (first, stop) in entry.region.items():
            if first < stop and stop > sizes[axis]:
                what = "rows" if axis == "y" else "columns"
                message = (
                    f"{label} has {sizes[axis]} {what}; the stop must be at most {sizes[axis]}"
                )
                yield protocol.text.problem((*entry.path, "region", axis, 1), message)


def parts(
    chain: Iterable[StepEntry], shape: tuple[int, int, int]
) -> Iterator[tuple[StepEntry, tuple[range, ...]]]:
    """The steps that leave only a part of a ``(Z, Y, X)`` stack, each with what is left."""
    rest: tuple[range, ...] = tuple(range(size) for size in shape)
    for entry in chain:
        if entry.step.keeps:
            z, y, x = (len(numbers) for numbers in rest)
            windows = entry.step.keeps.of(entry.parameters, (z, y, x))
            rest = tuple(numbers[window] for numbers, window in zip(rest, windows, strict=True))
            yield entry, rest


def remaining(chain: Iterable[StepEntry], shape: tuple[int, int, int]) -> tuple[range, ...]:
    """What some steps leave of a ``(Z, Y, X)`` stack: numbers of slices, rows and columns."""
    return ([tuple(range(size) for size in shape)] + [rest for _, rest in parts(chain, shape)])[-1]


def _emptied(protocol: Protocol, shape: tuple[int, int, int]) -> Iterator[Problem]:
    for entry, rest in parts(protocol.chain, shape):
        empty = next((axis for axis, numbers in zip("zyx", rest, strict=True) if not numbers), None)
        if empty:
            yield protocol.text.problem(
                (*entry.path, empty), f"leaves nothing of {shape['zyx'.index(empty)]}"
            )
            return


def _channels(protocol: Protocol, count: int, label: str) -> Iterator[Problem]:
    has = f"{label} has {count} channel{'s' * (count != 1)}, " + (
        f"0 to {count - 1}" if count > 1 else "0"
    )
    numbers = protocol.input.channels
    for index, number in enumerate(numbers or ()):
        if number >= count:
            path: DataPath = ("input", "channel")
            yield protocol.text.problem(
                (*path, index) if (*path, index) in protocol.text.values else path, has
            )
    restored = range(count) if numbers is None else numbers
    for entry in protocol.optimize:
        if isinstance(entry.channel, int) and entry.channel not in restored:
            message = (
                has
                if entry.channel >= count
                else f"channel {entry.channel} is not restored; see input.channel"
            )
            yield protocol.text.problem((*entry.path, "channel"), message)


def _in_stack(
    protocol: Protocol, path: DataPath, selection: SliceSelection, count: int, label: str
) -> Iterator[Problem]:
    extent = f"{label} has {count} slice{'s' * (count != 1)}, 0 to {count - 1}"
    for index, number in enumerate(selection.numbers or ()):
        if number >= count:
            yield protocol.text.problem((*path, index), extent)
    if selection.numbers is None and not selection.indices(count):
        yield protocol.text.problem(path, f"selects nothing: {extent}")


def _clean_in_stack(
    protocol: Protocol, entry: OptimizeEntry, shape: tuple[int, int, int], label: str
) -> Iterator[Problem]:
    sizes = dict(zip("zyx", map(len, remaining(protocol.chain, shape)), strict=True))
    for index, part in enumerate(entry.clean):
        path: DataPath = (*entry.path, "clean", index)
        if part.number >= shape[0]:
            extent = f"{label} has {counted(shape[0], 'slice')}, 0 to {shape[0] - 1}"
            yield protocol.text.problem((*path, "slice") if part.region else path, extent)
        for axis, (first, stop) in part.region.items():
            if first < stop and stop > sizes[axis]:
                what = "rows" if axis == "y" else "columns"
                message = (
                    f"a restored slice has {sizes[axis]} {what}; the stop must be at most that"
                )
                yield protocol.text.problem((*path, "region", axis, 1), message)


def chosen_on_clean(protocol: Protocol, entry: OptimizeEntry, count: int = 0) -> Iterator[Problem]:
    """Whole slices that are said to be clean, and are to be corrected all the same.

    ``count`` does not matter where the optimization slices are a list.
    """
    numbers = entry.slices.indices(count)
    for index, part in enumerate(entry.clean):
        if part.number in numbers and not part.region:
            message = f"{part.text} is also an optimization slice; name a clean one, or a region"
            yield protocol.text.problem((*entry.path, "clean", index), message)


def held_out_twice(protocol: Protocol, entry: OptimizeEntry, count: int = 0) -> Iterator[Problem]:
    """Slices that are used to choose and to validate.

    ``count`` does not matter where both are lists.
    """
    assert entry.validate is not None
    both = set(entry.slices.indices(count)) & set(entry.validate.indices(count))
    for index, number in enumerate(entry.validate.indices(count)):
        if number in both:
            path: DataPath = (*entry.path, "validate")
            where = path if entry.validate.numbers is None else (*path, index)
            yield protocol.text.problem(
                where, f"slice {number} is also an optimization slice; hold it out or drop it"
            )
