"""Steps compiled to a graph: which stage reads what, over as many slices as the stages see."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from stackmend.chain.bound import Bound
from stackmend.chain.graph import Graph, Node, Parameter, Source
from stackmend.chain.refusal import add_refusal, runs_of
from stackmend.chain.unrolled import Unrolled
from stackmend.registry import (
    IMAGE,
    INITIAL_IMAGE,
    MASK,
    METHOD,
    UNRESTORED,
    Component,
    Stage,
    Step,
)


def compile_chain(
    steps: Sequence[Bound],
    *,
    given: Collection[str] = (IMAGE,),
    swept: Mapping[Parameter, Sequence[Any]] | Sequence[Parameter] = (),
    most_masked: Mapping[str, float] | None = None,
) -> Graph:
    """The graph of some consecutive steps of a chain; a loss may stand where it is evaluated.

    Parameters
    ----------
    steps
        The steps, in chain order, as a checked protocol has them.
    given
        Products that exist before the first step.
    swept
        Parameters whose values come with a combination, in the combination's order; as a mapping,
        with all values that they can have (which decides how many slices a swept window may see).
    most_masked
        The share of a slice that may be marked for the correction by some steps, by their ids;
        where it is more, that is refused (``refusal.py``).
    """
    nodes: list[Node] = []
    radii: list[int] = []
    available = _of_one_slice(steps, given, swept, nodes, radii, most_masked or {})
    if any(isinstance(each.component, Step) and each.component.moves for each in steps):
        # Beside it, what would be left of the slice if steps did nothing but cut and move.
        alone = _of_one_slice(list(_cutting_and_moving(steps)), given, swept, nodes, radii, {})
        available[UNRESTORED] = alone[IMAGE]
    if not any(radii):
        return Graph(tuple(nodes), available)
    return Unrolled(nodes, available, radii).graph()


def _of_one_slice(
    steps: Sequence[Bound],
    given: Collection[str],
    swept: Mapping[Parameter, Sequence[Any]] | Sequence[Parameter],
    nodes: list[Node],
    radii: list[int],
    most_masked: Mapping[str, float],
) -> dict[str, Source]:
    """Add nodes as if each stage saw its own slice only, and radii; returns where products end."""
    positions = {parameter: index for index, parameter in enumerate(swept)}
    available: dict[str, Source] = {name: name for name in given}
    available[INITIAL_IMAGE] = available[IMAGE]
    begins = {last: first for first, last in runs_of(steps, most_masked)}
    images: list[Source] = []
    for place, bound in enumerate(steps):
        images.append(available[IMAGE])
        component = bound.component
        if isinstance(component, Step) and component.survey and bound.survey_product:
            available[component.survey.makes] = bound.survey_product
        variants: Mapping[str, Component] = {}
        if isinstance(component, Step):
            variants = component.variants
        made: dict[str, dict[str, Source]] = {}
        for method, variant in (variants or {"": component}).items():
            made[method] = dict(available)
            _add_stages(variant.stages, bound, made[method], swept, nodes, radii)
        if variants:
            for product in component.makes:
                sources = {method: own[product] for method, own in made.items()}
                nodes.append(_choice(product, sources, bound, positions, nodes))
                radii.append(0)
                available[product] = len(nodes) - 1
        else:
            available = made[""]
        if isinstance(component, Step) and component.moves:
            _move_masks(component.moves, bound, available, swept, nodes, radii)
        if isinstance(component, Step) and component.closes:
            available.pop(component.closes, None)
        if place in begins:
            before = images[begins[place]]
            add_refusal(nodes, available, bound.id, before, most_masked[bound.id])
            radii += [0] * (len(nodes) - len(radii))
    return available


def _add_stages(
    stages: Sequence[Stage],
    bound: Bound,
    available: dict[str, Source],
    swept: Mapping[Parameter, Sequence[Any]] | Sequence[Parameter],
    nodes: list[Node],
    radii: list[int],
) -> None:
    """Add the nodes of some stages that follow each other, and what they make."""
    for stage in stages:
        if stage.carries and stage.makes not in available:
            continue
        nodes.append(_node(stage, bound, available, swept, nodes))
        radii.append(_largest_radius(stage, bound, swept))
        available[stage.makes] = len(nodes) - 1


def _cutting_and_moving(steps: Sequence[Bound]) -> Iterator[Bound]:
    """Steps without those that change nothing but pixels where they are, and without masks."""
    every = [(bound, bound.component) for bound in steps if isinstance(bound.component, Step)]
    wanted = {name for _, each in every if each.moves for name in each.moves.reads}
    for bound, step in every:
        if step.keeps or step.moves or step.opens in wanted:
            stages = tuple(replace(each, facts={}, mask_of="") for each in step.stages)
            yield replace(bound, component=replace(step, stages=stages, moves=None))


def _move_masks(
    moves: Stage,
    bound: Bound,
    available: dict[str, Source],
    swept: Mapping[Parameter, Sequence[Any]] | Sequence[Parameter],
    nodes: list[Node],
    radii: list[int],
) -> None:
    """Let what a step makes of every mask before it stand for that."""
    for index, node in enumerate(tuple(nodes)):
        if not node.stage.mask_of:
            continue
        moved = _node(moves, bound, {**available, MASK: index}, swept, nodes)
        own = replace(moves, makes=node.stage.makes, mask_of=node.stage.mask_of)
        nodes[index] = replace(node, stage=replace(node.stage, mask_of=""))
        for name in [name for name, source in available.items() if source == index]:
            available[name] = len(nodes)
        nodes.append(replace(moved, stage=own, owner=node.owner))
        radii.append(_largest_radius(moves, bound, swept))


def _node(
    stage: Stage,
    bound: Bound,
    available: Mapping[str, Source],
    declared: Mapping[Parameter, Sequence[Any]] | Sequence[Parameter],
    nodes: Sequence[Node],
) -> Node:
    positions = {parameter: index for index, parameter in enumerate(declared)}
    given = [name for name in stage.reads if name in stage.needs or name in available]
    sources = tuple(available[name] for name in given)
    fixed: dict[str, Any] = {}
    swept: dict[str, int] = {}
    for name in stage.parameters:
        parameter = bound.id, name
        if name in stage.together:
            fixed[name] = _all_values(parameter, bound, declared)
        elif parameter in positions:
            swept[name] = positions[parameter]
        else:
            fixed[name] = bound.parameters[name]
    inherited = (nodes[source].depends for source in sources if isinstance(source, int))
    return Node(
        stage=stage,
        owner=bound.id,
        sources=sources,
        fixed=fixed,
        swept=swept,
        depends=frozenset(swept.values()).union(*inherited),
        stage_index=len(nodes),
        offsets=(0,) if stage.window else (),
        reads=tuple(given),
    )


def _all_values(
    parameter: Parameter,
    bound: Bound,
    declared: Mapping[Parameter, Sequence[Any]] | Sequence[Parameter],
) -> tuple[Any, ...]:
    """The values that a parameter is declared to have, or its one value."""
    if parameter not in declared:
        return (bound.parameters[parameter[1]],)
    return tuple(declared[parameter]) if isinstance(declared, Mapping) else ()


def _choice(
    product: str,
    sources: Mapping[str, Source],
    bound: Bound,
    positions: Mapping[Parameter, int],
    nodes: Sequence[Node],
) -> Node:
    """What takes a product of the variant that the method of a combination names."""
    stage = Stage(of_method, makes=product)
    parameter = bound.id, METHOD
    swept = {METHOD: positions[parameter]} if parameter in positions else {}
    inherited = (nodes[source].depends for source in sources.values() if isinstance(source, int))
    return Node(
        stage=stage,
        owner=bound.id,
        sources=tuple(sources.values()),
        fixed={},
        swept=swept,
        depends=frozenset(swept.values()).union(*inherited),
        stage_index=len(nodes),
        variants=tuple(sources),
        reads=stage.reads,
    )


def of_method(made: Any, *, method: str) -> Any:  # noqa: ARG001 - it decides what is read
    """What the variant that is chosen has made."""
    return made


def _largest_radius(
    stage: Stage, bound: Bound, swept: Mapping[Parameter, Sequence[Any]] | Sequence[Parameter]
) -> int:
    if isinstance(stage.window, str) and (bound.id, stage.window) in swept:
        if not isinstance(swept, Mapping):
            raise TypeError(f"{bound.id}.{stage.window} is swept: its values must be known")
        return max(int(value) for value in swept[bound.id, stage.window])
    return stage.radius(bound.parameters)
