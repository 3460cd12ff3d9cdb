"""What is recorded of a test on known faults, and its words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class RecoveryRecord:
    """What becomes of known faults that are added to slices.

    Where no share can be stated, ``reason`` says why; it is empty where nothing was found in the
    slices that were looked at, so that there is nothing to state. Shares are of the root mean square of what was added. ``skipped``
    has why slices could not be tried, ``faint`` the share of what was taken away that is no
    stronger than the tissue's own structures. ``steps`` are those whose doing it is, where the
    chain has others that change slices: of these nothing is said.
    """

    of: str
    step: str
    channel: int
    steps: tuple[str, ...] = ()
    slices: tuple[int, ...] = ()
    skipped: Mapping[int, str] = field(default_factory=dict)
    seconds: float = 0.0
    places: int = 0
    found: int = 0
    faint: float = 0.0
    reason: str = ""
    taken: float | None = None
    taken_least: float | None = None
    taken_most: float | None = None
    clean_change: float | None = None
    clean_changed: float | None = None

    @property
    def share(self) -> str:
        """What is taken away, where that is known."""
        taken, least, most = self.taken or 0, self.taken_least or 0, self.taken_most or 0
        spread = f"from {100 * least:.0f} to {100 * most:.0f} % over {self.places} places"
        share = f"of a known {self.of} of this kind, {100 * taken:.0f} % ({spread}) is taken away"
        return f"{share} by {', '.join(self.steps)}" if self.steps else share

    @property
    def words(self) -> str:
        """The headline: what is taken away, and what happens to clean tissue; or why not known."""
        if self.taken is None:
            if not self.reason:
                where = f"in the slices that were looked at, {self.step} found none that counts"
                return f"how much of the {self.of} is taken away was not tested: {where}"
            return f"how much of the {self.of} is taken away is not known: {self.reason}"
        if self.clean_change is None or self.clean_changed is None:
            return self.share
        harm = f"{self.clean_change:.2g} grey levels, {100 * self.clean_changed:.2g} %"
        if self.steps:
            return f"{self.share}; they change clean tissue by {harm} of its pixels"
        return f"{self.share}; clean tissue is changed by {harm} of its pixels"
