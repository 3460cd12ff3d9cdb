"""How much neighbouring pixels differ."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.registry import UNDEFINED, Loss, Stage, Undefined


def loss(image: NDArray[np.float32], *, axis: int) -> float | Undefined:
    """Mean absolute difference of neighbours along an axis, grey levels."""
    if image.shape[axis] < 2:
        return Undefined(UNDEFINED, "a single pixel has no neighbour")
    return float(np.abs(np.diff(image, axis=axis)).mean())


LOSS = Loss(
    name="roughness",
    version=1,
    stages=(Stage(loss),),
    schema={
        "description": "Mean absolute difference of neighbouring pixels.",
        "type": "object",
        "properties": {
            "axis": {
                "description": "0 along columns, 1 along rows.",
                "type": "integer",
                "minimum": 0,
                "maximum": 1,
                "default": 1,
                "errorMessage": "must be 0 or 1",
            }
        },
        "additionalProperties": False,
    },
)
