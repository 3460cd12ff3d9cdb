"""Slices to try steps on: structure, noise, and some of all that steps are made against."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHAPE = (9, 65, 71)
"""Of the sample: odd, and of as many slices as what compares unrelated ones needs."""

TINY = ((1, 1), (1, 9), (9, 1), (2, 3), (5, 5), (17, 11))
"""Sizes of slices at which a filter may find no room."""

KINDS = ("uint8", "uint16", "int16", "float32")
"""The types of numbers that a stack may have."""


@cache
def sample() -> NDArray[np.uint8]:
    """Slices of ``SHAPE`` with bright and dark spots, curtains, shading and hot pixels."""
    stack = _slices(*SHAPE)
    stack[:, 11, 13], stack[4, 40, 20] = 255, 0
    stack.flags.writeable = False
    return stack


class Endless:
    """A stack whose slices are made where they are asked for, so that it takes no memory.

    ``first`` is the place of its first one among 96 that differ.
    """

    ndim = 3
    dtype = np.dtype("uint8")

    def __init__(self, depth: int, height: int, width: int, *, first: int = 0) -> None:
        self.shape, self._first = (depth, height, width), first
        self._slices = _slices(2, height, width)

    def __getitem__(self, number: int) -> NDArray[np.uint8]:
        place = self._first + number
        return np.roll(self._slices[place % 2], 7 * place, axis=1)


def of_kind(stack: NDArray[Any], kind: str) -> NDArray[Any]:
    """A stack in the middle half of the range of a type; of float32 from 0.25 to 0.75."""
    low, high = stack.min(), max(stack.max(), stack.min() + 1)
    shares: NDArray[np.float64] = (stack.astype(np.float64) - low) / (high - low) / 2 + 0.25
    if kind != "float32":
        limits = np.iinfo(kind)
        shares = limits.min + shares * (limits.max - limits.min)
    return shares.astype(kind)


def noise(depth: int, height: int, width: int) -> NDArray[np.float32]:
    """Slices of noise, grey levels of 8 bit, of any size."""
    random = np.random.default_rng(5)
    levels: NDArray[np.float64] = random.normal(120, 12, (depth, height, width))
    return levels.clip(0, 255).astype(np.float32)


def _slices(depth: int, height: int, width: int) -> NDArray[np.uint8]:
    random = np.random.default_rng(3)
    y, x = np.mgrid[:height, :width]
    stack = np.empty((depth, height, width), np.uint8)
    for image in stack:
        across, along = random.uniform(4, 9, 2), random.uniform(0, 7, 2)
        levels = 120 + 12 * np.sin(x / across[0] + along[0]) * np.cos(y / across[1] + along[1])
        levels += 0.05 * x
        levels += 7 * random.standard_normal((height, width)) + 3 * random.standard_normal(width)
        for sign in (1, -1):
            row, column = random.uniform(0.2, 0.8, 2)
            apart = (y - row * height) ** 2 + (x - column * width) ** 2
            levels += sign * 80 * np.exp(-apart / 60)
        image[...] = levels.clip(0, 255)
    return stack
