"""Stages are pure: they write to nothing they read, and give the same for the same."""

from __future__ import annotations

import pickle
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from stackmend.chain import Node, Products
from stackmend.errors import StepError
from stackmend.testing.content import content_of
from stackmend.testing.contract import Broken, Rule
from stackmend.testing.step_subject import StepSubject, Tried


class WatchedNode(Node):
    """Sees that its stage leaves what it reads as it is."""

    def compute(self, inputs: Sequence[Any], combination: Sequence[Any] = ()) -> Any:
        """Run the stage."""
        before = [content_of(each) for each in inputs]
        name = self.stage.function.__name__
        try:
            made = super().compute(inputs, combination)
        except StepError as error:
            if "read-only" in str(error):
                raise Broken(f"{name} writes to what it reads; {_COPY}") from error
            raise
        for source, old, new in zip(self.sources, before, inputs, strict=True):
            if content_of(new) != old:
                what = source if isinstance(source, str) else "what an earlier stage has made"
                raise Broken(f"{name} writes to {what}; {_COPY}")
        return made


_COPY = "work on a copy, image = image.copy()"


def check_untouched(subject: StepSubject) -> None:
    """See that no stage writes to what it reads."""
    usual = subject.usual
    usual.evaluated(usual.numbers, graph=usual.watched(WatchedNode))


def check_deterministic(subject: StepSubject) -> None:
    """See that a second time, with other random numbers about, the same comes out."""
    first = content_of(subject.usual_products)
    with other_random_numbers():
        again = subject.tried().all_products()
    if content_of(again) != first:
        raise Broken(NOT_THE_SAME)


NOT_THE_SAME = (
    "a second time it makes something else of the same slices; take random numbers from "
    "np.random.default_rng(seed), with the seed as a parameter, and keep nothing between calls"
)


@contextmanager
def other_random_numbers() -> Iterator[None]:
    """Exchange the random numbers that all share, from which a step may have drawn."""
    states = random.getstate(), np.random.get_state()  # noqa: NPY002 - those that are shared
    random.seed(17)
    np.random.seed(17)  # noqa: NPY002 - the same
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002 - the same


def check_pickling(subject: StepSubject) -> None:
    """See that the step can be sent to another process, and works there as here."""
    usual = subject.usual
    sent = through_pickle(usual.own)
    chain = usual.chain
    steps = (*chain.steps[: usual.place], sent, *chain.steps[usual.place + 1 :])
    settled = through_pickle(dict(chain.settled))
    there = Tried(
        usual.stack, replace(chain, steps=steps, settled=settled), usual.place, usual.restoring
    )
    made: list[Products] = there.all_products()
    if content_of(made) != content_of(subject.usual_products):
        raise Broken("in another process it makes something else; keep nothing outside of calls")


def through_pickle(value: Any) -> Any:
    """A value as it arrives in another process."""
    try:
        return pickle.loads(pickle.dumps(value))
    except Exception as error:  # whatever pickling anybody's objects raises
        what = "make stages of functions of a module, not of lambdas or of functions in functions"
        raise Broken(f"it cannot be sent to another process ({error}); {what}") from error


RULES = (
    Rule("input-untouched", check_untouched),
    Rule("deterministic", check_deterministic),
    Rule("pickling", check_pickling),
)
