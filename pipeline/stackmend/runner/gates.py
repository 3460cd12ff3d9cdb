"""Gates: what a protocol allows of recorded measures at the most, held against a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import NamedTuple

from stackmend.job import Job
from stackmend.registry import Undefined
from stackmend.result.gate_record import GateRecord
from stackmend.result.rows import SliceRow
from stackmend.sweep import Choice
from stackmend.tuning.chains import Tuning


class _Measure(NamedTuple):
    """What was measured, and of which slice of which channel."""

    value: float
    slice: int
    channel: int


def gates_of(job: Job, tuning: Tuning, rows: Sequence[SliceRow]) -> tuple[GateRecord, ...]:
    """The gates of a protocol with what came of them: each with the worst slice.

    A measure that no slice has is ``None``, and passes.
    """
    found: list[GateRecord] = []
    pixels = prod(job.specimen)
    for gate, limit in job.protocol.gates.items():
        measures = list(_measures(gate, tuning, rows, pixels))
        worst = max(measures, key=lambda measure: measure.value, default=(None, None, None))
        value, number, channel = worst
        found.append(
            {"gate": gate, "limit": limit, "value": value, "slice": number, "channel": channel}
        )
    return tuple(found)


def _measures(
    gate: str, tuning: Tuning, rows: Sequence[SliceRow], pixels: int
) -> Iterator[_Measure]:
    """What a gate is about, of all slices that have it; they show so many pixels each."""
    if gate == "held_out_gap":
        yield from _held_out_gaps(tuning)
    elif gate == "masked_slices":
        yield from _share_of_slices(rows)
    else:
        for row in rows:
            share = _SHARES[gate](row, pixels)
            if share is not None:
                yield _Measure(share, row.slice, row.channel)


_SHARES: dict[str, Callable[[SliceRow, int], float | None]] = {
    "changed_fraction": lambda row, _: row.changed_fraction,
    "clipped_fraction": lambda row, pixels: row.clipped / pixels,
    "masked_fraction": lambda row, pixels: _share(row.mask_area, pixels),
}
"""Shares of the pixels of a slice."""


def _share(area: int | None, pixels: int) -> float | None:
    return None if area is None else area / pixels


def _share_of_slices(rows: Sequence[SliceRow]) -> Iterator[_Measure]:
    """That of the slices with anything masked, at the one with the largest mask."""
    looked = [row for row in rows if row.mask_area is not None]
    if looked:
        largest = max(looked, key=lambda row: row.mask_area or 0)
        share = sum(bool(row.mask_area) for row in looked) / len(looked)
        yield _Measure(share, largest.slice, largest.channel)


def _held_out_gaps(tuning: Tuning) -> Iterator[_Measure]:
    """What share of the loss of a held-out slice the optimization slices do not have."""
    for search in tuning.searches:
        choice = search.result.choice
        if not isinstance(choice, Choice):
            continue
        for number, loss in search.held_out.items():
            if not isinstance(loss, Undefined):
                gap = (loss - choice.loss) / loss if loss > choice.loss else 0.0
                yield _Measure(gap, number, search.channel)
