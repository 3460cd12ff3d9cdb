"""Slices of files whose chunks span several slices: decoded together, and kept within a bound.

What is kept belongs to the process: a reader is sent anew with each task, and would otherwise
decode a chunk as often as there are tasks in it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock

from stackmend.stacks.interface import Pixels

LIMIT = 256 * 2**20
"""Bytes that a process keeps, at the most."""

_KEPT: OrderedDict[Hashable, Pixels] = OrderedDict()
_LOCK = Lock()


def slice_of(
    owner: Hashable, index: int, depth: int, size: int, load: Callable[[int, int], Pixels]
) -> Pixels:
    """One slice of a stack in which ``depth`` slices are stored together.

    Parameters
    ----------
    owner
        Tells stacks and their channels apart.
    index, size
        Number of the slice, and its size in bytes.
    load
        Reads the slices from a first one up to a last one that is left out, fewer at the end of
        the stack.
    """
    # Room for four channels, or for two slabs of each of two.
    together = max(1, min(depth, LIMIT // 4 // size))
    if together == 1:
        alone: Pixels = load(index, index + 1)[0]
        return alone

    # Slabs begin where a chunk does, and end with it.
    chunk = index // depth * depth
    first = chunk + (index - chunk) // together * together

    # Two threads of a process would decode the same slab.
    with _LOCK:
        slab = _KEPT.pop((owner, first), None)
        if slab is None:
            slab = load(first, min(first + together, chunk + depth))
        _KEPT[owner, first] = slab
        while sum(kept.nbytes for kept in _KEPT.values()) > LIMIT:
            _KEPT.popitem(last=False)
    chosen: Pixels = slab[index - first].copy()
    return chosen
