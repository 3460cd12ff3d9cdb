"""What a step brings for people to judge it by: pictures and plots, declared beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # a report waits for no library of arrays
    from numpy.typing import NDArray


IMAGE_BEFORE = "image_before"
"""The product that is the slice as the step got it."""


@dataclass(frozen=True)
class Picture:
    """Values ``(Y, X)`` to be drawn, ``signed`` where colours are to tell above 0 from below.

    ``note`` is said below, in a sentence.
    """

    values: NDArray[Any]
    signed: bool = False
    note: str = ""


@dataclass(frozen=True)
class Plot:
    """Curves over one axis, as plain numbers.

    Parameters
    ----------
    x_title, y_title
        What the axes are, with units.
    curves
        Values by what they are, four at the most; each has one for every place.
    x
        The places; 0, 1, 2, ... if left out.
    labels
        What the places are called, where they are no numbers.
    dotted
        Names of the curves that are points without a line.
    note
        What is said below, in a sentence.
    """

    x_title: str
    y_title: str
    curves: Mapping[str, Sequence[float]]
    x: Sequence[float] = ()
    labels: Sequence[str] = ()
    dotted: Sequence[str] = ()
    note: str = ""


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
        that of its own survey among them, or ``image_before``, the slice as the step got it;
        keyword-only ones are its parameters. Returns a ``Picture``, a ``Plot``, or ``None`` where
        there is nothing to be seen.
    whole_stack
        Whether it is the same for every slice, so that once is enough.
    of_survey
        Whether it is made of all that the step's own survey settled, for all slices, which is then
        the only positional parameter; nothing is shown where no survey is needed.
    """

    title: str
    words: str
    made: Callable[..., Picture | Plot | None]
    whole_stack: bool = False
    of_survey: bool = False
