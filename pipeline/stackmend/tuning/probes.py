"""Slices with a known fault added, for losses that judge by what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from stackmend.chain import Bound
from stackmend.registry import IMAGE, PROBE_RESULTS, Probe, Recovery, Stage, Step

COUNT = 2
"""Probes of a slice."""

SEED = 31
"""Last word of the seeds of probes; no others have three or five words."""


def untouched(initial_image: Any) -> Any:
    """The image as it was before the tuned steps."""
    return initial_image


def untouched_probes(probes: Sequence[Probe]) -> list[Any]:
    """The probes as they are."""
    return [probe.image for probe in probes]


UNTOUCHED = Step(name="untouched", version=1, stages=(Stage(untouched, makes=IMAGE),))
UNTOUCHED_PROBES = Step(
    name="untouched_probes", version=1, stages=(Stage(untouched_probes, makes=PROBE_RESULTS),)
)


@dataclass(frozen=True)
class Likeness:
    """What the faults of a slice are like, by the step that can make others of that kind."""

    recovery: Recovery
    like: Any
    parameters: Any


def probed(tuned: Sequence[Bound]) -> tuple[Bound, ...]:
    """The tuned steps for each probe, and then for the image itself, whose products stay.

    Probes stand in for the images of a slice and of its neighbours; what the steps before have
    made is as it is.
    """
    steps: list[Bound] = []
    for place in range(COUNT):
        steps.append(_step("probe", _begin(place), IMAGE))
        for bound in tuned:
            component = bound.component
            assert isinstance(component, Step)
            # What is marked in a probe counts nowhere as marked in the slice.
            stages = tuple(replace(each, mask_of="", facts={}) for each in component.stages)
            steps.append(replace(bound, component=replace(component, stages=stages, closes=None)))
        steps.append(_step("probe", _end, f"{PROBE_RESULTS}_{place}"))
    steps.append(_step("probe", _together, PROBE_RESULTS))
    steps.append(Bound(UNTOUCHED, "probe", {}))
    return (*steps, *tuned)


def _step(name: str, function: Callable[..., Any], makes: str) -> Bound:
    return Bound(Step(name=name, version=1, stages=(Stage(function, makes=makes),)), name, {})


@cache  # the same function for the same place: it stands for what is remembered of it
def _begin(place: int) -> Callable[..., Any]:
    def begin(probes: Sequence[Probe], initial_image: Any) -> Any:
        return probes[place].image if probes else initial_image

    return begin


def _end(image: Any) -> Any:
    return image


def _together(probe_results_0: Any, probe_results_1: Any) -> list[Any]:
    return [probe_results_0, probe_results_1]


def probes_like(
    image: Any, likenesses: Sequence[Likeness], mask: Any, number: int
) -> tuple[Probe, ...]:
    """Images with faults like those found, away from the mask; none if there is nothing to be like.

    Where several steps can make faults, they take turns. What is darker or brighter than any pixel
    of the image is cut off there, as a detector does.
    """
    found: list[Probe] = []
    for place in range(COUNT if likenesses else 0):
        each = likenesses[place % len(likenesses)]
        given = image, each.like, mask, (number, place, SEED)
        fault, counts = each.recovery.made_like(*given, parameters=each.parameters)
        found.append(Probe(_with_fault(image, fault), fault, counts))
    return tuple(found)


def probes_beside(
    image: Any,
    probes: Sequence[Probe],
    likenesses: Sequence[Likeness],
    mask: Any,
    beside: Any,
    number: int,
    offset: int,
) -> tuple[Probe, ...]:
    """The probes of a neighbouring slice, so far from the slice with that number.

    A neighbour has known faults as it has found ones, by its own mask ``beside``: the same as the
    slice itself with the probability that a marked pixel of the slice is marked there, too; else
    others if anything is marked there. Where that cannot be said, they are the same.
    """
    found: list[Probe] = []
    side = int(offset > 0)
    drawn = np.random.default_rng([number, 0, abs(offset), side, SEED]).random()
    persists = 1.0
    if beside is not None:
        persists = float(beside[mask].mean()) if mask.any() else 0.0
    for place, probe in enumerate(probes):
        if (place + drawn) / COUNT < persists:
            found.append(Probe(_with_fault(image, probe.fault)))
            continue
        if not beside.any():
            found.append(Probe(image))
            continue
        each = likenesses[place % len(likenesses)]
        given = image, each.like, mask | beside, (number, place, abs(offset), side, SEED)
        fault, _ = each.recovery.made_like(*given, parameters=each.parameters)
        found.append(Probe(_with_fault(image, fault)))
    return tuple(found)


def _with_fault(image: Any, fault: Any) -> Any:
    """An image with a fault, cut off at its darkest and its brightest pixel."""
    changed = np.where(fault == 0, image, np.clip(image + fault, image.min(), image.max()))
    changed = changed.astype(np.float32)
    changed.flags.writeable = False
    return changed
