"""What is told of every method: how strong that is which it takes away, and how like structure."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.removed import removed
from stackmend.registry import IMAGE, Stage

Image = NDArray[np.float32]

REMOVAL_FACTS = {
    "taken": "what was taken away, root mean square (grey levels)",
    "taken_alike": "correlation of neighbouring pixels in what was taken away",
}


def removal_facts(image: Image, filtered: Image) -> dict[str, float]:
    """How strong that is which a filter takes away, and how alike it is beside a pixel.

    Of independent noise the correlation is near 0; structure that goes with it raises it.
    """
    strength, along_y, along_x = removed(image, filtered)
    return {"taken": strength, "taken_alike": max(along_y, along_x)}


def result(filtered: Image) -> Image:
    """What a filter makes of the slice."""
    return filtered


def filter_stages(function: Callable[..., Image]) -> tuple[Stage, ...]:
    """The stages of a method that is a filter of the slice alone."""
    return (
        Stage(function, makes="filtered"),
        Stage(removal_facts, facts=REMOVAL_FACTS),
        Stage(result, makes=IMAGE),
    )
