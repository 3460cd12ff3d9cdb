"""What a step brings for people to judge it by: pictures and plots, declared beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Plot:
    """Curves over one axis, as plain numbers.

    Parameters
    ----------
    x_title, y_title
        What the axes are, with units.
    curves
        Values by what they are, a few of them: each as many as there are places.
    x
        The places; 0, 1, 2, ... if left out.
    labels
        What the places are called, where they are no numbers.
    dotted
        Names of those that are points and no line.
    """

    x_title: str
    y_title: str
    curves: Mapping[str, Sequence[float]]
    x: Sequence[float] = ()
    labels: Sequence[str] = ()
    dotted: Sequence[str] = field(default=())


@dataclass(frozen=True)
class Show:
    """One picture or plot of what a step makes.

    Parameters
    ----------
    title
        What it is, in a few words.
    words
        What it means and what to look at, in a sentence or two.
    made
        Like the function of a stage: positional parameters are products that exist behind the step,
        also those of its own survey, keyword-only ones its parameters. Returns an array ``(Y, X)``
        to be drawn as a picture, a ``Plot``, or ``None`` where there is nothing to be seen.
    signed
        Of a picture: whether 0 means nothing, and colours tell above from below.
    whole_stack
        Whether it is the same for every slice, so that once is enough.
    """

    title: str
    words: str
    made: Callable[..., Any]
    signed: bool = False
    whole_stack: bool = False
