"""Slices with pixels hidden from the tuned steps, for losses that judge by what becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from stackmend.chain import Bound, Products, product_of_neighbour
from stackmend.registry import ASKED_PIXELS, HIDDEN_RESULTS, IMAGE, Hiding, Stage, Step

OWN_SLICE = "own_slice"
"""Given of a slice and its neighbours: whether it is the one whose pixels are hidden."""


def nothing_hidden(initial_image: Any) -> None:  # noqa: ARG001 - absent where the slice is
    """What stands for results where the slice is left as it is."""
    return


NOTHING_HIDDEN = Step(
    name="nothing_hidden", version=1, stages=(Stage(nothing_hidden, makes=HIDDEN_RESULTS),)
)


def own_slice(reach: int) -> Products:
    """Which of a slice and its neighbours is the slice itself, as given to a graph."""
    around = range(-reach, reach + 1)
    return {product_of_neighbour(OWN_SLICE, offset): not offset for offset in around}


def hidden(tuned: Sequence[Bound], hiding: Hiding, places: Sequence[int]) -> tuple[Bound, ...]:
    """The tuned steps on the slice with the pixels of each place hidden; then it is untouched."""
    steps = [_step(_none_yet, HIDDEN_RESULTS)]
    *before, last = (_unseen(each) for each in tuned)
    asking = hiding.looked_at is not None
    for place in places:
        steps += [_step(_begin(hiding), IMAGE, place=place), *before]
        if asking:
            steps.append(_step(_asked(hiding), ASKED_PIXELS, place=place))
        steps += [last, _step(_added, HIDDEN_RESULTS, closes=ASKED_PIXELS if asking else None)]
    return (*steps, _step(_initial, IMAGE))


def _unseen(bound: Bound) -> Bound:
    assert isinstance(bound.component, Step)
    return replace(bound, component=_without_marks(bound.component))


def _without_marks(step: Step) -> Step:
    """A step of whose marks and numbers nobody is told, and that leaves open what it closes."""
    stages = tuple(replace(each, mask_of="", facts={}) for each in step.stages)
    variants = {name: _without_marks(each) for name, each in step.variants.items()}
    return replace(step, stages=stages, variants=variants, closes=None)


def _step(
    function: Callable[..., Any], makes: str, closes: str | None = None, **parameters: Any
) -> Bound:
    stage = Stage(function, makes=makes)
    step = Step(name="hidden", version=1, stages=(stage,), closes=closes)
    return Bound(step, "hidden", parameters)


@cache  # the same function for the same loss: it stands for what is remembered of it
def _begin(hiding: Hiding) -> Callable[..., Any]:
    def begin(initial_image: Any, own_slice: bool, *, place: int) -> Any:
        return hiding.hidden(initial_image, place) if own_slice else initial_image

    return begin


@cache
def _asked(hiding: Hiding) -> Callable[..., Any]:
    def asked(initial_image: Any, *, place: int) -> Any:  # noqa: ARG001 - absent where the slice is
        assert hiding.looked_at is not None
        return hiding.looked_at(place)

    return asked


def _none_yet(initial_image: Any) -> list[Any]:  # noqa: ARG001 - absent where the slice is
    return []


def _added(hidden_results: Sequence[Any], image: Any) -> list[Any]:
    return [*hidden_results, image]


def _initial(initial_image: Any) -> Any:
    return initial_image
