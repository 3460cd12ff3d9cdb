"""An array as a stack: its channels, each indexed along z, and what it looked like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stackmend.errors import UnknownParameter, WrongValue
from stackmend.stacks import Facts, Reader
from stackmend.stacks.given import as_given
from stackmend.stacks.in_memory import open_array


@dataclass(frozen=True)
class ArrayStack:
    """An array as a stack.

    ``channels`` are indexed along z; ``alone`` says that the array is one slice, ``channel_axis``
    which axis has the channels, if any. ``lazy`` arrays are Dask's.
    """

    channels: tuple[Any, ...]
    shape: tuple[int, int, int]
    dtype: Any
    alone: bool
    channel_axis: int | None
    lazy: bool

    def readers(self, facts: Facts) -> tuple[Reader, ...]:
        """The channels as a person has described them.

        Raises
        ------
        InputError
            If the pixels cannot be used.
        """
        opened = (open_array(each, self.shape, self.dtype) for each in self.channels)
        return as_given(tuple(opened), facts)

    def part(self, channel: Any, first: int, facts: Facts) -> Reader:
        """The reader of some slices in a row of one channel, the first of that number."""
        opened = open_array(channel, self.shape, self.dtype, first=first)
        (reader,) = as_given((opened,), facts)
        return reader

    def described(self) -> ArrayStack:
        """The same without pixels, to be sent elsewhere."""
        return replace(self, channels=(None,) * len(self.channels))

    def shaped(self, restored: Any, module: Any) -> Any:
        """A restored ``(C, Z, Y, X)`` array with the axes of this one, which it has by ``module``.

        Channels are along the axis where they were, of however many are restored.
        """
        if self.alone:
            restored = restored[:, 0]
        if self.channel_axis is None:
            return restored[0]
        return module.moveaxis(restored, 0, self.channel_axis)


def stack_of(array: Any, channel_axis: int | None, caller: str) -> ArrayStack:
    """An array as a stack; nothing of it is read.

    Raises
    ------
    WrongValue
        If it is not a slice or a stack.
    """
    lazy = is_lazy(array)
    if not lazy and not (_has_type(array) and hasattr(array, "__getitem__")):
        array = np.asarray(array)
    _check_usable(array, caller)
    axes = 2 if channel_axis is None else 3
    if array.ndim not in (axes, axes + 1):
        advice = "give channel_axis if one of them has channels"
        if channel_axis is not None:
            advice = "with channel_axis there is one more axis"
        what = f"must be a slice (Y, X) or a stack (Z, Y, X), got shape {tuple(array.shape)}"
        raise WrongValue(f"{caller}: array {what}; {advice}")
    alone = array.ndim == axes
    if channel_axis is None:
        channels: Sequence[Any] = (array,)
    else:
        channel_axis, channels = _channels(array, channel_axis, lazy, caller)
    if alone:
        channels = [(each if lazy else np.asarray(each))[np.newaxis] for each in channels]
    depth, height, width = channels[0].shape
    shape = int(depth), int(height), int(width)
    return ArrayStack(tuple(channels), shape, array.dtype, alone, channel_axis, lazy)


def is_lazy(array: Any) -> bool:
    """Whether an array is Dask's, which need not be installed."""
    return type(array).__module__.partition(".")[0] == "dask" and hasattr(array, "chunks")


def _check_usable(array: Any, caller: str) -> None:
    """Refuse what has pixels that are none, or of which nobody knows how many there are.

    Raises
    ------
    WrongValue
        If so, with what to do.
    """
    if isinstance(array, np.ma.MaskedArray):
        raise WrongValue(f"{caller}: array is a masked one; fill it first, with array.filled(...)")
    if any(size != size for size in array.shape):
        what = f"has a shape that is not known yet, got {array.shape}"
        raise WrongValue(f"{caller}: array {what}; call array.compute_chunk_sizes() first")


def _has_type(array: Any) -> bool:
    """Whether something says of which type its pixels are in the words of NumPy."""
    try:
        np.dtype(array.dtype)
    except (AttributeError, TypeError):
        return False
    return hasattr(array, "ndim") and hasattr(array, "shape")


def _channels(array: Any, axis: int, lazy: bool, caller: str) -> tuple[int, list[Any]]:
    """The axis counted from the first, and views of the channels along it."""
    if not -array.ndim <= axis < array.ndim:
        what = f"must be an axis of the array, which has {array.ndim}, got {axis}"
        raise WrongValue(f"{caller}: channel_axis {what}")
    if not lazy and not isinstance(array, np.ndarray):
        what = f"is for arrays of NumPy and Dask, got {type(array).__name__}"
        raise UnknownParameter(f"{caller}: channel_axis {what}; give its channels one by one")
    axis %= array.ndim
    before = (slice(None),) * axis
    return axis, [array[(*before, channel)] for channel in range(array.shape[axis])]
