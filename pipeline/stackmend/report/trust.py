"""Whether a restoration can be trusted: slices that stand out, losses of held-out slices, and a verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from statistics import median
from typing import Any

from stackmend import words
from stackmend.report.landscape import Search
from stackmend.result.reading import Row, Source, number

REACH = 3
"""Slices to either side with which a slice is compared."""

FEWEST = 7
"""A stack of fewer slices says nothing about jumps."""

STRIKING = 6.0
"""How many typical differences from its neighbours a slice must be away to stand out."""

MEASURES = {
    # column: (what it is called, smallest jump that matters, as a share of the neighbours' value)
    "charged_area": ("charged area", 0.25),
    "mean_after": ("mean grey level", 0.02),
    "noise_after": ("noise", 0.1),
}


UNUSABLE = {
    "skipped": "unusable and left out",
    "kept": "unusable and taken over as they are",
    "blank": "unusable and blank",
}
"""What became of slices that could not be used, by their status."""

CLIPPED = 1e-4
"""Share of clipped pixels above which the result is in doubt."""


@dataclass(frozen=True)
class Jump:
    """A slice that does not fit to its neighbours."""

    place: int
    slice: str
    name: str
    column: str
    what: str
    value: float
    around: float
    strength: float
    in_the_input: bool
    channel: str = ""


def jumps(rows: Sequence[Row]) -> list[Jump]:
    """Slices whose charged area, mean or noise jumps against their neighbours, the most striking first.

    A value is compared with the median of the values of up to ``REACH`` slices on either side. It jumps if the
    difference is ``STRIKING`` times as large as is typical in the stack (the median of all such differences, scaled to
    a standard deviation), and large enough to matter. Stacks of fewer than ``FEWEST`` slices have no jumps.
    """
    found = [
        jump
        for own in by_channel(rows).values()
        for column in MEASURES
        for jump in _jumps(own, column)
    ]
    return sorted(found, key=lambda jump: (-jump.strength, jump.place))


def by_channel(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows of each channel; all under one name where there is but one."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.get("channel", ""), []).append(row)
    return found


def _jumps(rows: Sequence[Row], column: str) -> Iterator[Jump]:
    what, share = MEASURES[column]
    before = column.replace("after", "before")
    in_the_input = (
        {place for place, _, _ in _striking(rows, before, share)} if before != column else set()
    )
    for place, around, strength in _striking(rows, column, share):
        row = rows[place]
        value = number(row[column]) or 0.0
        yield Jump(
            place=place,
            slice=row["slice"],
            name=row["name"],
            column=column,
            what=what,
            value=value,
            around=around,
            strength=strength,
            in_the_input=place in in_the_input,
            channel=row.get("channel", ""),
        )


def _striking(rows: Sequence[Row], column: str, share: float) -> Iterator[tuple[int, float, float]]:
    """Place, the value around it, and how many typical differences it is away."""
    measured = [
        (place, value)
        for place, row in enumerate(rows)
        if (value := number(row.get(column))) is not None
    ]
    if len(measured) < FEWEST:
        return
    values = [value for _, value in measured]
    around = [
        median([*values[max(i - REACH, 0) : i], *values[i + 1 : i + 1 + REACH]])
        for i in range(len(values))
    ]
    differences = [abs(value - near) for value, near in zip(values, around, strict=True)]
    typical = 1.4826 * median(differences)
    largest = max(map(abs, values))
    for (place, _), near, difference in zip(measured, around, differences, strict=True):
        matters = difference > share * abs(near) and difference > 1e-3 * largest
        if matters and difference > STRIKING * typical:
            yield place, near, min(difference / typical if typical else 1e6, 1e6)


@dataclass(frozen=True)
class Compared:
    """The loss of a slice before and after, and what part it had in the choice."""

    slice: str
    role: str
    before: float | None
    after: float | None


def compared(search: Search, source: Source) -> list[Compared]:
    """Optimization and held-out slices with their losses, as far as they are known."""
    pictured: Mapping[str, Any] = next(
        (e for e in source.previews.get("searches", ()) if e.get("search") == search.index), {}
    )
    known: Mapping[str, Mapping[str, Any]] = pictured.get("compared") or {}
    chosen = search.chosen
    found = []
    if chosen is not None:
        for row in source.losses:
            if row["search"] == str(search.index) and row["combination"] == str(chosen.index):
                before = known.get(row["slice"], {}).get("loss_before")
                found.append(Compared(row["slice"], "optimization", before, number(row["loss"])))
    for name, loss in (search.record.get("held_out") or {}).items():
        after = loss if isinstance(loss, float | int) else None
        found.append(Compared(name, "held out", known.get(name, {}).get("loss_before"), after))
    return found


def agreement(slices: Sequence[Compared]) -> str:
    """How the held-out slices compare with those that chose, in a sentence."""
    chose = [
        each.after for each in slices if each.role == "optimization" and each.after is not None
    ]
    held = [each.after for each in slices if each.role == "held out" and each.after is not None]
    if not held:
        return (
            "No slice was held out, so nothing says how the choice does on slices that had no part in it. "
            "Add validate: [...] under optimize in the protocol."
        )
    if not chose:
        return ""
    training, testing = sum(chose) / len(chose), sum(held) / len(held)
    if testing <= training * 1.25:
        return (
            f"The held-out slices do as well as those that chose the parameters "
            f"({testing:.3f} against {training:.3f}): the choice carries over."
        )
    return (
        f"The held-out slices do worse than those that chose the parameters ({testing:.3f} against "
        f"{training:.3f}): the choice may not carry over to the whole stack. Choose on more slices."
    )


@dataclass(frozen=True)
class Verdict:
    """One sentence, what kind of news it is (good, neutral, doubtful, bad), and the reasons."""

    kind: str
    sentence: str
    reasons: tuple[str, ...] = ()


def verdict(source: Source, found: Sequence[Search], odd: Sequence[Jump]) -> Verdict:
    """The outcome of a run, from its facts."""
    if not source.finished:
        return _unfinished(source)
    doubts = list(_doubts(source, found, odd))
    truth, changed = source.record.get("truth"), _changed(source)
    if truth and truth["rmse_after"] > truth["rmse_before"]:
        rose = f"{truth['rmse_before']:.3g} to {truth['rmse_after']:.3g} grey levels"
        return Verdict(
            "bad",
            f"The stack got worse: its error against the known truth rose from {rose}.",
            tuple(doubts),
        )
    if any(search.get("status") == "nothing_found" for search in source.searches) and not _chosen(
        source
    ):
        return _nothing_found(source, changed, doubts)
    if not changed:
        return Verdict(
            "neutral", "Nothing was changed: every slice came out as it went in.", tuple(doubts)
        )
    if truth:
        fell = f"{truth['rmse_before']:.3g} to {truth['rmse_after']:.3g} grey levels"
        good = f"The stack was improved: its error against the known truth fell from {fell}"
    elif (pair := _loss_pair(source, found)) is None:
        return Verdict(
            "doubtful" if doubts else "neutral",
            "The steps were applied with the parameters given; no loss was measured, so look at the pictures.",
            tuple(doubts),
        )
    elif pair[1] < pair[0]:
        good = f"Charging was found and reduced: the loss fell from {pair[0]:.3f} to {pair[1]:.3f}"
    else:
        sentence = f"No improvement: the loss was {pair[0]:.3f} before and is {pair[1]:.3f} after the correction."
        return Verdict("bad", sentence, tuple(doubts))
    if doubts:
        return Verdict(
            "doubtful",
            f"{good}, but look again before you use it: {_count(doubts)}.",
            tuple(doubts),
        )
    return Verdict("good", f"{good}, and no check raised a doubt.")


def _unfinished(source: Source) -> Verdict:
    started, stopped = source.event("started"), source.event("stopped")
    total = (started.get("shape") or [0])[0]
    application = source.event("application started")
    total = application.get("slices", total)
    done = (
        f"{len(source.slices)} of {total} slices are restored"
        if application
        else "no slice is restored yet"
    )
    sentence = f"This run is not finished: {done}."
    if stopped.get("error") == "KeyboardInterrupt":
        sentence += " It was interrupted."
    elif stopped:
        sentence += f" It stopped with {stopped.get('error')}: {stopped.get('message', '')}"
    return Verdict(
        "doubtful", sentence, ("Run the same command again: it goes on where it stopped.",)
    )


def _nothing_found(source: Source, changed: bool, doubts: Sequence[str]) -> Verdict:
    if source.record.get("replaced_chain"):
        sentence = "No charging was found; the chain that the protocol gives for this case was applied instead."
        return Verdict("doubtful", sentence, tuple(doubts))
    if changed:
        sentence = "No charging was found; the steps against it were left out, only the other steps were applied."
        return Verdict("neutral", sentence, tuple(doubts))
    return Verdict("neutral", "No charging was found, and the stack is as it was.", tuple(doubts))


def _chosen(source: Source) -> bool:
    return any(search.get("status") == "chosen" for search in source.searches)


def _changed(source: Source) -> bool:
    return any((number(row.get("changed_fraction")) or 0) > 0 for row in source.slices)


def _loss_pair(source: Source, found: Sequence[Search]) -> tuple[float, float] | None:
    """The mean loss of the optimization slices before and after, of the last search that has both."""
    for search in reversed(found):
        both = [
            (each.before, each.after)
            for each in compared(search, source)
            if each.role == "optimization"
        ]
        pairs = [
            (before, after) for before, after in both if before is not None and after is not None
        ]
        if pairs:
            return sum(a for a, _ in pairs) / len(pairs), sum(b for _, b in pairs) / len(pairs)
    return None


def _doubts(source: Source, found: Sequence[Search], odd: Sequence[Jump]) -> Iterator[str]:
    """What speaks for looking again, each in a sentence."""
    for search in found:
        held_out = [each for each in compared(search, source) if each.role == "held out"]
        for each in held_out:
            if each.before is not None and each.after is not None and each.after >= each.before:
                values = f"{each.before:.3f} before, {each.after:.3f} after"
                yield f"On held-out slice {each.slice} the correction did not lower the loss ({values})."
        edge = list(search.record.get("on_edge") or {})
        if edge:
            yield f"The choice lies on the edge of its range for {_listed(edge)}: better values may lie beyond."
    slices = {jump.slice for jump in odd}
    if slices:
        verb = "slice does" if len(slices) == 1 else "slices do"
        yield f"{len(slices)} {verb} not fit to the neighbours ({words.few(sorted(slices, key=int), 5)})."
    output = source.record.get("output") or {}
    clipped, pixels = output.get("clipped") or 0, prod(output.get("shape") or [0])
    if clipped > CLIPPED * pixels:
        yield f"{clipped} pixels ({clipped / pixels:.2%}) were clipped to the range of the output type."
    bad = [row["slice"] for row in source.slices if row.get("status") in UNUSABLE]
    if bad:
        yield f"{len(bad)} {'slice' if len(bad) == 1 else 'slices'} could not be used ({words.few(bad, 5)})."


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _count(doubts: Sequence[str]) -> str:
    return (
        "one check raised a doubt" if len(doubts) == 1 else f"{len(doubts)} checks raised a doubt"
    )
