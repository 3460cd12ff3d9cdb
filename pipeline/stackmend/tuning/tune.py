"""Choosing the values of swept parameters: surveys and searches, in the order of the chain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from stackmend.errors import UsageError
from stackmend.job import Job
from stackmend.protocol import OptimizeEntry
from stackmend.tuning.chains import ChannelChain, FinishedSearch, Tuning
from stackmend.tuning.contest import contest, none_taken, second_across
from stackmend.tuning.outcome import follow, report_doubts
from stackmend.tuning.searching import (
    Candidate,
    PictureOf,
    candidates,
    finished,
    optimization_slices,
    placed,
    with_beside,
    with_held_out,
)
from stackmend.tuning.session import Session
from stackmend.tuning.survey import surveyed
from stackmend.tuning.trial import Trial
from stackmend.words import few

Seen = Callable[[Sequence[FinishedSearch]], None]
"""Is told of the searches of an entry before anything follows from them, or fails to."""


def tune(
    session: Session, *, picture_of: PictureOf | None = None, seen: Seen | None = None
) -> Tuning:
    """Work through the optimize entries and return the chains to be applied.

    Parameters
    ----------
    session
        The job, and what is known of it.
    picture_of
        Gives the step that makes a small picture; with it, there is one of every combination that
        is searched anyway, on the first optimization slice.
    seen
        Is told of the searches of each entry, also where nothing can be chosen.

    Raises
    ------
    NothingFound
        If a search finds nothing and the protocol does not say what to do then.
    QualityError
        If something is found but no combination has a defined loss.
    StepError, InputError
        If a slice cannot be read or computed, or a survey cannot settle.
    """
    job = session.job
    tuning = untuned(job)
    for entry in job.protocol.searches:
        for channel, followers in channels_of(job, entry):
            tuning = _tuned(session, tuning, entry, channel, followers, picture_of, seen)
    numbers = optimization_slices(job)
    chains = (surveyed(each, session, numbers, upto=len(each.steps)) for each in tuning.chains)
    return replace(tuning, chains=tuple(chains))


def untuned(job: Job) -> Tuning:
    """The chains as the protocol has them, before any search."""
    tolerant = job.protocol.input.on_bad_slice != "stop"
    entries = job.protocol.chain
    return Tuning(
        tuple(ChannelChain.of(reader, entries, tolerant=tolerant) for reader in job.readers)
    )


def channels_of(job: Job, entry: OptimizeEntry) -> list[tuple[int, list[int]]]:
    """The channels on which an entry is searched, each with those that take over its choice."""
    everyone = list(range(len(job.channels)))
    if entry.channel == "each":
        return [(channel, [channel]) for channel in everyone]
    searched = 0 if entry.channel is None else job.channels.index(int(entry.channel))
    return [(searched, everyone)]


def is_void(chain: ChannelChain, entry: OptimizeEntry) -> bool:
    """Whether the steps that an entry tunes are no longer in a chain."""
    return chain.replaced or set(entry.steps) <= set(chain.skipped)


def nth_trial(session: Session, search: int, one_of: str | None) -> Trial:
    """A search of a job, to be asked; those before it are carried out, as it works on their choice.

    Raises
    ------
    UsageError
        If nothing is left to be searched, as an earlier search has found nothing, or if it is not
        said of which of several chains it is.
    """
    job = session.job
    tuning = untuned(job)
    for entry in job.protocol.searches[:search]:
        for channel, followers in channels_of(job, entry):
            tuning = _tuned(session, tuning, entry, channel, followers, None)
    entry = job.protocol.searches[search]
    channel, _ = channels_of(job, entry)[0]
    if is_void(tuning.chains[channel], entry):
        what = f"{few(entry.steps)} are left out, as an earlier search has found nothing"
        raise UsageError(f"search {search}: {what}; ask that one instead")
    names = [each.alternative for each in job.protocol.alternatives(entry)]
    if (one_of or "") not in names:
        known = ", ".join(names) if any(names) else "none"
        what = f"the chains of search {search} are {known}, got {one_of or 'no name'}"
        raise UsageError(f"one_of: {what}; name one of them, or none where there are none")
    asked = candidates(session, tuning.chains[channel], entry)[names.index(one_of or "")]
    if asked.trial is None:
        raise UsageError(f"one_of: {one_of} cannot be asked ({asked.refused}); ask another one")
    return asked.trial


def _tuned(
    session: Session,
    tuning: Tuning,
    entry: OptimizeEntry,
    channel: int,
    followers: Sequence[int],
    picture_of: PictureOf | None,
    seen: Seen | None = None,
) -> Tuning:
    """Search on a channel, and put what is chosen into the chains of its followers."""
    chains = list(tuning.chains)
    if is_void(chains[channel], entry):
        return tuning
    asked = candidates(session, chains[channel], entry)
    found = [finished(session, each, channel, picture_of) for each in asked]
    entries = [each.entry for each in asked]
    best, results = contest(entries, [each.result for each in found])
    found = [replace(each, result=result) for each, result in zip(found, results, strict=True)]
    if seen:
        seen(found)
    chains[channel] = _surveyed_chain(asked, best, chains[channel])
    if best is None and asked[0].entry.alternative:
        nothing = replace(results[0], choice=none_taken(entries, results))
        changed = follow([chains[each] for each in followers], entry, nothing, session.log)
    else:
        taken = entries[best or 0]
        followed = [placed(session.job, chains[each], taken) for each in followers]
        changed = follow(followed, taken, results[best or 0], session.log)
    if best is not None:
        taken_one = second_across(found[best], found)
        found[best] = _with_doubts(session, taken_one, asked[best])
    for each, chain in zip(followers, changed, strict=True):
        chains[each] = chain
    return Tuning(tuple(chains), (*tuning.searches, *found))


def _surveyed_chain(
    asked: Sequence[Candidate], best: int | None, chain: ChannelChain
) -> ChannelChain:
    """The chain of the channel that was searched, with what surveys have settled for it."""
    trial = asked[best or 0].trial
    if trial is None or (best is None and asked[0].entry.alternative):
        return chain
    return trial.chain


def _with_doubts(session: Session, found: FinishedSearch, asked: Candidate) -> FinishedSearch:
    """A search whose choice is taken, with held-out losses; what is doubtful is said."""
    assert asked.trial is not None
    found = with_beside(with_held_out(found, asked.trial), asked.trial)
    if found.entry.alternative:
        session.log.event("note", message=f"one_of: {found.entry.alternative} is taken")
    report_doubts(found, asked.trial.tuned, session.log)
    return found
