"""What a step takes: a stated number of slices, however many the stack has."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Sequence

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
    """See that the peak stays below what is stated, and does not grow with the stack.

    What seems to be too much is measured a second time, and the smaller peaks count: something
    may have been loaded, compiled or filled for good, here or in another thread. A step that keeps
    slices keeps others then.
    """
    peaks = _peaks(subject, first=0)
    if _fault(subject, peaks):
        again = _peaks(subject, first=sum(COUNTS))
        peaks = [min(pair) for pair in zip(peaks, again, strict=True)]
    if fault := _fault(subject, peaks):
        raise Broken(fault)


def _fault(subject: StepSubject, peaks: Sequence[int]) -> str:
    """What is wrong with the peaks of a smaller and a larger stack; empty where nothing is."""
    one = 4 * SIZE[0] * SIZE[1]
    stated = (subject.slices_in_memory or SLICES) * (2 * subject.usual.chain.reach + 1)
    if peaks[0] > stated * one:
        what = "free what is not needed, compute in place, or state slices_in_memory="
        return f"takes {peaks[0] / one:.1f} slices, {stated:g} are stated; {what}"
    more, slices = peaks[1] - peaks[0], COUNTS[1] - COUNTS[0]
    if more > 0.25 * one * slices + 0.02 * peaks[0]:  # what is garbage varies
        what = "keep no slices in records of a survey, nor anywhere else"
        return f"with {slices} slices more it takes {more / one:.1f} of them more; {what}"
    return ""


def _peaks(subject: StepSubject, first: int) -> list[int]:
    """The peaks of both stacks; no slice is in two of them, nor in those from another ``first``."""
    starts = first, first + COUNTS[0]
    return [_peak(subject, *each) for each in zip(COUNTS, starts, strict=True)]


def _peak(subject: StepSubject, count: int, first: int) -> int:
    """The most memory that is taken at once while a stack is restored, in bytes."""
    stack = Endless(count, *SIZE, first=first)
    assert subject.usual_products  # whatever the first call loads is loaded
    gc.collect()
    tracemalloc.start()
    try:
        tried = subject.tried(stack)
        for _ in tried.restoring.pages(tried.chain, tried.numbers):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


RULES = (Rule("memory", check_memory),)
