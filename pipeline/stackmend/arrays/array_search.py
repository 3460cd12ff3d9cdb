"""``stackmend.search``: the search of a protocol on an array, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stackmend.arrays.frozen import frozen_text
from stackmend.arrays.given import GivenProtocol, content_of, job_of, session_of
from stackmend.arrays.page import searched_page
from stackmend.arrays.stack import stack_of
from stackmend.arrays.tables import (
    CHOSEN,
    chosen_values,
    decisive,
    losses_of,
    number_or_none,
    reasons,
    table_of,
)
from stackmend.errors import NothingFound, QualityError, StepError, WrongValue
from stackmend.registry import NOTHING_FOUND
from stackmend.result.log import Listener
from stackmend.sweep import NoChoice
from stackmend.tuning.chains import ChannelChain, FinishedSearch
from stackmend.tuning.searching import optimization_slices
from stackmend.tuning.session import Session
from stackmend.tuning.survey import surveyed
from stackmend.tuning.tune import tune, untuned
from stackmend.words import counted


@dataclass(frozen=True, repr=False)
class ArraySearch:
    """What a search on an array came to.

    Attributes
    ----------
    chosen : dict of str to value
        The chosen values by full name, ``{"find_charging.gf1_sigma": 40}``; empty without a choice.
    loss, loss_before : float or None
        Mean loss of the choice over the optimization slices, and of these as they are; of the
        last search, where there are several. Lower is better.
    reason : str
        Why nothing was chosen; empty where something was.
    slices : tuple of int
        The optimization slices.
    table : list of dict
        A row for each combination: its values by full name, ``loss`` (the mean over the slices) and
        ``status``, which is ``chosen``, ``ok``, or why it is out; ``pandas.DataFrame`` takes it.
    losses : dict of int to list of float or None
        For each slice the losses of the rows of the table, in their order; ``None`` where there is
        no value.
    held_out : dict of int to float or None
        The losses of slices that had no part in the choice.
    protocol : str or None
        The protocol with the chosen values in the places of its sweeps, as text that can be saved
        and run; ``None`` where no step is left to be applied.
    warnings : tuple of str
        What is doubtful.
    status : str
        ``chosen``, or why nothing was, in a word.
    """

    chosen: dict[str, Any]
    loss: float | None
    loss_before: float | None
    reason: str
    slices: tuple[int, ...]
    table: list[dict[str, Any]] = field(default_factory=list)
    losses: dict[int, list[float | None]] = field(default_factory=dict)
    held_out: dict[int, float | None] = field(default_factory=dict)
    protocol: str | None = None
    warnings: tuple[str, ...] = ()
    status: str = CHOSEN

    def apply(self, array: Any, **how: Any) -> Any:
        """Restore a slice or a stack with the chosen values; ``how`` is as for ``stackmend.apply``.

        On the array of the search this gives the pixels of a run. What steps must know of other
        slices (a survey) they find out on the array that is given.

        Raises
        ------
        QualityError
            If nothing was chosen, and no step is left to be applied.
        """
        from stackmend.arrays.application import apply  # which takes results of searches

        return apply(self, array, **how)

    def frozen(self) -> str:
        """The text of the protocol with the chosen values.

        Raises
        ------
        QualityError
            If there is none.
        """
        if self.protocol is None:
            error = NothingFound if self.status == NOTHING_FOUND else QualityError
            raise error(self.reason)
        return self.protocol

    def __repr__(self) -> str:
        what = f"{counted(len(self.table), 'combination')}, slices {list(self.slices)}"
        if self.reason:
            return f"<ArraySearch: nothing chosen ({self.reason}); {what}>"
        values = ", ".join(f"{name}={value!r}" for name, value in self.chosen.items())
        before = "" if self.loss_before is None else f", {self.loss_before:.4g} without correction"
        loss = "" if self.loss is None else f"; loss {self.loss:.4g}{before}"
        return f"<ArraySearch: {values or 'nothing was swept'}{loss}; {what}>"

    def _repr_html_(self) -> str:
        return searched_page(self.chosen, self.reason, self.table)


def search(
    protocol: GivenProtocol,
    array: Any,
    *,
    slices: Sequence[int] | None = None,
    set: Mapping[str, Any] | None = None,
    workers: int | None = None,
    listener: Listener | None = None,
) -> ArraySearch:
    """Search the swept parameters of a protocol on a slice or a stack that is at hand.

    This is the search of a run: the same losses, guards and choice.

    Parameters
    ----------
    protocol
        The path of a protocol, its text (of several lines, or JSON), or its content as a mapping.
    array : (Y, X) or (Z, Y, X) array of uint8, uint16, int16 or float32
        As for ``stackmend.apply``; only slices that are searched on are read, and their neighbours
        where steps see these, unless a survey must look at others.
    slices
        Numbers of the optimization slices, over those of the protocol; the slice itself where there
        is one.
    set, workers, listener
        As for ``stackmend.apply``; ``set={"optimize.validate": [3]}`` holds slices out.

    Returns
    -------
    ArraySearch
        Also where nothing can be chosen: then it says why.

    Raises
    ------
    UsageError, ProtocolError
        If the call or the protocol is wrong, or has no sweep.
    InputError, StepError
        If a slice cannot be used or computed.
    """
    stack = stack_of(array, None, "search")
    if slices is None and stack.alone:
        slices = [0]
    values = {**_slices_set(protocol, slices), **(set or {})}
    job = job_of(protocol, stack, values, "search")
    if not job.protocol.optimize:
        what = "has no sweep, so there is nothing to search"
        raise WrongValue(f"search: protocol {what}; sweep a parameter, or call stackmend.apply")
    session = session_of(job, workers, listener)
    found: list[FinishedSearch] = []
    try:
        tuning = tune(session, seen=found.extend)
    except (QualityError, StepError) as error:
        if not found or not isinstance(found[-1].result.choice, NoChoice):
            raise
        return _result(session, found, None, str(error))
    return _result(session, tuning.searches, tuning.chains[0], "")


def _slices_set(protocol: GivenProtocol, slices: Sequence[int] | None) -> dict[str, Any]:
    """The slices as they are put into the entries of a protocol."""
    if slices is None:
        return {}
    numbers = [int(number) for number in slices]
    entries = content_of(protocol, "search").get("optimize")
    if not isinstance(entries, list):
        return {"optimize.slices": numbers}
    return {f"optimize[{place}].slices": numbers for place in range(len(entries))}


def _result(
    session: Session,
    searches: Sequence[FinishedSearch],
    chain: ChannelChain | None,
    stopped: str,
) -> ArraySearch:
    """What searches came to; the chain is there unless they have stopped for a reason."""
    job, last = session.job, decisive(searches)
    choice = last.result.choice
    return ArraySearch(
        chosen=chosen_values(searches),
        loss=None if isinstance(choice, NoChoice) else choice.loss,
        loss_before=last.loss_before,
        reason=stopped or reasons(searches),
        slices=tuple(optimization_slices(job)),
        table=table_of(searches),
        losses=losses_of(searches),
        held_out={number: number_or_none(value) for number, value in last.held_out.items()},
        protocol=None if chain is None else frozen_text(job, chain),
        warnings=tuple(session.log.warnings),
        status=choice.status if isinstance(choice, NoChoice) else CHOSEN,
    )


def chains_on(session: Session, optimization: Sequence[int]) -> tuple[ChannelChain, ...]:
    """The chains of a protocol without sweeps, surveyed as if it were searched on these slices.

    Those that the stack does not have are left out.
    """
    job = session.job
    numbers = [number for number in optimization if number < job.reader.shape[0]]
    chains = untuned(job).chains
    return tuple(surveyed(each, session, numbers, upto=len(each.steps)) for each in chains)
