"""Curtains of any angle by robust means along them, less what structure alone would give."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.curtain_angle import Powers, best_angle, powers_at
from stackmend.kernels.curtains import (
    Curtain,
    CurtainShape,
    Drawn,
    curtain_bands,
    drawn_curtains,
    find_curtain,
    likeness,
    width_of,
)
from stackmend.kernels.neighbours_in_place import brought_together, masks_brought_together
from stackmend.kernels.slice_transform import SliceTransform
from stackmend.kernels.turning import left_out, turned, turned_back, turned_shape
from stackmend.registry import IMAGE, Plot, Show, Stage, Step, Survey, Window

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]
Plan = Mapping[str, Any]

LOOKS = 16


@dataclass(frozen=True)
class Beside:
    """A slice beside its neighbours.

    ``difference`` is what it has more than they, ``mask`` what does not take part in it, and
    ``alike`` which part of its own curtains, by band, they have as well.
    """

    difference: Image
    mask: Mask | None
    alike: Mapping[int, float]


def powers(
    image: Image, *, bands: int, ratio: float, shortest: float, clip: float, angle: float | str
) -> dict[str, Any]:
    """What looks like curtains in each band of a slice, and of the same slice transposed.

    With ``angle`` auto that of the slice, as well as how well each coarse angle does.
    """
    shape = CurtainShape(ratio, shortest, clip)
    if angle == "auto":
        return best_angle(image, bands, shape)
    return powers_at(image, float(angle), bands, shape)


def plan_of_stack(records: Mapping[int, Powers], *, angle: float | str) -> dict[str, Any]:
    """The angle, and by bands the mean square of curtains, of structure alone, and the gain."""
    looks = [records[number] for number in sorted(records)]
    if angle == "auto":
        totals = np.sum([look["scores"] for look in looks], axis=0)
        coarse = looks[0]["coarse"][int(np.argmax(totals))]
        looks = [each for each in looks if abs(each["angle"] - coarse) <= 5] or looks
    found = np.median([look["found"] for look in looks], axis=0)
    structure = np.median([look["structure"] for look in looks], axis=0)
    gain = 1 - structure / np.where(found > 0, found, np.inf)
    return {
        "angle": float(np.median([look["angle"] for look in looks])),
        "found": found.tolist(),
        "structure": structure.tolist(),
        "gain": np.where(found > 0, np.clip(gain, 0, 1), 0).tolist(),
    }


def evenly_spaced(numbers: Sequence[int], _: Sequence[int]) -> Sequence[int]:
    """Up to 16 slices of those that are restored."""
    places = np.linspace(0, len(numbers) - 1, min(LOOKS, len(numbers))).round()
    return [numbers[int(place)] for place in places]


def curtains_by_band(
    image: Image,
    curtain_plan: Plan,
    charging_mask: Mask | None = None,
    *,
    ratio: float,
    shortest: float,
    clip: float,
) -> dict[int, Curtain]:
    """The curtains of each band in which the stack has more of them than structure alone."""
    shape, angle = CurtainShape(ratio, shortest, clip), curtain_plan["angle"]
    active = [band for band, gain in enumerate(curtain_plan["gain"]) if gain > 0]
    if not active:
        return {}
    mask = left_out(image.shape, angle, charging_mask)
    bands = curtain_bands(turned(image, angle), active[-1] + 1)
    return {
        number: find_curtain(band, number, shape, mask)
        for number, band in enumerate(bands)
        if number in active
    }


def own_curtains(
    curtains_by_band: Mapping[int, Curtain], curtain_plan: Plan, *, gate: float
) -> dict[int, Drawn]:
    """The curtains of the bands with a gain of at least ``gate``, as they are to be drawn."""
    gains, structure = curtain_plan["gain"], curtain_plan["structure"]
    used = {band: each for band, each in curtains_by_band.items() if gains[band] >= gate}
    return {band: Drawn(each, structure[band]) for band, each in used.items()}


def uncurtained(
    image: Image, own_curtains: Mapping[int, Drawn], curtain_plan: Plan, *, neighbours: int
) -> Image:
    """The slice less these, for its neighbours; itself where these do not ask for it."""
    if not neighbours:
        return image
    found = _drawn(own_curtains.values(), curtain_plan["angle"], image.shape)
    return image if found is None else image - found


def beside(
    image: Window[Image],
    uncurtained: Window[Image],
    curtains_by_band: Window[Mapping[int, Curtain]],
    own_curtains: Window[Mapping[int, Drawn]],
    charging_mask: Window[Mask] | None = None,
    transform: Window[SliceTransform | None] | None = None,
    *,
    neighbours: int,
) -> Beside | None:
    """The slice less the mean of its neighbours without curtains, where there are any.

    Slices are compared in their places, where these are known, else as they lie. What they have in
    common is gone, so curtains stand out; those that neighbours have in the same places are told by
    how alike the slices' own are.
    """
    around = [place for place in range(len(image)) if place != image.centre]
    if not (neighbours and own_curtains[image.centre] and around):
        return None
    others, marked = list(uncurtained), list(charging_mask or ())
    if transform is not None:
        others = brought_together(others, transform, image.centre)
        marked = masks_brought_together(marked, transform, image.centre)
    mean = np.mean([others[place] for place in around], axis=0, dtype=np.float32)
    alike: dict[int, float] = {}
    for band, curtain in curtains_by_band[image.centre].items():
        alike[band] = likeness(curtain, [curtains_by_band[place][band] for place in around])
    mask = np.logical_or.reduce(marked) if marked else None
    return Beside(image[image.centre] - mean, mask, alike)


def curtains(
    image: Image,
    own_curtains: Mapping[int, Drawn],
    beside: Beside | None,
    curtain_plan: Plan,
    *,
    bands: int,
    ratio: float,
    shortest: float,
    clip: float,
    gate: float,
) -> Image | None:
    """All curtains of a slice, ``(Y, X)`` float32, if there are any.

    Those found beside its neighbours have gains of their own. They are taken for the slice's own
    as far as these are not those of the neighbours as well, which a difference cannot show; where
    the stack has no more in a band than structure alone, there is nothing to tell that by.
    """
    angle = curtain_plan["angle"]
    if beside is None:
        return _drawn(own_curtains.values(), angle, image.shape)
    how = {"ratio": ratio, "shortest": shortest, "clip": clip}
    look = powers_at(beside.difference, angle, bands, CurtainShape(**how))
    plan = plan_of_stack({0: look}, angle=angle)
    others = _found(beside, plan, gate, how)
    parts = [replace(each, weight=beside.alike[band]) for band, each in own_curtains.items()]
    told = sorted(others.keys() & beside.alike.keys())
    parts += [replace(others[band], weight=1 - beside.alike[band]) for band in told]
    return _drawn(parts, angle, image.shape)


def _found(beside: Beside, plan: Plan, gate: float, how: Mapping[str, float]) -> dict[int, Drawn]:
    """What the first pass does, with the difference in place of the slice."""
    by_band = curtains_by_band(beside.difference, plan, beside.mask, **how)
    return own_curtains(by_band, plan, gate=gate)


def _drawn(found: Collection[Drawn], angle: float, shape: tuple[int, ...]) -> Image | None:
    """Curtains of some bands, in the frame of the slice."""
    if not found:
        return None
    return turned_back(drawn_curtains(found, turned_shape(shape, angle)), angle, shape)


def destriped(image: Image, curtains: Image | None, *, strength: float) -> Image:
    """The slice less its curtains; itself, where there are none."""
    return image if curtains is None else image - np.float32(strength) * curtains


def taken_away(curtains: Image | None) -> dict[str, float]:
    """Root mean square of the curtains of a slice, grey levels."""
    return {"curtains": 0.0 if curtains is None else float(np.sqrt(np.mean(curtains**2)))}


def strength_by_width(curtain_plan: Plan) -> Plot:
    """What looks like curtains in each band, and what structure alone gives, root mean square."""
    found = {"found": curtain_plan["found"], "structure alone": curtain_plan["structure"]}
    curves = {name: np.sqrt(np.maximum(powers, 0)).tolist() for name, powers in found.items()}
    note = f"The curtains run at {curtain_plan['angle']:g} degrees to y."
    names = ("width of curtains (px)", "rms (grey levels)")
    return Plot(*names, curves, labels=_widths(curtain_plan), note=note)


def gain_by_width(curtain_plan: Plan, *, gate: float) -> Plot:
    """Which share of it structure does not explain, and from which share on it is taken away."""
    gains = curtain_plan["gain"]
    curves = {"gain": gains, "gate": [gate] * len(gains)}
    used = [width for width, gain in zip(_widths(curtain_plan), gains, strict=True) if gain >= gate]
    note = f"Taken away: {', '.join(used)} px." if used else "No band has enough to gain."
    return Plot("width of curtains (px)", "share", curves, labels=_widths(curtain_plan), note=note)


def _widths(plan: Plan) -> list[str]:
    return [f"{width_of(band):.2g}" for band in range(len(plan["gain"]))]


VARIANT = Step(
    name="robust",
    version=1,
    stages=(
        Stage(curtains_by_band, plural="estimates of curtains"),
        Stage(own_curtains),
        Stage(uncurtained),
        Stage(beside, window="neighbours"),
        Stage(curtains),
        Stage(destriped, makes=IMAGE),
        Stage(taken_away, facts={"curtains": "curtains, root mean square (grey levels)"}),
    ),
    survey=Survey("curtain_plan", powers, plan_of_stack, slices=evenly_spaced),
    shows=(
        Show(
            "Curtains by width",
            "What looks like curtains in the stack, and what its structure alone would look like. "
            "Curtains stand out where the first lies well above the second.",
            strength_by_width,
            whole_stack=True,
        ),
        Show(
            "What there is to gain",
            "The share of what was found that structure does not explain. Bands below the gate are "
            "left alone; a sample that is striped itself has a gain, too.",
            gain_by_width,
            whole_stack=True,
        ),
    ),
)
