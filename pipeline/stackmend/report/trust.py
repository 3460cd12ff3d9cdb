"""Whether a restoration can be trusted: slices that stand out, losses of held-out slices, and a verdict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from statistics import median

from stackmend.report.landscape import Search
from stackmend.result import Result
from stackmend.result.record import TruthRecord
from stackmend.result.rows import SliceRow

REACH = 3
"""Slices to either side with which a slice is compared."""

FEWEST = 7
"""A stack of fewer slices says nothing about jumps."""

STRIKING = 6.0
"""How many typical differences from its neighbours a slice must be away to stand out."""

MEASURES = {
    # column: (what it is called, smallest jump that matters, as a share of the neighbours' value)
    "mask_area": ("masked area", 0.25),
    "mean_after": ("mean grey level", 0.02),
    "noise_after": ("noise", 0.1),
}

CLIPPED = 1e-4
"""Share of clipped pixels above which the result is in doubt."""


@dataclass(frozen=True)
class Jump:
    """A slice that does not fit to its neighbours; ``place`` is that of its row."""

    place: int
    slice: int
    name: str
    column: str
    what: str
    value: float
    around: float
    strength: float
    in_the_input: bool
    channel: int = 0


def jumps(rows: Sequence[SliceRow]) -> list[Jump]:
    """Slices whose masked area, mean or noise jumps against their neighbours, the strongest first.

    A value is compared with the median of the values of up to ``REACH`` slices on either side. It
    jumps if the difference is ``STRIKING`` times as large as is typical in the stack (the median of
    all such differences, scaled to a standard deviation), and large enough to matter. Stacks of
    fewer than ``FEWEST`` slices have no jumps.
    """
    found: list[Jump] = []
    for own in by_channel(rows).values():
        for column in MEASURES:
            found.extend(_jumps(own, column))
    return sorted(found, key=lambda jump: (-jump.strength, jump.place))


def by_channel(rows: Sequence[SliceRow]) -> dict[int, list[SliceRow]]:
    """The rows of each channel."""
    found: dict[int, list[SliceRow]] = {}
    for row in rows:
        found.setdefault(row.channel, []).append(row)
    return found


def _jumps(rows: Sequence[SliceRow], column: str) -> Iterator[Jump]:
    what, share = MEASURES[column]
    before, in_the_input = column.replace("after", "before"), set()
    if before != column:
        in_the_input = {place for place, *_ in _striking(rows, before, share)}
    for place, value, around, strength in _striking(rows, column, share):
        yield Jump(
            place=place,
            slice=rows[place].slice,
            name=rows[place].name,
            column=column,
            what=what,
            value=value,
            around=around,
            strength=strength,
            in_the_input=place in in_the_input,
            channel=rows[place].channel,
        )


def _striking(
    rows: Sequence[SliceRow], column: str, share: float
) -> Iterator[tuple[int, float, float, float]]:
    """Place, value, the value around it, and how many typical differences it is away."""
    found = [(place, getattr(row, column)) for place, row in enumerate(rows)]
    measured = [(place, value) for place, value in found if value is not None]
    if len(measured) < FEWEST:
        return
    # each value beside the median of its neighbours, without itself
    values = [value for _, value in measured]
    around = []
    for index in range(len(values)):
        neighbours = values[max(index - REACH, 0) : index] + values[index + 1 : index + 1 + REACH]
        around.append(median(neighbours))
    differences = [abs(value - near) for value, near in zip(values, around, strict=True)]
    typical = 1.4826 * median(differences)
    largest = max(map(abs, values))
    for (place, value), near, difference in zip(measured, around, differences, strict=True):
        matters = difference > share * abs(near) and difference > 1e-3 * largest
        if matters and difference > STRIKING * typical:
            yield place, value, near, min(difference / typical if typical else 1e6, 1e6)


@dataclass(frozen=True)
class Compared:
    """The loss of a slice before and after, and what part it had in the choice."""

    slice: int
    role: str
    before: float | None
    after: float | None


def compared(search: Search, source: Result) -> list[Compared]:
    """Optimization and held-out slices with their losses, as far as they are known."""
    pictured = source.previews.of_search(search.index)
    before: dict[int, float | None] = {}
    if pictured:
        before = {number: each.loss_before for number, each in pictured.compared.items()}
    chosen = (search.index, search.chosen.index if search.chosen else None)
    losses = [row for row in source.losses if (row.search, row.combination) == chosen]
    found = [Compared(row.slice, "optimization", before.get(row.slice), row.loss) for row in losses]
    held_out = search.record.held_out if search.record else {}
    for number, loss in held_out.items():
        after = None if isinstance(loss, str) else loss
        found.append(Compared(number, "held out", before.get(number), after))
    return found


def agreement(slices: Sequence[Compared]) -> str:
    """How the held-out slices compare with those that chose, in a sentence."""
    chose, held = _after(slices, "optimization"), _after(slices, "held out")
    if not held:
        return (
            "No slice was held out, so nothing says how the choice does on slices that had no part "
            "in it. Add validate: [...] under optimize in the protocol."
        )
    if not chose:
        return ""
    training, testing = sum(chose) / len(chose), sum(held) / len(held)
    values = f"({testing:.3f} against {training:.3f})"
    if testing <= training * 1.25:
        return (
            f"The held-out slices do as well as those that chose the parameters {values}: the "
            "choice carries over."
        )
    return (
        f"The held-out slices do worse than those that chose the parameters {values}: the choice "
        "may not carry over to the whole stack. Choose on more slices."
    )


def _after(slices: Sequence[Compared], role: str) -> list[float]:
    return [each.after for each in slices if each.role == role and each.after is not None]


@dataclass(frozen=True)
class Verdict:
    """One sentence, what kind of news it is (good, neutral, doubtful, bad), and the reasons."""

    kind: str
    sentence: str
    reasons: tuple[str, ...] = ()


def verdict(source: Result, found: Sequence[Search], odd: Sequence[Jump]) -> Verdict:
    """The outcome of a run, from its facts."""
    if not source.finished:
        return _unfinished(source)
    doubts = tuple(_doubts(source, found, odd))
    kind, sentence = _news(source, found)
    if kind == "good" and doubts:
        count = "one check raised a doubt"
        if len(doubts) > 1:
            count = f"{len(doubts)} checks raised a doubt"
        return Verdict(
            "doubtful", f"{sentence}, but look again before you use it: {count}.", doubts
        )
    if kind == "good":
        return Verdict("good", f"{sentence}, and no check raised a doubt.")
    if kind == "unmeasured":
        kind = "doubtful" if doubts else "neutral"
    return Verdict(kind, sentence, doubts)


def _news(source: Result, found: Sequence[Search]) -> tuple[str, str]:
    """What became of the stack: the kind of news and a sentence; of good news without its end."""
    truth = source.record.truth
    changed = any((row.changed_fraction or 0) > 0 for row in source.slices)
    if truth and truth.rmse_after > truth.rmse_before:
        rose = f"its error against the known truth rose from {_levels(truth)}"
        return "bad", f"The stack got worse: {rose}."
    statuses = {search.status for search in source.searches}
    if "nothing_found" in statuses and "chosen" not in statuses:
        return _nothing_found(source, changed)
    if not changed:
        return "neutral", "Nothing was changed: every slice came out as it went in."
    if truth:
        fell = f"its error against the known truth fell from {_levels(truth)}"
        return "good", f"The stack was improved: {fell}"
    return _by_loss(source, found)


def _by_loss(source: Result, found: Sequence[Search]) -> tuple[str, str]:
    """The news where only a loss can tell: of the last search that has one before and after."""
    for search in reversed(found):
        pair = _loss_pair(search, source)
        if pair is None:
            continue
        before, after = pair
        if after >= before:
            values = f"the loss was {before:.3f} before and is {after:.3f} after the correction"
            return "bad", f"No improvement: {values}."
        finds = search.record.finds if search.record else ""
        what = f"{_capital(finds)} was found and reduced" if finds else "The stack was improved"
        return "good", f"{what}: the loss fell from {before:.3f} to {after:.3f}"
    given = "The steps were applied with the parameters given"
    return "unmeasured", f"{given}; no loss was measured, so look at the pictures."


def _levels(truth: TruthRecord) -> str:
    return f"{truth.rmse_before:.3g} to {truth.rmse_after:.3g} grey levels"


def _unfinished(source: Result) -> Verdict:
    progress = source.progress
    done = "no slice is restored yet"
    if progress.wanted is not None:
        done = f"{len(source.slices)} of {progress.wanted} slices are restored"
    sentence = f"This run is not finished: {done}."
    if progress.error == "KeyboardInterrupt":
        sentence += " It was interrupted."
    elif progress.error:
        sentence += f" It stopped with {progress.error}: {progress.message}"
    again = "Run the same command again: it goes on where it stopped."
    return Verdict("doubtful", sentence, (again,))


def _nothing_found(source: Result, changed: bool) -> tuple[str, str]:
    finds = next((search.finds for search in source.searches if search.finds), "")
    found = f"No {finds} was found" if finds else "Nothing was found"
    if source.record.replaced_chain:
        instead = "the chain that the protocol gives for this case was applied instead"
        return "doubtful", f"{found}; {instead}."
    if changed:
        others = "the steps against it were left out, only the other steps were applied"
        return "neutral", f"{found}; {others}."
    return "neutral", f"{found}, and the stack is as it was."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _loss_pair(search: Search, source: Result) -> tuple[float, float] | None:
    """The mean loss of the optimization slices before and after, of those that have both."""
    before, after = [], []
    for each in compared(search, source):
        if each.role == "optimization" and each.before is not None and each.after is not None:
            before.append(each.before)
            after.append(each.after)
    if not before:
        return None
    return sum(before) / len(before), sum(after) / len(after)


def _doubts(source: Result, found: Sequence[Search], odd: Sequence[Jump]) -> Iterator[str]:
    """What speaks for looking again, each in a sentence."""
    for search in found:
        yield from _doubts_about_choice(search, source)
    slices = sorted({jump.slice for jump in odd})
    if slices:
        verb = "slice does" if len(slices) == 1 else "slices do"
        yield f"{len(slices)} {verb} not fit to the neighbours ({_some(slices)})."
    output = source.record.output
    pixels = prod(output.shape)
    if output.clipped > CLIPPED * pixels:
        share = f"{output.clipped} pixels ({output.clipped / pixels:.2%})"
        yield f"{share} were clipped to the range of the output type."
    bad = [row.slice for row in source.slices if row.status.unusable]
    if bad:
        what = "slice" if len(bad) == 1 else "slices"
        yield f"{len(bad)} {what} could not be used ({_some(bad)})."


def _doubts_about_choice(search: Search, source: Result) -> Iterator[str]:
    for each in compared(search, source):
        if each.role != "held out" or each.before is None or each.after is None:
            continue
        if each.after >= each.before:
            what = f"On held-out slice {each.slice} the correction did not lower the loss"
            yield f"{what} ({each.before:.3f} before, {each.after:.3f} after)."
    edge = list(search.record.on_edge) if search.record else []
    if edge:
        where = f"on the edge of its range for {_some(edge, len(edge))}"
        yield f"The choice lies {where}: better values may lie beyond."


def _some(names: Sequence[object], count: int = 5) -> str:
    """Some names and how many more there are."""
    few, more = [str(name) for name in names[:count]], len(names) - count
    if more > 0:
        return f"{', '.join(few)} and {more} more"
    return " and ".join(filter(None, [", ".join(few[:-1]), few[-1]]))
