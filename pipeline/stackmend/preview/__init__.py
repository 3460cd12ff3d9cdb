"""A protocol that is being edited, and what it makes of single slices: exactly what a run writes.

``Preview`` is the door to this room: it examines a text (``state.py``) and answers questions about
its slices (``evaluation.py``), with one memory for all of them. It knows no page and no window.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from stackmend.chain import Products
from stackmend.errors import InputError, UsageError
from stackmend.job import Job
from stackmend.preview.ahead import Ahead
from stackmend.preview.evaluation import AFTER, BEFORE, MASK, Product, Slices, named_products
from stackmend.preview.figures import Figures, Profile, figures_of, profile_of
from stackmend.preview.losses import LossHere, losses_of
from stackmend.preview.searches import Point, Search, SearchNews
from stackmend.preview.state import Stacks, State, examined
from stackmend.preview.surveys import Event, Surveys, listener_of
from stackmend.preview.windows import QuickWindow
from stackmend.registry import UNRESTORED
from stackmend.tuning.memory import Memory
from stackmend.tuning.remembered import Cancelled, never
from stackmend.workers.memory import available

__all__ = [
    "Cancelled",
    "Event",
    "Figures",
    "LossHere",
    "Point",
    "Preview",
    "Product",
    "Profile",
    "SearchNews",
    "State",
]

MOST = 2 * 10**9
"""Bytes that are remembered where nothing else is said, if a quarter of what is free is more."""


class Preview:
    """Examines protocols and shows what they make of single slices; any threads may ask.

    ``memory`` are the bytes that results may take together; ``say`` is told of work in the
    background.
    """

    def __init__(
        self, *, memory: int | None = None, say: Callable[[Event], None] = lambda _: None
    ) -> None:
        limit = min(MOST, available() // 4) if memory is None else memory
        self.memory = Memory(limit)
        self._stacks = Stacks()
        self._surveys = Surveys(say, self.memory)
        self._ahead = Ahead()

    def take(
        self,
        text: str,
        *,
        base: Path,
        name: str,
        values: Mapping[str, Any] | None = None,
        alternative: str = "",
    ) -> State:
        """Examine a text as ``check`` does, its stack included; the stack stays open.

        Parameters
        ----------
        text
            The protocol.
        base
            The folder from which relative paths start.
        name
            The name of its file, for messages.
        values
            Values of swept parameters by full name; the first declared ones for those left out.
        alternative
            Which of several chains is shown; the first, if it is none of them.
        """
        return examined(
            text,
            base=base,
            name=name,
            values=values or {},
            alternative=alternative,
            stacks=self._stacks,
        )

    def products(
        self,
        state: State,
        number: int,
        channel: int,
        names: Collection[str],
        *,
        cancelled: Callable[[], bool] = never,
    ) -> Products:
        """Some products of a whole slice, exactly as a run computes them.

        Parameters
        ----------
        state
            Without errors.
        number, channel
            The slice, and the channel among those that are restored, both from 0.
        names
            ``before`` and ``after`` (the page as it is read, and as it is written), ``mask`` (all
            that is marked), and names of ``product_names``.
        cancelled
            Is asked before each stage, and while a survey is awaited.

        Returns
        -------
        Products
            By name; ``None`` for what there is none of. ``status`` and ``reason`` are beside them:
            what a run says of the slice, where ``after`` or ``mask`` is asked for.

        Raises
        ------
        UsageError
            If the state has errors, or there is no such slice, channel or product.
        Cancelled
            If it is not wanted any more.
        InputError, StepError
            If a slice cannot be read or computed, or a survey cannot settle.
        """
        self._ahead.stop()
        with self._opened_again_after_errors():
            slices = self._slices(state, channel, cancelled, surveyed={*names} != {BEFORE})
            return slices.products(number, names, cancelled)

    def quick(
        self,
        state: State,
        number: int,
        channel: int,
        name: str,
        window: tuple[slice, slice],
        *,
        cancelled: Callable[[], bool] = never,
    ) -> NDArray[Any] | None:
        """A window of a product, soon: what is not remembered is computed around it alone.

        It may differ from the exact one, most at its rim; that is to follow and to replace it.

        Parameters
        ----------
        state, number, channel, cancelled
            As for ``products``.
        name
            ``after``, ``mask`` or one of ``product_names``.
        window
            ``(y, x)`` in pixels of the slice as it is written.

        Returns
        -------
        ndarray or None
            ``None`` where a part of the slice does not say enough, or is not sooner there.

        Raises as ``products``.
        """
        self._ahead.stop()
        with self._opened_again_after_errors():
            slices = self._slices(state, channel, cancelled, surveyed=True)
            slices.check(number, (name,))
            made: NDArray[Any] | None = QuickWindow(slices, number, window, cancelled).made(name)
            return made

    def figures(
        self,
        state: State,
        number: int,
        channel: int,
        *,
        cancelled: Callable[[], bool] = never,
        losses: bool = True,
    ) -> Figures | None:
        """Numbers of a slice before and after; ``None`` of one that cannot be used.

        With ``losses``, also those of every optimize entry, which may take as long as a picture.
        Raises as ``products``.
        """
        with self._opened_again_after_errors():
            slices = self._slices(state, channel, cancelled, surveyed=True)
            found = figures_of(slices, number, cancelled)
            if found is None or not losses:
                return found
            session = self._surveys.session(state, channel, listener_of(cancelled))
            every = losses_of(session, state, number, channel, cancelled)
            return replace(found, losses=every)

    def profile(
        self,
        state: State,
        number: int,
        channel: int,
        start: tuple[float, float],
        stop: tuple[float, float],
        *,
        cancelled: Callable[[], bool] = never,
    ) -> Profile:
        """Grey levels before and after along a line between two pixels ``(y, x)``.

        Raises as ``products``, and ``UsageError`` if an end lies outside the slice.
        """
        with self._opened_again_after_errors():
            slices = self._slices(state, channel, cancelled, surveyed=True)
            return profile_of(slices, number, start, stop, cancelled)

    def search(
        self,
        state: State,
        entry: int,
        *,
        told: Callable[[SearchNews], None] = lambda _: None,
        cancelled: Callable[[], bool] = never,
    ) -> SearchNews:
        """The search of an optimize entry as a run does it, on the values of earlier ones shown.

        Parameters
        ----------
        state
            Without errors.
        entry
            Its number, from 0.
        told
            Is told how far the search has come, ten times a second at the most, and of the end.
        cancelled
            Is asked after every loss.

        Raises as ``products``, and ``UsageError`` if there is no such entry.
        """
        with self._opened_again_after_errors():
            self._sound(state, 0)
            session = self._surveys.session(state, 0, lambda *_: None)
            return Search(state, entry, session, told, cancelled).outcome()

    def read_ahead(self, state: State, number: int, channel: int) -> None:
        """Compute the slices beside one in the background, until anything else is asked for."""
        self._sound(state, channel)
        assert state.job is not None
        place = [each for each in (number + 1, number - 1) if each in state.job.slices]

        def ahead(cancelled: Callable[[], bool]) -> None:
            slices = self._slices(state, channel, cancelled, surveyed=True)
            for each in place:
                slices.products(each, (BEFORE, AFTER, MASK), cancelled)

        self._ahead.start(ahead)

    def product_names(self, state: State) -> list[Product]:
        """What the chain of a state makes, in order; nothing of one with errors."""
        if not state.chains:
            return []
        return [product for product, _ in named_products(state.chains[0].graph()).values()]

    def close(self) -> None:
        """Stop what runs in the background, and forget everything."""
        self._ahead.close()
        self._surveys.close()
        self.memory.clear()

    @contextmanager
    def _opened_again_after_errors(self) -> Iterator[None]:
        """A stack that could not be read is opened again when a text is taken next."""
        try:
            yield
        except InputError:
            self._stacks.forget()
            raise

    def _sound(self, state: State, channel: int) -> Job:
        """The job of a state without errors, if it has that channel."""
        if state.job is None:
            raise UsageError("protocol: has errors, and nothing can be shown; mend these first")
        if not 0 <= channel < len(state.chains):
            what = f"there are 0 to {len(state.chains) - 1}, got {channel}"
            raise UsageError(f"channel: {what}; choose one of them")
        return state.job

    def _slices(
        self, state: State, channel: int, cancelled: Callable[[], bool], *, surveyed: bool
    ) -> Slices:
        """The slices of a channel, with what surveys settled: if needed, or if pixels are moved."""
        job, chain = self._sound(state, channel), state.chains[channel]
        if surveyed or UNRESTORED in chain.graph().products:
            chain = self._surveys.chain(state, channel, cancelled)
        return Slices(job, chain, self.memory)
