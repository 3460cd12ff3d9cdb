"""Take away the shading that all slices of a stack have in common; what they show stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.shading import (
    Blocks,
    block_size,
    blocks_of,
    shading_field,
    shading_of,
    without_shading,
)
from stackmend.registry import IMAGE, Picture, Show, Stage, Step, Survey, Unsettled

Image = NDArray[np.float32]

MOST_LOOKS = 256
FEWEST = 8  # looks, for an order that is found: two a quarter of the stack
ALIKE = 0.3
"""Mean correlation of the quarters of a stack above which all show the same; of unrelated slices it
is at most 0.07, of 8 to 21 neighbouring ones 0.7 to 0.9."""


def block_means(image: Image, *, bin: int) -> dict[str, Any]:
    """What is kept of a slice: its shape, and mean and variance of its blocks."""
    size = block_size(image.shape, bin)
    blocks = blocks_of(image, size)
    shape = list(image.shape)
    return {"shape": shape, "size": size, "means": blocks.means, "variances": blocks.variances}


def shading(
    records: Mapping[int, Mapping[str, Any]], *, order: int | str, field: str
) -> dict[str, Any]:
    """The shading of the stack; `kernels.shading.shading_of` says what is in it.

    Raises
    ------
    Unsettled
        If the order is to be found and the slices are too few or too much alike for that, or the
        fitted mean is not positive and is to be divided by.
    """
    if order == "auto" and len(records) < FEWEST:
        what = f"order: auto needs at least {FEWEST} slices, got {len(records)} that can be used"
        raise Unsettled(f"{what}; give an order from 0 to 5, or take method: gaussian")
    in_order = [records[number] for number in sorted(records)]
    first = in_order[0]
    slices = [Blocks(each["means"], each["variances"]) for each in in_order]
    known = None if order == "auto" else int(order)
    found = shading_of(slices, tuple(first["shape"]), first["size"], known)
    if order == "auto" and found["alike"] > ALIKE:
        numbers = f"slices {min(records)} to {max(records)} all show the same"
        what = f"{numbers} (correlation {found['alike']:.2f}, at most {ALIKE})"
        advice = "use more slices, give an order from 0 to 5, or take method: gaussian"
        raise Unsettled(f"{what}, so shading cannot be told from structure; {advice}")
    if field == "gain" and found["order"] and found["lowest"] <= 0:
        what = f"the fitted mean falls to {found['lowest']:.4g}, which cannot be divided by"
        raise Unsettled(f"{what}; take field: gain_offset or offset")
    return found


def freed_of_shading(image: Image, shading: Mapping[str, Any], *, field: str) -> Image:
    """The slice without the shading of its stack, ``(Y, X)`` float32.

    Parameters
    ----------
    image : (Y, X) float32
        Of the size that the shading was found in.
    shading
        What the survey settled.
    field : {'gain_offset', 'gain', 'offset'}
        Whether mean and spread are made even, or the mean alone, by a factor or by a term.

    Raises
    ------
    ValueError
        If the slice has another size, as in a search on a region.
    """
    return without_shading(image, shading, field)


def shading_found(shading: Mapping[str, Any]) -> dict[str, float]:
    """The order of the shading, and how much alike the quarters of the stack are beside it."""
    return {"order": float(shading["order"]), "alike": float(shading["alike"])}


def mean_field(shading: Mapping[str, Any]) -> Picture:
    """The mean grey level that the shading gives to each place."""
    found = f"Polynomial of order {shading['order']}"
    if not shading["order"]:
        found = "No shading was found (order 0), so nothing is changed"
    alike = f"the quarters of the stack are alike to {shading['alike']:.2f} beside it"
    note = f"{found}; {alike} (above {ALIKE} shading cannot be told from structure)."
    return Picture(shading_field(shading, "mean"), note=note)


def spread_field(shading: Mapping[str, Any]) -> Picture:
    """The spread around it, of structure and noise."""
    return Picture(shading_field(shading, "spread"))


def looked_at(
    numbers: Sequence[int], optimization: Sequence[int], *, every: int | None
) -> Sequence[int]:
    """Every n-th slice; so many that they are 256 at the most, if none is given."""
    del optimization  # shading is that of the whole stack
    return numbers[:: every or -(-len(numbers) // MOST_LOOKS)]


VARIANT = Step(
    name="stack",
    version=1,
    stages=(
        Stage(freed_of_shading, makes=IMAGE),
        Stage(
            shading_found,
            facts={
                "order": "order of the shading (0: none)",
                "alike": f"likeness of the quarters of the stack (doubtful above {ALIKE})",
            },
        ),
    ),
    survey=Survey("shading", block_means, shading, slices=looked_at),
    watch=(
        "This should vary slowly, and in the same way in every slice: where it follows what a "
        "slice shows, structure was taken for shading."
    ),
    shows=(
        Show(
            "Mean by place",
            "What all slices have in common: how bright each place is on average. Detector and "
            "optics make slopes, vignettes and corners, and no outline of the specimen.",
            mean_field,
            whole_stack=True,
        ),
        Show(
            "Spread by place",
            "How far grey levels spread there. Where this is as uneven as the mean, the shading is "
            "a factor; where it is even, a term.",
            spread_field,
            whole_stack=True,
        ),
    ),
)
