"""Give all slices the histogram of one, or each that of its neighbour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.histogram_matching import Levels, levels_of, matched, matched_levels
from stackmend.registry import IMAGE, Each, Stage, Step, Survey, Unsettled

Image = NDArray[np.float32]
Record = Mapping[str, NDArray[Any]]


def levels_of_slice(image: Image) -> dict[str, Any]:
    """The histogram of one slice, as plain data."""
    return levels_of(image)._asdict()


def histograms(records: Mapping[int, Record], *, reference: int, chain: bool) -> Each:
    """The histogram that each slice is given: none for the reference, which stays as it is.

    Slices of one grey level are passed over, as they have no histogram to hand on.

    Raises
    ------
    Unsettled
        If the reference is none of the slices, or is constant.
    """
    known = {each: Levels(**record) for each, record in records.items()}
    usable = sorted(number for number, levels in known.items() if levels.values.size > 1)
    if reference not in usable:
        within = f"{usable[0]} to {usable[-1]}" if usable else "none"
        what = f"reference: slice {reference} is not restored here, or has one grey level only"
        raise Unsettled(f"{what}; name one of those that can be used ({within})")
    if not chain:
        asked = known[reference]._asdict()
        return Each({number: asked for number in usable if number != reference})

    given: dict[int, dict[str, Any]] = {}
    here = usable.index(reference)
    for outward in (usable[here:], usable[here::-1]):
        before = known[reference]
        for number in outward[1:]:
            given[number] = before._asdict()
            before = matched_levels(known[number], before)
    return Each(given)


def matched_to_others(image: Image, histograms: Record | None) -> Image:
    """The slice with the histogram that it is given.

    Parameters
    ----------
    image : (Y, X) float32
    histograms
        That of the reference, or of the neighbour as it is once it is matched itself; ``None``
        where the slice stays as it is.

    Returns
    -------
    (Y, X) float32

    Raises
    ------
    ValueError
        If a grey level is no number.
    """
    ends = image.min(), image.max()
    if not np.isfinite(ends).all():
        raise ValueError("a grey level is no number, so it has no place in a histogram")
    if histograms is None or ends[0] == ends[1]:
        return image
    return matched(image, Levels(histograms["values"], histograms["shares"]))


STEP = Step(
    name="match_histogram",
    version=1,
    stages=(Stage(matched_to_others, makes=IMAGE),),
    survey=Survey("histograms", levels_of_slice, histograms),
    watch=(
        "Only grey levels should differ, the same everywhere in a slice. Where what the slices "
        "show changes, such as resin that enters the field, this step is wrong."
    ),
    references=("R. C. Gonzalez, R. E. Woods, Digital Image Processing",),
)
