"""A checked protocol as frozen values, and how its data becomes one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stackmend import registry, resources
from stackmend.errors import Problem
from stackmend.protocol.schema import optimize_entries
from stackmend.protocol.text import DataPath, Text


@dataclass(frozen=True)
class Sweep:
    """The declared values of one parameter, in the declared order.

    ``from_range`` says that they came from ``from``, ``to`` and ``count``, ``log`` that its scale is logarithmic;
    ``whole`` that the parameter is a whole number.
    """

    values: tuple[Any, ...]
    from_range: bool = False
    log: bool = False
    whole: bool = False


@dataclass(frozen=True)
class StepEntry:
    """One entry of the chain; ``parameters`` holds a value or a ``Sweep`` for every parameter of the step."""

    name: str
    id: str
    parameters: Mapping[str, Any]
    origins: Mapping[str, str]
    path: DataPath

    @property
    def step(self) -> registry.Step:
        """The registered step."""
        return registry.steps().get(self.name)

    @property
    def sweeps(self) -> dict[str, Sweep]:
        """The parameters that are searched."""
        return {name: value for name, value in self.parameters.items() if isinstance(value, Sweep)}


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
class StrategyEntry:
    """How combinations are found, with all options."""

    name: str
    options: Mapping[str, Any]


@dataclass(frozen=True)
class OptimizeEntry:
    """One search: which steps, on which slices, by which loss.

    ``channel`` is the one it is done on, ``each`` for one search a channel, or ``None`` for the first that is restored.
    """

    steps: tuple[str, ...]
    channel: int | str | None
    slices: SliceSelection
    validate: SliceSelection | None
    region: Mapping[str, tuple[int, int]]
    loss: LossEntry
    strategy: StrategyEntry
    on_nothing_found: str
    instead: tuple[StepEntry, ...]
    path: DataPath


@dataclass(frozen=True)
class SliceSelection:
    """Slices by number or by range, before the size of the stack is known."""

    text: str
    numbers: tuple[int, ...] | None = None

    def indices(self, count: int) -> tuple[int, ...]:
        """The numbers of the selected slices of a stack of ``count``; numbers of a list are not checked here."""
        if self.numbers is not None:
            return self.numbers
        if self.text == "all":
            return tuple(range(count))
        first_stop_step = (int(part) if part.strip() else None for part in self.text.split(":"))
        return tuple(range(count)[slice(*first_stop_step)])


@dataclass(frozen=True)
class Input:
    """Where the stack comes from: a path, or the parameters of a synthetic stack, or neither yet.

    ``channels`` are the numbers of those that are restored; ``None`` stands for all.
    """

    path: Path | None = None
    dataset: str | None = None
    phantom: Mapping[str, Any] | None = None
    channels: tuple[int, ...] | None = None
    slices: SliceSelection = SliceSelection("all")
    on_bad_slice: str = "stop"


@dataclass(frozen=True)
class Output:
    """Where the results go, and as what."""

    path: Path | None = None
    format: str = "tiff-folder"
    dtype: str = "input"
    compression: str = "none"
    pyramid: bool = False


@dataclass(frozen=True)
class CommandLine:
    """What the command line added to the file: paths, and values by path."""

    input: Path | None = None
    output: Path | None = None
    set: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Protocol:
    """A protocol that passed every check which does not need the stack; relative paths start from ``folder``."""

    name: str
    input: Input
    output: Output
    chain: tuple[StepEntry, ...]
    optimize: tuple[OptimizeEntry, ...]
    file: Path
    folder: Path
    source: bytes
    text: Text = field(repr=False, compare=False)
    given: CommandLine = CommandLine()
    warnings: tuple[Problem, ...] = ()

    def entry(self, id: str) -> StepEntry:
        """The entry of the chain with that id."""
        return next(entry for entry in self.chain if entry.id == id)


def build(
    data: Mapping[str, Any], text: Text, *, file: Path, base: Path, source: bytes
) -> Protocol:
    """The protocol that data which the schema accepts stands for."""
    given_input, given_output = data.get("input", {}), data.get("output", {})
    chain = build_chain(data["chain"], ("chain",), text)
    return Protocol(
        name=data.get("name") or file.stem,
        input=Input(
            path=_resolved(base, given_input.get("path")),
            dataset=given_input.get("dataset"),
            phantom=_phantom(given_input.get("phantom")),
            channels=_channels(given_input.get("channel", "all")),
            slices=_selection(given_input.get("slices", "all")),
            on_bad_slice=given_input.get("on_bad_slice", "stop"),
        ),
        output=Output(
            path=_resolved(base, given_output.get("path")),
            format=given_output.get("format", "tiff-folder"),
            dtype=given_output.get("dtype", "input"),
            compression=given_output.get("compression", "none"),
            pyramid=given_output.get("pyramid", False),
        ),
        chain=chain,
        optimize=tuple(
            _optimize(entry, path, chain, text) for path, entry in optimize_entries(data)
        ),
        file=file,
        folder=base,
        source=source,
        text=text,
    )


def build_chain(
    items: Sequence[Mapping[str, Any] | None], path: DataPath, text: Text
) -> tuple[StepEntry, ...]:
    """The entries of a chain, every parameter filled in; those that a repair left out are skipped."""
    return tuple(
        _step(item, (*path, index), text) for index, item in enumerate(items) if item is not None
    )


def _step(item: Mapping[str, Any], path: DataPath, text: Text) -> StepEntry:
    schema = registry.steps().get(item["step"]).schema
    parameters: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for name, declared in schema.get("properties", {}).items():
        if name in item:
            parameters[name] = _value(item[name], declared)
            place = text.place((*path, name))
            origins[name] = place.source or f"line {place.line}"
        else:
            parameters[name] = declared.get("default")
            origins[name] = "default"
    return StepEntry(item["step"], item.get("id", item["step"]), parameters, origins, path)


def _value(value: Any, declared: Mapping[str, Any]) -> Any:
    if isinstance(value, dict) and "sweep" in value:
        sweep = value["sweep"]
        whole = declared.get("type") == "integer"
        if isinstance(sweep, list):
            return Sweep(tuple(_plain(each, declared) for each in sweep), whole=whole)
        log = sweep.get("scale") == "log"
        return Sweep(tuple(expand(sweep, whole=whole)), from_range=True, log=log, whole=whole)
    return _plain(value, declared)


def _plain(value: Any, declared: Mapping[str, Any]) -> Any:
    """A value as steps take it: the whole number that 50.0 stands for where a whole number is declared."""
    if isinstance(value, list):
        items = declared.get("items")
        return [_plain(item, items if isinstance(items, Mapping) else {}) for item in value]
    return int(value) if declared.get("type") == "integer" and isinstance(value, float) else value


def _phantom(given: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if given is None:
        return None
    declared = resources.schema("phantom")["properties"]
    return {name: _plain(value, declared[name]) for name, value in given.items()}


def expand(sweep: Mapping[str, Any], *, whole: bool = False) -> list[Any]:
    """The values of a ``from/to/count/scale`` range, both ends included.

    Values between are rounded to 12 significant digits, so that 0.1 to 0.3 in three steps is 0.1, 0.2, 0.3; those of
    whole-number parameters to the nearest whole number.
    """
    low, high, count = float(sweep["from"]), float(sweep["to"]), int(sweep["count"])
    log = sweep.get("scale") == "log"
    if log:
        low, high = math.log(low), math.log(high)
    between = [low + (high - low) * index / (count - 1) for index in range(1, count - 1)]
    rounded = [float(f"{math.exp(value) if log else value:.12g}") for value in between]
    values = [sweep["from"], *rounded, sweep["to"]]
    return [round(v) if whole else int(v) if float(v).is_integer() else v for v in values]


def _selection(value: Any) -> SliceSelection:
    if isinstance(value, list):
        return SliceSelection(str(value), tuple(int(number) for number in value))
    return SliceSelection(value.strip())


def _channels(value: Any) -> tuple[int, ...] | None:
    return (
        None
        if value == "all"
        else tuple(int(number) for number in (value if isinstance(value, list) else [value]))
    )


def _resolved(base: Path, path: str | None) -> Path | None:
    if path is None:
        return None
    try:
        return (base / Path(path).expanduser()).resolve()
    except (RuntimeError, OSError):  # ~name of a user there is none of, links in a circle
        return base / path


def _optimize(
    entry: Mapping[str, Any], path: DataPath, chain: tuple[StepEntry, ...], text: Text
) -> OptimizeEntry:
    loss, loss_options = _named(entry.get("loss", "charging_histogram"))
    strategy, strategy_options = _named(entry.get("strategy", "grid"))
    outcome = entry.get("on_nothing_found", "stop")
    instead = outcome.get("instead", []) if isinstance(outcome, dict) else []
    return OptimizeEntry(
        steps=tuple(entry["steps"]) if "steps" in entry else _tuned(chain),
        channel=_plain(entry.get("channel"), {"type": "integer"}),
        slices=_selection(entry["slices"]),
        validate=_selection(entry["validate"]) if "validate" in entry else None,
        region={
            axis: (int(ends[0]), int(ends[1])) for axis, ends in entry.get("region", {}).items()
        },
        loss=LossEntry(loss, _filled(loss_options, registry.losses().get(loss).schema)),
        strategy=StrategyEntry(
            strategy, _filled(strategy_options, resources.schema(f"strategies/{strategy}"))
        ),
        on_nothing_found=outcome if isinstance(outcome, str) else "instead",
        instead=build_chain(instead, (*path, "on_nothing_found", "instead"), text),
        path=path,
    )


def _named(given: str | Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The name, and the options that are given with it, if any."""
    options = {"name": given} if isinstance(given, str) else dict(given)
    return options.pop("name"), options


def _filled(given: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """A value for every declared option."""
    declared = schema.get("properties", {})
    return {
        key: _plain(given.get(key, what.get("default")), what) for key, what in declared.items()
    }


def _tuned(chain: tuple[StepEntry, ...]) -> tuple[str, ...]:
    """Every step with a sweep, and every step that reads a product such a step makes (the image apart)."""
    tuned: list[str] = []
    made: set[str] = set()
    for entry in chain:
        if entry.sweeps or made.intersection(entry.step.reads):
            tuned.append(entry.id)
            made.update(set(entry.step.makes) - {registry.IMAGE})
    return tuple(tuned)
