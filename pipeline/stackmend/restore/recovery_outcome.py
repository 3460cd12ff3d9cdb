"""What came of slices with known faults: the shares that are stated, or why none can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from stackmend.kernels.fault_places import Outlook, Piece, Place, faint_share, outlook
from stackmend.result.recovery_record import RecoveryRecord

FEWEST_PLACES = 4
"""Known faults that must have had room."""

FEWEST_PIXELS = 500
"""Pixels on which they must count, all together."""

ENOUGH_FOUND = 0.5
"""Share of the known faults that must be found; of fewer, those found do not tell."""

DISTURBED = 0.25
"""Squares of what is changed elsewhere, as a share of those added, above which nothing is said."""

FAINT = 1 / 3
"""Share of what was taken away that may be no stronger than the tissue, without clean slices."""


class Elsewhere(NamedTuple):
    """What happened where nothing was added or marked: squares, pixels, and those that changed.

    ``added`` has the squares of what was added.
    """

    squares: float = 0.0
    pixels: int = 0
    changed: int = 0
    added: float = 0.0

    def plus(self, other: Elsewhere) -> Elsewhere:
        """Both together."""
        return Elsewhere(
            self.squares + other.squares,
            self.pixels + other.pixels,
            self.changed + other.changed,
            self.added + other.added,
        )


class Outcome(NamedTuple):
    """A slice that was tried: what its faults are like, and what came of known ones.

    ``spread`` is that of its tissue; ``reason`` says why it could not be tried.
    """

    likeness: Any
    pieces: tuple[Piece, ...] = ()
    places: tuple[Place, ...] = ()
    spread: float = 0.0
    elsewhere: Elsewhere = Elsewhere()
    reason: str = ""


def with_figures(
    record: RecoveryRecord, outcomes: Mapping[int, Outcome], *, is_sure: bool
) -> RecoveryRecord:
    """A record with what the slices came to; ``is_sure`` that what was found are such faults."""
    pieces = [piece for each in outcomes.values() for piece in each.pieces]
    places = [place for each in outcomes.values() for place in each.places]
    elsewhere = Elsewhere()
    for each in outcomes.values():
        elsewhere = elsewhere.plus(each.elsewhere)
    record = replace(
        record,
        slices=tuple(number for number in sorted(outcomes) if outcomes[number].places),
        skipped={number: each.reason for number, each in outcomes.items() if each.reason},
        places=len(places),
        found=sum(place.area > 0 for place in places),
        faint=_faint(outcomes),
    )
    if not pieces:
        return replace(record, reason="; ".join(record.skipped.values()))
    if elsewhere.pixels:
        change = (elsewhere.squares / elsewhere.pixels) ** 0.5
        share = elsewhere.changed / elsewhere.pixels
        record = replace(record, clean_change=change, clean_changed=share)
    expected = outlook(pieces, places)
    reason = _doubt(record, places, expected, elsewhere, is_sure=is_sure)
    if reason or expected is None:
        return replace(record, reason=reason)
    taken, least, most, _ = expected
    return replace(record, taken=taken, taken_least=least, taken_most=most)


def _faint(outcomes: Mapping[int, Outcome]) -> float:
    """Share of what was taken away that is no stronger than the tissue of its slice."""
    taken = faint = 0.0
    for each in outcomes.values():
        own = sum(piece.taken for piece in each.pieces)
        taken += own
        faint += own * faint_share(each.pieces, each.spread)
    return faint / taken if taken else 0.0


def _doubt(
    record: RecoveryRecord,
    places: Sequence[Place],
    expected: Outlook | None,
    elsewhere: Elsewhere,
    *,
    is_sure: bool,
) -> str:
    """Why no share can be stated; empty where one can."""
    if not is_sure and record.faint > FAINT:
        faint = f"{record.faint:.0%} of what was taken away"
        return f"{faint} is no stronger than the tissue's own structures"
    pixels = sum(place.pixels for place in places)
    if len(places) < FEWEST_PLACES or pixels < FEWEST_PIXELS:
        room = f"{len(places)} places of {pixels} px in all"
        return f"beside what is marked there is room for {room}"
    if expected is None or expected.found < ENOUGH_FOUND:
        return f"only {record.found} of {len(places)} known ones were found"
    if elsewhere.squares > DISTURBED * elsewhere.added:
        return "tissue far from known ones changes with them"
    return ""
