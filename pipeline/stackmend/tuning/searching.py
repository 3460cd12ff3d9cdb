"""One search: what it is asked about, its losses, and what it is compared with."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

from stackmend.chain import ABSENT, Bound, Graph, is_refusal
from stackmend.errors import InputError, StepError
from stackmend.job import Job
from stackmend.protocol import OptimizeEntry
from stackmend.registry import FAILED, Undefined
from stackmend.result.hashes import digest
from stackmend.result.journal import JournaledLosses
from stackmend.sweep import ALSO, NoChoice, SearchResult, Space, mean_loss, search, strategy
from stackmend.tuning.alone import Untouched, judged, untouched_losses
from stackmend.tuning.chains import ChannelChain, FinishedSearch
from stackmend.tuning.confirmed import DOUBTED, losses_hold, shares_hold, untouched_hold
from stackmend.tuning.control import Control
from stackmend.tuning.plausible import measuring
from stackmend.tuning.reference import CommonMask
from stackmend.tuning.second import deciding, second_opinion
from stackmend.tuning.session import Session
from stackmend.tuning.spaces import space_of
from stackmend.tuning.survey import surveyed
from stackmend.tuning.trial import Trial

PictureOf = Callable[[Trial, int], Bound]
"""The step that makes a small picture of a slice, by its number, as a search restores it."""


@dataclass(frozen=True)
class Candidate:
    """A search to be done; without a trial where a step of one of several chains refuses the stack.

    ``refused`` says why.
    """

    entry: OptimizeEntry
    space: Space
    trial: Trial | None
    refused: str = ""


def optimization_slices(job: Job) -> list[int]:
    """The slices on which any entry is searched."""
    numbers: set[int] = set()
    for entry in job.protocol.optimize:
        numbers.update(entry.slices.indices(job.reader.shape[0]))
    return sorted(numbers)


def candidates(session: Session, chain: ChannelChain, entry: OptimizeEntry) -> list[Candidate]:
    """The searches of an entry: one, or one for each of several chains; surveys are settled.

    Raises
    ------
    StepError, InputError
        If a slice cannot be read or computed, or a survey cannot settle; of several chains, the
        one whose steps say so is only left out.
    """
    found: list[Candidate] = []
    common = CommonMask([])
    for each in session.job.protocol.alternatives(entry):
        space = space_of(session.job.protocol, each)
        try:
            trial = _trial_of(session, chain, each, space, common)
        except (StepError, InputError) as error:
            if not each.alternative or not is_refusal(error):
                raise
            found.append(Candidate(each, space, None, str(error)))
            continue
        common.searches.append(trial)
        found.append(Candidate(each, space, trial))
    return found


def placed(job: Job, chain: ChannelChain, entry: OptimizeEntry) -> ChannelChain:
    """A chain with the steps that an entry is about in it."""
    one_of = job.protocol.one_of
    if one_of is None or not entry.alternative or chain.alternative:
        return chain
    behind = [step.id for step in job.protocol.chain[: one_of.at]]
    own = one_of.chains[entry.alternative]
    return chain.with_alternative(entry.alternative, own, behind)


def _trial_of(
    session: Session, chain: ChannelChain, entry: OptimizeEntry, space: Space, common: CommonMask
) -> Trial:
    """The search of an entry, to be asked, on a chain surveyed as far as it needs that."""
    chain = placed(session.job, chain, entry)
    trial = Trial(chain, entry, space)
    # The steps of one of several chains are searched as a whole, with those that look first.
    # Else only the first of the swept steps may look, which its own sweep does not decide about.
    upto = (trial.last if entry.alternative else trial.first) + 1
    chain = surveyed(chain, session, optimization_slices(session.job), upto=upto)
    return Trial(chain, entry, space, common, session.memory)


def finished(
    session: Session, candidate: Candidate, channel: int, picture_of: PictureOf | None
) -> FinishedSearch:
    """A search done, and its choice compared with leaving the slices alone."""
    trial, number = candidate.trial, session.job.channels[channel]
    if trial is None:
        result = _refused(session.job, candidate)
        return FinishedSearch(candidate.entry, number, result, 0.0, failed=result.failed)
    start = perf_counter()
    control, store, result, untouched = _confirmed(session, candidate, trial, picture_of)
    seconds = perf_counter() - start
    known = *store.search.values(), *control.identities.values()
    instead = deciding(trial, result)
    if instead is not None:
        assert isinstance(result.choice, NoChoice)
        why = f"{trial.entry.loss.name} has no value ({result.choice.reason})"
        session.log.warn(f"{why}: {instead.entry.loss.name} decides")
        swapped = replace(candidate, entry=instead.entry, trial=instead)
        found = finished(session, swapped, channel, picture_of)
        computed = found.computed + store.noted + control.computed
        return replace(found, identities=(*known, *found.identities), computed=computed)
    return FinishedSearch(
        candidate.entry,
        number,
        judged(trial, result, untouched),
        seconds,
        known,
        untouched=untouched,
        second=second_opinion(trial, result, store),
        clean=control.of(result.choice),
        changed=control.worst,
        failed={**control.failed, **result.failed},
        common=trial.common,
        computed=store.noted + control.computed,
    )


def _confirmed(
    session: Session, candidate: Candidate, trial: Trial, picture_of: PictureOf | None
) -> tuple[Control, JournaledLosses, SearchResult, Untouched]:
    """A search that rests on no loss that is only told: what journals know is computed again."""
    control, store, result, untouched = _outcome(session, candidate, trial, picture_of)
    holds = losses_hold(trial, result, store) and untouched_hold(trial, result, store, untouched)
    if holds and shares_hold(session.job, trial, result, control):
        return control, store, result, untouched
    session.log.warn(DOUBTED)
    session.known.losses.clear()
    session.known.refuted = True
    session.journal.forget_losses()
    return _outcome(session, candidate, trial, picture_of)


def _outcome(
    session: Session, candidate: Candidate, trial: Trial, picture_of: PictureOf | None
) -> tuple[Control, JournaledLosses, SearchResult, Untouched]:
    """A search, with what it is compared with."""
    known = session.known.losses
    control = Control(session.job, trial, session.journal, known)
    store = JournaledLosses(session.journal, known, identities_of(trial))
    try:
        result = _searched(session, trial, control, store, picture_of)
    except StepError as error:  # also the mask over which all are compared
        if not candidate.entry.alternative or not is_refusal(error):
            raise
        result = _refused(session.job, replace(candidate, refused=str(error)))
    return control, store, result, untouched_losses(trial, result, store)


def with_held_out(found: FinishedSearch, trial: Trial) -> FinishedSearch:
    """A search with the losses of held-out slices."""
    entry, chosen = trial.entry, found.result.chosen
    held_out: dict[int, float | Undefined] = {}
    for number in entry.validate.indices(trial.chain.reader.shape[0]) if entry.validate else ():
        try:
            held_out[number] = trial.loss(number, chosen)
        except StepError as error:
            if not is_refusal(error):
                raise
            held_out[number] = Undefined(FAILED, str(error))
    return replace(found, held_out=held_out)


def with_beside(found: FinishedSearch, trial: Trial) -> FinishedSearch:
    """A search with what its loss shows beside that of the choice, means over the slices."""
    beside: dict[str, float] = {}
    for name in itertools.chain(*(each.loss.beside for each in trial.entry.losses.values())):
        made = (trial.products(each, found.result.chosen, (name,)) for each in found.untouched)
        values = (products[name] for products in made)
        mean = mean_loss([value for value in values if value is not ABSENT])
        if mean is not None:
            beside[name] = mean
    return replace(found, beside=beside)


def _refused(job: Job, candidate: Candidate) -> SearchResult:
    """What comes of a search whose steps refuse the stack, whatever the values."""
    space, entry = candidate.space, candidate.entry
    losses: dict[int, dict[Any, float | Undefined]] = {}
    first = strategy(**entry.strategy).propose(0, space, {})
    for number in entry.slices.indices(job.reader.shape[0]):
        losses[number] = dict.fromkeys(first, Undefined(FAILED, candidate.refused))
    choice = NoChoice(FAILED, f"no combination can be computed ({candidate.refused})", ())
    return SearchResult(space, losses, choice, Counter())


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
    whole = not (trial.undecided or trial.asking)  # else pictures cost more than losses
    if picture_of and whole and trial.is_usable(numbers[0]):
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
    graph, beside = measured_beside(trial, then)
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
        beside=beside,
        nothing_found=entry.loss.loss.nothing_found,
        refuse=lambda combinations, measured: control.refused(
            combinations,
            measured,
            session.workers.threads,
            lambda count, needed: log.progress("control", count, needed),
        ),
        compute_on=(lambda number: trial.remembering(graph, number)) if trial.shared else None,
    )
    log.event(
        "search finished",
        seconds=round(perf_counter() - start, 3),
        combinations=len(result.combinations),
        distinct_work=dict(result.work),
    )
    return result


def measured_beside(trial: Trial, then: Sequence[Bound] = ()) -> tuple[Graph, tuple[str, ...]]:
    """The graph of a trial, and what is measured of every combination besides the loss."""
    graph, masked = measuring(trial, trial.graph(then))
    names = [masked] if masked else []
    if trial.entry.also:
        names.append(ALSO)
    return graph, tuple(names)


def identities_of(trial: Trial) -> dict[int, str]:
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
    if also := trial.entry.also:
        facts["also"] = [also.name, also.loss.version, dict(also.parameters)]
    if trial.reference:
        facts["reference"] = [each.marking for each in trial.common.searches]
    return digest(facts)
