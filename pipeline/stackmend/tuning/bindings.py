"""Steps of a protocol bound to their values, and what is known of them at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from stackmend.chain import Bound, Products, refusable
from stackmend.protocol import StepEntry
from stackmend.registry import Step, Survey


def bind(entry: StepEntry) -> Bound:
    """A chain entry with its fixed parameters."""
    fixed = {name: value for name, value in entry.parameters.items() if name not in entry.sweeps}
    return Bound(entry.step, entry.id, fixed)


def survey_of(bound: Bound) -> Survey | None:
    """The survey that a step needs with its values, if it needs one."""
    survey = bound.component.survey if isinstance(bound.component, Step) else None
    return survey if survey and survey.is_needed(bound.parameters) else None


def not_needed(steps: Sequence[Bound]) -> Products:
    """What is handed to steps that need not know other slices."""
    return {
        each.survey_product: None for each in steps if each.survey_product and not survey_of(each)
    }


def known_of(steps: tuple[Bound, ...]) -> dict[str, Any]:
    """Steps of a chain, and what is known of them."""
    windowed = sees_neighbours(steps)
    return {"steps": steps, "windowed": windowed, "refusable": refusable(steps)}


def refused_in(steps: Sequence[Bound], ids: Collection[str]) -> dict[str, Any]:
    """What belongs to the identity of steps of which some have corrections that may be refused."""
    own = [bound.id for bound in steps if bound.id in ids]
    return {"refusable": own} if own else {}


def sees_neighbours(steps: Sequence[Bound]) -> bool:
    """Whether any stage sees neighbouring slices."""
    return any(stage.window for bound in steps for stage in bound.component.stages)
