"""What is found of a result that is held against its record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from stackmend.words import figure


class Kind(StrEnum):
    """What a finding means, the worst first."""

    DIFFERENT = "different"
    EQUIVALENT = "equivalent"
    SAME_PIXELS = "same pixels, other file"
    NOTE = "note"


IDENTICAL = "identical"
"""The outcome where nothing is found but notes."""


@dataclass(frozen=True)
class Finding:
    """Something that is not as the record says.

    Attributes
    ----------
    where
        The file, by its path in the result folder, or ``input``.
    message
        What is the matter with it, and what was expected.
    kind
        What that means.
    slice, channel
        By their numbers in the input, where it is about one slice.
    difference
        Grey levels by which its pixels differ, where that is known.
    exact
        Whether that is the largest difference of all pixels; else it is at least so much.
    """

    where: str
    message: str
    kind: Kind = Kind.DIFFERENT
    slice: int | None = None
    channel: int | None = None
    difference: float | None = None
    exact: bool = False

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


@dataclass(frozen=True)
class Verification:
    """A result held against its record.

    ``stack`` is the stack that was looked at, ``slices`` how many slices that should be in it;
    ``tolerance`` the grey levels by which pixels may differ, ``hash`` the one of the record.
    """

    folder: Path
    stack: Path
    slices: int
    findings: Sequence[Finding]
    tolerance: float | None
    hash: str

    @property
    def outcome(self) -> str:
        """``identical``, ``equivalent``, ``same pixels, other file`` or ``different``."""
        kinds = {finding.kind for finding in self.findings}
        return next((kind.value for kind in list(Kind)[:-1] if kind in kinds), IDENTICAL)

    @property
    def different(self) -> bool:
        """Whether the result is not what its record says."""
        return self.outcome == Kind.DIFFERENT

    @property
    def first(self) -> Finding | None:
        """What is found of the first slice that has other pixels."""
        of_slices = [each for each in self._of_pixels if each.slice is not None]
        return min(of_slices, key=lambda each: (each.slice, each.channel), default=None)

    @property
    def worst(self) -> Finding | None:
        """What is found of the slice whose pixels differ most."""
        measured = [each for each in self._of_pixels if each.difference is not None]
        return max(measured, key=lambda each: each.difference or 0, default=None)

    @property
    def _of_pixels(self) -> list[Finding]:
        kinds = (Kind.DIFFERENT, Kind.EQUIVALENT)
        return [each for each in self.findings if each.kind in kinds and each.where != "input"]

    def to_json(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "run": str(self.folder),
            "stack": str(self.stack),
            "outcome": self.outcome,
            "slices": self.slices,
            "tolerance": self.tolerance,
            "record_hash": self.hash,
            "first": asdict(self.first) if self.first else None,
            "worst": asdict(self.worst) if self.worst else None,
            "findings": [asdict(finding) for finding in self.findings],
        }


def levels(difference: float) -> str:
    """Grey levels in words."""
    number = figure(difference)
    return f"{number} grey level{'s' * (number != '1')}"
