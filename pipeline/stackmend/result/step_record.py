"""A step as it was applied, in the record of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict


class _Beside(TypedDict, total=False):
    """What more is known of some values.

    ``given`` is what was written, where that was a length; ``length`` is a value in px in nm or um
    (of an area, in their squares); ``file`` the SHA-256 of a file that the value names.
    """

    given: str
    length: str
    file: str


class ParameterRecord(_Beside):
    """A value and where it came from."""

    value: Any
    origin: str


@dataclass(frozen=True)
class StepRecord:
    """A step as it was applied.

    ``titles`` are what its parameters are called in words, ``facts`` what the numbers are that it
    says of every slice, ``found`` what it has found out about the stack, in words; ``polarity`` is
    ``dark`` or ``bright`` where it is meant for such faults.
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
    found: str = ""
