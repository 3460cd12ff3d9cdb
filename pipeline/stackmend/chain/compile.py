"""Steps compiled to a graph: which stage reads what, over as many slices as the stages see."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from stackmend.chain.graph import (
    Bound,
    Graph,
    Node,
    Parameter,
    Source,
    product_of_neighbour,
)
from stackmend.registry import IMAGE, INITIAL_IMAGE, METHOD, Component, Loss, Stage, Step


def compile_chain(
    steps: Sequence[Bound],
    *,
    given: Collection[str] = (IMAGE,),
    swept: Mapping[Parameter, Sequence[Any]] | Sequence[Parameter] = (),
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
    """
    nodes, available, radii = _of_one_slice(steps, given, swept)
    if not any(radii):
        return Graph(tuple(nodes), available)
    return _Unrolled(nodes, available, radii).graph()


def _of_one_slice(
    steps: Sequence[Bound],
    given: Collection[str],
    swept: Mapping[Parameter, Sequence[Any]] | Sequence[Parameter],
) -> tuple[list[Node], dict[str, Source], list[int]]:
    """The nodes as if each stage saw its own slice only, where products end up, and each radius."""
    positions = {parameter: index for index, parameter in enumerate(swept)}
    available: dict[str, Source] = {name: name for name in given}
    available[INITIAL_IMAGE] = available[IMAGE]
    nodes: list[Node] = []
    radii: list[int] = []
    for place, bound in enumerate(steps):
        component = bound.component
        if isinstance(component, Step) and component.survey and bound.survey_product:
            available[component.survey.makes] = bound.survey_product
        variants = dict[str, Component]()
        if isinstance(component, Step):
            variants |= component.variants
        made: dict[str, dict[str, Source]] = {}
        for method, variant in (variants or {"": component}).items():
            made[method] = dict(available)
            for stage in (*variant.stages, *_instead(variant, steps[:place])):
                nodes.append(_node(stage, bound, made[method], swept, nodes))
                radii.append(_largest_radius(stage, bound, swept))
                made[method][stage.makes] = len(nodes) - 1
        if variants:
            for product in component.makes:
                sources = {method: own[product] for method, own in made.items()}
                nodes.append(_choice(product, sources, bound, positions, nodes))
                radii.append(0)
                available[product] = len(nodes) - 1
        else:
            available = made[""]
        if isinstance(component, Step) and component.closes:
            del available[component.closes]
    return nodes, available, radii


def _instead(component: Component, before: Sequence[Bound]) -> tuple[Stage, ...]:
    """The stage of a loss that reads no image, where the only step makes what it does read."""
    stage = component.instead if isinstance(component, Loss) else None
    made = [bound.component.makes for bound in before if isinstance(bound.component, Step)]
    if stage is None or len(made) != 1 or not set(made[0]).issuperset(stage.needs):
        return ()
    return (replace(stage, makes=component.stages[-1].makes),)


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
    parameter = bound.id, METHOD
    swept = {METHOD: positions[parameter]} if parameter in positions else {}
    inherited = (nodes[source].depends for source in sources.values() if isinstance(source, int))
    return Node(
        stage=Stage(of_method, makes=product),
        owner=bound.id,
        sources=tuple(sources.values()),
        fixed={},
        swept=swept,
        depends=frozenset(swept.values()).union(*inherited),
        stage_index=len(nodes),
        variants=tuple(sources),
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


class _Unrolled:
    """Nodes of one slice, and how many slices to either side each of them sees.

    A node whose result is seen from other slices stands in the graph once for each of these.
    """

    def __init__(
        self, nodes: Sequence[Node], available: Mapping[str, Source], radii: Sequence[int]
    ) -> None:
        self.nodes, self.available, self.radii = nodes, available, radii

    def graph(self) -> Graph:
        """The graph over all slices that are seen."""
        wide = self._wanted_around()
        outside: dict[str, tuple[str, int]] = {}
        places: dict[tuple[Source, int], Source] = {}
        nodes: list[Node] = []

        def place(source: Source, offset: int) -> Source:
            if isinstance(source, int):
                return places[source, offset]
            name = product_of_neighbour(source, offset)
            outside[name] = source, offset
            return name

        for index, node in enumerate(self.nodes):
            radius = self.radii[index]
            around = range(-radius, radius + 1)
            for offset in range(-wide[index], wide[index] + 1):
                sources: list[Source] = []
                for source in node.sources:
                    sources += [place(source, offset + each) for each in around]
                places[index, offset] = len(nodes)
                seen = tuple(around) if node.offsets else ()
                own = replace(node, sources=tuple(sources), offset=offset, offsets=seen)
                nodes.append(own)
        products = {name: place(source, 0) for name, source in self.available.items()}
        shared = self._shared(nodes, outside, wide)
        return Graph(tuple(nodes), products, max(wide.values()), outside, shared)

    def _wanted_around(self) -> dict[Source, int]:
        """For how many slices to either side each product is wanted."""
        wide: dict[Source, int] = defaultdict(int)
        for index in reversed(range(len(self.nodes))):
            for source in self.nodes[index].sources:
                wide[source] = max(wide[source], wide[index] + self.radii[index])
        return wide

    def _shared(
        self,
        nodes: Sequence[Node],
        outside: Mapping[str, tuple[str, int]],
        wide: Mapping[Source, int],
    ) -> frozenset[Source]:
        """What the next slice needs again.

        Of every stage only the slice farthest on is new to it. That, the products at the end,
        the masks and the facts read others at some lowest offset; what lies farther on than this is
        needed again.
        """
        lowest = dict.fromkeys(self.available.values(), 0)
        shown = (i for i, node in enumerate(self.nodes) if node.stage.mask_of or node.stage.facts)
        lowest |= dict.fromkeys(shown, 0)
        for index, node in enumerate(self.nodes):
            for source in node.sources:
                offset = wide[index] - self.radii[index]
                lowest[source] = min(lowest.get(source, offset), offset)
        again = {i for i, n in enumerate(nodes) if n.offset > lowest.get(n.stage_index, n.offset)}
        given = {name for name, (product, at) in outside.items() if at > lowest.get(product, at)}
        return frozenset((*again, *given))
