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
    Loss,
    Stage,
    Step,
)

Swept = Mapping[Parameter, Sequence[Any]] | Sequence[Parameter]
"""Parameters whose values come with a combination, in its order; maybe with all their values."""

Available = dict[str, Source]
"""Where each product ends up that exists so far, by its name."""


def compile_chain(
    steps: Sequence[Bound],
    *,
    given: Collection[str] = (IMAGE,),
    swept: Swept = (),
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
    compiler = _Compiler(swept)
    available = compiler.add_steps(steps, given, most_masked or {})
    if any(isinstance(each.component, Step) and each.component.moves for each in steps):
        # Beside it, what would be left of the slice if steps did nothing but cut and move.
        alone = compiler.add_steps(list(_cutting_and_moving(steps)), given, {})
        available[UNRESTORED] = alone[IMAGE]
    if not any(compiler.radii):
        return Graph(tuple(compiler.nodes), available)
    return Unrolled(compiler.nodes, available, compiler.radii).graph()


class _Compiler:
    """The nodes so far, as if each stage saw its own slice only, and how far each really sees."""

    def __init__(self, swept: Swept) -> None:
        self.swept = swept
        self.positions = {parameter: index for index, parameter in enumerate(swept)}
        self.nodes: list[Node] = []
        self.radii: list[int] = []

    def add_steps(
        self, steps: Sequence[Bound], given: Collection[str], most_masked: Mapping[str, float]
    ) -> Available:
        """Add the nodes of some steps; returns where products end up."""
        available: Available = {name: name for name in given}
        available[INITIAL_IMAGE] = available[IMAGE]
        begins = {last: first for first, last in runs_of(steps, most_masked)}
        images: list[Source] = []
        for place, bound in enumerate(steps):
            images.append(available[IMAGE])
            available = self._add_step(bound, available, steps[:place])
            if place in begins:
                before = images[begins[place]]
                add_refusal(self.nodes, available, bound.id, before, most_masked[bound.id])
                self.radii += [0] * (len(self.nodes) - len(self.radii))
        return available

    def _add_step(self, bound: Bound, available: Available, before: Sequence[Bound]) -> Available:
        component = bound.component
        if not isinstance(component, Step):
            self._add_stages((*component.stages, *_instead(component, before)), bound, available)
            return available
        if component.survey and bound.survey_product:
            available[component.survey.makes] = bound.survey_product
        if component.variants:
            self._add_variants(component, bound, available)
        else:
            self._add_stages(component.stages, bound, available)
        if component.moves:
            self._move_masks(component.moves, bound, available)
        if component.closes:
            available.pop(component.closes, None)
        return available

    def _add_variants(self, step: Step, bound: Bound, available: Available) -> None:
        """Add the stages of all variants, and what takes their products by the method."""
        made: dict[str, Available] = {}
        for method, variant in step.variants.items():
            made[method] = dict(available)
            self._add_stages(variant.stages, bound, made[method])
        for product in step.makes:
            sources = {method: own[product] for method, own in made.items()}
            available[product] = self._add(self._choice(product, sources, bound), 0)

    def _add_stages(self, stages: Sequence[Stage], bound: Bound, available: Available) -> None:
        """Add the nodes of stages that follow each other, and what they make."""
        for stage in stages:
            if not stage.carries or stage.makes in available:
                node = self._node(stage, bound, available)
                available[stage.makes] = self._add(node, self._largest_radius(stage, bound))

    def _move_masks(self, moves: Stage, bound: Bound, available: Available) -> None:
        """Let what a step makes of every mask before it stand for that."""
        for index, node in enumerate(tuple(self.nodes)):
            if not node.stage.mask_of:
                continue
            moved = self._node(moves, bound, {**available, MASK: index})
            own = replace(moves, makes=node.stage.makes, mask_of=node.stage.mask_of)
            self.nodes[index] = replace(node, stage=replace(node.stage, mask_of=""))
            place = self._add(
                replace(moved, stage=own, owner=node.owner), self._largest_radius(moves, bound)
            )
            for name in [name for name, source in available.items() if source == index]:
                available[name] = place

    def _add(self, node: Node, radius: int) -> int:
        self.nodes.append(node)
        self.radii.append(radius)
        return len(self.nodes) - 1

    def _node(self, stage: Stage, bound: Bound, available: Mapping[str, Source]) -> Node:
        given = [name for name in stage.reads if name in stage.needs or name in available]
        sources = tuple(available[name] for name in given)
        fixed: dict[str, Any] = {}
        swept: dict[str, int] = {}
        for name in stage.parameters:
            parameter = bound.id, name
            if name in stage.together:
                fixed[name] = self._all_values(parameter, bound)
            elif parameter in self.positions:
                swept[name] = self.positions[parameter]
            else:
                fixed[name] = bound.parameters[name]
        return Node(
            stage=stage,
            owner=bound.id,
            sources=sources,
            fixed=fixed,
            swept=swept,
            depends=self._depends(swept, sources),
            stage_index=len(self.nodes),
            offsets=(0,) if stage.window else (),
            reads=tuple(given),
        )

    def _choice(self, product: str, sources: Mapping[str, Source], bound: Bound) -> Node:
        """What takes a product of the variant that the method of a combination names."""
        stage = Stage(of_method, makes=product)
        parameter = bound.id, METHOD
        swept = {METHOD: self.positions[parameter]} if parameter in self.positions else {}
        return Node(
            stage=stage,
            owner=bound.id,
            sources=tuple(sources.values()),
            fixed={},
            swept=swept,
            depends=self._depends(swept, sources.values()),
            stage_index=len(self.nodes),
            variants=tuple(sources),
            reads=stage.reads,
        )

    def _depends(self, swept: Mapping[str, int], sources: Collection[Source]) -> frozenset[int]:
        inherited = (self.nodes[each].depends for each in sources if isinstance(each, int))
        return frozenset(swept.values()).union(*inherited)

    def _all_values(self, parameter: Parameter, bound: Bound) -> tuple[Any, ...]:
        """The values that a parameter is declared to have, or its one value."""
        if parameter not in self.swept:
            return (bound.parameters[parameter[1]],)
        return tuple(self.swept[parameter]) if isinstance(self.swept, Mapping) else ()

    def _largest_radius(self, stage: Stage, bound: Bound) -> int:
        if isinstance(stage.window, str) and (bound.id, stage.window) in self.swept:
            if not isinstance(self.swept, Mapping):
                raise TypeError(f"{bound.id}.{stage.window} is swept: its values must be known")
            return max(int(value) for value in self.swept[bound.id, stage.window])
        return stage.radius(bound.parameters)


def _instead(component: Component, before: Sequence[Bound]) -> tuple[Stage, ...]:
    """The stage of a loss that reads no image, where the only step makes what it does read."""
    stage = component.instead if isinstance(component, Loss) else None
    made = [bound.component.makes for bound in before if isinstance(bound.component, Step)]
    if stage is None or len(made) != 1 or not set(made[0]).issuperset(stage.needs):
        return ()
    return (replace(stage, makes=component.stages[-1].makes),)


def _cutting_and_moving(steps: Sequence[Bound]) -> Iterator[Bound]:
    """Steps without those that change nothing but pixels where they are, and without masks."""
    every = [(bound, bound.component) for bound in steps if isinstance(bound.component, Step)]
    wanted = {name for _, each in every if each.moves for name in each.moves.reads}
    for bound, step in every:
        if step.keeps or step.moves or step.opens in wanted:
            stages = tuple(replace(each, facts={}, mask_of="") for each in step.stages)
            yield replace(bound, component=replace(step, stages=stages, moves=None))


def of_method(made: Any, *, method: str) -> Any:  # noqa: ARG001 - it decides what is read
    """What the variant that is chosen has made."""
    return made
