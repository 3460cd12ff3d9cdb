"""Whether a restoration can be trusted: slices that stand out, and losses of held-out slices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from stackmend.report.landscape import Search
from stackmend.result import Result
from stackmend.result.rows import SliceRow

REACH = 3
"""Slices to either side with which a slice is compared."""

FEWEST = 7
"""A stack of fewer slices says nothing about jumps."""

STRIKING = 6.0
"""How many typical differences from its neighbours a slice must be away to stand out."""

COMMON, FEWEST_COMMON = 0.1, 3
"""Share of slices, and number, from which on jumps are how the stack is, not what stands out."""

MEASURES = {
    # column: (what it is called, smallest jump that matters, as a share of the neighbours' value)
    "mask_area": ("masked area", 0.25),
    "mean_after": ("mean grey level", 0.02),
    "noise_after": ("noise", 0.1),
}


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
    fewer than ``FEWEST`` slices have no jumps, and those in which a measure often jumps, as the
    masked area does where faults come and go, have none of that measure.
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


def facts_of(source: Result) -> dict[str, str]:
    """What the numbers are that steps say of slices, by the names of their columns."""
    found: dict[str, str] = {}
    for step in source.record.chain if source.finished else ():
        found |= {f"{step.id}.{name}": words for name, words in step.facts.items()}
    return found


def _jumps(rows: Sequence[SliceRow], column: str) -> Iterator[Jump]:
    what, share = MEASURES[column]
    before, in_the_input = column.replace("after", "before"), set()
    if before != column:
        in_the_input = {place for place, *_ in _striking(rows, before, share)}
    found = list(_striking(rows, column, share))
    if len(found) > max(COMMON * len(rows), FEWEST_COMMON):
        return
    for place, value, around, strength in found:
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
        before = {number: each.loss_before for number, each in pictured["compared"].items()}
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
