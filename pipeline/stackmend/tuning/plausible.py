"""Plausibility of a search: how much of a slice each combination masks."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from stackmend.chain import Graph, Node
from stackmend.registry import Stage, Step, Undefined
from stackmend.result.rows import MOST_MASKED
from stackmend.sweep import Combination, Losses
from stackmend.tuning.trial import Trial

OVERMASKED = f"masks more than {MOST_MASKED:.0%} of a slice".replace("%", " %")
"""What a combination does that is out for its masks."""


def masked_share(*masks: Any, pixels: int | None) -> float:
    """The share of pixels that any of some masks marks, of all of theirs or of so many."""
    union = masks[0] if len(masks) == 1 else np.logical_or.reduce(masks)
    return float(np.count_nonzero(union) / (pixels or union.size))


MASKED_SHARE = masked_share.__name__


def measuring(trial: Trial, graph: Graph) -> tuple[Graph, str]:
    """The graph of a trial with the share that is masked; and the name of that, if there is one.

    Of a region the share is that of the whole slice, as if nothing were masked around it. Where
    the correction alone is refused on a slice of which too much is masked, what steps behind the
    tuned ones mask is not held against these.
    """
    others = trial.chain.refusable.difference(bound.id for bound in trial.tuned)
    masks = tuple(i for i in graph.masks().values() if graph.nodes[i].owner not in others)
    if not masks:
        return graph, ""
    pixels = _pixels(trial) if trial.entry.region else None
    node = Node(
        stage=Stage(masked_share),
        owner=MASKED_SHARE,
        sources=masks,
        fixed={"pixels": pixels},
        swept={},
        depends=frozenset().union(*(graph.nodes[each].depends for each in masks)),
        stage_index=len(graph.nodes),
    )
    products = {**graph.products, MASKED_SHARE: len(graph.nodes)}
    return replace(graph, nodes=(*graph.nodes, node), products=products), MASKED_SHARE


def _pixels(trial: Trial) -> int:
    """Those of a whole slice, as the steps before the tuned ones leave it."""
    shape = trial.chain.reader.shape
    for bound in trial.chain.upto(trial.first).steps:
        if isinstance(bound.component, Step) and bound.component.keeps:
            parts = bound.component.keeps.of(bound.parameters, shape)
            depth, height, width = (
                len(range(*part.indices(n))) for part, n in zip(parts, shape, strict=True)
            )
            shape = depth, height, width
    return prod(shape[1:])


def overmasked(measured: Losses) -> dict[Combination, str]:
    """The combinations that mask too much of any slice, from the shares that they mask."""
    found: dict[Combination, str] = {}
    for shares in measured.values():
        for each, share in shares.items():
            if not isinstance(share, Undefined) and share > MOST_MASKED:
                found[each] = OVERMASKED
    return found
