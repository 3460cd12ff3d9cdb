"""One step on slices that are at hand: its survey, its stages, and what it makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.chain import ABSENT, Bound, Consecutive, Products, compile_chain
from stackmend.errors import WrongValue
from stackmend.registry import IMAGE, Each, Step, Survey, Unsettled
from stackmend.result.arrays import decoded, encoded
from stackmend.tuning.survey import written_down

Image = NDArray[np.float32]


class Slices(tuple[Any, ...]):
    """What is no array, one for each slice of a stack; ``None`` for a slice that has none."""

    __slots__ = ()


def evaluated(
    bound: Bound,
    images: Sequence[Image],
    found: Mapping[str, Any],
    keep: Sequence[str],
    *,
    stack: bool,
) -> dict[str, Any]:
    """Some products of a step.

    Parameters
    ----------
    bound
        The step, with a value for each parameter.
    images
        The slices, indexed along z; blank ones where the step reads none.
    found
        What it reads besides, of a stack with one for each slice.
    keep
        Names of the products.
    stack
        Whether a stack is given, so that the products are those of a stack.

    Raises
    ------
    WrongValue
        If its survey cannot settle, or nothing is left of the slices.
    StepError
        If a stage fails.
    """
    count = len(images)
    beside = {name: each if stack else [each] * count for name, each in found.items()}
    surveyed = settled(bound, images, beside)
    product = bound.survey_product
    given = (IMAGE, *found, *([product] if product else []))
    graph = compile_chain((bound,), given=given)
    windowed = any(stage.window for stage in bound.component.stages)

    def load(number: int) -> Products:
        if not 0 <= number < count or (windowed and _is_constant(images[number])):
            return dict.fromkeys(given, ABSENT)
        products: Products = {name: each[number] for name, each in beside.items()}
        products = {name: ABSENT if each is None else each for name, each in products.items()}
        products[IMAGE] = images[number]
        if product:
            own = surveyed.values.get(number) if isinstance(surveyed, Each) else surveyed
            products[product] = own
        return products

    slices = Consecutive(graph, load)
    rows: list[Products] = []
    for number in _left(bound, images):
        row = slices.evaluate(number, keep)
        if IMAGE in keep and row[IMAGE] is ABSENT:  # a constant slice passes as it is
            row[IMAGE] = images[number]
        rows.append(row)
    if not stack:
        return {name: rows[0][name] for name in keep}
    return {name: _stacked([row.pop(name) for row in rows]) for name in keep}


def settled(bound: Bound, images: Sequence[Image], found: Mapping[str, Sequence[Any]]) -> Any:
    """What the survey of a step comes to, as it comes back from its file; ``None`` without one.

    ``found`` has what it reads besides the images, one for each.

    Raises
    ------
    WrongValue
        If it cannot settle.
    """
    survey, values = survey_of(bound), bound.parameters
    if survey is None:
        return None
    records = {}
    prepared: dict[int, Any] = {}
    for key in _looked_at(survey, values, images):
        numbers = key if isinstance(key, tuple) else (key,)
        prepared = {number: each for number, each in prepared.items() if number >= numbers[0]}
        for number in numbers:
            if number not in prepared:
                own = {name: each[number] for name, each in found.items()}
                prepared[number] = survey.prepared({**own, IMAGE: images[number]}, values)
        between = numbers[-1] - numbers[0]
        record = survey.record_of([prepared[number] for number in numbers], values, between)
        records[key] = decoded(encoded(record))
    try:
        return written_down(survey.settled(records, values, range(len(images))))
    except Unsettled as error:
        raise WrongValue(f"{bound.id}: {error}") from error


def survey_of(bound: Bound) -> Survey | None:
    """The survey that a step needs with its values, if it needs one."""
    survey = bound.component.survey if isinstance(bound.component, Step) else None
    return survey if survey and survey.is_needed(bound.parameters) else None


def _looked_at(
    survey: Survey, values: Mapping[str, Any], images: Sequence[Image]
) -> list[int] | list[tuple[int, int]]:
    """The slices or the pairs that a survey looks at; of one grey level are none of a pair."""
    numbers = survey.chosen(range(len(images)), [], values)
    apart = survey.apart(values)
    if not apart:
        return numbers
    pairs = list[tuple[int, int]]()
    places = {number: place for place, number in enumerate(numbers)}
    for first, second in combinations(numbers, 2):
        near = places[second] - places[first] <= apart
        if near and not _is_constant(images[first]) and not _is_constant(images[second]):
            pairs.append((first, second))
    return pairs


def _left(bound: Bound, images: Sequence[Image]) -> range:
    """The slices that a step leaves."""
    step, count = bound.component, len(images)
    if not isinstance(step, Step) or step.keeps is None:
        return range(count)
    height, width = images[0].shape
    shape = count, height, width
    windows = step.keeps.of(bound.parameters, shape)
    for axis, size, window in zip("zyx", shape, windows, strict=True):
        if not range(size)[window]:
            raise WrongValue(f"{bound.id}: leaves nothing of {axis}, which has {size}")
    return range(count)[windows[0]]


def _stacked(values: list[Any]) -> Any:
    """Arrays along z, those of slices without any blank; what is no array one by one."""
    there = [value for value in values if value is not ABSENT]
    first = there[0] if there else None
    if not isinstance(first, np.ndarray) or any(each.shape != first.shape for each in there):
        return Slices(None if value is ABSENT else value for value in values)
    stacked = np.zeros((len(values), *first.shape), first.dtype)
    for place, value in enumerate(values):
        if value is not ABSENT:
            stacked[place] = value
    return stacked


def _is_constant(image: Image) -> bool:
    return bool(image.min() == image.max())
