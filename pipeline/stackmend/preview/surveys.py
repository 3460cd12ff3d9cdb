"""Surveys of a stack in the background: settled once, and remembered by what decides about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event as Flag
from threading import Lock
from typing import Any

import joblib

from stackmend.preview.state import State
from stackmend.result.journal import Journal, Ledger
from stackmend.result.log import Listener, Log
from stackmend.stacks import Reader
from stackmend.tuning.bindings import survey_of
from stackmend.tuning.chains import ChannelChain
from stackmend.tuning.memory import Memory
from stackmend.tuning.remembered import Cancelled
from stackmend.tuning.searching import optimization_slices
from stackmend.tuning.session import Session
from stackmend.tuning.survey import surveyed
from stackmend.workers.processes import Threads

WAIT_S = 0.02
"""How often one who waits asks whether he still has to."""


@dataclass(frozen=True)
class Event:
    """News of work in the background: what is done, how much of it, and of how much."""

    what: str
    done: int
    needed: int


Say = Callable[[Event], None]


def listener_of(cancelled: Callable[[], bool], say: Say = lambda _: None) -> Listener:
    """Passes progress on, and stops what makes it where that is not wanted any more."""

    def listen(kind: str, fields: Mapping[str, Any]) -> None:
        if cancelled():
            raise Cancelled
        if kind == "progress":
            say(Event(fields["phase"], fields["done"], fields["total"]))

    return listen


class Surveys:
    """Settles what the steps of a chain must know; one survey at a time, in the background."""

    def __init__(self, say: Say, memory: Memory) -> None:
        self._say, self._memory = say, memory
        self._thread = ThreadPoolExecutor(1, "survey")
        self._settled: dict[int, tuple[Reader, dict[str, Any]]] = {}
        self._lock = Lock()
        self._running: dict[tuple[Any, ...], tuple[Future[ChannelChain], Flag]] = {}
        self._waiting: dict[tuple[Any, ...], int] = {}

    def chain(self, state: State, channel: int, cancelled: Callable[[], bool]) -> ChannelChain:
        """The chain of a channel with all that its steps must know.

        Raises
        ------
        Cancelled
            If it is not wanted any more; the survey goes on until another one is.
        InputError, StepError
            If a slice cannot be read or computed, or a survey cannot settle.
        """
        chain = state.chains[channel]
        if not any(survey_of(bound) for bound in chain.steps):
            return chain
        steps = repr([(bound.id, dict(bound.parameters)) for bound in chain.steps])
        key = id(chain.reader), state.alternative, steps, *_slices_of(state)
        future = self._begun(key, state, channel)
        try:
            while True:
                try:
                    return future.result(WAIT_S)
                except TimeoutError:
                    if cancelled():
                        raise Cancelled from None
        finally:
            self._leave(key)

    def _begun(self, key: tuple[Any, ...], state: State, channel: int) -> Future[ChannelChain]:
        with self._lock:
            # What nobody waits for any more makes room.
            for other, (future, flag) in list(self._running.items()):
                if other != key and not self._waiting.get(other) and not future.done():
                    flag.set()
                    del self._running[other]
            self._waiting[key] = self._waiting.get(key, 0) + 1
            if key not in self._running:
                flag = Flag()
                future = self._thread.submit(self._surveyed, state, channel, flag)
                self._running[key] = future, flag
            return self._running[key][0]

    def _leave(self, key: tuple[Any, ...]) -> None:
        with self._lock:
            self._waiting[key] -= 1
            if not self._waiting[key]:
                del self._waiting[key]
            future, _ = self._running.get(key, (None, None))
            if future is not None and future.done():  # what it settled is remembered
                del self._running[key]

    def _surveyed(self, state: State, channel: int, flag: Flag) -> ChannelChain:
        assert state.job is not None
        chain = state.chains[channel]
        session = self.session(state, channel, listener_of(flag.is_set, self._say))
        numbers = optimization_slices(state.job)
        return surveyed(chain, session, numbers, upto=len(chain.steps))

    def session(self, state: State, channel: int, listener: Listener) -> Session:
        """What surveys and searches work with: threads of this process, and no journal.

        What surveys have settled for a channel is known to it.
        """
        assert state.job is not None
        reader = state.chains[channel].reader
        # The reader is kept with it, so that no other one can have its number.
        _, settled = self._settled.setdefault(id(reader), (reader, {}))
        given = state.job, Log(None, listener), Threads(joblib.cpu_count())
        return Session(*given, Journal(None), Ledger(), settled, self._memory)

    def close(self) -> None:
        """Stop what is running."""
        with self._lock:
            for _, flag in self._running.values():
                flag.set()
        self._thread.shutdown(wait=False, cancel_futures=True)


def _slices_of(state: State) -> tuple[Any, ...]:
    """The slices of which surveys may look at some."""
    assert state.job is not None
    return state.job.slices, tuple(optimization_slices(state.job))
