"""A protocol that is being edited, and what it makes of single slices: exactly what a run writes.

``Preview`` is the door to this room: it examines a text (``state.py``) and answers questions about
its slices (``evaluation.py``), with one memory for all of them. It knows no page and no window.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from stackmend.chain import Products
from stackmend.errors import InputError, UsageError
from stackmend.preview.evaluation import BEFORE, Product, Slices, named_products
from stackmend.preview.state import Stacks, State, examined
from stackmend.preview.surveys import Event, Surveys
from stackmend.tuning.memory import Memory
from stackmend.tuning.remembered import Cancelled, never
from stackmend.workers.memory import available

__all__ = ["Cancelled", "Event", "Preview", "Product", "State"]

MOST = 2 * 10**9
"""Bytes that are remembered where nothing else is said, if a quarter of what is free is more."""


class Preview:
    """Examines protocols and shows what they make of single slices; any threads may ask.

    Parameters
    ----------
    memory
        Bytes that results may take together.
    say
        Is told of work in the background.
    """

    def __init__(
        self, *, memory: int | None = None, say: Callable[[Event], None] = lambda _: None
    ) -> None:
        limit = min(MOST, available() // 4) if memory is None else memory
        self.memory = Memory(limit)
        self._stacks = Stacks()
        self._surveys = Surveys(say)

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
        try:
            slices = self._slices(state, channel, cancelled, surveyed={*names} != {BEFORE})
            return slices.products(number, names, cancelled)
        except InputError:
            self._stacks.forget()
            raise

    def product_names(self, state: State) -> list[Product]:
        """What the chain of a state makes, in order; nothing of one with errors."""
        if not state.chains:
            return []
        return [product for product, _ in named_products(state.chains[0].graph()).values()]

    def close(self) -> None:
        """Stop what runs in the background, and forget everything."""
        self._surveys.close()
        self.memory.clear()

    def _slices(
        self, state: State, channel: int, cancelled: Callable[[], bool], *, surveyed: bool
    ) -> Slices:
        """The slices of a channel, with what surveys have settled unless that is not needed."""
        if state.job is None:
            raise UsageError("protocol: has errors, and nothing can be shown; mend these first")
        if not 0 <= channel < len(state.chains):
            what = f"there are 0 to {len(state.chains) - 1}, got {channel}"
            raise UsageError(f"channel: {what}; choose one of them")
        chain = state.chains[channel]
        if surveyed:
            chain = self._surveys.chain(state, channel, cancelled)
        return Slices(state.job, chain, self.memory)
