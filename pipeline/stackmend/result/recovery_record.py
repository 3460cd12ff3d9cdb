"""What is recorded of a test on known faults, and its words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class RecoveryRecord:
    """What becomes of known faults that are added to slices; no figures where none could be tried.

    ``skipped`` has the reasons, by slice. Shares are of the root mean square of what was added.
    """

    of: str
    step: str
    channel: int
    slices: tuple[int, ...]
    skipped: Mapping[int, str]
    seconds: float = 0.0
    fields: int = 0
    taken: float | None = None
    taken_least: float | None = None
    taken_most: float | None = None
    clean_change: float | None = None
    clean_changed: float | None = None

    @property
    def words(self) -> str:
        """The headline: what is taken away, and what happens to clean tissue; or why not known."""
        if self.taken is None or self.taken_least is None or self.taken_most is None:
            reasons = "; ".join(f"slice {number}: {why}" for number, why in self.skipped.items())
            return f"not tested on known {self.of} ({reasons or f'no {self.of} was found'})"
        spread = f"from {100 * self.taken_least:.0f} to {100 * self.taken_most:.0f} %"
        share = f"{100 * self.taken:.0f} % ({spread}) is taken away"
        harm = f"{self.clean_change:.2g} grey levels, {100 * (self.clean_changed or 0):.2g} %"
        known = f"of a known {self.of} of this kind, {share}"
        return f"{known}; clean tissue changed by {harm} of its pixels"
