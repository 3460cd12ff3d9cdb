"""What one slice costs: the real work done on it in a fresh process, with a clock and an eye on memory."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from stackmend.chain import Graph, Node, Products, compile_chain
from stackmend.errors import BadSlice
from stackmend.job import Job
from stackmend.protocol import OptimizeEntry
from stackmend.registry import IMAGE
from stackmend.restore.apply import Application
from stackmend.result.journal import Journal, Ledger
from stackmend.result.log import Log
from stackmend.result.workspace import Workspace
from stackmend.search import Combination, Space
from stackmend.tuning.chains import ChannelChain
from stackmend.tuning.tune import (
    Session,
    extent,
    products_before,
    search_graph,
    space_of,
    survey,
)
from stackmend.workers import memory
from stackmend.workers.processes import Workers, apart


@dataclass(frozen=True)
class StageCost:
    """One stage of a search: the seconds it takes, and the bytes of what it makes."""

    seconds: float
    bytes: int


@dataclass(frozen=True)
class SearchCost:
    """One search on one slice: what comes before it, the products it begins with, and each stage."""

    before_s: float
    given_bytes: int
    stages: tuple[StageCost, ...]


@dataclass(frozen=True)
class Probe:
    """One slice measured.

    Attributes
    ----------
    slice : int
        Its number.
    slice_s : float
        To read, restore and write it.
    survey_s : float
        To look at it, where the whole stack must be known first.
    idle_bytes, worker_bytes : int
        Memory of a process between slices, and the most that it has while it restores.
    searches : tuple[SearchCost, ...]
        One for each that was asked for.
    start_s : float
        To start the process.
    """

    slice: int
    slice_s: float
    survey_s: float
    idle_bytes: int
    worker_bytes: int
    searches: tuple[SearchCost, ...]
    start_s: float = 0.0


Sought = tuple[OptimizeEntry, int]
"""A search: its entry, and the position of the channel on which it is done."""


def probe(job: Job, plans: Sequence[ChannelChain], searches: Sequence[Sought]) -> Probe:
    """Measure a slice that can be used and is not constant: an optimization slice, else one from the middle.

    It is restored with the real chain and writer, into the system's folder for temporary files, in a process of its
    own, whose memory is nobody else's. Everything is done once before the clock starts, so that kernels are compiled.

    Raises
    ------
    StackmendError
        As a run would.
    """
    start = perf_counter()
    found, seconds = apart(_probe, job, plans, searches, _usable(job))
    return replace(found, start_s=perf_counter() - start - seconds)


def _usable(job: Job) -> int:
    """The first slice that can be read and is not constant (such a slice costs next to nothing, and says nothing).

    Only a few are looked at for that, spread over the stack; if they are all constant, so is most of it.
    """
    tuned = [
        number
        for entry in job.protocol.optimize
        for number in entry.slices.indices(job.reader.shape[0])
    ]
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


def _probe(
    job: Job, plans: Sequence[ChannelChain], searches: Sequence[Sought], number: int
) -> tuple[Probe, float]:
    start = perf_counter()
    with tempfile.TemporaryDirectory(prefix="stackmend-") as folder:
        place = Workspace(Path(folder))
        place.partial.mkdir(parents=True)
        job = replace(job, slices=(number,), workspace=place)
        session = Session(job, Log(), Workers(1), Journal(place.journal), Ledger())
        start_of_survey = perf_counter()
        for plan in plans:
            survey(plan, session, upto=len(plan.steps))
        survey_s = perf_counter() - start_of_survey
        surveyed = any(value is not None for plan in plans for value in plan.given.values())
        application = application_of(job, plans)
        for writer in application.writers:
            writer.create()
        one = job.places[0]
        application.run([one])
        idle = memory.present()
        slice_s = timed(lambda: application.run([one, one])) / 2
        worker = memory.peak()
        costs = tuple(
            _search_cost(job, plans[channel], entry, number) for entry, channel in searches
        )
    return Probe(
        number, slice_s, survey_s if surveyed else 0.0, idle, worker, costs
    ), perf_counter() - start


def application_of(job: Job, plans: Sequence[ChannelChain]) -> Application:
    """The chains of a job, to be applied where it works."""
    return Application(
        readers=job.readers,
        numbers=job.channels,
        writer=job.writer(),
        truth_writer=job.writer("truth") if job.reader.truth(job.slices[0]) is not None else None,
        chains=tuple((plan.graph(), plan.given) for plan in plans),
        window=job.window,
        dtype=job.dtype,
        on_bad_slice=job.protocol.input.on_bad_slice,
        journal=Journal(job.workspace.journal),
    )


def search_in(job: Job, plan: ChannelChain, entry: OptimizeEntry) -> tuple[Graph, Graph, Space]:
    """What comes before a search, what is searched, and the declared values."""
    first, last = extent(plan, job, entry)
    before, space = (
        compile_chain(plan.steps[:first], given=(IMAGE, *plan.given)),
        space_of(job, entry),
    )
    return before, search_graph(plan, entry, first, last, before, space), space


def _search_cost(job: Job, plan: ChannelChain, entry: OptimizeEntry, number: int) -> SearchCost:
    before, graph, space = search_in(job, plan, entry)
    products: Products = {}
    seconds = timed(lambda: products.update(products_before(before, plan, entry, number)))
    return SearchCost(
        seconds, memory.size_of(products), tuple(_stage_costs(graph, space, products))
    )


def _stage_costs(graph: Graph, space: Space, given: Products) -> Iterator[StageCost]:
    """Each stage with the middle values of all parameters, and timed also with the ends of its own."""
    middle = middle_of(space)
    values: dict[int | str, Any] = dict(given.items())
    for index, node in enumerate(graph.nodes):
        inputs = [values[source] for source in node.sources]
        values[index] = node.compute(inputs, middle)
        seconds = [
            timed(lambda n=node, i=inputs, c=each: n.compute(i, c))
            for each in _own(node, space, middle)
        ]
        yield StageCost(sum(seconds) / len(seconds), memory.size_of(values[index]))


def middle_of(space: Space) -> Combination:
    """The combination of the middle declared values."""
    return tuple(axis.values[len(axis.values) // 2] for axis in space.axes)


def _own(node: Node, space: Space, middle: Combination) -> list[Combination]:
    mine = set(node.swept.values())
    ends = [
        dict.fromkeys((axis.values[0], middle[position], axis.values[-1]))
        if position in mine
        else (middle[position],)
        for position, axis in enumerate(space.axes)
    ]
    return list(itertools.product(*ends))


def timed(function: Any) -> float:
    """The seconds that a call takes."""
    start = perf_counter()
    function()
    return perf_counter() - start
