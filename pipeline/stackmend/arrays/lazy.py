"""Restored slices as a Dask array: each block is computed from its slices and their neighbours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import dask.array
import numpy as np
from dask.delayed import delayed

from stackmend.arrays.restoring import Restoring
from stackmend.job import Job

_dask: Any = dask.array  # which has no types


def lazily_restored(restoring: Restoring, job: Job) -> Any:
    """A ``(C, Z, Y, X)`` Dask array whose blocks along z are those of the input, each one task."""
    # One task holds what all blocks share, such as what a survey has learnt.
    recipe = delayed(restoring.without_pixels(), traverse=False)
    channels = []
    for channel, number in enumerate(job.channels):
        array = restoring.stack.channels[number]
        blocks = []
        for numbers in _blocks(job.slices, array.chunks[0]):
            first = max(numbers[0] - restoring.reach, 0)
            part = array[first : numbers[-1] + restoring.reach + 1]
            block = delayed(_block)(recipe, part, first, channel, numbers)
            shape = len(numbers), *job.shape[1:]
            blocks.append(_dask.from_delayed(block, shape, dtype=job.dtype))
        channels.append(_dask.concatenate(blocks))
    return _dask.stack(channels)


def _block(
    restoring: Restoring, part: Any, first: int, channel: int, numbers: Sequence[int]
) -> Any:
    return restoring.of_part(np.asarray(part), first, channel, numbers)


def _blocks(numbers: Sequence[int], chunks: Sequence[int]) -> Iterator[list[int]]:
    """Slices in the order of the output, split where the block of the input changes or z falls."""
    ends = np.cumsum(chunks)
    falls = np.cumsum([0, *(np.diff(numbers) <= 0)])
    places = zip(numbers, falls, strict=True)
    for _, group in groupby(
        places, lambda each: (np.searchsorted(ends, each[0], "right"), each[1])
    ):
        yield [number for number, _ in group]
