"""What the values of a run were chosen for, as its record has it."""

from __future__ import annotations

from typing import TypedDict


class EnvelopeRecord(TypedDict):
    """What the chosen values were for: least and greatest over the restored slices."""

    dtype: str
    pixel_size: tuple[float, float] | None
    mean: tuple[float, float]
    std: tuple[float, float]
    noise: tuple[float, float] | None
    masked: tuple[float, float] | None
