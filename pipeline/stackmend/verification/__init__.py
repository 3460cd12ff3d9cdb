"""Whether a result is what its record says, without the stack that it was made from.

``recorded`` reads what the result says of itself; ``files`` holds its files against their hashes,
``consistency`` its parts against each other, ``slices`` the pixels of its stack (or of another
run's) against those that were recorded, and ``source`` an input against that of the run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from stackmend.result import names
from stackmend.result.environment import MOVING_PIXELS
from stackmend.stacks import Reader
from stackmend.verification import consistency, files, source
from stackmend.verification.findings import Finding, Kind, Verification
from stackmend.verification.pixels import Seen, look
from stackmend.verification.recorded import Recorded, recorded_in
from stackmend.verification.slices import Judged
from stackmend.verification.stack import Stack

__all__ = ["Finding", "Kind", "Verification", "verify"]

WHOLE_NUMBERS = 1.0
"""Grey levels by which pixels of another machine may differ: what rounding can make of them."""

NARROW = 1e-4
"""The same for float32, as a share of the spread of the grey levels of a slice."""


def verify(
    run: Path,
    *,
    output_of: Path | None = None,
    readers: Sequence[Reader] = (),
    tolerance: float | None = None,
    workers: int | None = None,
) -> Verification:
    """Hold a result against its record.

    Parameters
    ----------
    run
        The result folder, or the ``run.json`` in it.
    output_of
        Another result, whose stack is held against the record in place of that of ``run``.
    readers
        Of all channels of the input, if that is to be looked at as well.
    tolerance
        Grey levels by which pixels may differ and be equivalent; by default none in the result
        itself, and in that of another run what another machine may make of them.
    workers
        How many slices are decoded at a time, one for each core by default.

    Raises
    ------
    InputError
        If there is no finished result of a run, or its record cannot be understood.
    """
    count = workers or os.cpu_count() or 1
    known = recorded_in(run)
    other = recorded_in(output_of) if output_of else None
    judged = _judged(known, other, tolerance, count)
    left = {path: each for path, each in judged.changes.items() if path not in judged.explained}
    found = [
        *known.findings,
        *judged.findings(),
        *files.findings(known, left),
        *consistency.findings(known),
        *(_of_machines(known, other) if other else ()),
        *(source.findings(known, readers, count) if readers else ()),
    ]
    stack, hash = judged.stack.writer.path, known.record.hash
    return Verification(known.folder, stack, len(judged.seen), found, tolerance, hash)


def _judged(
    known: Recorded, other: Recorded | None, tolerance: float | None, workers: int
) -> Judged:
    """The slices of the stack, looked at."""
    changes, own = files.changes(known), Stack.of(known)
    allowed = partial(_allowed, known=known, other=other, tolerance=tolerance)
    if other:
        changes = {path: each for path, each in changes.items() if not _of_stacks(path)}
        stack = Stack.of(other)
        seen = look(stack, known, workers, beside=own)
        return Judged(known, stack, seen, changes, allowed)
    whole = changes.get(own.writer.path.name)
    gone = whole is not None and whole.fate is files.Fate.GONE
    seen = {} if gone else look(own, known, workers)
    return Judged(known, own, seen, changes, allowed)


def _allowed(
    seen: Seen, *, known: Recorded, other: Recorded | None, tolerance: float | None
) -> float | None:
    """Grey levels by which a slice may differ."""
    if tolerance is not None or other is None:
        return tolerance
    return NARROW * seen.spread if known.record.output.dtype == "float32" else WHOLE_NUMBERS


def _of_stacks(path: str) -> bool:
    return path.split("/")[0] in names.STACKS


def _of_machines(known: Recorded, other: Recorded) -> Iterator[Finding]:
    """Notes on what may have made other pixels: the processor, and versions that can."""
    here, there = known.record.environment, other.record.environment
    if here["processor"] != there["processor"]:
        what = f"made on {there['processor']}, the record on {here['processor']}"
        yield Finding(str(other.folder), what, Kind.NOTE)
    for name in MOVING_PIXELS:
        now, then = there["packages"].get(name), here["packages"].get(name)
        if now != then:
            what = f"made with {name} {now}, the record with {then}"
            yield Finding(str(other.folder), what, Kind.NOTE)
