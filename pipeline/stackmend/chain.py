"""A protocol's steps bound to their parameters, compiled to a graph of stages and evaluated on one slice.

Searching and applying both evaluate the same nodes, so what was scored is what is applied.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stackmend.errors import StepError
from stackmend.registry import IMAGE, INITIAL_IMAGE, Component, Stage, Step

Parameter = tuple[str, str]
"""A parameter's full name: the id of its step in the chain, and its own name."""

Products = dict[str, Any]


@dataclass(frozen=True)
class Bound:
    """A step or loss of a protocol, with a value for each parameter that is not swept."""

    component: Component
    id: str
    parameters: Mapping[str, Any]

    @property
    def survey_product(self) -> str | None:
        """Name under which the summary of the whole stack is handed to this step, if it asks for one."""
        survey = self.component.survey if isinstance(self.component, Step) else None
        return f"{self.id}.{survey.makes}" if survey else None


@dataclass(frozen=True)
class Node:
    """One stage in its place: what it reads, and which values it takes.

    ``sources`` are indices of earlier nodes, or names of products given from outside. ``swept`` maps a parameter
    to its position in a combination; ``depends`` holds the positions of all swept parameters, its own and those
    of the nodes it reads, so that equal values there mean an equal result.
    """

    stage: Stage
    owner: str
    sources: tuple[int | str, ...]
    fixed: Mapping[str, Any]
    swept: Mapping[str, int]
    depends: frozenset[int]

    def compute(self, inputs: Sequence[Any], combination: Sequence[Any] = ()) -> Any:
        """Run the stage.

        Raises
        ------
        StepError
            If it fails, naming the step and the stage.
        """
        values = {name: combination[position] for name, position in self.swept.items()}
        try:
            result = self.stage.function(*inputs, **self.fixed, **values)
            if self.stage.makes == IMAGE and (
                not isinstance(result, np.ndarray) or result.ndim != 2
            ):
                raise TypeError(f"an image must be a 2-D array, got {type(result).__name__}")
        # A step may be anybody's code: whatever it raises becomes an error that names it, with the cause kept.
        except Exception as error:
            where = f"{self.owner}: {self.stage.function.__name__}"
            raise StepError(f"{where} failed ({type(error).__name__}: {error})") from error
        if isinstance(result, np.ndarray):
            result.flags.writeable = False
        return result


@dataclass(frozen=True)
class Graph:
    """Nodes in an order in which each comes after what it reads, and where each product ends up."""

    nodes: tuple[Node, ...]
    products: Mapping[str, int | str]

    def evaluate(self, given: Mapping[str, Any], keep: Collection[str] | None = None) -> Products:
        """Evaluate every node once, for one slice; nothing may be swept.

        Parameters
        ----------
        given
            Products from outside, by name; at least ``image``.
        keep
            Names of the products wanted at the end (all by default); others are freed as soon as they are used up.
        """
        wanted = {
            name: source for name, source in self.products.items() if keep is None or name in keep
        }
        uses = Counter(source for node in self.nodes for source in node.sources)
        uses.update(wanted.values())
        values: dict[int | str, Any] = {}
        values.update(given)
        for index, node in enumerate(self.nodes):
            values[index] = node.compute([values[source] for source in node.sources])
            for source in (*node.sources, index):
                uses[source] -= source != index
                if uses[source] <= 0:
                    values.pop(source, None)
        return {name: values[source] for name, source in wanted.items() if source in values}


def compile_chain(
    steps: Sequence[Bound],
    *,
    given: Collection[str] = (IMAGE,),
    swept: Sequence[Parameter] = (),
    loss: Bound | None = None,
) -> Graph:
    """The graph of some consecutive steps of a chain, and of a loss evaluated after the last of them.

    Parameters
    ----------
    steps
        The steps, in chain order, as a checked protocol has them.
    given
        Products that exist before the first step.
    swept
        Parameters whose values come with a combination, in the combination's order.
    loss
        Makes the product ``loss``.
    """
    positions = {parameter: index for index, parameter in enumerate(swept)}
    available: dict[str, int | str] = {name: name for name in given}
    available[INITIAL_IMAGE] = available[IMAGE]
    nodes: list[Node] = []
    for bound in (*steps, *([loss] if loss else [])):
        component = bound.component
        if isinstance(component, Step) and component.survey and bound.survey_product:
            available[component.survey.makes] = bound.survey_product
        for stage in component.stages:
            nodes.append(_node(stage, bound, available, positions, nodes))
            available[stage.makes] = len(nodes) - 1
        if isinstance(component, Step) and component.closes:
            del available[component.closes]
    return Graph(tuple(nodes), available)


def _node(
    stage: Stage,
    bound: Bound,
    available: Mapping[str, int | str],
    positions: Mapping[Parameter, int],
    nodes: Sequence[Node],
) -> Node:
    sources = tuple(available[name] for name in stage.reads)
    swept = {
        name: positions[bound.id, name]
        for name in stage.parameters
        if (bound.id, name) in positions
    }
    inherited = (nodes[source].depends for source in sources if isinstance(source, int))
    return Node(
        stage=stage,
        owner=bound.id,
        sources=sources,
        fixed={name: bound.parameters[name] for name in stage.parameters if name not in swept},
        swept=swept,
        depends=frozenset(swept.values()).union(*inherited),
    )
