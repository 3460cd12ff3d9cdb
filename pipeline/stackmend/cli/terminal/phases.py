"""How far a phase of a run has come, at what rate, and how long it will take."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from stackmend.words import count, duration, figure

_KNOWN = {
    "survey": ("looking at the stack", "slices"),
    "search": ("searching", "combinations"),
    "control": ("looking at clean slices", "combinations"),
    "check": ("checking what is done", "slices"),
    "apply": ("restoring", "slices"),
    "pictures": ("making pictures for the report", "slices"),
}
_WINDOW = 30.0
"""Seconds over which a rate is taken, so that a slow start is soon forgotten."""
_FEWEST = 10
"""Samples that are looked at however long ago they were: a slice may take minutes."""


class Phase:
    """One phase of a run. Times are seconds of any clock that only goes forward.

    What an earlier run has finished passes in no time: after it, rates are taken anew.
    """

    def __init__(self, fields: Mapping[str, Any], now: float) -> None:
        self.name = str(fields["phase"])
        self.label, unit = _KNOWN.get(self.name, (self.name.replace("_", " "), "steps"))
        self.unit: str = fields.get("unit", unit)
        self.megapixels: float | None = fields.get("megapixels")
        self.started, self.now = now, now
        self.total: int = fields["total"]
        self.done, self.kept = 0, 0
        self._first = now, 0
        self._samples = deque([self._first])

    def continues(self, fields: Mapping[str, Any]) -> bool:
        """Whether an event belongs to this phase, not to another one, of whatever name."""
        return bool(fields["phase"] == self.name and fields["done"] >= self.done)

    def keep(self) -> None:
        """Note that the next unit was finished by an earlier run."""
        self.kept += 1
        self._samples.clear()

    def update(self, fields: Mapping[str, Any], now: float) -> None:
        """Note how far it has come."""
        self.done, self.total, self.now = fields["done"], fields["total"], now
        if not self._samples:
            self._first = now, self.done
        self._samples.append((now, self.done))
        while len(self._samples) > _FEWEST and now - self._samples[0][0] > _WINDOW:
            self._samples.popleft()

    def rate(self, *, whole: bool = False) -> float | None:
        """Units a second, of late or of the whole phase; ``None`` while nothing can be said."""
        then, before = self._first if whole or not self._samples else self._samples[0]
        seconds, units = self.now - then, self.done - before
        return units / seconds if units > 0 and seconds > 0 else None

    def left(self, now: float) -> float | None:
        """Seconds that it will still take; ``None`` where that is unknown, or nothing is left."""
        rate = self.rate()
        if rate is None or self.done >= self.total:
            return None
        return max((self.total - self.done) / rate - (now - self.now), 0)

    def position(self) -> str:
        """``12 of 40``."""
        return f"{count(self.done)} of {count(self.total)}"

    def rates(self, *, whole: bool = False) -> list[str]:
        """The rate in the phase's unit, and in megapixels if their number is known."""
        rate = self.rate(whole=whole)
        if rate is None:
            return []
        pixels = [f"{figure(rate * self.megapixels)} MP/s"] if self.megapixels else []
        return [f"{figure(rate)} {self.unit}/s", *pixels]

    def facts(self, now: float) -> list[str]:
        """Where it stands, what matters most first."""
        left = self.left(now)
        remaining = [] if left is None else [f"{duration(left)} left"]
        return [self.position(), *remaining, *self.rates()]

    def outcome(self) -> str:
        """What is to be said of a phase that is over, or was stopped."""
        reached = count(self.done) if self.done >= self.total else f"stopped at {self.position()}"
        kept = [f"{count(self.kept)} of them kept"] if self.kept else []
        took = duration(self.now - self.started)
        return ", ".join([f"{reached} {self.unit}", *kept, took, *self.rates(whole=True)])
