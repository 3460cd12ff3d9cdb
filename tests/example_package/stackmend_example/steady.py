"""Bring all slices to the mean grey level of the first, by what pairs of slices differ in."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from stackmend.registry import IMAGE, Each, Stage, Step, Survey, Unsettled

Image = NDArray[np.float32]


def difference(first: Image, second: Image) -> float:
    """By how much the second slice is brighter than the first; the record of a pair."""
    return float(second.mean(dtype=np.float64) - first.mean(dtype=np.float64))


def offsets(records: Mapping[tuple[int, int], float]) -> Each:
    """What must be taken away from each slice, from the differences of neighbours."""
    numbers = sorted({number for pair in records for number in pair})
    if not numbers:
        raise Unsettled("there are no two slices that can be compared; leave this step out")
    known = {numbers[0]: 0.0}
    for number in numbers[1:]:
        before = [pair for pair in records if pair[1] == number and pair[0] in known]
        levels = [known[pair[0]] + records[pair] for pair in sorted(before)]
        known[number] = sum(levels) / len(levels)
    return Each(known)


def steadied(image: Image, offsets: float | None) -> Image:
    """The slice without its offset, ``(Y, X)`` float32; as it is where none is known."""
    return image if offsets is None else (image - np.float32(offsets)).astype(np.float32)


STEP = Step(
    name="steady",
    version=1,
    stages=(Stage(steadied, makes=IMAGE),),
    survey=Survey("offsets", difference, offsets, pairs="reach"),
    schema={
        "description": "Bring all slices to the mean grey level of the first.",
        "type": "object",
        "properties": {
            "reach": {
                "description": "How far apart the slices of a pair may be.",
                "type": "integer",
                "unit": "slices",
                "minimum": 1,
                "maximum": 10,
                "default": 2,
                "sweepable": False,
                "errorMessage": "must be a whole number between 1 and 10",
            }
        },
        "additionalProperties": False,
    },
)
