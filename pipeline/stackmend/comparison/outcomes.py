"""What came of two runs: their slices and the pixels of these."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from stackmend.comparison.differences import Difference, Moves
from stackmend.errors import InputError
from stackmend.result.hashes import pixel_hash
from stackmend.verification.findings import levels
from stackmend.verification.pixels import Seen, compared, distance
from stackmend.verification.recorded import Key, Recorded
from stackmend.verification.stack import Stack

FACTS = ("status", "mask_area", "clipped")
"""What is compared of slices besides their pixels."""


def slices(first: Recorded, second: Recorded) -> Iterator[Difference]:
    """What became of slices that both have: those that only one has are said with their pixels."""
    for key, row in first.by_key.items():
        other = second.by_key.get(key)
        for name in FACTS if other else ():
            values = getattr(row, name), getattr(other, name)
            if values[0] != values[1]:
                what = f"{name} of {_named(key, first)}"
                yield Difference("slices", what, *values, Moves.OUTCOME)


def pixels(first: Recorded, second: Recorded, workers: int) -> Iterator[Difference]:
    """The slices that have other pixels, and by how much."""
    old, new = first.by_key, second.by_key
    both = [key for key in old if key in new and old[key].output_hash != new[key].output_hash]
    stacks = _stack(first), _stack(second)
    with ThreadPoolExecutor(workers) as pool:
        seen = list(pool.map(lambda key: _seen(key, first, second, *stacks), both))
    for key, found in zip(both, seen, strict=True):
        hashes = old[key].output_hash[:12], new[key].output_hash[:12]
        what = _named(key, first)
        yield Difference("pixels", what, *hashes, Moves.OUTCOME, _text(found))
    for key in old.keys() ^ new.keys():
        there = ("there", "not there") if key in old else ("not there", "there")
        yield Difference("pixels", _named(key, first), *there, Moves.OUTCOME)


def _stack(known: Recorded) -> Stack | None:
    try:
        return Stack.of(known)
    except InputError:
        return None


def _seen(
    key: Key, first: Recorded, second: Recorded, one: Stack | None, other: Stack | None
) -> Seen:
    """What tells two slices from each other: their pixels, or else their fingerprints."""
    hashes = first.by_key[key].output_hash, second.by_key[key].output_hash
    before, after = one.read(key) if one else None, other.read(key) if other else None
    if (
        before is not None
        and after is not None
        and (pixel_hash(before), pixel_hash(after)) == hashes
    ):
        return compared(hashes[1], before, after)
    prints = first.fingerprints.get(key), second.fingerprints.get(key)
    apart = distance(prints[0] or (), prints[1] or ())
    if apart is None or not apart.size:
        return Seen(hashes[1])
    return Seen(hashes[1], difference=float(apart.max()))


def _text(found: Seen) -> str:
    if found.difference is None:
        return "by how much is not known"
    if not found.exact:
        return f"by {levels(found.difference)} at least"
    return f"{found.count} px by {levels(found.difference)} at most, {found.where}"


def _named(key: Key, known: Recorded) -> str:
    several = len(known.record.input.channels) > 1
    return f"slice {key[0]}" + (f" of channel {key[1]}" if several else "")
