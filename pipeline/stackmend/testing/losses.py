"""What is asked of losses: a number or why there is none, the same each time, lower for better."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from typing import Any

import numpy as np

from stackmend.chain import Products
from stackmend.errors import StepError
from stackmend.registry import (
    HIDDEN_RESULTS,
    IMAGE,
    INITIAL_IMAGE,
    LOSS,
    NOTHING_FOUND,
    PROBE_RESULTS,
    UNDEFINED,
    Undefined,
)
from stackmend.testing.content import content_of
from stackmend.testing.contract import Broken, Rule
from stackmend.testing.loss_subject import LossSubject
from stackmend.testing.purity import NOT_THE_SAME, WatchedNode, other_random_numbers, through_pickle
from stackmend.testing.samples import TINY, noise
from stackmend.testing.values import ends_of

_UNDEFINED = "return Undefined(UNDEFINED, reason) where there is no value"


def check_value(subject: LossSubject) -> None:
    """See that a slice has a value: a finite float, lower for better."""
    given = subject.given()
    value = _value_of(subject, given, "the sample")
    if isinstance(value, Undefined):
        what = "give products with which it has a value, as products=..."
        raise Broken(f"has no value on the sample ({value.reason}); {what}")


def check_untouched(subject: LossSubject) -> None:
    """See that no stage writes to what it reads."""
    given = subject.given()
    graph = subject.graph(given)
    nodes = tuple(WatchedNode(**vars(node)) for node in graph.nodes)
    replace(graph, nodes=nodes).evaluate(given, [LOSS])


def check_deterministic(subject: LossSubject) -> None:
    """See that a second time the same comes out."""
    first = content_of(subject.value(subject.given()))
    with other_random_numbers():
        again = content_of(subject.value(subject.given()))
    if again != first:
        raise Broken(NOT_THE_SAME)


def check_pickling(subject: LossSubject) -> None:
    """See that it can be sent to another process, and says the same there."""
    there = replace(subject, loss=through_pickle(subject.loss))
    if content_of(there.value(there.given())) != content_of(subject.value(subject.given())):
        raise Broken("in another process its value is another; keep nothing outside of calls")


def check_not_a_number(subject: LossSubject) -> None:
    """See that a result with pixels that are no numbers never wins."""
    given = subject.given()
    image = np.array(given[IMAGE])
    image[image.shape[0] // 3 :, image.shape[1] // 3 :] = np.nan
    spoiled: Products = {IMAGE: image}
    for name in (PROBE_RESULTS, HIDDEN_RESULTS):
        spoiled[name] = [image] * len(given[name])
    value = _value_of(subject, {**given, **spoiled}, "a result with NaN", refusal=True)
    if not isinstance(value, Undefined):
        what = f"has the value {value:g} though it has pixels that are no numbers"
        raise Broken(f"a result {what}; {_UNDEFINED}")


def check_hard_slices(subject: LossSubject) -> None:
    """See that slices of one grey level, and of few pixels, have a value or none, with a reason."""
    flat = np.full(subject.given()[IMAGE].shape, 7, np.float32)
    _value_of(subject, subject.given(flat, flat), "a slice of one grey level", refusal=True)
    for height, width in TINY:
        (image, before) = noise(2, height, width)
        given = subject.given(image, before)
        cut = {name: _cut(each, height, width) for name, each in given.items()}
        _value_of(subject, cut, f"a slice of {height} x {width}", refusal=True)


def check_ranges(subject: LossSubject) -> None:
    """See that both ends of each range, and each choice, have a value or none, with a reason."""
    for name, declared in subject.loss.schema.get("properties", {}).items():
        for end in ends_of(declared):
            other = subject.with_values(**{name: end})
            _value_of(other, other.given(), f"{name}: {end!r}", refusal=True)


def check_lower_is_better(subject: LossSubject) -> None:
    """See that of two results the better one has the lower loss."""
    assert subject.better is not None
    assert subject.worse is not None
    given = subject.given()
    before = subject.worse.get(INITIAL_IMAGE, subject.worse.get(IMAGE, given[IMAGE]))
    values = [
        subject.value({**given, INITIAL_IMAGE: before, **each})
        for each in (subject.better, subject.worse)
    ]
    if any(isinstance(each, Undefined) for each in values):
        raise Broken(f"one of better and worse has no value ({values}); give other examples")
    if not values[0] < values[1]:
        said = f"the better result has {values[0]:g}, the worse one {values[1]:g}"
        raise Broken(f"{said}; a search takes the lowest: turn the sign, or the examples")


def _value_of(subject: LossSubject, given: Products, what: str, *, refusal: bool = False) -> Any:
    """What the loss says, a finite float or why there is none."""
    try:
        value = subject.value(given)
    except StepError as error:
        if refusal and isinstance(error.__cause__, ValueError):
            return Undefined(UNDEFINED, str(error))
        raise Broken(f"{what}: {error}; {_UNDEFINED}") from error
    if isinstance(value, Undefined):
        if value.status not in (UNDEFINED, NOTHING_FOUND) or not value.reason:
            raise Broken(f"{what}: Undefined has status {value.status!r} and no reason; say why")
        return value
    if not isinstance(value, float):
        raise Broken(f"{what}: its value is of {type(value).__name__}; return float(...)")
    if not isfinite(value):
        raise Broken(f"{what}: its value is {value}; {_UNDEFINED}")
    return value


def _cut(value: Any, height: int, width: int) -> Any:
    """A product that was given for the sample, as large as a smaller slice."""
    if isinstance(value, np.ndarray) and value.ndim == 2:
        return value[:height, :width]
    return value


RULES = (
    Rule("value", check_value),
    Rule("input-untouched", check_untouched),
    Rule("deterministic", check_deterministic),
    Rule("pickling", check_pickling),
    Rule("not-a-number", check_not_a_number),
    Rule("hard-slices", check_hard_slices),
    Rule("ends-of-ranges", check_ranges),
    Rule("lower-is-better", check_lower_is_better, lambda subject: subject.better is not None),
)
