"""The slices of a stack, decoded and held against what was recorded of their pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.fingerprint import LEVELS, fingerprint, tiles_of
from stackmend.result.hashes import pixel_hash
from stackmend.result.rows import SliceRow
from stackmend.verification.findings import levels
from stackmend.verification.recorded import Key, Recorded
from stackmend.verification.stack import Stack


@dataclass(frozen=True)
class Seen:
    """What is found in place of a slice: the hash of its pixels, empty where there are none.

    ``difference`` are grey levels: the largest difference where it is ``exact``, else it is at
    least so much. ``spread`` is the range of grey levels of the recorded slice.
    """

    hash: str
    shape: tuple[int, ...] = ()
    dtype: str = ""
    difference: float | None = None
    exact: bool = False
    count: int | None = None
    where: str = ""
    spread: float = 0.0


def look(
    stack: Stack, known: Recorded, workers: int, beside: Stack | None = None
) -> dict[Key, Seen]:
    """Every slice of a stack that should have pixels, with what tells it from the recorded one.

    Parameters
    ----------
    beside
        The stack that was recorded, where it is another and is there: slices whose pixels there
        are the recorded ones are compared pixel by pixel.
    """
    rows = {(row.slice, row.channel): row for row in known.rows if row.output_hash}
    one = partial(_seen, stack=stack, rows=rows, prints=known.fingerprints, beside=beside)
    if workers == 1:
        return dict(zip(rows, map(one, rows), strict=True))
    with ThreadPoolExecutor(workers) as pool:
        return dict(zip(rows, pool.map(one, rows), strict=True))


def _seen(
    key: Key,
    *,
    stack: Stack,
    rows: Mapping[Key, SliceRow],
    prints: Mapping[Key, Sequence[float]],
    beside: Stack | None,
) -> Seen:
    pixels = stack.read(key)
    if pixels is None:
        return Seen("")
    hash, facts = pixel_hash(pixels), (pixels.shape, str(pixels.dtype))
    if hash == rows[key].output_hash:
        return Seen(hash, *facts)
    before = beside.read(key) if beside else None
    if before is not None and pixel_hash(before) == rows[key].output_hash:
        return compared(hash, before, pixels)
    return _estimated(hash, prints.get(key, ()), pixels)


def compared(hash: str, before: NDArray[Any], pixels: NDArray[Any]) -> Seen:
    """What tells a slice from the recorded one, pixel by pixel."""
    if before.shape != pixels.shape:
        return Seen(hash, pixels.shape, str(pixels.dtype))
    apart = np.abs(pixels.astype(np.float64) - before)
    y, x = np.unravel_index(int(np.argmax(apart)), apart.shape)
    return Seen(
        hash,
        pixels.shape,
        str(pixels.dtype),
        difference=float(apart[y, x]),
        exact=True,
        count=int(np.count_nonzero(apart)),
        where=f"at y {y}, x {x}",
        spread=float(before.max()) - float(before.min()),
    )


def distance(known: Sequence[float], now: Sequence[float]) -> NDArray[np.float64] | None:
    """By how much two fingerprints differ at least; ``None`` where they are of other shapes."""
    if len(known) != len(now):
        return None
    # Less what single precision may have rounded off either.
    rounded = 2 * np.spacing(np.abs(np.asarray(known, np.float32)))
    apart: NDArray[np.float64] = np.abs(np.asarray(now) - np.asarray(known)) - rounded
    return apart.clip(0)


def _estimated(hash: str, known: Sequence[float], pixels: NDArray[Any]) -> Seen:
    """What tells a slice from the recorded one at least, as far as fingerprints say."""
    seen = Seen(hash, pixels.shape, str(pixels.dtype))
    if pixels.ndim != 2 or not pixels.size:
        return seen
    apart = distance(known, fingerprint(pixels).tolist())
    if apart is None:
        return seen
    rows, columns = tiles_of(pixels.shape)
    row, column = divmod(int(np.argmax(apart[len(LEVELS) :])), len(columns) - 1)
    return Seen(
        hash,
        *(seen.shape, seen.dtype),
        difference=float(apart.max()),
        where=f"most in {_between('y', rows, row)}, {_between('x', columns, column)}",
        spread=known[len(LEVELS) - 1] - known[0],
    )


def _between(axis: str, ends: Sequence[int], place: int) -> str:
    return f"{axis} {ends[place]} to {ends[place + 1]}"


def named(row: SliceRow, known: Recorded) -> str:
    """A slice in words."""
    several = len(known.record.input.channels) > 1
    return f"slice {row.slice}" + (f" of channel {row.channel}" if several else "")


def difference_text(found: Seen, known: Recorded) -> str:
    """What is said of a slice that has other pixels than were recorded."""
    output = known.record.output
    if not found.hash:
        return "cannot be read"
    if found.shape != output.shape[1:] or found.dtype != output.dtype:
        now, then = _size(found.shape, found.dtype), _size(output.shape[1:], output.dtype)
        return f"is {now}, in the record {then}"
    if found.difference is None:
        return "has other pixels than its record"
    if found.exact:
        number = f"{found.count} pixels differ" if found.count != 1 else "1 pixel differs"
        most = levels(found.difference)
        return f"has other pixels: {number}, by {most} at most, {found.where}"
    if not found.difference:
        return "has other pixels, whose quantiles and tile means are those of the record"
    return f"has other pixels: by {levels(found.difference)} at least, {found.where}"


def _size(shape: Sequence[int], dtype: str) -> str:
    return f"{' x '.join(map(str, shape))} {dtype}"
