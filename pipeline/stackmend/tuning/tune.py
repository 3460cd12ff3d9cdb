"""Choosing parameters: each optimize entry in turn, on what the steps before it give."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import joblib
import numpy as np
from joblib import delayed

from stackmend.chain import Bound, Graph, Products, compile_chain
from stackmend.errors import BadSlice, NothingFound, QualityError
from stackmend.job import Job
from stackmend.protocol import OptimizeEntry
from stackmend.registry import IMAGE, NOTHING_FOUND, Step, Survey, Undefined
from stackmend.result.environment import versions_of_pixels
from stackmend.result.hashes import digest, pixel_hash
from stackmend.result.journal import Journal, JournaledLosses, Ledger
from stackmend.result.log import Log
from stackmend.search import (
    Axis,
    Choice,
    NoChoice,
    SearchResult,
    Space,
    mean_loss,
    search,
    strategy,
)
from stackmend.stacks import Reader
from stackmend.tuning.chains import ChannelChain, FinishedSearch, Tuning, bind, load_image
from stackmend.tuning.uncorrected import loss_before
from stackmend.workers.processes import Workers

LOSS_ID = "loss"


@dataclass(frozen=True)
class Session:
    """What all searches of a run work with; a ``dry`` one only makes of what is known what can be made of it."""

    job: Job
    log: Log
    workers: Workers
    journal: Journal
    known: Ledger
    dry: bool = False


class NotKnown(Exception):
    """A search could not be decided from what is known; ``searches`` are its identities as journals have them."""

    def __init__(self, searches: Collection[str] = ()) -> None:
        super().__init__("the search comes first")
        self.searches = frozenset(searches)


def tune(session: Session) -> Tuning:
    """Work through the optimize entries and return the chains to be applied.

    Raises
    ------
    NothingFound
        If a search finds no charging and the protocol does not say what to do then.
    QualityError
        If charging is found but no combination has a defined loss.
    StepError, InputError
        If a slice cannot be read or computed.
    """
    job = session.job
    tuning = untuned(job)
    for entry in job.protocol.optimize:
        for channel, followers in channels_of(job, entry):
            work_through(session, tuning, entry, channel, followers)
    for plan in tuning.plans:
        survey(plan, session, upto=len(plan.steps))
    return tuning


def untuned(job: Job) -> Tuning:
    """The chains as the protocol has them, before any search."""
    return Tuning(
        tuple(
            ChannelChain(reader, [bind(entry) for entry in job.protocol.chain])
            for reader in job.readers
        )
    )


def channels_of(job: Job, entry: OptimizeEntry) -> list[tuple[int, list[int]]]:
    """The channels on which an entry is searched, and for each of them those that take over what it chooses."""
    everyone = list(range(len(job.channels)))
    if entry.channel == "each":
        return [(channel, [channel]) for channel in everyone]
    return [(0 if entry.channel is None else job.channels.index(int(entry.channel)), everyone)]


def work_through(
    session: Session, tuning: Tuning, entry: OptimizeEntry, channel: int, followers: Sequence[int]
) -> None:
    """Search on a channel, and put what is chosen into the chains of its followers."""
    plan, plans = tuning.plans[channel], [tuning.plans[each] for each in followers]
    if plan.replaced or set(entry.steps) <= set(plan.skipped):
        return
    first, last = extent(plan, session.job, entry)
    survey(plan, session, upto=first)
    tuned = FinishedSearch(
        entry, session.job.channels[channel], *_search(plan, session, entry, first, last)
    )
    if isinstance(tuned.result.choice, NoChoice):
        _without_choice(plans, entry, tuned.result.choice, session.log)
    else:
        for each in plans:
            _settle(each, tuned.result)
        if not session.dry:
            held_out, before = (
                _held_out(plan, entry, first, last),
                _loss_before(plan, tuned, first, last),
            )
            tuned = replace(tuned, held_out=held_out, loss_before=before)
        _report(tuned, session.log)
    tuning.searches.append(tuned)


def extent(plan: ChannelChain, job: Job, entry: OptimizeEntry) -> tuple[int, int]:
    """The positions of the first swept and of the last named step of an optimize entry."""
    named = [position for position, bound in enumerate(plan.steps) if bound.id in entry.steps]
    swept = [position for position in named if job.protocol.entry(plan.steps[position].id).sweeps]
    return min(swept), max(named)


def survey(plan: ChannelChain, session: Session, *, upto: int) -> None:
    """Let the steps before position ``upto`` that must know the whole stack see every slice that can be used."""
    tolerant = session.job.protocol.input.on_bad_slice != "stop"
    for position, bound in enumerate(plan.steps[:upto]):
        product = bound.survey_product
        if product is None or product in plan.surveyed:
            continue
        survey = bound.component.survey if isinstance(bound.component, Step) else None
        needed = survey is not None and survey.needed(bound.parameters)
        if needed and session.dry:
            raise NotKnown
        plan.surveyed.add(product)
        if survey is None or not needed:
            continue
        graph = compile_chain(plan.steps[:position], given=(IMAGE, *plan.given))
        session.log.progress("survey", 0, len(session.job.slices))
        tasks = (
            delayed(_measure)(plan.reader, index, graph, plan.given, survey, tolerant)
            for index in session.job.slices
        )
        total = None
        with closing(session.workers.run(tasks, ordered=True)) as results:
            for count, summary in enumerate(results, start=1):
                if summary is not None:
                    total = summary if total is None else survey.merge(total, summary)
                session.log.progress("survey", count, len(session.job.slices))
        plan.given[product] = total


def _measure(
    reader: Reader, index: int, graph: Graph, given: Products, survey: Survey, tolerant: bool
) -> Any:
    try:
        image = load_image(reader, index)
    except BadSlice:
        if not tolerant:
            raise
        return None
    return survey.measure(graph.evaluate({IMAGE: image, **given}, keep=(IMAGE,))[IMAGE])


def _search(
    plan: ChannelChain, session: Session, entry: OptimizeEntry, first: int, last: int
) -> tuple[SearchResult, float, dict[int, str]]:
    log, space, numbers = (
        session.log,
        space_of(session.job, entry),
        entry.slices.indices(plan.reader.shape[0]),
    )
    before = compile_chain(plan.steps[:first], given=(IMAGE, *plan.given))
    graph = search_graph(plan, entry, first, last, before, space)
    log.event(
        "search started",
        steps=entry.steps,
        strategy=entry.strategy.name,
        grid=len(space),
        slices=numbers,
    )
    log.progress("search", 0, len(space) * len(numbers))
    start, identities = perf_counter(), _identities(plan, entry, last, numbers)

    def products_of(number: int) -> Products:
        if session.dry:
            raise NotKnown(identities.values())
        return products_before(before, plan, entry, number)

    result = search(
        graph,
        space,
        numbers,
        products_of,
        by=strategy(entry.strategy.name, **entry.strategy.options),
        workers=session.workers.threads,
        done=lambda count, needed: log.progress("search", count, needed),
        memory=JournaledLosses(session.journal, session.known.losses, identities),
    )
    seconds = perf_counter() - start
    evaluated = len(result.combinations)
    log.event(
        "search finished",
        seconds=round(seconds, 3),
        combinations=evaluated,
        distinct_work=dict(result.work),
    )
    return result, seconds, identities


def _identities(
    plan: ChannelChain, entry: OptimizeEntry, last: int, numbers: Sequence[int]
) -> dict[int, str]:
    """For each slice, what decides about the losses of a search on it, but the combination."""
    facts = {
        "steps": [
            [bound.id, bound.component.name, bound.component.version]
            for bound in plan.steps[: last + 1]
        ],
        "parameters": [dict(bound.parameters) for bound in plan.steps[: last + 1]],
        "loss": [entry.loss.name, entry.loss.loss.version, dict(entry.loss.parameters)],
        "steps tuned": entry.steps,
        "region": dict(entry.region),
        "stack": joblib.hash(plan.given),
        "versions": versions_of_pixels(),
    }
    return {
        number: digest({**facts, "slice": pixel_hash(plan.reader.read(number))})
        for number in numbers
    }


def space_of(job: Job, entry: OptimizeEntry) -> Space:
    """The swept parameters of an entry."""
    return Space(
        tuple(
            Axis((step.id, name), sweep.values, sweep.from_range, sweep.log, sweep.whole)
            for step in job.protocol.chain
            if step.id in entry.steps
            for name, sweep in step.sweeps.items()
        )
    )


def search_graph(
    plan: ChannelChain,
    entry: OptimizeEntry,
    first: int,
    last: int,
    before: Graph,
    space: Space | None,
) -> Graph:
    """The tuned steps and the loss, swept or with the values that the plan has."""
    loss = Bound(entry.loss.loss, LOSS_ID, entry.loss.parameters)
    given = (*before.products, *plan.given)
    return compile_chain(
        plan.steps[first : last + 1],
        given=given,
        swept=space.parameters if space else (),
        loss=loss,
    )


def products_before(
    before: Graph, plan: ChannelChain, entry: OptimizeEntry, number: int
) -> Products:
    """What the steps before the tuned ones make of a slice, cut to the region.

    The whole slice passes these steps, so a region has the scale that it will have when the whole slice is restored.
    """
    products = before.evaluate({IMAGE: load_image(plan.reader, number), **plan.given})
    image = products[IMAGE]
    if entry.region:
        window = tuple(
            slice(*entry.region.get(axis, (0, size)))
            for axis, size in zip("yx", image.shape, strict=True)
        )
        for name, value in products.items():
            if isinstance(value, np.ndarray) and value.shape == image.shape:
                products[name] = np.ascontiguousarray(value[window])
                products[name].flags.writeable = False
            elif hasattr(value, "cut"):
                products[name] = value.cut(window)
    return {**plan.given, **products}


def _settle(plan: ChannelChain, result: SearchResult) -> None:
    """Put the chosen values into the chain."""
    for position, bound in enumerate(plan.steps):
        chosen = {name: value for (id, name), value in result.chosen.items() if id == bound.id}
        plan.steps[position] = replace(bound, parameters={**bound.parameters, **chosen})


def _held_out(
    plan: ChannelChain, entry: OptimizeEntry, first: int, last: int
) -> dict[int, float | Undefined]:
    """The loss of the chosen combination on slices that had no part in the choice."""
    if entry.validate is None:
        return {}
    before = compile_chain(plan.steps[:first], given=(IMAGE, *plan.given))
    graph = search_graph(plan, entry, first, last, before, None)
    numbers = entry.validate.indices(plan.reader.shape[0])
    return {
        number: graph.evaluate(products_before(before, plan, entry, number), keep=("loss",))["loss"]
        for number in numbers
    }


def _loss_before(plan: ChannelChain, tuned: FinishedSearch, first: int, last: int) -> float | None:
    """The mean over the slices that had a part in the choice, of their losses before correction."""
    entry, choice = tuned.entry, tuned.result.choice
    before = compile_chain(plan.steps[:first], given=(IMAGE, *plan.given))
    loss = Bound(entry.loss.loss, LOSS_ID, entry.loss.parameters)
    counted = [
        number for number in tuned.result.losses if number not in choice.slices_without_charging
    ]
    products = (products_before(before, plan, entry, number) for number in counted)
    return mean_loss([loss_before(plan.steps[first : last + 1], loss, each) for each in products])


def _without_choice(
    plans: Sequence[ChannelChain], entry: OptimizeEntry, choice: NoChoice, log: Log
) -> None:
    where = f"optimization slices {', '.join(map(str, choice.slices_without_charging))}"
    if choice.status != NOTHING_FOUND:
        raise QualityError(
            f"search: {choice.reason}; try a smaller min_area or loss distance, or other optimization slices"
        )
    if entry.on_nothing_found == "stop":
        raise NothingFound(
            f"search: {choice.reason} in {where}; lower color_shift, try inverse, choose slices that are charged, "
            "or say on_nothing_found: skip to leave such stacks as they are"
        )
    if entry.on_nothing_found == "skip":
        left_out, *_ = [plan.skip(entry.steps) for plan in plans]
        log.warn(
            f"nothing found in {where}: {', '.join(left_out)} left out, as on_nothing_found: skip says"
        )
    else:
        for plan in plans:
            plan.replace([bind(step) for step in entry.instead])
        names = ", ".join(bound.id for bound in plans[0].steps)
        log.warn(f"nothing found in {where}: the chain given under instead is applied ({names})")


def _report(tuned: FinishedSearch, log: Log) -> None:
    """Say what is doubtful about a choice."""
    choice = tuned.result.choice
    assert isinstance(choice, Choice)
    values = {f"{id}.{name}": value for (id, name), value in tuned.result.chosen.items()}
    log.event("chosen", values=values, loss=choice.loss, loss_before=tuned.loss_before)
    for (id, name), end in choice.edges.items():
        direction = "smaller" if end == "lower" else "larger"
        log.warn(
            f"{id}.{name} was chosen at the {end} edge of its range: add {direction} values to the sweep"
        )
    if choice.tied:
        log.warn(
            f"{len(choice.tied) + 1} combinations have the lowest loss; the first of them was taken"
        )
    for id, name in choice.without_effect:
        log.warn(
            f"{id}.{name} has no effect on the loss: any of its values would have been as good"
        )
    if choice.slices_without_charging:
        numbers = ", ".join(map(str, choice.slices_without_charging))
        log.warn(
            f"no charging is found in optimization slices {numbers}: they had no part in the choice"
        )
    for number, value in tuned.held_out.items():
        if isinstance(value, Undefined):
            log.warn(f"held-out slice {number} has no loss: {value.reason}")
