"""The chain of each channel as it will be applied, and how it came about."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from numpy.typing import NDArray

from stackmend.chain import (
    ABSENT,
    Bound,
    Consecutive,
    Graph,
    Parameter,
    Products,
    compile_chain,
    refusable,
)
from stackmend.errors import BadSlice
from stackmend.protocol import OptimizeEntry, StepEntry
from stackmend.protocol.model import ONE_OF
from stackmend.registry import IMAGE, Each, Step, Undefined
from stackmend.result.arrays import encoded
from stackmend.result.environment import versions_of_pixels
from stackmend.result.hashes import combined_hash, digest, pixel_hash
from stackmend.result.rows import MOST_MASKED
from stackmend.stacks import Reader
from stackmend.sweep import Combination, SearchResult, mean_loss
from stackmend.tuning.bindings import bind, known_of, not_needed, refused_in, sees_neighbours
from stackmend.tuning.opinion import SecondOpinion
from stackmend.tuning.raw import Image, RawSlices, as_image, load_image
from stackmend.tuning.reference import CommonMask


@dataclass(frozen=True)
class ChannelChain:
    """The chain as it will be applied to a channel, and how it came about.

    ``settled`` has what surveys came to, by the product that hands it to the step. ``windowed``
    says that some step sees neighbouring slices, ``tolerant`` that those that cannot be read are
    gone without. ``alternative`` is the name of that under one_of whose steps are in it.
    ``refusable`` has the ids of the steps whose correction alone is refused where they mark too
    much; none where no others would be left to work.
    """

    reader: Reader
    steps: tuple[Bound, ...]
    settled: Mapping[str, Any] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    replaced: bool = False
    windowed: bool = False
    tolerant: bool = False
    alternative: str = ""
    refusable: frozenset[str] = frozenset()

    @classmethod
    def of(cls, reader: Reader, entries: Sequence[StepEntry], *, tolerant: bool) -> ChannelChain:
        """A chain as a protocol has it, before any survey and any search."""
        steps = tuple(bind(entry) for entry in entries)
        known = known_of(steps)
        return cls(reader, settled=not_needed(steps), tolerant=tolerant, **known)

    def replaced_by(self, entries: Sequence[StepEntry]) -> ChannelChain:
        """Another chain instead, about which nothing is known yet."""
        steps = tuple(bind(entry) for entry in entries)
        return replace(self, settled=not_needed(steps), replaced=True, **known_of(steps))

    def with_alternative(
        self, name: str, entries: Sequence[StepEntry], behind: Collection[str]
    ) -> ChannelChain:
        """The same with the steps of one of several chains behind those with these ids."""
        place = sum(bound.id in behind for bound in self.steps)
        own = tuple(bind(entry) for entry in entries)
        steps = (*self.steps[:place], *own, *self.steps[place:])
        settled = {**self.settled, **not_needed(own)}
        return replace(self, settled=settled, alternative=name, **known_of(steps))

    def with_values(self, values: Mapping[Parameter, Any]) -> ChannelChain:
        """The same with values of some parameters."""
        steps = []
        for bound in self.steps:
            own = {name: value for (id, name), value in values.items() if id == bound.id}
            steps.append(replace(bound, parameters={**bound.parameters, **own}))
        return replace(self, steps=tuple(steps))

    def with_settled(self, settled: Mapping[str, Any]) -> ChannelChain:
        """The same, with what some surveys came to."""
        return replace(self, settled={**self.settled, **settled})

    def without(self, ids: Collection[str]) -> ChannelChain:
        """Leave out these steps and all that cannot work without them."""
        kept: list[Bound] = []
        left_out = [ONE_OF] if ONE_OF in ids else []
        available = {IMAGE}
        for bound in self.steps:
            component = bound.component
            cuts = isinstance(component, Step) and component.keeps  # the size is settled
            if (bound.id in ids and not cuts) or not available.issuperset(component.reads):
                left_out.append(bound.id)
                continue
            kept.append(bound)
            available.update(component.makes)
        skipped = (*self.skipped, *left_out)
        return replace(self, steps=tuple(kept), skipped=skipped, refusable=refusable(kept))

    @property
    def given(self) -> tuple[str, ...]:
        """Names of what the steps are given for a slice, the slice among them."""
        surveyed = (bound.survey_product for bound in self.steps)
        return (IMAGE, *(product for product in surveyed if product))

    def given_for(self, number: int) -> Products:
        """What surveys have settled for a slice."""
        found: Products = {}
        for product, value in self.settled.items():
            found[product] = value.values.get(number) if isinstance(value, Each) else value
        return found

    def graph(self) -> Graph:
        """The chain compiled; nothing in it is swept any more."""
        return compile_chain(self.steps, given=self.given, most_masked=self.most_masked())

    def most_masked(self, but: Collection[str] = ()) -> dict[str, float]:
        """The share that may be marked for steps to work, by their ids, of all ``but`` some."""
        return dict.fromkeys(self.refusable.difference(but), MOST_MASKED)

    @cached_property
    def reach(self) -> int:
        """How many slices to either side a restored slice depends on."""
        return self.graph().reach if self.windowed else 0

    @cached_property
    def _reach_of_given(self) -> Mapping[str, int]:
        """How many slices to either side each product that is given is read from."""
        found: dict[str, int] = {}
        for product, offset in self.graph().outside.values() if self.windowed else ():
            found[product] = max(abs(offset), found.get(product, 0))
        return found

    def by_itself(self) -> ChannelChain:
        """The same where no step behind it sees neighbours, so that constant slices are slices."""
        return replace(self, windowed=sees_neighbours(self.steps))

    def in_place(self) -> ChannelChain:
        """The same without the steps that move pixels."""
        kept = (each for each in self.steps if not getattr(each.component, "moves", None))
        return replace(self, steps=tuple(kept))

    def upto(self, position: int) -> ChannelChain:
        """The steps before a position, by themselves."""
        return replace(self, steps=self.steps[:position])

    def doubt(self, pixels: NDArray[Any]) -> str:
        """What the first step has to say against a slice; empty if nothing."""
        bound = next(iter(self.steps), None)
        if bound is None or not isinstance(bound.component, Step) or bound.component.doubt is None:
            return ""
        said = bound.component.doubt(pixels, bound.parameters)
        return f"{bound.id}: {said}" if said else ""

    def consecutive(self) -> Consecutive:
        """Evaluates the chain on slices in a row, which it reads itself."""
        return Consecutive(self.graph(), self.products_of)

    def products_of(self, number: int) -> Products:
        """What the chain is given for a slice; of a neighbour that cannot be used, nothing."""
        if not 0 <= number < self.reader.shape[0]:
            return self.absent()
        try:
            image = load_image(self.reader, number)
        except BadSlice:
            if not (self.tolerant and self.windowed):
                raise
            return self.absent()
        return self.products_with(image, number)

    def products_with(self, image: Image, number: int) -> Products:
        """The same for a slice that was read before."""
        if self.windowed and image.min() == image.max():
            return self.absent()
        return {IMAGE: image, **self.given_for(number)}

    def products_from(self, raw: RawSlices, number: int) -> Products:
        """The same where slices are read in a row; nothing of one that cannot be used."""
        if not 0 <= number < self.reader.shape[0]:
            return self.absent()
        pixels = raw.get(number).pixels
        return self.absent() if pixels is None else self.products_with(as_image(pixels), number)

    def around(self, number: int, reach: int) -> range:
        """A slice and those so far to either side of it, as far as there are any."""
        last = self.reader.shape[0] - 1
        return range(max(number - reach, 0), min(number + reach, last) + 1)

    def hash_around(self, number: int, reach: int) -> str:
        """The hash of the pixels of a slice and of those so far to either side of it."""
        return combined_hash(self.hash_of(each) for each in self.around(number, reach))

    def reach_hash(self, number: int, hash_of: Callable[[int], str]) -> str:
        """The hash of what a restored slice depends on but itself and what all slices depend on.

        Those are its neighbours, by the hashes of their pixels, and what surveys settled for it
        and for these alone; empty where there is neither.
        """
        own: dict[str, list[Any]] = {}
        for product, value in self.settled.items():
            if isinstance(value, Each):
                seen = self.around(number, self._reach_of_given.get(product, 0))
                own[product] = [value.values.get(each) for each in seen]
        if not self.reach and not own:
            return ""
        hashes = [hash_of(each) for each in self.around(number, self.reach) if each != number]
        return combined_hash([*hashes, digest({"settled": encoded(own)})])

    def hash_of(self, number: int) -> str:
        """The hash of the pixels of a slice; empty where it is tolerated that there are none."""
        try:
            return pixel_hash(self.reader.page(number))
        except BadSlice:
            if not self.tolerant:
                raise
            return ""

    def identity(self) -> dict[str, Any]:
        """What decides about the pixels that the chain makes of a slice, but the slice."""
        steps = [[bound.id, bound.component.name, bound.component.version] for bound in self.steps]
        settled: dict[str, Any] = {}
        for name in self.given[1:]:
            value = self.settled.get(name)
            settled[name] = encoded(dict(value.values) if isinstance(value, Each) else value)
        return {
            **refused_in(self.steps, self.refusable),
            "steps": steps,
            "parameters": [bound.decisive for bound in self.steps],
            "settled": settled,
            "versions": versions_of_pixels(),
        }

    def absent(self) -> Products:
        """What is given for a neighbour that cannot be used."""
        return dict.fromkeys((IMAGE, *self.settled), ABSENT)


@dataclass(frozen=True)
class FinishedSearch:
    """One optimize entry worked through on a channel: its search, and what it is compared with.

    ``held_out`` has the losses of slices that had no part in the choice, ``untouched`` those of
    the slices that it was made on, as they are without correction. ``clean`` has the share that
    the choice changes of what is known to be clean, or the mildest combination of those refused;
    ``changed`` that of every combination, where it changes most. ``failed`` has why a combination
    cannot be computed on some slice, also where that is a clean one. ``common`` is the mask that
    the search shares with others, ``beside`` what is shown beside the loss of the choice,
    ``computed`` counts what was not known before, ``second`` has what the second loss says.
    """

    entry: OptimizeEntry
    channel: int
    result: SearchResult
    seconds: float
    identities: Collection[str] = ()
    held_out: Mapping[int, float | Undefined] = field(default_factory=dict)
    untouched: Mapping[int, float | Undefined] = field(default_factory=dict)
    clean: Mapping[str, float] = field(default_factory=dict)
    changed: Mapping[Combination, float] = field(default_factory=dict)
    failed: Mapping[Combination, str] = field(default_factory=dict)
    common: CommonMask | None = None
    computed: int = 0
    beside: Mapping[str, float] = field(default_factory=dict)
    second: SecondOpinion | None = None

    @property
    def loss_before(self) -> float | None:
        """The mean loss without correction, ``None`` where it has no value."""
        return mean_loss(list(self.untouched.values()))


@dataclass(frozen=True)
class Tuning:
    """The chain of each restored channel, and the searches that led to them."""

    chains: tuple[ChannelChain, ...]
    searches: tuple[FinishedSearch, ...] = ()
