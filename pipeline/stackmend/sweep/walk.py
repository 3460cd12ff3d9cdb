"""Every distinct stage of a search computed once, in an order that keeps few results alive.

The combinations of a search are paths through one graph of stages. Two paths share a stage's result
where all the parameters that it depends on, directly or through what it reads, have the same
values. That is the identity of a task here; so identical work cannot be done twice, whatever the
space looks like.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from typing import Any

from stackmend.chain import Graph, Node, is_refusal
from stackmend.errors import StepError
from stackmend.registry import FAILED, Undefined
from stackmend.sweep.space import Combination, walking_order

Key = tuple[int, Combination]
"""Identity of a task: index of its node, and the values of the parameters that it depends on."""


Compute = Callable[[int, Combination, Callable[[], Any]], Any]
"""Computes the result of a node for a combination, or knows it already."""


@dataclass(frozen=True)
class Task:
    """One distinct evaluation of one stage."""

    node: Node
    combination: Combination
    inputs: tuple[Key | str, ...]
    rank: int


class Tasks:
    """All distinct tasks of a search, and the one that answers each combination and product."""

    def __init__(self, targets: Iterable[str]) -> None:
        self.tasks: dict[Key, Task] = {}
        self.answers: dict[str, dict[Combination, Key]] = {target: {} for target in targets}

    def counts(self) -> Counter[str]:
        """How many distinct tasks there are, by the product they make."""
        return Counter(task.node.stage.makes for task in self.tasks.values())


def distinct_work(graph: Graph, combinations: Sequence[Combination], target: str = "loss") -> Tasks:
    """The distinct tasks that combinations need for one product, in the order to compute them.

    Parameters
    ----------
    graph
        What is evaluated.
    combinations
        Those to be answered; the ``answers`` for the target have them in this order.
    target
        Product wanted for every combination.
    """
    return distinct_work_for(graph, {target: combinations})


def distinct_work_for(graph: Graph, wanted: Mapping[str, Sequence[Combination]]) -> Tasks:
    """The same for several products, each with the combinations for which it is wanted."""
    found = Tasks(wanted)
    every = list(dict.fromkeys(each for combinations in wanted.values() for each in combinations))
    places = {target: graph.products[target] for target in wanted}
    needed = {target: graph.ancestors([place]) for target, place in places.items()}
    choosing = any(node.variants for node in graph.nodes)
    asked = {target: set(combinations) for target, combinations in wanted.items()}
    for values in _in_walking_order(graph, every):
        for target, place in places.items():
            if values in asked[target]:
                assert isinstance(place, int)
                nodes = needed[target]
                if choosing:
                    nodes = graph.ancestors([place], combination=values)
                found.answers[target][values] = _enter(found, graph, nodes, values, place)
    for target, combinations in wanted.items():
        answers = found.answers[target]
        found.answers[target] = {values: answers[values] for values in combinations}
    return found


def _enter(
    found: Tasks, graph: Graph, needed: Sequence[int], values: Combination, wanted: int
) -> Key:
    """Enter the tasks of one combination that are not there yet; the one that answers it."""
    keys: dict[int, Key] = {}
    for index in needed:
        node = graph.nodes[index]
        keys[index] = index, tuple(values[position] for position in sorted(node.depends))
        if keys[index] not in found.tasks:
            read = node.read(values)
            inputs = tuple(keys[each] if isinstance(each, int) else each for each in read)
            found.tasks[keys[index]] = Task(node, values, inputs, len(found.tasks))
    return keys[wanted]


def _in_walking_order(graph: Graph, combinations: Sequence[Combination]) -> list[Combination]:
    ranks = [
        {value: rank for rank, value in enumerate(dict.fromkeys(column))}
        for column in zip(*combinations, strict=True)
    ]
    order = walking_order(graph, [len(rank) for rank in ranks])
    return sorted(
        combinations, key=lambda values: [ranks[position][values[position]] for position in order]
    )


def walk(
    work: Tasks,
    given: Mapping[str, Any],
    *,
    workers: int = 1,
    done: Callable[[str, Combination, Any], None] | None = None,
    compute: Compute | None = None,
) -> dict[str, dict[Combination, Any]]:
    """Compute all tasks for one slice; return the answers by product and combination.

    Results are freed as soon as nothing needs them. Tasks run on threads (the kernels release the
    interpreter's lock); only this thread keeps the books, so nothing is shared but finished,
    read-only arrays.

    Parameters
    ----------
    given
        Products that exist before the first stage.
    done
        Called with each product, combination and answer as soon as there is one.
    compute
        Computes each result, or knows it from elsewhere.

    Where a step refuses its values on this slice, the answer is an ``Undefined`` that has failed.

    Raises
    ------
    StepError
        If a stage fails otherwise.
    """
    values: dict[Key | str, Any] = {}
    values.update(given)
    answers: dict[Key, list[tuple[str, Combination]]] = defaultdict(list)
    for target, answered in work.answers.items():
        for combination, key in answered.items():
            answers[key].append((target, combination))
    uses = Counter(source for task in work.tasks.values() for source in set(task.inputs))
    for key, result in _run(work.tasks, values, workers, compute):
        values[key] = result
        for source in set(work.tasks[key].inputs):
            uses[source] -= 1
            if not uses[source] and source not in answers:
                del values[source]
        if done:
            for target, combination in answers.get(key, ()):
                done(target, combination, result)
    return {
        target: {combination: values[key] for combination, key in answered.items()}
        for target, answered in work.answers.items()
    }


def most_alive(work: Tasks, sizes: Mapping[int, int]) -> int:
    """The bytes that results take up at most while all tasks are computed one after the other.

    Parameters
    ----------
    sizes
        Bytes of one result of each node, by the index of the node.
    """
    uses = Counter(source for task in work.tasks.values() for source in set(task.inputs))
    answers = {key for answered in work.answers.values() for key in answered.values()}
    alive, most = 0, 0
    for key, task in work.tasks.items():  # in the order of their rank
        alive += sizes[key[0]]
        most = max(most, alive)
        for source in set(task.inputs):
            uses[source] -= 1
            if not uses[source] and source not in answers and not isinstance(source, str):
                alive -= sizes[source[0]]
    return most


class _Agenda:
    """Which tasks are ready, and which of those was wanted first."""

    def __init__(self, tasks: Mapping[Key, Task]) -> None:
        self._tasks = tasks
        self._followers: dict[Key, list[Key]] = defaultdict(list)
        self._missing: dict[Key, int] = {}
        for key, task in tasks.items():
            before = {source for source in task.inputs if not isinstance(source, str)}
            self._missing[key] = len(before)
            for source in before:
                self._followers[source].append(key)
        self._ready = [(task.rank, key) for key, task in tasks.items() if not self._missing[key]]
        heapq.heapify(self._ready)

    def __bool__(self) -> bool:
        return bool(self._ready)

    def next(self) -> Key:
        return heapq.heappop(self._ready)[1]

    def finish(self, key: Key) -> None:
        for follower in self._followers[key]:
            self._missing[follower] -= 1
            if not self._missing[follower]:
                heapq.heappush(self._ready, (self._tasks[follower].rank, follower))


def _run(
    tasks: Mapping[Key, Task],
    values: Mapping[Key | str, Any],
    workers: int,
    known: Compute | None,
) -> Iterator[tuple[Key, Any]]:
    """Finished tasks with their results.

    The caller must have entered a result in ``values`` before it asks on.
    """
    agenda = _Agenda(tasks)

    def compute(key: Key) -> Callable[[], Any]:
        inputs = [values[source] for source in tasks[key].inputs]
        return lambda: _attempt(key[0], tasks[key], inputs, known)

    if workers == 1:
        while agenda:
            key = agenda.next()
            yield key, compute(key)()
            agenda.finish(key)
        return
    yield from _on_threads(agenda, compute, workers)


def _attempt(index: int, task: Task, inputs: Sequence[Any], known: Compute | None) -> Any:
    """The result of a task, or why there is none; what reads that has none for the same reason."""
    for given in inputs:
        if isinstance(given, Undefined) and given.status == FAILED:
            return given
    try:
        if known is None:
            return task.node.compute(inputs, task.combination)
        return known(index, task.combination, lambda: task.node.compute(inputs, task.combination))
    except StepError as error:
        if not is_refusal(error):
            raise
        return Undefined(FAILED, str(error))


def _on_threads(
    agenda: _Agenda, compute: Callable[[Key], Callable[[], Any]], workers: int
) -> Iterator[tuple[Key, Any]]:
    """The same on threads.

    With simple queues, as Ctrl-C in ``concurrent.futures.wait`` can leave locks closed.
    """
    todo: SimpleQueue[tuple[Key, Callable[[], Any]] | None] = SimpleQueue()
    finished: SimpleQueue[tuple[Key, Any, BaseException | None]] = SimpleQueue()
    for _ in range(workers):
        Thread(target=_serve, args=(todo, finished), daemon=True).start()
    running = 0
    try:
        while agenda or running:
            while agenda and running < workers:
                key = agenda.next()
                todo.put((key, compute(key)))
                running += 1
            key, result, error = finished.get()
            running -= 1
            if error is not None:
                raise error
            yield key, result
            agenda.finish(key)
    finally:
        for _ in range(workers):
            todo.put(None)


def _serve(todo: SimpleQueue[Any], finished: SimpleQueue[Any]) -> None:
    """Compute what is asked for until there is nothing more."""
    while (task := todo.get()) is not None:
        key, function = task
        try:
            finished.put((key, function(), None))
        # Whatever it is, it is raised again where the results are awaited.
        except BaseException as error:  # noqa: BLE001 - see above
            finished.put((key, None, error))
