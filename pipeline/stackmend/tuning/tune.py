"""Choosing the values of swept parameters: surveys and searches, in the order of the chain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from time import perf_counter

from stackmend.chain import Bound
from stackmend.errors import UsageError
from stackmend.job import Job
from stackmend.protocol import OptimizeEntry
from stackmend.result.hashes import digest
from stackmend.result.journal import JournaledLosses
from stackmend.search import Choice, SearchResult, search, strategy
from stackmend.tuning.alone import Untouched, judged, untouched_losses
from stackmend.tuning.chains import ChannelChain, FinishedSearch, Tuning
from stackmend.tuning.confirmed import DOUBTED, losses_hold, shares_hold, untouched_hold
from stackmend.tuning.control import Control
from stackmend.tuning.outcome import follow, report_doubts
from stackmend.tuning.session import Session
from stackmend.tuning.survey import surveyed
from stackmend.tuning.trial import Trial, space_of
from stackmend.words import few

PictureOf = Callable[[Trial, int], Bound]
"""The step that makes a small picture of a slice, by its number, as a search restores it."""


def tune(session: Session, *, picture_of: PictureOf | None = None) -> Tuning:
    """Work through the optimize entries and return the chains to be applied.

    Parameters
    ----------
    session
        The job, and what is known of it.
    picture_of
        Gives the step that makes a small picture; with it, there is one of every combination that
        is searched anyway, on the first optimization slice.

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
    for entry in job.protocol.optimize:
        for channel, followers in channels_of(job, entry):
            tuning = _tuned(session, tuning, entry, channel, followers, picture_of)
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


def optimization_slices(job: Job) -> list[int]:
    """The slices on which any entry is searched."""
    numbers: set[int] = set()
    for entry in job.protocol.optimize:
        numbers.update(entry.slices.indices(job.reader.shape[0]))
    return sorted(numbers)


def is_void(chain: ChannelChain, entry: OptimizeEntry) -> bool:
    """Whether the steps that an entry tunes are no longer in a chain."""
    return chain.replaced or set(entry.steps) <= set(chain.skipped)


def trial_of(
    session: Session, chain: ChannelChain, entry: OptimizeEntry
) -> tuple[ChannelChain, Trial]:
    """A chain surveyed as far as an entry needs it, and the search of this entry, to be asked."""
    job = session.job
    space = space_of(job.protocol, entry)
    first = Trial(chain, entry, space).first
    chain = surveyed(chain, session, optimization_slices(job), upto=first)
    return chain, Trial(chain, entry, space)


def nth_trial(session: Session, search: int) -> Trial:
    """A search of a job, to be asked; those before it are carried out, as it works on their choice.

    Raises
    ------
    UsageError
        If nothing is left to be searched, as an earlier search has found nothing.
    """
    job = session.job
    tuning = untuned(job)
    for entry in job.protocol.optimize[:search]:
        for channel, followers in channels_of(job, entry):
            tuning = _tuned(session, tuning, entry, channel, followers, None)
    entry = job.protocol.optimize[search]
    channel, _ = channels_of(job, entry)[0]
    if is_void(tuning.chains[channel], entry):
        what = f"{few(entry.steps)} are left out, as an earlier search has found nothing"
        raise UsageError(f"search {search}: {what}; ask that one instead")
    return trial_of(session, tuning.chains[channel], entry)[1]


def _tuned(
    session: Session,
    tuning: Tuning,
    entry: OptimizeEntry,
    channel: int,
    followers: Sequence[int],
    picture_of: PictureOf | None,
) -> Tuning:
    """Search on a channel, and put what is chosen into the chains of its followers."""
    chains = list(tuning.chains)
    if is_void(chains[channel], entry):
        return tuning
    chains[channel], trial = trial_of(session, chains[channel], entry)
    start = perf_counter()
    try:
        control, result, untouched, identities = _outcome(session, trial, picture_of)
    except _Doubted:
        session.log.warn(DOUBTED)
        session.known.losses.clear()
        session.known.refuted = True
        session.journal.forget_losses()
        control, result, untouched, identities = _outcome(session, trial, picture_of)
    seconds = perf_counter() - start
    found = FinishedSearch(
        entry,
        session.job.channels[channel],
        judged(trial, result, untouched),
        seconds,
        (*identities, *control.identities.values()),
        untouched=untouched,
        clean=control.of(result.choice),
        changed=control.worst,
    )
    changed = follow([chains[each] for each in followers], entry, found.result, session.log)
    if isinstance(found.result.choice, Choice):
        found = _with_held_out(found, trial)
        report_doubts(found, session.log)
    for each, chain in zip(followers, changed, strict=True):
        chains[each] = chain
    return Tuning(tuple(chains), (*tuning.searches, found))


