"""Slices held against the hashes that were recorded of them: which are others, and whose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from stackmend.verification.recorded import Key


class Mixed(NamedTuple):
    """A slice that has another's pixels; ``swapped`` says that this one has its own."""

    key: Key
    other: Key
    swapped: bool


def mixed_up(recorded: Mapping[Key, str], found: Mapping[Key, str]) -> Iterator[Mixed]:
    """The slices that have the pixels of others, each swapped pair once.

    Parameters
    ----------
    recorded, found
        Hashes by slice; empty where there are no pixels.
    """
    owners: dict[str, Key] = {}
    for key, hash in recorded.items():
        owners.setdefault(hash, key)
    told: set[Key] = set()
    for key, hash in found.items():
        other = owners.get(hash) if hash and hash != recorded[key] else None
        if other is None or key in told:
            continue
        swapped = found.get(other) == recorded[key]
        if swapped:
            told.add(other)
        yield Mixed(key, other, swapped)
