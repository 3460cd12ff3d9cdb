"""A slice comes out the same, in whatever company it is restored within its reach."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from stackmend.errors import InputError, StepError
from stackmend.registry import IMAGE
from stackmend.testing.content import Content, content_of, is_finite
from stackmend.testing.contract import Broken, Rule
from stackmend.testing.step_subject import StepSubject, is_refused

_STATE = "keep nothing outside of calls, such as a global, a cache or an argument's default"


def check_workers(subject: StepSubject) -> None:
    """See that slices one by one, in any order and on several threads, are those in a row."""
    usual, whole = subject.usual, subject.usual_products
    some = usual.numbers[::-3]
    expected = [content_of(whole[number]) for number in some]

    def alone(number: int) -> Content:
        return content_of(usual.evaluated([number])[0])

    if [alone(number) for number in some] != expected:
        raise Broken(f"slices one by one are other than in a row; {_STATE}")
    with ThreadPoolExecutor(3) as threads:
        together = list(threads.map(alone, some))
    if together != expected:
        raise Broken(f"on several threads it makes something else; {_STATE}")


def check_alone(subject: StepSubject) -> None:
    """See that a slice depends on no more of the stack than the step has declared."""
    usual, reach = subject.usual, subject.usual.chain.reach
    for number in (0, len(usual.numbers) // 2, usual.numbers[-1]):
        first = max(number - reach, 0)
        part = np.asarray(subject.stack)[first : number + reach + 1]
        [products] = usual.on_part(part, first).evaluated([number])
        if content_of(products) != content_of(subject.usual_products[number]):
            what = "declare what it sees with Stage(window=...) or Survey"
            raise Broken(f"slice {number} differs without those more than {reach} away; {what}")


def check_ends(subject: StepSubject) -> None:
    """See that the ends of a stack, where a window has fewer slices, are worked with."""
    for count in (1, 2):
        try:
            tried = subject.tried(np.asarray(subject.stack)[:count])
            products = tried.all_products()
        except (StepError, InputError) as error:
            if is_refused(error):
                continue
            what = "a Window may be shorter than 2 * radius + 1: use its len, centre and offsets"
            raise Broken(f"in a stack of {count}: {error}; {what}") from error
        for made in products:
            if IMAGE in made and not is_finite(made[IMAGE]):
                raise Broken(f"in a stack of {count} it makes pixels that are no numbers")


def check_missing_neighbour(subject: StepSubject) -> None:
    """See that what lies behind a slice that cannot be used is as if the stack ended there."""
    usual = subject.usual
    middle = len(usual.numbers) // 2
    holed = np.array(subject.stack)
    holed[middle] = holed[middle].min()  # of one grey level: windows go without it
    try:
        products = subject.tried(holed).evaluated([middle - 1, middle + 1])
    except (StepError, InputError) as error:
        if is_refused(error):
            return
        what = "a Window may have gaps: use its offsets"
        raise Broken(f"beside a slice that cannot be used: {error}; {what}") from error
    for made in products:
        if IMAGE in made and not is_finite(made[IMAGE]):
            raise Broken("beside a slice that cannot be used it makes pixels that are no numbers")


def _has_window(subject: StepSubject) -> bool:
    return any(stage.window for stage in subject.component.stages)


RULES = (
    Rule("workers-and-batches", check_workers),
    Rule("slices-alone", check_alone),
    Rule("window-at-the-ends", check_ends, _has_window),
    Rule("window-with-a-gap", check_missing_neighbour, _has_window),
)
