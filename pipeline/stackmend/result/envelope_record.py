"""What the values of a run were chosen on, as its record has it."""

from __future__ import annotations

from typing import TypedDict


class EnvelopeRecord(TypedDict):
    """What the values were chosen on: least and greatest over the optimization slices."""

    dtype: str
    pixel_size: tuple[float, float] | None
    mean: tuple[float, float]
    std: tuple[float, float]
    noise: tuple[float, float] | None
    masked: tuple[float, float] | None
