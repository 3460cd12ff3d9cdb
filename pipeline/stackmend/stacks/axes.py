"""Which planes of a file are the slices of the stack, by the axes that the file states."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

from stackmend.errors import InputError

MOST_CHANNELS = 4
"""A channel axis longer than this, alone, is a stack whose axis has the wrong name."""

_SAID = {
    "C": "as channels (C)",
    "T": "as time points (T)",
    "I": "without a name",
    "Q": "without a name",
}


class _Axis(NamedTuple):
    name: str
    size: int
    step: int


def channels_of(
    name: str, axes: str, shape: Sequence[int]
) -> tuple[tuple[range, tuple[str, ...]], ...]:
    """For each channel of a file, the planes that are its slices.

    With their numbers goes what a person should know about them.

    Parameters
    ----------
    name
        Of the file, for messages.
    axes, shape
        As the file states them, planes ``(Y, X)`` last.

    Raises
    ------
    InputError
        If there are axes besides slices and channels.
    """
    sizes = [int(size) for size in shape]

    # Axes of one element say nothing.
    found = []
    for place, axis in enumerate(axes[:-2]):
        if sizes[place] > 1:
            found.append(_Axis(axis, sizes[place], prod(sizes[place + 1 : -2])))
    channels = [axis for axis in found if axis.name == "C"]
    slices = [axis for axis in found if axis.name != "C"]

    # One axis of each kind, at the most.
    if len(channels) > 1 or len(slices) > 1 or any(axis.name == "S" for axis in slices):
        got = " x ".join(f"{size} ({axis})" for axis, size in zip(axes, sizes, strict=True))
        what = f"expected slices (Z) and channels (C), got {got}"
        part = "time point" if any(axis.name == "T" for axis in slices) else "part"
        raise InputError(f"{name}: {what}; save one {part} as a stack")
    if not slices and channels and channels[0].size > MOST_CHANNELS:
        channels, slices = [], channels

    # The slices of each channel lie a step apart.
    channel = channels[0] if channels else _Axis("C", 1, 0)
    along = slices[0] if slices else _Axis("Z", 1, 1)
    notes = () if along.name == "Z" else (_renaming_note(name, along),)
    firsts = (index * channel.step for index in range(channel.size))
    length = along.size * along.step
    return tuple((range(first, first + length, along.step), notes) for first in firsts)


def _renaming_note(name: str, axis: _Axis) -> str:
    said = _SAID.get(axis.name, f"as axis {axis.name}")
    return f"{name}: {axis.size} images stored {said} are taken as slices"


def stated_axes(
    name: str, axes: str, sizes: Sequence[int], wanted: str | None
) -> tuple[str, tuple[int, ...]]:
    """Axes and sizes of a file, by the letters that a person gives, if any.

    Raises
    ------
    InputError
        If these are not the axes that there are.
    """
    shape = tuple(int(size) for size in sizes)
    if wanted is None:
        return axes, shape
    # Axes of one element need not be named.
    if len(wanted) < len(axes):
        pairs = zip(axes, shape, strict=True)
        kept = [(axis, size) for axis, size in pairs if size > 1 or axis in "YX"]
        axes, shape = "".join(axis for axis, _ in kept), tuple(size for _, size in kept)
    if len(wanted) != len(shape):
        extent = " x ".join(map(str, shape))
        what = f"has {len(shape)} axes ({extent}), got input.axes {wanted}"
        raise InputError(f"{name}: {what}; give a letter for each, such as {'czyx'[-len(shape) :]}")
    return wanted.upper(), shape


def refuse_axes(name: str, kind: str, axes: str | None) -> None:
    """Refuse axes that a person gives for a format which has only one order of them.

    Raises
    ------
    InputError
        If there are any.
    """
    if axes is not None and axes != "zyx":
        raise InputError(f"{name}: {kind} has axes z, y, x, got input.axes {axes}; leave it out")
