"""A step or loss with values for its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stackmend.registry import METHOD, Component, Step, decisive, in_use


@dataclass(frozen=True)
class Bound:
    """A step or loss of a protocol, with a value for each parameter that is not swept.

    Of a step with variants only the one is left that the method chooses, once that has a value.
    """

    component: Component
    id: str
    parameters: Mapping[str, Any]

    def __post_init__(self) -> None:
        if isinstance(self.component, Step) and self.component.variants:
            if METHOD not in self.parameters:
                return
            chosen = in_use(self.component, [self.parameters[METHOD]])
            known = {METHOD, *chosen.parameters}
            own = {name: value for name, value in self.parameters.items() if name in known}
            object.__setattr__(self, "component", chosen)
            object.__setattr__(self, "parameters", own)

    @property
    def is_known(self) -> bool:
        """Whether every parameter has a value, so that no later search chooses one."""
        return self.parameters.keys() >= set(self.component.parameters)

    @property
    def decisive(self) -> dict[str, Any]:
        """What of its parameters decides about pixels."""
        return {name: decisive(value) for name, value in self.parameters.items()}

    @property
    def survey_product(self) -> str | None:
        """Name under which what its survey settled is handed to this step, if it has one."""
        survey = self.component.survey if isinstance(self.component, Step) else None
        return f"{self.id}.{survey.makes}" if survey else None
