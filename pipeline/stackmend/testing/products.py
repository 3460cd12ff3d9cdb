"""What a step makes besides the image: masks, facts, and what its survey knows of a stack."""

from __future__ import annotations

import random
from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np

from stackmend.errors import StepError
from stackmend.registry import Each, Survey, Unsettled
from stackmend.result.arrays import decoded, encoded
from stackmend.testing.content import content_of, is_finite
from stackmend.testing.contract import Broken, Rule
from stackmend.testing.purity import through_pickle
from stackmend.testing.step_subject import StepSubject


def check_masks(subject: StepSubject) -> None:
    """See that masks are of truth values and of the size of the slice."""
    for stage in subject.component.stages:
        if not stage.mask_of:
            continue
        for products in subject.usual_products:
            mask, shape = products[stage.makes], subject.usual.stack.shape[1:]
            if not isinstance(mask, np.ndarray) or mask.dtype != bool or mask.shape != shape:
                found = f"{getattr(mask, 'dtype', type(mask).__name__)}"
                what = f"must be an array of bool of the slice's shape, got {found}"
                raise Broken(f"{stage.makes} {what}; end with a comparison, such as levels > low")


def check_facts(subject: StepSubject) -> None:
    """See that facts are the numbers that are declared, by the same names."""
    for stage in subject.component.stages:
        if not stage.facts:
            continue
        for products in subject.usual_products:
            facts = products[stage.makes]
            if not isinstance(facts, Mapping) or not facts.keys() <= stage.facts.keys():
                names = ", ".join(stage.facts)
                raise Broken(f"{stage.makes} must return numbers by name, of {names} alone")
            for name, value in facts.items():
                if not isinstance(value, Real) or not is_finite(float(value)):
                    raise Broken(f"{stage.makes}: {name} must be a finite number, got {value!r}")


def check_plain_data(subject: StepSubject) -> None:
    """See that records and what is settled can be written down, sent, and are small."""
    try:
        survey, records = _records(subject)
    except StepError as error:
        if isinstance(error.__cause__, TypeError):
            what = "return dictionaries, lists, texts, numbers and NumPy arrays"
            raise Broken(
                f"{error}; what look and settle return must be plain data: {what}"
            ) from error
        raise
    pixels = subject.usual.image(0).nbytes
    for record in records.values():
        through_pickle(record)
        if len(str(encoded(record))) > 4 * pixels:
            what = "leave a small record: counts, means, a histogram"
            raise Broken(f"a look leaves more than four slices are large; {what}")
    settled = _settled(survey, records, subject)
    written = {key: decoded(encoded(record)) for key, record in records.items()}
    if content_of(_plain(_settled(survey, written, subject))) != content_of(_plain(settled)):
        what = "expect lists where a look has returned tuples, and texts as keys"
        raise Broken(f"of records that were written down it settles something else; {what}")


def check_order(subject: StepSubject) -> None:
    """See that it does not matter in which order slices were looked at."""
    survey, records = _records(subject)
    expected = content_of(_plain(_settled(survey, records, subject)))
    for seed in range(4):
        keys = list(records)
        random.Random(seed).shuffle(keys)
        shuffled = {key: records[key] for key in (keys if seed else reversed(list(records)))}
        if content_of(_plain(_settled(survey, shuffled, subject))) != expected:
            what = "go through sorted(records), and add floats in that order"
            raise Broken(f"what is settled depends on the order of the records; {what}")


def check_nothing_seen(subject: StepSubject) -> None:
    """See that a survey that has seen one slice, or pair, settles or says that it cannot."""
    survey, records = _records(subject)
    key = min(records)
    try:
        _settled(survey, {key: records[key]}, subject)
    except Unsettled:
        return
    except Exception as error:  # a survey may be anybody's code
        what = "raise Unsettled with what to do"
        raise Broken(f"settle fails of one record ({error!r}); {what}") from error


def _records(subject: StepSubject) -> tuple[Survey, dict[Any, Any]]:
    survey, usual = subject.survey, subject.usual
    assert survey is not None
    values = usual.own.parameters
    numbers = survey.chosen(usual.numbers, [0], values)
    apart = survey.apart(values)
    seen = {number: survey.prepared(usual.given(number), values) for number in numbers}
    records: dict[Any, Any] = {}
    for place, number in enumerate(numbers):
        if not apart:
            records[number] = survey.record_of([seen[number]], values)
        for between, other in enumerate(numbers[place + 1 : place + 1 + apart], start=1):
            pair = [seen[number], seen[other]]
            records[number, other] = survey.record_of(pair, values, between)
    return survey, records


def _settled(survey: Survey, records: Mapping[Any, Any], subject: StepSubject) -> Any:
    usual = subject.usual
    return survey.settled(records, usual.own.parameters, usual.numbers)


def _plain(settled: Any) -> Any:
    """What is settled in an order of its own, as it comes back from its file."""
    if isinstance(settled, Each):
        return {
            number: decoded(encoded(settled.values[number])) for number in sorted(settled.values)
        }
    return decoded(encoded(settled))


def _has_survey(subject: StepSubject) -> bool:
    return subject.survey is not None


RULES = (
    Rule("masks", check_masks, lambda subject: any(s.mask_of for s in subject.component.stages)),
    Rule("facts", check_facts, lambda subject: any(s.facts for s in subject.component.stages)),
    Rule("survey-is-plain-data", check_plain_data, _has_survey),
    Rule("survey-in-any-order", check_order, _has_survey),
    Rule("survey-of-little", check_nothing_seen, _has_survey),
)
