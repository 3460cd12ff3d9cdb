"""The chain of each channel as it will be applied, and how it came about."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stackmend.chain import Bound, Graph, Products, compile_chain
from stackmend.protocol import OptimizeEntry, StepEntry
from stackmend.registry import IMAGE, Step, Undefined
from stackmend.search import SearchResult
from stackmend.stacks import Reader


@dataclass(frozen=True)
class FinishedSearch:
    """One optimize entry worked through on a channel: its search, and the losses of held-out and untouched slices."""

    entry: OptimizeEntry
    channel: int
    result: SearchResult
    seconds: float
    identities: Mapping[int, str] = field(default_factory=dict)
    held_out: Mapping[int, float | Undefined] = field(default_factory=dict)
    loss_before: float | None = None


@dataclass
class ChannelChain:
    """The chain as it will be applied to a channel, and how it came about."""

    reader: Reader
    steps: list[Bound]
    given: Products = field(init=False)
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
            cuts = (
                isinstance(component, Step) and component.keeps
            )  # the size of the result is settled
            if (bound.id in ids and not cuts) or not available.issuperset(component.reads):
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


@dataclass(frozen=True)
class Tuning:
    """A plan for each restored channel, and the searches that led to them."""

    plans: tuple[ChannelChain, ...]
    searches: list[FinishedSearch] = field(default_factory=list)


def bind(entry: StepEntry) -> Bound:
    """A chain entry with its fixed parameters."""
    fixed = {name: value for name, value in entry.parameters.items() if name not in entry.sweeps}
    return Bound(entry.step, entry.id, fixed)


def load_image(reader: Reader, index: int) -> Any:
    """One slice as the chain takes it: float32, read-only."""
    image = reader.read(index).astype(np.float32)
    image.flags.writeable = False
    return image
