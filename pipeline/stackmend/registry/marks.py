"""Which steps of a chain are about marked pixels: those that mark, and those that need marks."""

from __future__ import annotations

from collections.abc import Sequence

from stackmend.registry.components import Component
from stackmend.registry.products import IMAGE


def about_marks(steps: Sequence[Component]) -> list[bool]:
    """Whether each step of a chain marks pixels, or needs what a step made that does."""
    found: list[bool] = []
    made_of_marks: set[str] = set()
    for step in steps:
        marks = any(stage.mask_of for stage in step.stages)
        found.append(marks or not made_of_marks.isdisjoint(step.reads))
        if found[-1]:
            made_of_marks.update(name for name in step.makes if name != IMAGE)
        else:
            made_of_marks.difference_update(step.makes)
    return found
