"""What the second loss of a search says of the choice by the first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stackmend.registry import Undefined
from stackmend.sweep import Combination, mean_loss

MATERIAL = 0.1
"""Share by which a loss must be higher to count as clearly worse."""


@dataclass(frozen=True)
class SecondOpinion:
    """Its values, means over the slices.

    ``untouched`` has its values for the slices as they are, ``best`` is the combination that it
    would choose; ``None`` where there is no value. ``chain`` names another one of several chains
    where it is better still, whose value ``best_loss`` then is.
    """

    untouched: Mapping[int, float | Undefined]
    of_choice: float | None
    best: Combination | None
    best_loss: float | None
    chain: str = ""

    @property
    def before(self) -> float | None:
        """Its mean without correction."""
        return mean_loss(list(self.untouched.values()))

    @property
    def disagrees(self) -> bool:
        """Whether it finds the choice clearly worse than its own, or than no correction."""
        if self.of_choice is None or self.best_loss is None:
            return False
        untouched = self.before is not None and self.before < self.of_choice
        return untouched or self.of_choice > (1 + MATERIAL) * self.best_loss
