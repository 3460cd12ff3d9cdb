"""Which planes of a file are the slices of the stack, by the axes that the file states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from stackmend.errors import InputError

MOST_CHANNELS = 4
"""A channel axis longer than this, with no other beside it, is a stack whose axis has the wrong name."""

_SAID = {"C": "as channels (C)", "T": "as time points (T)", "I": "without a name", "Q": "without a name"}


@dataclass(frozen=True)
class Planes:
    """The numbers of the planes that are the slices, and what a person should know about that."""

    numbers: range
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Axis:
    name: str
    size: int
    step: int


def slices_of(name: str, axes: str, shape: Sequence[int], channel: int | None) -> Planes:
    """The planes of a file that are the slices of one channel.

    Parameters
    ----------
    name
        Of the file, for messages.
    axes, shape
        As the file states them, planes ``(Y, X)`` last.
    channel
        Which channel, counted from 0; ``None`` where none was asked for.

    Raises
    ------
    InputError
        If it must be said which channel is meant, there is no such channel, or there are axes besides.
    """
    sizes = [int(size) for size in shape]
    found = [_Axis(axis, sizes[k], prod(sizes[k + 1 : -2])) for k, axis in enumerate(axes[:-2]) if sizes[k] > 1]
    what = " x ".join(f"{size} ({axis})" for axis, size in zip(axes, sizes, strict=True))
    channels = [axis for axis in found if axis.name == "C"]
    slices = [axis for axis in found if axis.name != "C"]
    if len(channels) > 1 or len(slices) > 1 or any(axis.name == "S" for axis in slices):
        part = "time point" if any(axis.name == "T" for axis in slices) else "part"
        raise InputError(f"{name}: expected slices (Z) and channels (C), got {what}; save one {part} as a stack")
    if channel is None and not slices and channels and channels[0].size > MOST_CHANNELS:
        channels, slices = [], channels
    first = _first_plane(name, what, channels, channel)
    if not slices:
        return Planes(range(first, first + 1))
    axis = slices[0]
    numbers = range(first, first + axis.size * axis.step, axis.step)
    if axis.name == "Z":
        return Planes(numbers)
    said = _SAID.get(axis.name, f"as axis {axis.name}")
    return Planes(numbers, (f"{name}: {axis.size} images stored {said} are taken as slices",))


def _first_plane(name: str, what: str, channels: Sequence[_Axis], channel: int | None) -> int:
    count = channels[0].size if channels else 1
    choices = "0" if count == 1 else f"0 to {count - 1}"
    if channel is None:
        if count > 1:
            raise InputError(
                f"{name}: expected one channel, got {what}; choose it with input.channel ({choices}), "
                "for instance --set input.channel=0"
            )
        return 0
    if channel >= count:
        has = f"{count} channel{'s' * (count > 1)}"
        raise InputError(f"{name}: has {has}, got input.channel {channel}; give {choices}")
    return channel * channels[0].step if channels else 0
