"""Steps and parameters of two runs, and what surveys settled for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stackmend.comparison.differences import Difference, Moves
from stackmend.result import Record
from stackmend.result.encoding import as_json
from stackmend.result.step_record import ParameterRecord, StepRecord
from stackmend.verification.recorded import Recorded

Steps = tuple[StepRecord, ...]


def steps(first: Recorded, second: Recorded) -> Iterator[Difference]:
    """Which steps there are, in which order and version, and what surveys settled for them."""
    for place, old, new in _chains(first.record, second.record):
        before, after = ({step.id: step for step in chain} for chain in (old, new))
        if list(before) != list(after):
            yield Difference("steps", f"steps{place}", [*before], [*after], Moves.CAN)
        for id in before.keys() & after.keys():
            yield from _step(f"{id}{place}", before[id], after[id])
    if _settled(first) != _settled(second):
        yield from _surveys(_settled(first), _settled(second))


def _step(what: str, old: StepRecord, new: StepRecord) -> Iterator[Difference]:
    names = (f"{old.step} {old.version}", f"{new.step} {new.version}")
    if names[0] != names[1]:
        yield Difference("steps", what, *names, Moves.CAN)
    if old.package != new.package:
        yield Difference("steps", f"package of {what}", old.package, new.package, Moves.CAN)


def parameters(first: Recorded, second: Recorded) -> Iterator[Difference]:
    """Values of the steps that both have, and where they come from."""
    for place, old, new in _chains(first.record, second.record):
        before, after = ({step.id: step for step in chain} for chain in (old, new))
        for id in (id for id in before if id in after):
            own, others = before[id].parameters, after[id].parameters
            for name in dict.fromkeys((*own, *others)):
                yield from _parameter(f"{id}.{name}{place}", own.get(name), others.get(name))


def _parameter(
    what: str, old: ParameterRecord | None, new: ParameterRecord | None
) -> Iterator[Difference]:
    values = _content(old), _content(new)
    origins = _origin(old), _origin(new)
    if values[0] != values[1]:
        note = " | ".join(dict.fromkeys(origins))
        yield Difference("parameters", what, *values, Moves.CAN, note)
    elif origins[0] != origins[1]:
        yield Difference("parameters", f"origin of {what}", *origins, Moves.CANNOT)


def _content(parameter: ParameterRecord | None) -> Any:
    return None if parameter is None else as_json(parameter["value"])


def _origin(parameter: ParameterRecord | None) -> str:
    return "not there" if parameter is None else parameter["origin"]


def _chains(first: Record, second: Record) -> Iterator[tuple[str, Steps, Steps]]:
    """The chains of the channels that both have, with what is said of the place."""
    old, new = (each.chains or {"": each.chain} for each in (first, second))
    if old.keys() != new.keys():
        channels = dict.fromkeys(str(number) for number in first.input.channels)
        both = [name for name in channels if int(name) in second.input.channels]
        old, new = _of_channels(first, both), _of_channels(second, both)
    for name in old:
        yield (f" of channel {name}" if name and len(old) > 1 else ""), old[name], new[name]


def _of_channels(record: Record, channels: Sequence[str]) -> dict[str, Steps]:
    return {name: (record.chains or {}).get(name, record.chain) for name in channels}


def _settled(known: Recorded) -> list[Mapping[str, str]]:
    """What surveys came to for all slices, by the hashes that the journal has of it."""
    if known.ledger.work is None:
        return []
    return [chain["settled"] for chain in known.ledger.work["pixels"]["chains"]]


def _surveys(
    first: list[Mapping[str, str]], second: list[Mapping[str, str]]
) -> Iterator[Difference]:
    for old, new in zip(first, second, strict=False):
        for name in dict.fromkeys((*old, *new)):
            if old.get(name) != new.get(name):
                values = old.get(name), new.get(name)
                yield Difference("surveys", name, *values, Moves.CAN, "by its hash")
