"""What a search has tried, what it took and what it did not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stackmend.explanation.told import Told, named_values
from stackmend.explanation.values import loss_text, share
from stackmend.result import Result
from stackmend.result.record import SearchRecord
from stackmend.result.rows import LEAVE_IT_ALONE, MOST_MASKED, LossRow
from stackmend.words import count, counted, few

_OUT = ("refused", "failed")
_SHOWN = 5
"""Combinations that are named of those that are out."""


def searches(result: Result) -> Iterator[Told]:
    """Every search: what it asked, the best, the second best, and those that are out."""
    for index, search in enumerate(result.searches):
        rows = [row for row in result.losses if row.search == index]
        about = f"search {index}"
        yield Told(about, list(search.steps), _asked(search))
        yield _taken(about, search)
        yield from _others(about, search, rows)
        yield from _doubts(about, search)


def _asked(search: SearchRecord) -> str:
    space = "; ".join(f"{name} {few(values, 8)}" for name, values in search.space.items())
    slices = f"{'slice' if len(search.slices) == 1 else 'slices'} {few(search.slices)}"
    one_of = f"{search.one_of}: " if search.one_of else ""
    tried = counted(search.combinations, "combination")
    by = f"by {search.loss} (version {search.loss_version}), strategy {search.strategy['name']}"
    stop = f"; {search.stop}" if search.stop else ""
    return f"{one_of}{tried} on {slices} {by}" + (f": {space}" if space else "") + stop


def _taken(about: str, search: SearchRecord) -> Told:
    if search.status != "chosen":
        return Told(f"{about}, choice", search.status, f"nothing is taken: {search.reason}")
    values = named_values(search.chosen) or "the chain as it is"
    ranked = f"lowest of {count(search.combinations)}"
    text = f"{values}: {loss_text(search.loss_of_choice)}, {ranked}"
    return Told(f"{about}, choice", dict(search.chosen), text)


def _others(about: str, search: SearchRecord, rows: Sequence[LossRow]) -> Iterator[Told]:
    """The second best, what leaving it alone comes to, and the combinations that are out."""
    combinations = {row.combination: row for row in rows if row.combination != LEAVE_IT_ALONE}
    out = {row.combination for row in rows if row.status in _OUT}
    sound = [row for row in combinations.values() if row.combination not in out]
    measured = [row for row in sound if row.mean_loss is not None]
    measured.sort(key=lambda row: row.mean_loss or 0.0)
    rest = [row for row in measured if not _is(row, search.chosen)]
    if search.chosen and rest:
        text = f"{named_values(rest[0].values)}: {loss_text(rest[0].mean_loss)}"
        yield Told(f"{about}, second best", dict(rest[0].values), text)
    if search.loss_before is not None:
        yield Told(f"{about}, left alone", search.loss_before, loss_text(search.loss_before))
    refused = [row for row in rows if row.status in _OUT]
    if out:
        first: dict[Any, LossRow] = {}
        for row in refused:
            first.setdefault(row.combination, row)
        texts = [f"{named_values(row.values)} ({_reason(row, search)})" for row in first.values()]
        total = counted(len(out), "combination")
        yield Told(f"{about}, out", len(out), f"{total}: {few(texts, _SHOWN)}")


def _is(row: LossRow, chosen: Mapping[str, Any]) -> bool:
    """Whether a row of a table is that of these values."""
    own = {name: str(each) for name, each in row.values.items()}
    return own == {name: str(each) for name, each in chosen.items()}


def _reason(row: LossRow, search: SearchRecord) -> str:
    """Why a combination is out."""
    if row.reason:
        return row.reason
    if row.masked_share is not None and row.masked_share > MOST_MASKED:
        return f"masks {share(row.masked_share)} of slice {row.slice}"
    allowed = search.max_changed
    if row.clean_changed is not None and allowed is not None and row.clean_changed > allowed:
        changed = f"changes {share(row.clean_changed)} of a clean slice"
        return f"{changed}, {share(allowed)} are allowed"
    return row.status


def _doubts(about: str, search: SearchRecord) -> Iterator[Told]:
    """What speaks against the choice, or is to be known of it."""
    for number, loss in search.held_out.items():
        shown = loss if isinstance(loss, str) else loss_text(loss)
        yield Told(f"{about}, held out", loss, f"slice {number}: {shown}")
    for name, changed in search.clean.items():
        yield Told(f"{about}, clean", changed, f"{name}: {share(changed)} of its pixels change")
    for name, end in search.on_edge.items():
        yield Told(f"{about}, edge", name, f"{name} lies at the {end} end of what was tried")
    if search.without_effect:
        names = list(search.without_effect)
        yield Told(f"{about}, without effect", names, f"{few(names)} changes no loss")
    if search.tied:
        same = "combinations have the same loss; the first of them is taken"
        yield Told(f"{about}, tied", search.tied, f"{search.tied} other {same}")
    if search.also is not None:
        second = f"{search.also['loss']} {loss_text(search.also['of_choice'])} of the choice"
        disagrees = "; the two losses disagree" if search.also["disagrees"] else ""
        yield Told(f"{about}, second loss", dict(search.also), second + disagrees)
