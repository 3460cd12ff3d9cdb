"""The input of a run, held against what its record says of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from stackmend.errors import BadSlice
from stackmend.result.hashes import pixel_hash
from stackmend.stacks import Reader
from stackmend.verification.findings import Finding, Kind
from stackmend.verification.mixed import mixed_up
from stackmend.verification.pixels import named
from stackmend.verification.recorded import Key, Recorded

WHERE = "input"


def findings(known: Recorded, readers: Sequence[Reader], workers: int) -> Iterator[Finding]:
    """What is not as the record says of the input: the stack as a whole, then its slices.

    Parameters
    ----------
    readers
        Of all channels of the stack.
    """
    differences = list(_of_identity(known, readers))
    for what in differences:
        yield Finding(WHERE, what)
    channels = known.record.input.channels
    if max(channels) >= len(readers):
        return
    recorded = {(row.slice, row.channel): row.input_hash for row in known.rows}
    with ThreadPoolExecutor(workers) as pool:
        hashes = pool.map(lambda key: _hash_of(readers[key[1]], key[0]), recorded)
        found = dict(zip(recorded, hashes, strict=True))
    yield from _of_slices(known, readers, recorded, found)


def _of_identity(known: Recorded, readers: Sequence[Reader]) -> Iterator[str]:
    first, before = readers[0], known.record.input
    sizes = dict(zip("zyx", first.metadata.pixel_size, strict=True))
    for what, now, then in (
        ("shape", " x ".join(map(str, first.shape)), " x ".join(map(str, before.shape))),
        ("pixel type", str(first.dtype), before.dtype),
        ("pixel size in nm (z, y, x)", list(sizes.values()), [*before.pixel_size_nm.values()]),
    ):
        if now != then:
            yield f"{what} is {now}, in the record {then}"
    if max(before.channels) >= len(readers):
        yield f"has {len(readers)} channels, in the record channel {max(before.channels)}"


def _of_slices(
    known: Recorded,
    readers: Sequence[Reader],
    recorded: Mapping[Key, str],
    found: Mapping[Key, str],
) -> Iterator[Finding]:
    rows = known.by_key
    told: set[Key] = set()
    for mixed in mixed_up(recorded, found):
        told |= {mixed.key, mixed.other} if mixed.swapped else {mixed.key}
        other = named(rows[mixed.other], known)
        what = f"is swapped with {other}" if mixed.swapped else f"has the pixels of {other}"
        yield Finding(WHERE, f"{named(rows[mixed.key], known)} {what}", Kind.DIFFERENT, *mixed.key)
    for key, hash in found.items():
        row, names = rows[key], readers[key[1]].names
        name = names[key[0]] if key[0] < len(names) else ""
        if hash != recorded[key] and key not in told:
            what = "has other pixels than its record" if hash else "is gone or cannot be read"
            yield Finding(WHERE, f"{named(row, known)} {what}", Kind.DIFFERENT, *key)
        elif name and name != row.name:
            what = f"is called {name}, in the record {row.name}"
            yield Finding(WHERE, f"{named(row, known)} {what}", Kind.NOTE, *key)


def _hash_of(reader: Reader, number: int) -> str:
    """The hash of a slice; empty where there are no pixels that can be used."""
    if number >= reader.shape[0]:
        return ""
    try:
        return pixel_hash(reader.page(number))
    except BadSlice:
        return ""
