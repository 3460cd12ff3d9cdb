"""Where the values of all parameters came from."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stackmend.explanation.told import Told
from stackmend.result import Record, Result
from stackmend.result.record import SearchRecord
from stackmend.result.step_record import ParameterRecord, StepRecord
from stackmend.words import figure, value

_CHOSEN = re.compile(r"chosen by search \((.*)\)")
_LINE = re.compile(r"line ([0-9]+)")


def values(result: Result) -> Iterator[Told]:
    """Every parameter of every step in the order of the chain, those of each channel."""
    record = result.record
    for channel, chain in (record.chains or {"": record.chain}).items():
        of = f" of channel {channel}" if channel else ""
        for step in chain:
            yield Told(f"{step.id}{of}", step.step, _step(step))
            for name, parameter in step.parameters.items():
                origin = _origin(record, step, name, channel)
                text = f"{_amount(parameter)}: {origin}"
                yield Told(f"{step.id}.{name}{of}", parameter["value"], text)
    if record.skipped_steps:
        why: dict[str, list[str]] = {}
        for id in record.skipped_steps:
            why.setdefault(_why_left_out(record, id), []).append(id)
        told = [f"{', '.join(steps)}: left out, as {reason}" for reason, steps in why.items()]
        yield Told("steps left out", list(record.skipped_steps), "; ".join(told))
    if record.replaced_chain:
        what = "the chain is the one under on_nothing_found, as nothing was found by the search"
        yield Told("chain", None, what)


def _amount(parameter: ParameterRecord) -> str:
    """A value, with its length (or area) in nm or um where that is known."""
    length = parameter.get("length")
    if not length:
        return value(parameter["value"])
    return f"{value(parameter['value'])} {'px²' if length.endswith('2') else 'px'} ({length})"


def _why_left_out(record: Record, id: str) -> str:
    for index, search in enumerate(record.searches):
        if id in search.steps and search.status != "chosen":
            return f"search {index} took nothing ({search.reason})"
    return "steps are that make what they need"


def _step(step: StepRecord) -> str:
    return f"step {step.step}, version {step.version}, of {step.package}"


def _origin(record: Record, step: StepRecord, name: str, channel: str) -> str:
    """Where a value came from, in words."""
    origin = step.parameters[name]["origin"]
    chosen = _CHOSEN.fullmatch(origin)
    if chosen:
        search = _search_of(record, step.id, name, channel)
        tried = f"of the range in {_place(record, chosen[1])}"
        return f"chosen by search {search}, {tried}" if search is not None else tried
    if origin == "default":
        return f"the default of {step.step}, as the protocol does not say"
    if origin == "on_nothing_found":
        return "as the protocol says under on_nothing_found"
    return _place(record, origin)


def _place(record: Record, origin: str) -> str:
    """A line of the protocol with what stands there, or what was typed."""
    line = _LINE.fullmatch(origin)
    lines = record.protocol["text"].splitlines()
    if line and 0 < int(line[1]) <= len(lines):
        text = lines[int(line[1]) - 1].strip()
        return f"{origin}: {text if len(text) <= 60 else text[:57] + '...'}"
    return f"given on the command line, {origin}" if origin.startswith("--") else origin


def _search_of(record: Record, id: str, name: str, channel: str) -> int | None:
    """Which search has chosen a parameter."""
    for index, search in enumerate(record.searches):
        own = id in search.steps or bool(search.one_of)
        if own and search.chosen and _column(search, id, name) and _of(search, channel, record):
            return index
    return None


def _of(search: SearchRecord, channel: str, record: Record) -> bool:
    """Whether a search is that of a channel; one is for all where there are no others."""
    channels = {each.channel for each in record.searches}
    return not channel or len(channels) == 1 or search.channel == int(channel)


def _column(search: SearchRecord, id: str, name: str) -> str | None:
    """What a parameter is called in a search, if it was swept there."""
    return next((each for each in (f"{id}.{name}", name) if each in search.space), None)


def loss_text(loss: float | None) -> str:
    """A loss in words."""
    return "no loss" if loss is None else f"loss {loss:.4g}"


def share(fraction: float) -> str:
    """A share of pixels in words."""
    return f"{figure(100 * fraction)} %"
