"""A step as it was applied, in the record of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict


class _InOtherUnits(TypedDict, total=False):
    """What a value in px is in real units, where that is known.

    ``given`` is what was written, where that was a length; ``length`` is in nm or um (of an area,
    in their squares).
    """

    given: str
    length: str


class ParameterRecord(_InOtherUnits):
    """A value and where it came from."""

    value: Any
    origin: str


@dataclass(frozen=True)
class StepRecord:
    """A step as it was applied.

    ``titles`` are what its parameters are called in words, ``facts`` what the numbers are that it
    says of every slice; ``polarity`` is ``dark`` or ``bright`` where it is meant for such faults.
    """

    id: str
    step: str
    package: str
    version: int
    parameters: Mapping[str, ParameterRecord]
    references: tuple[str, ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    polarity: str | None = None
