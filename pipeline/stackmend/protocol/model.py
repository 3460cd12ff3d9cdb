"""A checked protocol as frozen values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypedDict

from stackmend import registry
from stackmend.errors import Problem
from stackmend.protocol.lengths import has_length
from stackmend.protocol.text import DataPath, Text

ONE_OF = "one_of"
"""In a chain, the key of chains of which a search takes one; in ``steps``, all of these."""


@dataclass(frozen=True)
class Sweep:
    """The declared values of one parameter, in the declared order.

    ``from_range`` says that they came from ``from``, ``to`` and ``count``, ``log`` that its scale
    is logarithmic; ``whole`` that the parameter is a whole number.
    """

    values: tuple[Any, ...]
    from_range: bool = False
    log: bool = False
    whole: bool = False


@dataclass(frozen=True)
class StepEntry:
    """One entry of the chain, with a value or a ``Sweep`` for every parameter of the step.

    ``written`` has what stood there for values that were given as lengths, by parameter and value.
    """

    name: str
    id: str
    parameters: Mapping[str, Any]
    origins: Mapping[str, str]
    path: DataPath
    written: Mapping[str, Mapping[Any, str]] = field(default_factory=dict)

    @property
    def is_measured(self) -> bool:
        """Whether no value is a length that still waits for the size of a pixel."""
        return not any(
            has_length(value.values if isinstance(value, Sweep) else value)
            for value in self.parameters.values()
        )

    @property
    def step(self) -> registry.Step:
        """The registered step; of one with variants, those that the entry chooses."""
        step = registry.steps().get(self.name)
        method = self.parameters.get(registry.METHOD)
        methods = method.values if isinstance(method, Sweep) else [method]
        return registry.in_use(step, methods)

    @property
    def sweeps(self) -> dict[str, Sweep]:
        """The parameters that are searched."""
        return {name: value for name, value in self.parameters.items() if isinstance(value, Sweep)}


@dataclass(frozen=True)
class OneOf:
    """Chains of which a search takes one, behind the first ``at`` steps of the chain."""

    at: int
    chains: Mapping[str, tuple[StepEntry, ...]]
    path: DataPath


@dataclass(frozen=True)
class LossEntry:
    """The loss of an optimize entry, with its parameters."""

    name: str
    parameters: Mapping[str, Any]

    @property
    def loss(self) -> registry.Loss:
        """The registered loss."""
        return registry.losses().get(self.name)


@dataclass(frozen=True)
class CleanPart:
    """A slice that is known to have nothing to correct, or a part of it in its restored size."""

    number: int
    region: Mapping[str, tuple[int, int]]

    @property
    def text(self) -> str:
        """What people call it."""
        ends = [f"{axis} {first} to {stop}" for axis, (first, stop) in self.region.items()]
        return ", ".join([f"slice {self.number}", *ends])

    def window(self, shape: Sequence[int]) -> tuple[slice, ...]:
        """The part of a ``(Y, X)`` slice."""
        ends = zip("yx", shape, strict=True)
        return tuple(slice(*self.region.get(axis, (0, size))) for axis, size in ends)


@dataclass(frozen=True)
class OptimizeEntry:
    """One search: which steps, on which slices, by which loss, and which other one besides.

    ``channel`` is the one it is done on, ``each`` for one search a channel, or ``None`` for the
    first that is restored. ``strategy`` has its ``name`` and all its options. A combination may
    change ``max_changed`` of the pixels of each ``clean`` part at the most. ``alternative`` and
    ``own_steps`` are the name and the steps of one of several chains, where the entry is about it.
    """

    steps: tuple[str, ...]
    channel: int | str | None
    slices: SliceSelection
    validate: SliceSelection | None
    clean: tuple[CleanPart, ...]
    max_changed: float
    region: Mapping[str, tuple[int, int]]
    loss: LossEntry
    also: LossEntry | None
    strategy: Mapping[str, Any]
    on_nothing_found: str
    instead: tuple[StepEntry, ...]
    path: DataPath
    alternative: str = ""
    own_steps: tuple[str, ...] = ()

    @property
    def losses(self) -> dict[str, LossEntry]:
        """Its losses by the keys under which they are named."""
        return {"loss": self.loss, **({"also": self.also} if self.also else {})}


@dataclass(frozen=True)
class SliceSelection:
    """Slices by number or by range, before the size of the stack is known.

    ``given`` is a list as it was written, with file names whose numbers only the stack knows.
    """

    text: str
    numbers: tuple[int, ...] | None = None
    given: tuple[int | str, ...] = ()

    def indices(self, count: int) -> tuple[int, ...]:
        """The numbers of the selected slices of a stack of ``count``.

        Numbers of a list are not checked here.
        """
        if self.numbers is not None:
            return self.numbers
        if self.text == "all":
            return tuple(range(count))
        first_stop_step = (int(part) if part.strip() else None for part in self.text.split(":"))
        return tuple(range(count)[slice(*first_stop_step)])


@dataclass(frozen=True)
class Input:
    """Where the stack comes from: a path, or the parameters of a synthetic stack, or neither yet.

    What a person says of it is as it was written: lengths in nm, or as text with their unit.
    ``channels`` are the numbers of those that are restored; ``None`` stands for all.
    """

    path: Path | None
    dataset: str | None
    axes: str | None
    pixel_size: Any
    spacing: Any
    flip: str
    data_bar: Any
    phantom: Mapping[str, Any] | None
    channels: tuple[int, ...] | None
    slices: SliceSelection
    on_bad_slice: str


@dataclass(frozen=True)
class Output:
    """Where the results go, and as what."""

    path: Path | None
    format: str
    dtype: str
    compression: str
    pyramid: bool
    masks: bool


class CommandLine(TypedDict):
    """What the command line added to the file: paths, and values by path."""

    input: Path | None
    output: Path | None
    set: Mapping[str, str]


@dataclass(frozen=True)
class Protocol:
    """A protocol that passed every check which does not need the stack.

    Relative paths start from ``folder``. ``chain`` is without the chains of ``one_of``. ``gates``
    has what measures may be at the most, by their names; ``envelope`` is what the values were
    chosen for, as far as it says so.
    """

    name: str
    input: Input
    output: Output
    chain: tuple[StepEntry, ...]
    one_of: OneOf | None
    optimize: tuple[OptimizeEntry, ...]
    envelope: Mapping[str, Any]
    gates: Mapping[str, float]
    file: Path
    folder: Path
    source: bytes
    text: Text = field(repr=False, compare=False)
    given: CommandLine
    warnings: tuple[Problem, ...] = ()

    @property
    def elsewhere(self) -> Path | None:
        """The result folder, where the file itself puts it outside of its own folder.

        A protocol of somebody else then decides where something is written.
        """
        path = self.output.path
        if path is None or self.given["output"] is not None or path.is_relative_to(self.folder):
            return None
        return path

    @property
    def searches(self) -> tuple[OptimizeEntry, ...]:
        """The entries of ``optimize`` that choose something; others only name slices."""
        swept = {entry.id for entry in self.chain if entry.sweeps}
        swept |= {ONE_OF} if self.one_of else set()
        return tuple(entry for entry in self.optimize if swept.intersection(entry.steps))

    def entry(self, id: str) -> StepEntry:
        """The entry of the chain with that id."""
        return next(entry for entry in self.chain if entry.id == id)

    @property
    def marks(self) -> bool:
        """Whether any step of the chain makes a mask."""
        chains = self.variants.values()
        steps = (entry.step for chain in chains for entry in chain)
        return any(stage.mask_of for step in steps for stage in step.stages)

    @property
    def variants(self) -> dict[str, tuple[StepEntry, ...]]:
        """The chain with each of the chains under one_of in its place, or as it is without any."""
        if self.one_of is None:
            return {"": self.chain}
        before, after = self.chain[: self.one_of.at], self.chain[self.one_of.at :]
        return {name: (*before, *own, *after) for name, own in self.one_of.chains.items()}

    def variant(self, name: str) -> tuple[StepEntry, ...]:
        """The chain with one of these; without any for no name."""
        return self.variants[name] if name else self.chain

    def alternatives(self, entry: OptimizeEntry) -> tuple[OptimizeEntry, ...]:
        """The entry for each of the chains of which it takes one, else the entry alone."""
        if self.one_of is None or ONE_OF not in entry.steps:
            return (entry,)
        others = [id for id in entry.steps if id != ONE_OF]
        found: list[OptimizeEntry] = []
        for name, chain in self.one_of.chains.items():
            own = tuple(step.id for step in chain)
            found.append(replace(entry, steps=(*others, *own), alternative=name, own_steps=own))
        return tuple(found)


def every_step(protocol: Protocol) -> Iterator[StepEntry]:
    """The steps of all chains, each once."""
    yield from protocol.chain
    for chain in protocol.one_of.chains.values() if protocol.one_of else ():
        yield from chain
    for search in protocol.optimize:
        yield from search.instead
