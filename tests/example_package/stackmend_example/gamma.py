"""Bend the grey scale by a power law."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.registry import IMAGE, Stage, Step

Image = NDArray[np.float32]


def gamma_corrected(image: Image, *, exponent: float) -> Image:
    """The slice with every grey level raised to a power, sign kept.

    Parameters
    ----------
    image : (Y, X) float32
    exponent
        The power; below 1 lifts dark grey levels.

    Returns
    -------
    (Y, X) float32
    """
    return (np.sign(image) * np.abs(image) ** np.float32(exponent)).astype(np.float32)


STEP = Step(
    name="gamma",
    version=3,
    stages=(Stage(gamma_corrected, makes=IMAGE),),
    needs=("scale",),
    schema={
        "title": "gamma",
        "description": "Raise every standardised grey level to a power.",
        "type": "object",
        "properties": {
            "exponent": {
                "description": "The power; below 1 lifts dark grey levels.",
                "type": "number",
                "unit": "power",
                "exclusiveMinimum": 0,
                "maximum": 10,
                "default": 0.5,
                "errorMessage": "must be above 0 and at most 10; typical 0.5 to 2",
            }
        },
        "additionalProperties": False,
    },
    references=("Poynton, Digital video and HD (2012)",),
)
