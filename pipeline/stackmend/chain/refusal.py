"""Corrections of marked pixels, refused where more of a slice is marked than is believed.

The slice is then taken as it was before these steps; all others work on it, and windows behind see
it so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.chain.bound import Bound
from stackmend.chain.graph import Node, Source
from stackmend.registry import IMAGE, Stage, Step

CORRECTION_REFUSED = "correction_refused"
"""The product that says whether the correction of marked pixels is refused on a slice."""

Image = NDArray[np.float32]


def refusable(steps: Sequence[Bound]) -> frozenset[str]:
    """Ids of the steps that mark pixels, or need what those make.

    None where no other step changes pixels but pairs around them and cuts: then nothing is left to
    be done on a slice without them.
    """
    found: set[str] = set()
    made_of_marks: set[str] = set()
    others = False
    for bound in steps:
        step = bound.component
        marks = any(stage.mask_of for stage in step.stages)
        if marks or not made_of_marks.isdisjoint(step.reads):
            found.add(bound.id)
            made_of_marks.update(name for name in step.makes if name != IMAGE)
            continue
        made_of_marks.difference_update(step.makes)
        around = isinstance(step, Step) and (step.opens or step.closes or step.keeps)
        others = others or (IMAGE in step.makes and not around)
    return frozenset(found) if others else frozenset()


def runs_of(steps: Sequence[Bound], ids: Collection[str]) -> Iterator[tuple[int, int]]:
    """First and last place of the steps in a row that have such ids.

    Between them may stand steps that make no image.
    """
    first, last = -1, -1
    for place, bound in enumerate(steps):
        if bound.id in ids:
            first, last = place if first < 0 else first, place
        elif first >= 0 and IMAGE in bound.component.makes:
            yield first, last
            first = -1
    if first >= 0:
        yield first, last


def is_refused(image: Image, *found: Any, most: float) -> bool:
    """Whether more than a share of a slice is marked.

    ``found`` has the masks so far, of which those count that are of the size of the slice; and what
    was decided before, which holds on.
    """
    if any(each is True for each in found):
        return True
    masks = [each for each in found if np.shape(each) == image.shape]
    return bool(masks) and bool(np.logical_or.reduce(masks).mean() > most)


def unless_refused(image: Image, before: Image, correction_refused: bool) -> Image:
    """A slice as it is corrected, or as it was before."""
    return before if correction_refused else image


def add_refusal(
    nodes: list[Node], available: dict[str, Source], owner: str, before: Source, most: float
) -> None:
    """Add what decides about a correction, and what takes the slice with it or without."""
    masks = [index for index, node in enumerate(nodes) if node.stage.mask_of]
    earlier = [available[each] for each in (CORRECTION_REFUSED,) if each in available]
    image = available[IMAGE]
    stage = Stage(is_refused, makes=CORRECTION_REFUSED)
    _add(nodes, available, stage, owner, [image, *masks, *earlier], {"most": most})
    if image != before:
        sources = [image, before, available[CORRECTION_REFUSED]]
        _add(nodes, available, Stage(unless_refused, makes=IMAGE), owner, sources, {})


def _add(
    nodes: list[Node],
    available: dict[str, Source],
    stage: Stage,
    owner: str,
    sources: Sequence[Source],
    fixed: dict[str, Any],
) -> None:
    inherited = (nodes[each].depends for each in sources if isinstance(each, int))
    depends = frozenset[int]().union(*inherited)
    own = Node(stage, owner, tuple(sources), fixed, {}, depends, stage_index=len(nodes))
    available[stage.makes] = len(nodes)
    nodes.append(own)
