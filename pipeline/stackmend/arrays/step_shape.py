"""What the function of a step takes and returns, by what the step declares."""

from __future__ import annotations

from dataclasses import dataclass

from stackmend.registry import IMAGE, Step, steps

FOUND = "found"
"""Results of earlier steps, in the signature."""


@dataclass(frozen=True)
class Returned:
    """The names of the products that are returned, and whether the one is returned as it is."""

    names: tuple[str, ...]
    alone: bool


def reads_image(step: Step) -> bool:
    """Whether a step reads the image, or its survey looks at it."""
    return IMAGE in step.reads or step.survey is not None


def products_read(step: Step) -> tuple[str, ...]:
    """What a step reads besides the image."""
    return tuple(name for name in step.reads if name != IMAGE)


def main_product(step: Step) -> str:
    """The product that stands for all: the image, else the mask, else what is made last."""
    if IMAGE in step.makes:
        return IMAGE
    masks = [stage.makes for stage in step.stages if stage.mask_of]
    return (masks or list(step.makes))[-1]


def returned(step: Step) -> Returned:
    """What the function of a step returns.

    The kind of that depends on the step alone: an image, where this is what it is for; its product,
    where there is one; else the main one, numbers about the slice, and all that some installed
    step reads.
    """
    if IMAGE in step.makes and step.opens is None:
        return Returned((IMAGE,), alone=True)
    if len(step.makes) == 1:
        return Returned(step.makes, alone=True)
    wanted = {main_product(step), step.opens, *(each.makes for each in step.stages if each.facts)}
    for other in steps().usable():
        wanted.update(other.reads)
    return Returned(tuple(name for name in step.makes if name in wanted), alone=False)


def sees_others(step: Step) -> bool:
    """Whether a step sees or looks at other slices, at least with some values."""
    return step.survey is not None or any(stage.window for stage in step.stages)
