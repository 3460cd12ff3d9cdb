"""What is told of a run, piece by piece."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from stackmend.words import value


class Told(NamedTuple):
    """Something that a run has done or was given.

    ``about`` is what it is told of, ``fact`` the thing itself as JSON has it, ``text`` the words.
    """

    about: str
    fact: Any
    text: str


def named_values(values: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> str:
    """Parameters with their values, in words."""
    pairs = values.items() if isinstance(values, Mapping) else values
    return ", ".join(f"{name} {value(each)}" for name, each in pairs)
