"""Whether each search can be done: what must be chosen before it, how, and what guards it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stackmend.errors import Problem
from stackmend.protocol.model import OptimizeEntry, Protocol, StepEntry
from stackmend.registry import about_marks


def check_searches(protocol: Protocol) -> Iterator[Problem]:
    """What speaks against the searches of a protocol whose chain is sound."""
    looks = (problem for name in protocol.variants for problem in _surveys(protocol, name))
    yield from dict.fromkeys(looks)
    for entry in protocol.searches:
        yield from _patience(protocol, entry)
        yield from _clean_for_nothing(protocol, entry)


def _tuned(protocol: Protocol, entry: OptimizeEntry) -> Iterator[list[StepEntry]]:
    """The steps that a search tunes, of each of several chains."""
    for each in protocol.alternatives(entry):
        chain = protocol.variant(each.alternative)
        yield [step for step in chain if step.id in each.steps]


def _patience(protocol: Protocol, entry: OptimizeEntry) -> Iterator[Problem]:
    """A search along one parameter has one, and it is a number."""
    if entry.strategy["name"] != "patience":
        return
    for steps in _tuned(protocol, entry):
        swept = {
            f"{each.id}.{name}": sweep for each in steps for name, sweep in each.sweeps.items()
        }
        numbers = [
            isinstance(value, (int, float)) and not isinstance(value, bool)
            for sweep in swept.values()
            for value in sweep.values
        ]
        if len(swept) == 1 and all(numbers):
            continue
        found = ", ".join(swept) or "none"
        what = f"patience goes along one swept number, got {found}"
        message = f"{what}; sweep one number only, or take another strategy"
        yield protocol.text.problem((*entry.path, "strategy"), message)


def _clean_for_nothing(protocol: Protocol, entry: OptimizeEntry) -> Iterator[Problem]:
    """A warning where clean slices would refuse steps that are meant to change all pixels."""
    if not entry.clean or entry.max_changed >= 1:
        return
    for each in protocol.alternatives(entry):
        chain = protocol.variant(each.alternative)
        about = about_marks([step.step for step in chain])
        if any(marks and step.id in each.steps for step, marks in zip(chain, about, strict=True)):
            return
    what = "these steps mark nothing, so they change nearly every pixel of clean slices, too"
    message = f"{what}, and would be refused; leave this out, or set max_changed to 1"
    yield protocol.text.problem((*entry.path, "clean"), message, key=True, severity="warning")


def _surveys(protocol: Protocol, name: str) -> Iterator[Problem]:
    """Steps that must look at the stack while a sweep before them is still open."""
    chain = protocol.variant(name)
    for entry in chain:
        survey = entry.step.survey
        message = "decides about what the step must know of the stack first; give it one value"
        for own in sorted(entry.sweeps.keys() & set(survey.parameters if survey else ())):
            yield protocol.text.problem((*entry.path, own), message, key=True)
    for search in protocol.optimize:
        for each in protocol.alternatives(search):
            places = [place for place, step in enumerate(chain) if step.id in each.steps]
            if places and each.alternative in ("", name):
                yield from _behind_sweep(protocol, chain[places[0] : places[-1] + 1])


def _behind_sweep(protocol: Protocol, chain: Sequence[StepEntry]) -> Iterator[Problem]:
    """The same of the steps that one search tunes, with those between them."""
    swept: list[str] = []
    for entry in chain:
        survey = entry.step.survey
        if survey and survey.is_needed(entry.parameters) and swept:
            what = f"looks at the whole stack first, so {swept[0]} must have been chosen before"
            advice = "give it a later optimize entry of its own, or move it before"
            yield protocol.text.problem((*entry.path, "step"), f"{what}; {advice}")
        swept.extend(f"{entry.id}.{name}" for name in entry.sweeps)
