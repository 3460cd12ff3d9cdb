"""Pictures of what was tried: a slice as each combination restores it, and losses compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.chain import Bound
from stackmend.pictures.drawing import Display, Grey, factor_for, shrunk
from stackmend.registry import IMAGE, INITIAL_IMAGE, Stage, Step, Undefined
from stackmend.sweep import Choice, Combination, distinct_work, walk
from stackmend.tuning.chains import FinishedSearch
from stackmend.tuning.trial import Trial

PIXELS, SIDE = 250_000, 1000
"""The most pixels of a picture, and along an axis."""

SMALLEST = 128
"""Of slices with fewer pixels along an axis, all is shown."""

BINS = 64


def thumbnail(image: NDArray[Any], *, display: Display, factor: int) -> Grey:
    """The slice shrunk and in the display range of the raw one."""
    return display(shrunk(image, factor))


_THUMBNAIL = Step(name="thumbnail", version=1, stages=(Stage(thumbnail),))


def thumbnail_step(trial: Trial, number: int) -> Bound:
    """The step that makes a small picture of a slice as a search restores it."""
    raw = trial.chain.reader.read(number)
    factor = factor_for(trial.start(number)[IMAGE].shape, PIXELS, SIDE)
    return Bound(_THUMBNAIL, _THUMBNAIL.name, {"display": Display(raw), "factor": factor})


def pictured_part(trial: Trial) -> Trial:
    """The search as pictures are made of it: whole slices, or their middle where that is enough.

    Where a loss looks at few pixels, whole slices would take more time than it does.
    """
    size = trial.chain.reader.shape[1:]
    if not trial.asking or trial.entry.region or trial.rest or min(size) < SMALLEST:
        return trial
    steps = [bound.component for bound in trial.chain.steps]
    if any(isinstance(step, Step) and step.keeps for step in steps):
        return trial
    axes = zip("yx", size, strict=True)
    middle = {axis: (length // 4, length - length // 4) for axis, length in axes}
    return trial.like(trial.chain, replace(trial.entry, region=middle))


def thumbnails(
    trial: Trial,
    found: FinishedSearch,
    number: int,
    combinations: Sequence[Combination],
    workers: int,
) -> Mapping[Combination, Grey]:
    """The slice as each combination restores it, small: as the search has made it, or made now."""
    made: dict[Combination, Grey] = {}
    if number == next(iter(found.result.losses)):
        made.update(found.result.pictures)
    missing = [each for each in combinations if each not in made]
    if missing:
        trial.start(number, trial.graph(trial.rest).reach)  # with all neighbours at once
        graph = trial.graph((*trial.rest, thumbnail_step(trial, number)))
        work = distinct_work(graph, missing, thumbnail.__name__)
        given = trial.start(number, graph.reach)
        made |= walk(work, given, workers=workers)[thumbnail.__name__]
    return {each: made[each] for each in combinations}


def comparison(trial: Trial, found: FinishedSearch, number: int) -> dict[str, Any]:
    """The loss of a slice untouched and corrected, over the same mask.

    If the loss compares regions, with their histograms.
    """
    known = dict(found.held_out)
    if isinstance(found.result.choice, Choice):
        chosen = found.result.choice.combination
        known |= {each: losses[chosen] for each, losses in found.result.losses.items()}
    after = known[number] if number in known else trial.loss(number)
    before = found.untouched[number] if number in found.untouched else trial.loss_untouched(number)
    content: dict[str, Any] = {"loss_before": _value(before), "loss_after": _value(after)}
    compares = trial.entry.loss.loss.compares
    if compares:
        made = trial.products(number, None, (INITIAL_IMAGE, IMAGE, compares))
        if isinstance(made[compares], Sequence) and made[compares]:
            content["histograms"] = _histograms(made[INITIAL_IMAGE], made[IMAGE], made[compares])
    return content


def _value(loss: float | Undefined) -> float | None:
    return None if isinstance(loss, Undefined) else loss


def _histograms(
    before: NDArray[Any], after: NDArray[Any], regions: Sequence[Any]
) -> Mapping[str, Any]:
    """Shares of the pixels of all regions, and of all rings, in bins over the grey range.

    The range is that of the untouched slice.
    """
    low, high = float(before.min()), float(before.max())
    content: dict[str, Any] = {"low": low, "high": high, "regions": len(regions)}
    for place, name in enumerate(("region", "ring")):
        pixels = np.unique(np.concatenate([pair[place] for pair in regions]))
        for moment, image in (("before", before), ("after", after)):
            values = np.clip(image.reshape(-1)[pixels], low, high)
            counts, _ = np.histogram(values, BINS, (low, high))
            shares = counts / max(pixels.size, 1)
            content[f"{name}_{moment}"] = [round(float(each), 6) for each in shares]
    return content
