"""Choosing parameters: each optimize entry in turn, on what the steps before it give."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any

import numpy as np
from joblib import delayed

from stackmend.chain import Bound, Graph, Products, compile_chain
from stackmend.errors import NothingFound, QualityError
from stackmend.protocol import OptimizeEntry, StepEntry
from stackmend.record import Log
from stackmend.registry import IMAGE, NOTHING_FOUND, Step, Undefined
from stackmend.runner.parallel import in_parallel
from stackmend.runner.prepare import Job
from stackmend.runner.uncorrected import loss_before
from stackmend.search import Axis, Choice, NoChoice, SearchResult, Space, mean_loss, search, strategy
from stackmend.stacks import Reader

LOSS_ID = "loss"


@dataclass(frozen=True)
class Tuned:
    """One optimize entry worked through: its search, the losses of the held-out slices, and that without correction."""

    entry: OptimizeEntry
    result: SearchResult
    held_out: Mapping[int, float | Undefined]
    seconds: float
    loss_before: float | None = None


@dataclass
class Plan:
    """The chain as it will be applied, and how it came about."""

    steps: list[Bound]
    given: Products = field(init=False)
    tuned: list[Tuned] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    replaced: bool = False
    surveyed: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.given = {bound.survey_product: None for bound in self.steps if bound.survey_product}

    def replace(self, steps: list[Bound]) -> None:
        """Another chain instead, about which nothing is known yet."""
        self.steps, self.replaced = steps, True
        self.surveyed.clear()
        self.__post_init__()

    def skip(self, ids: Collection[str]) -> list[str]:
        """Leave out these steps and all that cannot work without them; the ids of all that were left out."""
        kept: list[Bound] = []
        left_out: list[str] = []
        available = {IMAGE}
        for bound in self.steps:
            component = bound.component
            if bound.id in ids or not available.issuperset(component.reads):
                left_out.append(bound.id)
                continue
            kept.append(bound)
            available.update(component.makes)
        self.steps = kept
        self.skipped += left_out
        return left_out

    def graph(self) -> Graph:
        """The chain compiled for application; nothing in it is swept any more."""
        return compile_chain(self.steps, given=(IMAGE, *self.given))


def load_image(reader: Reader, index: int) -> Any:
    """One slice as the chain takes it: float32, read-only."""
    image = reader.read(index).astype(np.float32)
    image.flags.writeable = False
    return image


def tune(job: Job, log: Log, workers: int) -> Plan:
    """Work through the optimize entries and return the chain to be applied.

    Raises
    ------
    NothingFound
        If a search finds no charging and the protocol does not say what to do then.
    QualityError
        If charging is found but no combination has a defined loss.
    StepError, InputError
        If a slice cannot be read or computed.
    """
    plan = Plan([bind(entry) for entry in job.protocol.chain])
    for entry in job.protocol.optimize:
        if set(entry.steps) <= set(plan.skipped):
            continue
        first, last = _extent(plan, job, entry)
        look_at_stack(plan, job, log, workers, upto=first)
        tuned = _search(plan, job, entry, first, last, log, workers)
        plan.tuned.append(tuned)
        if isinstance(tuned.result.choice, NoChoice):
            _without_choice(plan, entry, tuned.result.choice, log)
            if plan.replaced:
                break
        else:
            _settle(plan, tuned.result)
            held_out = _held_out(plan, job, entry, first, last)
            before = _loss_before(plan, job, tuned, first, last)
            plan.tuned[-1] = replace(tuned, held_out=held_out, loss_before=before)
            _report(plan.tuned[-1], log)
    look_at_stack(plan, job, log, workers, upto=len(plan.steps))
    return plan


def _extent(plan: Plan, job: Job, entry: OptimizeEntry) -> tuple[int, int]:
    """The positions of the first swept and of the last named step of an optimize entry."""
    named = [position for position, bound in enumerate(plan.steps) if bound.id in entry.steps]
    swept = [position for position in named if job.protocol.entry(plan.steps[position].id).sweeps]
    return min(swept), max(named)


def bind(entry: StepEntry) -> Bound:
    """A chain entry with its fixed parameters."""
    fixed = {name: value for name, value in entry.parameters.items() if name not in entry.sweeps}
    return Bound(entry.step, entry.id, fixed)


def look_at_stack(plan: Plan, job: Job, log: Log, workers: int, *, upto: int) -> None:
    """Let the steps before position ``upto`` that must know the whole stack see every slice."""
    for position, bound in enumerate(plan.steps[:upto]):
        product = bound.survey_product
        if product is None or product in plan.surveyed:
            continue
        plan.surveyed.add(product)
        survey = bound.component.survey if isinstance(bound.component, Step) else None
        if survey is None or not survey.needed(bound.parameters):
            continue
        graph = compile_chain(plan.steps[:position], given=(IMAGE, *plan.given))
        log.progress("survey", 0, len(job.slices))
        tasks = (delayed(_measure)(job.reader, index, graph, plan.given, survey) for index in job.slices)
        total = None
        for count, summary in enumerate(in_parallel(tasks, workers, ordered=True), start=1):
            total = summary if total is None else survey.merge(total, summary)
            log.progress("survey", count, len(job.slices))
        plan.given[product] = total


def _measure(reader: Reader, index: int, graph: Graph, given: Products, survey: Any) -> Any:
    products = graph.evaluate({IMAGE: load_image(reader, index), **given}, keep=(IMAGE,))
    return survey.measure(products[IMAGE])


def _search(plan: Plan, job: Job, entry: OptimizeEntry, first: int, last: int, log: Log, workers: int) -> Tuned:
    space = _space(job, entry)
    numbers = entry.slices.indices(job.reader.shape[0])
    before = compile_chain(plan.steps[:first], given=(IMAGE, *plan.given))
    graph = _graph(plan, entry, first, last, before, space)
    log.event("search started", steps=entry.steps, strategy=entry.strategy.name, grid=len(space), slices=numbers)
    log.progress("search", 0, len(space) * len(numbers))
    start = perf_counter()
    result = search(
        graph,
        space,
        numbers,
        lambda number: _products(before, plan, job, entry, number),
        by=strategy(entry.strategy.name, **entry.strategy.options),
        workers=workers,
        done=lambda count, needed: log.progress("search", count, needed),
    )
    seconds = perf_counter() - start
    evaluated = len(result.combinations)
    log.event("search finished", seconds=round(seconds, 3), combinations=evaluated, distinct_work=dict(result.work))
    return Tuned(entry, result, {}, seconds)


def _space(job: Job, entry: OptimizeEntry) -> Space:
    return Space(
        tuple(
            Axis((step.id, name), sweep.values, sweep.from_range, sweep.log, sweep.whole)
            for step in job.protocol.chain
            if step.id in entry.steps
            for name, sweep in step.sweeps.items()
        )
    )


def _graph(plan: Plan, entry: OptimizeEntry, first: int, last: int, before: Graph, space: Space | None) -> Graph:
    loss = Bound(entry.loss.loss, LOSS_ID, entry.loss.parameters)
    given = (*before.products, *plan.given)
    return compile_chain(plan.steps[first : last + 1], given=given, swept=space.parameters if space else (), loss=loss)


def _products(before: Graph, plan: Plan, job: Job, entry: OptimizeEntry, number: int) -> Products:
    """What the steps before the tuned ones make of a slice, cut to the region.

    The whole slice passes these steps, so a region has the scale that it will have when the whole slice is restored.
    """
    image = load_image(job.reader, number)
    products = before.evaluate({IMAGE: image, **plan.given})
    if entry.region:
        window = tuple(slice(*entry.region.get(axis, (0, size))) for axis, size in zip("yx", image.shape, strict=True))
        for name, value in products.items():
            if isinstance(value, np.ndarray) and value.shape == image.shape:
                products[name] = np.ascontiguousarray(value[window])
                products[name].flags.writeable = False
            elif hasattr(value, "crop"):
                products[name] = value.crop(window)
    return {**plan.given, **products}


def _settle(plan: Plan, result: SearchResult) -> None:
    """Put the chosen values into the chain."""
    for position, bound in enumerate(plan.steps):
        chosen = {name: value for (id, name), value in result.chosen.items() if id == bound.id}
        plan.steps[position] = replace(bound, parameters={**bound.parameters, **chosen})


def _held_out(plan: Plan, job: Job, entry: OptimizeEntry, first: int, last: int) -> dict[int, float | Undefined]:
    """The loss of the chosen combination on slices that had no part in the choice."""
    if entry.validate is None:
        return {}
    before = compile_chain(plan.steps[:first], given=(IMAGE, *plan.given))
    graph = _graph(plan, entry, first, last, before, None)
    numbers = entry.validate.indices(job.reader.shape[0])
    return {
        number: graph.evaluate(_products(before, plan, job, entry, number), keep=("loss",))["loss"]
        for number in numbers
    }


def _loss_before(plan: Plan, job: Job, tuned: Tuned, first: int, last: int) -> float | None:
    """The mean over the slices that had a part in the choice, of their losses before correction."""
    entry, choice = tuned.entry, tuned.result.choice
    before = compile_chain(plan.steps[:first], given=(IMAGE, *plan.given))
    loss = Bound(entry.loss.loss, LOSS_ID, entry.loss.parameters)
    counted = [number for number in tuned.result.losses if number not in choice.slices_without_charging]
    products = (_products(before, plan, job, entry, number) for number in counted)
    return mean_loss([loss_before(plan.steps[first : last + 1], loss, each) for each in products])


def _without_choice(plan: Plan, entry: OptimizeEntry, choice: NoChoice, log: Log) -> None:
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
        left_out = plan.skip(entry.steps)
        log.warn(f"nothing found in {where}: {', '.join(left_out)} left out, as on_nothing_found: skip says")
    else:
        plan.replace([bind(step) for step in entry.instead])
        names = ", ".join(bound.id for bound in plan.steps)
        log.warn(f"nothing found in {where}: the chain given under instead is applied ({names})")


def _report(tuned: Tuned, log: Log) -> None:
    """Say what is doubtful about a choice."""
    choice = tuned.result.choice
    assert isinstance(choice, Choice)
    values = {f"{id}.{name}": value for (id, name), value in tuned.result.chosen.items()}
    log.event("chosen", values=values, loss=choice.loss, loss_before=tuned.loss_before)
    for (id, name), end in choice.edges.items():
        direction = "smaller" if end == "lower" else "larger"
        log.warn(f"{id}.{name} was chosen at the {end} edge of its range: add {direction} values to the sweep")
    if choice.tied:
        log.warn(f"{len(choice.tied) + 1} combinations have the lowest loss; the first of them was taken")
    for id, name in choice.without_effect:
        log.warn(f"{id}.{name} has no effect on the loss: any of its values would have been as good")
    if choice.slices_without_charging:
        numbers = ", ".join(map(str, choice.slices_without_charging))
        log.warn(f"no charging is found in optimization slices {numbers}: they had no part in the choice")
    for number, value in tuned.held_out.items():
        if isinstance(value, Undefined):
            log.warn(f"held-out slice {number} has no loss: {value.reason}")
