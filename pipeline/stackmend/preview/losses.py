"""The losses of one slice by the optimize entries of a protocol, as a search would have them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from stackmend.errors import InputError, StepError
from stackmend.preview.searches import chain_before, entry_of
from stackmend.preview.state import State
from stackmend.protocol import OptimizeEntry
from stackmend.registry import (
    HIDDEN_RESULTS,
    IMAGE,
    INITIAL_IMAGE,
    PROBE_RESULTS,
    PROBES,
    REFERENCE_MASK,
    Undefined,
)
from stackmend.tuning.searching import candidates
from stackmend.tuning.session import Session
from stackmend.tuning.trial import Trial

IDLE = "no step marks anything that it could judge by"
"""Why an entry that chooses nothing has no loss."""


@dataclass(frozen=True)
class LossHere:
    """The loss of a slice by one optimize entry, corrected and as it is; ``None`` for a reason."""

    entry: int
    name: str
    loss: float | None
    untouched: float | None
    reason: str = ""


def losses_of(
    session: Session,
    state: State,
    number: int,
    channel: int,
    cancelled: Callable[[], bool],
) -> tuple[LossHere, ...]:
    """The loss of a slice by every optimize entry, of the chain that is shown."""
    entries = range(len(session.job.protocol.optimize))
    return tuple(_loss_by(each, session, state, number, channel, cancelled) for each in entries)


def _loss_by(
    entry: int,
    session: Session,
    state: State,
    number: int,
    channel: int,
    cancelled: Callable[[], bool],
) -> LossHere:
    found = entry_of(state, entry)
    name = found.loss.name
    if found not in session.job.protocol.searches:  # its values are fixed: they are judged as well
        found = replace(found, steps=found.steps or _marking(state))
    if not found.steps or not _readable(found, state):
        return LossHere(entry, name, None, None, IDLE)
    try:
        asked = candidates(session, chain_before(state, entry, channel), found)
    except (StepError, InputError) as error:
        return LossHere(entry, name, None, None, str(error))
    for each in asked:
        if each.trial:
            each.trial.cancelled = cancelled
    shown = next(each for each in asked if each.entry.alternative in ("", state.alternative))
    if shown.trial is None:
        return LossHere(entry, name, None, None, shown.refused)
    return _asked_of(shown.trial, entry, number, state.values)


def _readable(entry: OptimizeEntry, state: State) -> bool:
    """Whether the chain makes what the losses of an entry read."""
    known = {IMAGE, INITIAL_IMAGE, REFERENCE_MASK, PROBES, PROBE_RESULTS, HIDDEN_RESULTS}
    for bound in state.chains[0].steps:
        known.update(bound.component.makes)
    return all(known.issuperset(each.loss.reads) for each in entry.losses.values())


def _marking(state: State) -> tuple[str, ...]:
    """Every step that marks something, and every step that reads what such a step makes."""
    named: list[str] = []
    made: set[str] = set()
    for bound in state.chains[0].steps:
        component = bound.component
        if any(stage.mask_of for stage in component.stages) or made.intersection(component.reads):
            named.append(bound.id)
            made.update(set(component.makes) - {IMAGE})
    return tuple(named)


def _asked_of(trial: Trial, entry: int, number: int, values: Mapping[str, Any]) -> LossHere:
    own = {".".join(parameter) for parameter in trial.space.parameters}
    given = {name: value for name, value in values.items() if name in own}
    found: list[float | None] = []
    reason = ""
    for ask in (trial.loss, trial.loss_untouched):
        try:
            value = ask(number, given)
        except StepError as error:
            value = Undefined("", str(error))
        if isinstance(value, Undefined):
            reason = reason or value.reason
        found.append(None if isinstance(value, Undefined) else value)
    return LossHere(entry, trial.entry.loss.name, found[0], found[1], reason)
