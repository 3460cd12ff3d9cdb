"""What one slice costs: the real work in a fresh process, with a clock and an eye on memory."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from stackmend.chain import Graph, Node, Products, is_refusal
from stackmend.errors import BadSlice, InputError, StepError
from stackmend.job import Job
from stackmend.protocol import OptimizeEntry
from stackmend.restore.apply import Application
from stackmend.result.journal import Journal, Ledger
from stackmend.result.log import Log
from stackmend.result.workspace import Workspace
from stackmend.sweep import Combination, Space
from stackmend.tuning.bindings import survey_of
from stackmend.tuning.chains import ChannelChain
from stackmend.tuning.framing import framed
from stackmend.tuning.searching import placed
from stackmend.tuning.session import Session
from stackmend.tuning.spaces import space_of
from stackmend.tuning.survey import surveyed
from stackmend.tuning.trial import Trial
from stackmend.tuning.tune import channels_of, untuned
from stackmend.workers import memory
from stackmend.workers.processes import Workers, run_in_fresh_process

Stage = tuple[float, int]
"""The seconds that a stage takes, and the bytes of what it makes."""


@dataclass(frozen=True)
class SearchCosts:
    """One search on one slice: what comes before it, what it begins with, and each stage.

    Without stages where a step refuses the slice that is measured.
    """

    before_s: float
    given_bytes: int
    stages: tuple[Stage, ...]


@dataclass(frozen=True)
class Costs:
    """What a slice takes: to restore it, to look at it first where needed, and to search on it.

    ``idle_bytes`` and ``worker_bytes`` are the memory of a process between slices, and the most
    while it restores; ``start_s`` is what its start takes.
    """

    slice: int
    slice_s: float
    survey_s: float
    idle_bytes: int
    worker_bytes: int
    searches: tuple[SearchCosts, ...]
    start_s: float = 0.0


def provisional(job: Job, variant: str | None = None) -> tuple[ChannelChain, ...]:
    """The chains with the middle values of everything that is swept.

    Of several chains they have that with this name, or the first.
    """
    chains = untuned(job).chains
    for entry in job.protocol.searches:
        every = {each.alternative: each for each in job.protocol.alternatives(entry)}
        each = every.get(variant or "") or next(iter(every.values()))
        space = space_of(job.protocol, each)
        values = dict(zip(space.parameters, middle_of(space), strict=True))
        chains = tuple(placed(job, chain, each).with_values(values) for chain in chains)
    return chains


def middle_of(space: Space) -> Combination:
    """The combination of the middle declared values."""
    return tuple(axis.values[len(axis.values) // 2] for axis in space.axes)


def searches_of(job: Job) -> list[tuple[OptimizeEntry, int]]:
    """The searches of a protocol, in order, each with the position of its channel."""
    found: list[tuple[OptimizeEntry, int]] = []
    for entry in job.protocol.searches:
        for channel, _ in channels_of(job, entry):
            found += [(each, channel) for each in job.protocol.alternatives(entry)]
    return found


def costs_of(job: Job) -> Costs:
    """Measure a usable slice that is not constant: an optimization slice, else a middle one.

    It is restored with the real chain and writer, into the system's folder for temporary files, in
    a process of its own, whose memory is nobody else's. Everything is done once before the clock
    starts, so that kernels are compiled.

    Raises
    ------
    StackmendError
        As a run would.
    """
    start = perf_counter()
    found, seconds = run_in_fresh_process(_measure, job, _usable(job))
    return replace(found, start_s=perf_counter() - start - seconds)


def _usable(job: Job) -> int:
    """The first slice that can be read and is not constant, as such a slice costs nothing.

    Only a few are looked at for that, spread over the stack; if they are all constant, so is most
    of it.
    """
    tuned: list[int] = []
    for entry in job.protocol.searches:
        tuned += entry.slices.indices(job.reader.shape[0])
    spread = [job.slices[len(job.slices) * eighth // 8] for eighth in (4, 0, 2, 6, 1, 3, 5, 7)]
    few = {*tuned, *spread}
    constant: list[int] = []
    for number in dict.fromkeys((*tuned, *spread, *job.slices)):
        if constant and number not in few:
            break
        try:
            slices = [reader.read(number) for reader in job.readers]
        except BadSlice:
            if job.protocol.input.on_bad_slice == "stop":
                raise
            continue
        if any(pixels.min() != pixels.max() for pixels in slices):
            return number
        constant.append(number)
    return constant[0] if constant else spread[0]


def _measure(job: Job, number: int) -> tuple[Costs, float]:
    start = perf_counter()
    beside = _compared_with(job, number)
    with tempfile.TemporaryDirectory(prefix="stackmend-") as folder:
        place = Workspace(Path(folder))
        place.partial.mkdir(parents=True)
        job = replace(job, slices=(number,), workspace=place)
        several = len(job.protocol.variants) > 1
        measured: dict[str, Costs] = {}
        for variant in job.protocol.variants:
            try:
                measured[variant] = _of_variant(job, number, beside, variant)
            except (StepError, InputError) as error:
                if not several or not is_refusal(error):
                    raise
                measured[variant] = _without_steps(job, number, variant)
    return _dearest(job, measured), perf_counter() - start


def _of_variant(job: Job, number: int, beside: tuple[int, ...], variant: str) -> Costs:
    """The costs of the chain with this one of several in it."""
    chains = provisional(job, variant)
    looks = any(survey_of(bound) for chain in chains for bound in chain.steps)
    looking = perf_counter()
    seen = replace(job, slices=beside)
    session = Session(seen, Log(), Workers(1), Journal(job.workspace.journal), Ledger())
    chains = tuple(surveyed(each, session, (number,), upto=len(each.steps)) for each in chains)
    survey_s = (perf_counter() - looking) / len(beside) if looks else 0.0

    application = Application.of(framed(job, chains), chains)
    application.output.create()
    one = job.places[0]
    application.run([one])
    idle = memory.present()
    slice_s = seconds_of(lambda: application.run([one, one])) / 2
    worker = memory.peak()
    searches = []
    for entry, channel in searches_of(job):
        if entry.alternative in ("", variant):
            searches.append(_search(job, chains[channel], entry, number))
    return Costs(number, slice_s, survey_s, idle, worker, tuple(searches))


def _without_steps(job: Job, number: int, variant: str) -> Costs:
    """What is known of a chain that refuses the slice: that a run would leave it out."""
    own = [each for each, _ in searches_of(job) if each.alternative in ("", variant)]
    nothing = SearchCosts(0.0, 0, ())
    return Costs(number, 0.0, 0.0, memory.present(), memory.peak(), (nothing,) * len(own))


def _dearest(job: Job, measured: Mapping[str, Costs]) -> Costs:
    """The most that any of several chains takes; every survey, and the searches of all of them."""
    every = list(measured.values())
    left = {variant: iter(costs.searches) for variant, costs in measured.items()}
    searches: list[SearchCosts] = []
    for entry, _ in searches_of(job):
        asked = [entry.alternative] if entry.alternative else list(left)
        found = [next(left[variant]) for variant in asked]
        searches.append(found[0])
    return Costs(
        every[0].slice,
        max(each.slice_s for each in every),
        sum(each.survey_s for each in every),
        every[-1].idle_bytes,
        max(each.worker_bytes for each in every),
        tuple(searches),
    )


def _compared_with(job: Job, number: int) -> tuple[int, ...]:
    """A slice and those that surveys of pairs compare it with, if there are such surveys."""
    apart = 0
    for variant in job.protocol.variants:
        for bound in provisional(job, variant)[0].steps:
            if survey := survey_of(bound):
                apart = max(apart, survey.apart(bound.parameters))
    every = sorted({number, *job.slices})
    first = max(min(every.index(number), len(every) - 1 - apart), 0)
    return tuple(every[first : first + apart + 1])


def _search(job: Job, chain: ChannelChain, entry: OptimizeEntry, number: int) -> SearchCosts:
    trial = Trial(chain, entry, space_of(job.protocol, entry))
    graph = trial.graph()
    products: Products = {}
    try:
        seconds = seconds_of(lambda: products.update(trial.start(number, graph.reach)))
        stages = tuple(_stages(graph, trial.space, products))
    except StepError as error:
        if not is_refusal(error):
            raise
        return SearchCosts(0.0, 0, ())
    return SearchCosts(seconds, memory.size_of(products), stages)


def _stages(graph: Graph, space: Space, given: Products) -> Iterator[Stage]:
    """Each stage with the middle values of all parameters, timed also with the ends of its own."""
    middle = middle_of(space)
    values: dict[int | str, Any] = {}
    values.update(given)
    for index, node in enumerate(graph.nodes):
        inputs = [values[source] for source in node.sources]
        values[index] = node.compute(inputs, middle)
        tried = _own(node, space, middle)
        seconds = 0.0
        for combination in tried:
            start = perf_counter()
            node.compute(inputs, combination)
            seconds += perf_counter() - start
        yield seconds / len(tried), memory.size_of(values[index])


def _own(node: Node, space: Space, middle: Combination) -> list[Combination]:
    """The middle and the ends of the parameters that a node takes itself."""
    mine = set(node.swept.values())
    tried: list[Sequence[Any]] = []
    for position, axis in enumerate(space.axes):
        ends = (axis.values[0], middle[position], axis.values[-1])
        tried.append(list(dict.fromkeys(ends)) if position in mine else [middle[position]])
    return list(itertools.product(*tried))


def seconds_of(function: Callable[[], Any]) -> float:
    """The seconds that a call takes."""
    start = perf_counter()
    function()
    return perf_counter() - start