class _Doubted(Exception):
    """What journals know is not so."""


def _outcome(
    session: Session, trial: Trial, picture_of: PictureOf | None
) -> tuple[Control, SearchResult, Untouched, tuple[str, ...]]:
    """A search with what it is compared with, and what decides about its losses."""
    known = session.known.losses
    control = Control(session.job, trial, session.journal, known)
    identities = _identities(trial)
    store = JournaledLosses(session.journal, known, identities)
    result = _searched(session, trial, control, store, picture_of)
    untouched = untouched_losses(trial, result, store)
    holds = losses_hold(trial, result, store) and untouched_hold(trial, result, store, untouched)
    if not holds or not shares_hold(session.job, trial, result, control):
        raise _Doubted
    return control, result, untouched, tuple(identities.values())


def _searched(
    session: Session,
    trial: Trial,
    control: Control,
    store: JournaledLosses,
    picture_of: PictureOf | None,
) -> SearchResult:
    """The result of a search, before its choice is compared with leaving the slices alone."""
    log, entry, space = session.log, trial.entry, trial.space
    by = strategy(**entry.strategy)
    numbers = entry.slices.indices(trial.chain.reader.shape[0])
    picture = None
    if picture_of and trial.rest_is_known and trial.is_usable(numbers[0]):
        picture = picture_of(trial, numbers[0])
    then = (*trial.rest, picture) if picture else ()
    log.event(
        "search started",
        steps=entry.steps,
        strategy=entry.strategy["name"],
        grid=len(space),
        slices=numbers,
    )
    log.progress("search", 0, len(space) * len(numbers))
    start = perf_counter()
    graph = trial.graph(then)
    result = search(
        graph,
        space,
        numbers,
        lambda number: trial.start(number, graph.reach),
        by=by,
        workers=session.workers.threads,
        done=lambda count, needed: log.progress("search", count, needed),
        store=store,
        picture=picture.component.makes[-1] if picture else "",
        nothing_found=entry.loss.loss.nothing_found,
        refuse=lambda combinations: control.refused(
            combinations,
            session.workers.threads,
            lambda count, needed: log.progress("control", count, needed),
        ),
    )
    log.event(
        "search finished",
        seconds=round(perf_counter() - start, 3),
        combinations=len(result.combinations),
        distinct_work=dict(result.work),
    )
    return result


def _identities(trial: Trial) -> dict[int, str]:
    """What decides about the losses of a search, by optimization slice."""
    numbers = trial.entry.slices.indices(trial.chain.reader.shape[0])
    return {number: search_identity(trial, number) for number in numbers}


def search_identity(trial: Trial, number: int) -> str:
    """What decides about the losses of a search on a slice, but the combination."""
    chain, loss = trial.chain.upto(trial.last + 1), trial.entry.loss
    reach = trial.reach + chain.upto(trial.first).reach
    facts = {
        **chain.identity(),
        "loss": [loss.name, loss.loss.version, dict(loss.parameters)],
        "steps tuned": trial.entry.steps,
        "region": dict(trial.entry.region),
        "slice": chain.hash_around(number, reach),
    }
    if trial.reference:
        facts["reference"] = [dict(bound.parameters) for bound in trial.reference.steps]
    return digest(facts)


def _with_held_out(found: FinishedSearch, trial: Trial) -> FinishedSearch:
    """A search with the losses of held-out slices."""
    entry = trial.entry
    held_out = entry.validate.indices(trial.chain.reader.shape[0]) if entry.validate else ()
    chosen = found.result.chosen
    return replace(found, held_out={number: trial.loss(number, chosen) for number in held_out})
