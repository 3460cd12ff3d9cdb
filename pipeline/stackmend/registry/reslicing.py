"""Steps that make other slices than they are given: each of them of many."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Resliced:
    """A stack of other slices, as it is interpolated from those of a stack.

    Parameters
    ----------
    matrix : (3, 4) numbers
        From its coordinates (z, y, x) to those of the stack.
    shape
        ``(Z, Y, X)``.
    fill
        Grey level of what lies beyond the stack; ``None`` for that of the nearest pixel.
    zoom
        How many of its pixels lie in one of the stack, along z, y and x.
    """

    matrix: tuple[tuple[float, float, float, float], ...]
    shape: tuple[int, int, int]
    fill: float | None
    zoom: tuple[float, float, float]


@dataclass(frozen=True)
class Reslices:
    """How a step makes other slices of a stack: each of its slices may be made of many.

    As the first step of a chain it is the stack that all others see, so its stages need do nothing.
    ``needed(parameters)`` says whether it makes any, ``of(parameters, shape)`` which.
    """

    needed: Callable[[Mapping[str, Any]], bool]
    of: Callable[[Mapping[str, Any], tuple[int, int, int]], Resliced]
