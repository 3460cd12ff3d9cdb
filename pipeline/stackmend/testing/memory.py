"""What a step takes: a stated number of slices, however many the stack has."""

from __future__ import annotations

import tracemalloc

from stackmend.testing.contract import Broken, Rule
from stackmend.testing.samples import Endless
from stackmend.testing.step_subject import StepSubject

SIZE = 80, 96
"""Of the slices that memory is measured with."""

SLICES = 32
"""How many slices of float32 a step may take for each that it sees, where nothing is stated."""

COUNTS = 8, 12
"""Of slices in the stacks that are compared."""


def check_memory(subject: StepSubject) -> None:
    """See that the peak stays below what is stated, and does not grow with the stack."""
    one = 4 * SIZE[0] * SIZE[1]
    peaks = [_peak(subject, count) for count in COUNTS]
    stated = subject.slices_in_memory or SLICES
    seen = 2 * subject.usual.chain.reach + 1
    if peaks[0] > stated * seen * one:
        what = "free what is not needed, compute in place, or state slices_in_memory="
        raise Broken(f"takes {peaks[0] / one:.1f} slices, {stated * seen:g} are stated; {what}")
    more, slices = peaks[1] - peaks[0], COUNTS[1] - COUNTS[0]
    if more > 0.25 * one * slices + 0.02 * peaks[0]:  # what is garbage varies
        what = "keep no slices in records of a survey, nor anywhere else"
        raise Broken(f"with {slices} slices more it takes {more / one:.1f} of them more; {what}")


def _peak(subject: StepSubject, count: int) -> int:
    """The most memory that is taken at once while a stack is restored, in bytes."""
    stack = Endless(count, *SIZE)
    assert subject.usual_products  # whatever the first call loads is loaded
    tracemalloc.start()
    try:
        tried = subject.tried(stack)
        for _ in tried.restoring.pages(tried.chain, tried.numbers):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


RULES = (Rule("memory", check_memory),)
