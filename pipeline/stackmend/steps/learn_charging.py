"""Learn what charge looks like in this stack, by adding charge that is known to slices of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.charge_learning import Lesson, learn, parts_of
from stackmend.kernels.charge_model import Charge, charge_of
from stackmend.kernels.matched_charge import charge_like, charge_likeness
from stackmend.registry import Recovery, Stage, Step, Survey, Unsettled, Window

Image = NDArray[np.float32]

OTHERS = 3  # slices that are learnt from besides those that are optimized on


def estimated_charge(image: Image, charge_model: Mapping[str, Any]) -> Charge:
    """What the model says of a slice by itself; nothing is learnt here.

    Parameters
    ----------
    image : (Y, X) float32
        In the grey levels that were learnt on, 64 x 64 px at least, all finite.
    charge_model
        What the survey settled.

    Returns
    -------
    Charge
        Estimates of the charge of every pixel, were it charged.
    """
    return charge_of(image, charge_model)


def learnt_charge(
    estimated_charge: Window[Charge] | Charge,
    *,
    neighbours: int,  # noqa: ARG001 - it says how many slices the window has
) -> Charge:
    """What is known of the charge of a slice once its neighbours are seen.

    Parameters
    ----------
    estimated_charge
        Of the slice and of its neighbours, if it has any.
    neighbours
        How many of these to either side.

    Returns
    -------
    Charge
        The difference to the neighbours where these are not charged at the same place, and agree
        with the slice around it; else the estimate of the slice by itself.
    """
    if isinstance(estimated_charge, Charge):  # without neighbours there is no window
        return estimated_charge
    centre = estimated_charge.centre
    return estimated_charge[centre].beside(estimated_charge, centre)


def parts(image: Image) -> list[NDArray[Any]]:
    """What is learnt from of a slice."""
    return parts_of(image)


def model(
    records: Mapping[int, Sequence[NDArray[Any]]],
    *,
    inverse: bool,
    members: int,
    rounds: int,
    copies: int,
    hidden: int,
    first: float,
    exclude: float,
    amplitude: Sequence[float],
    size: Sequence[float],
    seed: int,
) -> dict[str, Any]:
    """The model that is learnt from parts of slices; `kernels.charge_learning.learn` says how."""
    images = [part for number in sorted(records) for part in records[number]]
    if not images:
        raise Unsettled("no slice can be used to learn from; choose other optimization slices")
    lesson = Lesson(
        inverse=inverse,
        members=members,
        rounds=rounds,
        copies=copies,
        hidden=hidden,
        first=first,
        exclude=exclude,
        amplitude=(amplitude[0], amplitude[1]),
        size=(size[0], size[1]),
        seed=seed,
    )
    try:
        return learn(images, lesson)
    except ValueError as error:
        raise Unsettled(
            f"{error}; leave the learnt steps out, or learn from other slices"
        ) from error


def to_learn_from(numbers: Sequence[int], optimization: Sequence[int]) -> Sequence[int]:
    """The optimization slices, and three across the stack: what one lacks is in another."""
    last = len(numbers) - 1
    across = [numbers[round(place * last / (OTHERS - 1))] for place in range(OTHERS)]
    return [*optimization, *across]


def _refuse(parameters: Mapping[str, Any]) -> dict[str, str]:
    wrong: dict[str, str] = {}
    for name in ("amplitude", "size"):
        low, high = parameters[name]
        if not low <= high:
            wrong[name] = "the lower number must come first, for instance [8, 110]"
    return wrong


def _caution(_: Mapping[str, Any], open_products: frozenset[str]) -> str | None:
    if "scale" in open_products:
        return "learns from grey levels: slices that are standardised one by one differ in theirs"
    return None


STEP = Step(
    name="learn_charging",
    version=1,
    stages=(
        Stage(estimated_charge, plural="estimates of the charge"),
        Stage(learnt_charge, window="neighbours"),
    ),
    survey=Survey(makes="charge_model", look=parts, settle=model, slices=to_learn_from),
    refuse=_refuse,
    caution=_caution,
    recovery=Recovery("charge", charge_likeness, charge_like),
)
