"""How far a phase of a run has come, at what rate, and how long it will take."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stackmend.words import count, duration, figure, printable

_KNOWN = {
    "survey": ("looking at the stack", "slices"),
    "search": ("searching", "combinations"),
    "check": ("checking what is done", "slices"),
    "apply": ("restoring", "slices"),
    "pictures": ("making pictures for the report", "slices"),
}
_WINDOW = 30.0
"""Seconds over which a rate is taken, so that a slow start is soon forgotten."""
_FEWEST = 10
"""Samples that are looked at however long ago they were: a slice may take minutes."""
_AT_ONCE = 0.5
"""Seconds in which what a worker was given together arrives: with slices that it kept, others that it did not."""


@dataclass
class Phase:
    """One phase of a run. Times are seconds of any clock that only goes forward.

    What an earlier run has finished passes in no time. Samples therefore begin anew after each such unit.
    """

    name: str
    label: str
    unit: str
    total: int
    megapixels: float | None
    started: float
    done: int = 0
    kept: int = 0
    now: float = field(init=False)
    _samples: deque[tuple[float, int]] = field(default_factory=deque)
    _first: tuple[float, int] = field(init=False)

    def __post_init__(self) -> None:
        self.now, self._first = self.started, (self.started, 0)
        self._samples.append(self._first)

    @classmethod
    def begun(cls, fields: Mapping[str, Any], now: float) -> Phase:
        """The phase that a ``progress`` event belongs to."""
        name = printable(str(fields["phase"]))
        label, unit = _KNOWN.get(name, (name.replace("_", " "), "steps"))
        return cls(
            name,
            label,
            printable(fields.get("unit", unit)),
            fields["total"],
            fields.get("megapixels"),
            now,
        )

    def continues(self, fields: Mapping[str, Any]) -> bool:
        """Whether an event belongs to this phase, not to the next one or to another of the same name."""
        return bool(fields["phase"] == self.name and fields["done"] >= self.done)

    def keep(self) -> None:
        """Note that the next unit was finished by an earlier run."""
        self.kept += 1
        self._samples.clear()

    def update(self, fields: Mapping[str, Any], now: float) -> None:
        """Note how far it has come."""
        self.done, self.total, self.now = fields["done"], fields["total"], now
        if not self._samples:
            self._first = (now, self.done)
        elif self.kept and now - self._first[0] < _AT_ONCE:
            self._first = (self._first[0], self.done)
            self._samples.clear()
        self._samples.append((self._first[0] if not self._samples else now, self.done))
        while len(self._samples) > _FEWEST and now - self._samples[0][0] > _WINDOW:
            self._samples.popleft()

    def rate(self, *, whole: bool = False) -> float | None:
        """Units a second, of late or over the whole phase; ``None`` while there is nothing to tell it from."""
        first = self._first if whole or not self._samples else self._samples[0]
        seconds, units = self.now - first[0], self.done - first[1]
        return units / seconds if units > 0 and seconds > 0 else None

    def left(self, now: float) -> float | None:
        """Seconds that it will still take; ``None`` where that is unknown, or nothing is left."""
        rate = self.rate()
        return (
            None
            if rate is None or self.done >= self.total
            else max((self.total - self.done) / rate - (now - self.now), 0)
        )

    def position(self) -> str:
        """``12 of 40``."""
        total = count(self.total)
        return f"{count(self.done):>{len(total)}} of {total}"

    def rates(self, *, whole: bool = False) -> list[str]:
        """The rate in the phase's unit, and in megapixels if their number is known."""
        rate = self.rate(whole=whole)
        if rate is None:
            return []
        pixels = [f"{figure(rate * self.megapixels)} MP/s"] if self.megapixels else []
        return [f"{figure(rate)} {self.unit}/s", *pixels]

    def outcome(self) -> str:
        """What is to be said of a phase that is over, or was stopped."""
        complete = self.done >= self.total
        reached = count(self.done) if complete else f"stopped at {self.position().strip()}"
        kept = [f"{count(self.kept)} of them kept"] if self.kept else []
        facts = [
            f"{reached} {self.unit}",
            *kept,
            duration(self.now - self.started),
            *self.rates(whole=True),
        ]
        return ", ".join(facts)
