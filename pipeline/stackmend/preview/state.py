"""One revision of a protocol that is being edited, examined as a check does."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any

from stackmend import protocol as protocols
from stackmend.addresses import Address
from stackmend.errors import Problem, StackmendError
from stackmend.job import CheckResult, Job, examine_stack, readers_of
from stackmend.protocol import Protocol, SliceSelection, Sweep
from stackmend.protocol.text import spell
from stackmend.stacks import Reader
from stackmend.tuning.chains import ChannelChain

_REVISIONS = itertools.count(1)
_ALL = SliceSelection("all")


@dataclass(frozen=True)
class State:
    """One revision of the text, with values for what it sweeps, examined.

    ``job`` is ``None`` where there are errors among the problems. ``values`` are by full name
    (``"find_charging.gf1_sigma"``), one for each swept parameter of the chain that is shown;
    ``alternative`` names the one of several chains that is in it. ``chains`` are those of the
    channels that are restored, before any survey.
    """

    revision: int
    text: str
    problems: tuple[Problem, ...]
    job: Job | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    alternative: str = ""
    chains: tuple[ChannelChain, ...] = ()

    @property
    def reader(self) -> Reader | None:
        """That of the first channel that is restored."""
        return self.job.reader if self.job else None


class Stacks:
    """The stack that was opened last: it stays open as long as it is the same, and there."""

    def __init__(self) -> None:
        self._opened: tuple[Any, tuple[Reader, ...]] | None = None
        self._lock = Lock()

    def of(self, protocol: Protocol) -> tuple[Reader, ...]:
        """Readers for the channels of the stack of a protocol.

        Raises
        ------
        InputError
            If it cannot be opened.
        """
        given = protocol.input
        same = replace(given, channels=None, slices=_ALL), _seen(given.path)
        with self._lock:
            if self._opened is None or self._opened[0] != same:
                self._opened = None
                self._opened = same, readers_of(protocol)
            return self._opened[1]

    def forget(self) -> None:
        """Open it again when it is asked for next."""
        with self._lock:
            self._opened = None


def _seen(path: Path | None) -> tuple[int, ...]:
    """What tells whether a file or folder is another one than before."""
    if path is None or isinstance(path, Address):
        return ()
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns


def examined(
    text: str,
    *,
    base: Path,
    name: str,
    values: Mapping[str, Any],
    alternative: str,
    stacks: Stacks,
) -> State:
    """A text as ``check`` sees it; what is wrong with it is among its problems."""
    revision = next(_REVISIONS)
    try:
        draft = protocols.examine(base / name, base=base, text=text)
        found = examine_stack(draft, stacks.of)
        state = State(revision, text, _problems_of(found))
        broken = any(problem.severity == "error" for problem in found.draft.problems)
        if broken or found.input_error:
            return state
        job = replace(found, output_error=None).job(written=False)
    except StackmendError as error:
        return State(revision, text, (Problem("", str(error)),))
    variants = job.protocol.variants
    shown = alternative if alternative in variants else next(iter(variants))
    state = _with_chains(replace(state, alternative=shown, job=job), values)
    of_values = _problems_of_values(state, base / name, base)
    if of_values:
        return State(revision, text, (*state.problems, *of_values))
    return state


def _problems_of_values(state: State, file: Path, base: Path) -> list[Problem]:
    """What is wrong with values on the screen, as if the file had them in place of its sweeps."""
    assert state.job is not None
    given: dict[str, str] = {}
    for entry in state.job.protocol.variant(state.alternative):
        for name, sweep in entry.sweeps.items():
            value = state.values[f"{entry.id}.{name}"]
            if value not in sweep.values:
                given[spell((*entry.path, name))] = json.dumps(value)
    if not given:
        return []
    draft = protocols.examine(file, base=base, text=state.text, set=given)
    wrong = (each for each in draft.problems if each.source.startswith("--set "))
    return [replace(each, source="") for each in wrong if each.severity == "error"]


def _problems_of(found: CheckResult) -> tuple[Problem, ...]:
    """All problems of a check, with those of the stack and the output at their places."""
    draft = found.draft
    text = draft.protocol.text if draft.protocol else None
    more: list[Problem] = []
    for place, error in (("input", found.input_error), ("output.path", found.output_error)):
        if error is not None:
            where = tuple(place.split("."))
            more.append(text.problem(where, str(error)) if text else Problem(place, str(error)))
    return draft.with_problems(more).problems


def _with_chains(state: State, values: Mapping[str, Any]) -> State:
    """A sound state with a value for each swept parameter, and the chains with these."""
    job = state.job
    assert job is not None
    entries = job.protocol.variant(state.alternative)
    current: dict[str, Any] = {}
    own: dict[tuple[str, str], Any] = {}
    for entry in entries:
        for name, sweep in entry.parameters.items():
            if isinstance(sweep, Sweep):
                full = f"{entry.id}.{name}"
                value = values.get(full)
                value = sweep.values[0] if value is None else value
                current[full] = own[entry.id, name] = value
    tolerant = job.protocol.input.on_bad_slice != "stop"
    chains: list[ChannelChain] = []
    for reader in job.readers:
        chain = ChannelChain.of(reader, entries, tolerant=tolerant)
        chains.append(replace(chain.with_values(own), alternative=state.alternative))
    return replace(state, values=current, chains=tuple(chains))
