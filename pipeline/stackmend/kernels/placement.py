"""All slices of a stack in their places: found from pairs, or read from a file, as one plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from stackmend.kernels.transform_files import for_slices
from stackmend.kernels.transforms import canvas_of, centre_of, corners, moved

Plan = dict[str, Any]
NAMED = 12
"""Slices or pairs that a text names at the most."""


def loaded_plan(
    loaded: Mapping[str, Any],
    numbers: Sequence[int],
    shape: Sequence[int],
    scale: Sequence[float] | None,
) -> Plan:
    """The transforms of a file for some slices.

    Raises
    ------
    ValueError
        If the file has none of some slice, or is for slices of another shape.
    """
    known = {int(number): place for place, number in enumerate(loaded["numbers"])}
    missing = [number for number in numbers if number not in known]
    if missing:
        what = f"has no transform of slice {listed(missing)}"
        raise ValueError(f"{what}; leave these out, or load a file that has them")
    matrices = for_slices(loaded, shape, scale)[[known[number] for number in numbers]]
    return {"numbers": list(numbers), "matrices": matrices, "shape": list(shape)}


def values_of(plan: Mapping[str, Any], canvas: str) -> dict[int, dict[str, Any]]:
    """What every slice is given of a plan, by its number, as plain data.

    Raises
    ------
    ValueError
        If the slices have no canvas of that kind.
    """
    box: list[int] | None = None
    shape = [int(size) for size in plan["shape"]]
    if canvas != "input":
        origin, extent = canvas_of(plan["matrices"], shape, canvas)
        box = [*origin, *extent]
    found: dict[int, dict[str, Any]] = {}
    for number, matrix in zip(plan["numbers"], plan["matrices"], strict=True):
        found[int(number)] = {"matrix": np.asarray(matrix), "shape": shape, "canvas": box}
    return found


def doubts_of(plan: Mapping[str, Any]) -> list[str]:
    """What a person should know of a plan: pairs left out, and its own warnings."""
    said: list[str] = []
    dropped = plan.get("dropped", ())
    if dropped:
        every = len(dropped) + len(plan["pair_disagreement"])
        pairs = listed([f"{i} and {j} ({why})" for i, j, why in dropped])
        said.append(f"{len(dropped)} of {every} pairs of slices are left out: {pairs}")
    return [*said, *plan.get("warnings", ())]


def told_of(plan: Mapping[str, Any], *, loaded: str | None = None) -> str:
    """How far slices are moved, what pairs are left out and how well the others agree, in words."""
    shape = [int(size) for size in plan["shape"]]
    numbers, matrices = plan["numbers"], [np.asarray(each) for each in plan["matrices"]]
    middle, edges = centre_of(shape), corners(shape)
    far = [float(np.hypot(*(moved(each, middle) - middle))) for each in matrices]
    corner = max(float(np.hypot(*(moved(each, edges) - edges).T).max()) for each in matrices)
    most = int(np.argmax(far))
    said = f"slices moved by {np.mean(far):.3g} px on average, {far[most]:.3g} px at most "
    said += f"(slice {numbers[most]}; corners {corner:.3g} px)"
    if loaded is not None:
        return f"{said}, as {loaded} says"
    out, used = len(plan["dropped"]), len(plan["pair_disagreement"])
    left = f"{out} of {used + out} pairs left out" if out else f"all {used} pairs used"
    return f"{said}; {left}; disagreement {np.median(plan['disagreement_px']):.2g} px (median)"


def listed(values: Sequence[Any]) -> str:
    """Some values in words, the first of them if there are many."""
    shown = ", ".join(str(each) for each in values[:NAMED])
    return shown if len(values) <= NAMED else f"{shown} and {len(values) - NAMED} more"
