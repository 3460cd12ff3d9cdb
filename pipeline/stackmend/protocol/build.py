"""How the data of a checked protocol becomes frozen values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stackmend import registry, resources
from stackmend.addresses import Address, as_path
from stackmend.protocol.lengths import Length, as_length
from stackmend.protocol.model import (
    ONE_OF,
    CleanPart,
    CommandLine,
    Input,
    LossEntry,
    OneOf,
    OptimizeEntry,
    Output,
    Protocol,
    SliceSelection,
    StepEntry,
    Sweep,
)
from stackmend.protocol.schema import optimize_entries
from stackmend.protocol.text import DataPath, Text

_DEFAULTED = ("loss", "strategy", "on_nothing_found", "max_changed")


def build(
    data: Mapping[str, Any],
    text: Text,
    *,
    file: Path,
    base: Path,
    source: bytes,
    given: CommandLine,
) -> Protocol:
    """The protocol that data which the schema accepts stands for."""
    given_input, given_output = _section(data, "input"), _section(data, "output")
    chain = build_chain(data["chain"], ("chain",), text)
    one_of = _one_of(data["chain"], text)
    return Protocol(
        name=data.get("name") or file.stem,
        input=Input(
            path=_resolved(base, given_input["path"]),
            dataset=given_input["dataset"],
            axes=given_input["axes"],
            pixel_size=given_input["pixel_size"],
            spacing=given_input["spacing"],
            flip=given_input["flip"],
            data_bar=given_input["data_bar"],
            phantom=_phantom(given_input["phantom"]),
            channels=_channels(given_input["channel"]),
            slices=_selection(given_input["slices"]),
            on_bad_slice=given_input["on_bad_slice"],
        ),
        output=Output(**{**given_output, "path": _resolved(base, given_output["path"])}),
        chain=chain,
        one_of=one_of,
        optimize=tuple(
            _optimize(entry, path, chain, one_of, text) for path, entry in optimize_entries(data)
        ),
        envelope=data.get("envelope", {}),
        gates={name: float(limit) for name, limit in data.get("gates", {}).items()},
        file=file,
        folder=base,
        given=given,
        source=source,
        text=text,
    )


def _section(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A section with the defaults of the schema for all that it does not give."""
    declared = resources.schema("skeleton")["properties"][name]["properties"]
    given = data.get(name, {})
    return {key: given.get(key, what.get("default")) for key, what in declared.items()}


def build_chain(
    items: Sequence[Mapping[str, Any] | None], path: DataPath, text: Text
) -> tuple[StepEntry, ...]:
    """The steps of a chain, every parameter filled in, without those that a repair left out."""
    steps: list[StepEntry] = []
    for index, item in enumerate(items):
        if item is not None and ONE_OF not in item:
            steps.append(_step(item, (*path, index), text))
    return tuple(steps)


def _one_of(items: Sequence[Mapping[str, Any] | None], text: Text) -> OneOf | None:
    """The chains of which a search takes one; the first such place in a chain."""
    at = 0
    for index, item in enumerate(items):
        if item is not None and ONE_OF in item:
            path: DataPath = ("chain", index, ONE_OF)
            chains = {}
            for name, steps in item[ONE_OF].items():
                chains[name] = build_chain(steps, (*path, name), text)
            return OneOf(at, chains, path)
        at += item is not None
    return None


def _step(item: Mapping[str, Any], path: DataPath, text: Text) -> StepEntry:
    schema = registry.of_entry(item).schema
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
        whole = is_whole(declared)
        if isinstance(sweep, list):
            return Sweep(tuple(_plain(each, declared) for each in sweep), whole=whole)
        log = sweep.get("scale") == "log"
        return Sweep(
            tuple(expand(sweep, whole=whole, unit=declared.get("unit"))),
            from_range=True,
            log=log,
            whole=whole,
        )
    return _plain(value, declared)


def _plain(value: Any, declared: Mapping[str, Any]) -> Any:
    """A value as steps take it: 50.0 becomes 50 where a whole number is declared.

    A length stays one until the size of a pixel is known.
    """
    value = as_length(value, declared.get("unit"))
    if isinstance(value, list):
        items = declared.get("items")
        return [_plain(item, items if isinstance(items, Mapping) else {}) for item in value]
    return int(value) if isinstance(value, float) and is_whole(declared) else value


def is_whole(declared: Mapping[str, Any]) -> bool:
    """Whether a parameter takes whole numbers, and no others, by its schema."""
    kinds = declared.get("type", ())
    several = (kinds,) if isinstance(kinds, str) else kinds
    return "integer" in several and "number" not in several


def _phantom(given: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if given is None:
        return None
    declared = resources.schema("phantom")["properties"]
    return {name: _plain(value, declared[name]) for name, value in given.items()}


def expand(sweep: Mapping[str, Any], *, whole: bool = False, unit: str | None = None) -> list[Any]:
    """The values of a ``from/to/count/scale`` range, both ends included.

    ``unit`` is that of the parameter, in which the ends may be lengths. Values between are rounded
    to 12 significant digits, so that 0.1 to 0.3 in three steps is 0.1, 0.2, 0.3; those of
    whole-number parameters to the nearest whole number.
    """
    ends = [as_length(sweep[end], unit) for end in ("from", "to")]
    if isinstance(ends[0], Length):
        numbers = {**sweep, "from": ends[0].number, "to": ends[1].number}
        return [Length(number, ends[0].unit) for number in expand(numbers)]
    low, high, count = float(sweep["from"]), float(sweep["to"]), int(sweep["count"])
    log = sweep.get("scale") == "log"
    if log:
        low, high = math.log(low), math.log(high)
    between = [low + (high - low) * index / (count - 1) for index in range(1, count - 1)]
    rounded = [float(f"{math.exp(value) if log else value:.12g}") for value in between]
    values = [sweep["from"], *rounded, sweep["to"]]
    if whole:
        return [round(value) for value in values]
    return [int(value) if float(value).is_integer() else value for value in values]


def _selection(value: Any) -> SliceSelection:
    if isinstance(value, int | float):
        value = [value]
    if isinstance(value, list):
        given = tuple(each if isinstance(each, str) else int(each) for each in value)
        numbers = tuple(each for each in given if isinstance(each, int))
        return SliceSelection(str(value), numbers, given)
    return SliceSelection(value.strip())


def _channels(value: Any) -> tuple[int, ...] | None:
    if value == "all":
        return None
    numbers = value if isinstance(value, list) else [value]
    return tuple(int(number) for number in numbers)


def _resolved(base: Path, path: str | None) -> Path | None:
    if path is None:
        return None
    try:
        found = as_path(path)
        return found if isinstance(found, Address) else (base / found).resolve()
    except (RuntimeError, OSError):  # ~name of a user there is none of, links in a circle
        return base / path


def _optimize(
    entry: Mapping[str, Any],
    path: DataPath,
    chain: tuple[StepEntry, ...],
    one_of: OneOf | None,
    text: Text,
) -> OptimizeEntry:
    declared = resources.schema("skeleton")["definitions"]["optimize"]["properties"]
    given = {key: entry.get(key, declared[key]["default"]) for key in _DEFAULTED}
    strategy, strategy_options = _named(given["strategy"])
    steps = tuple(entry["steps"]) if "steps" in entry else _tuned(chain, one_of)
    outcome = given["on_nothing_found"]
    if ONE_OF in steps and "on_nothing_found" not in entry:
        outcome = "skip"  # to leave the stack alone is one of the choices
    instead = outcome.get("instead", []) if isinstance(outcome, dict) else []
    options = resources.schema(f"strategies/{strategy}")
    return OptimizeEntry(
        steps=steps,
        channel=_plain(entry.get("channel"), {"type": "integer"}),
        slices=_selection(entry["slices"]),
        validate=_selection(entry["validate"]) if "validate" in entry else None,
        clean=tuple(_clean_part(each) for each in entry.get("clean", ())),
        max_changed=given["max_changed"],
        region=_region(entry.get("region", {})),
        loss=_loss(given["loss"]),
        also=_loss(entry["also"]) if "also" in entry else None,
        strategy={"name": strategy, **filled(strategy_options, options)},
        on_nothing_found=outcome if isinstance(outcome, str) else "instead",
        instead=build_chain(instead, (*path, "on_nothing_found", "instead"), text),
        path=path,
    )


def _loss(given: str | Mapping[str, Any]) -> LossEntry:
    name, options = _named(given)
    return LossEntry(name, filled(options, registry.losses().get(name).schema))


def _clean_part(given: float | Mapping[str, Any]) -> CleanPart:
    if isinstance(given, Mapping):
        return CleanPart(int(given["slice"]), _region(given.get("region", {})))
    return CleanPart(int(given), {})


def _region(given: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    region: dict[str, tuple[int, int]] = {}
    for axis, (first, stop) in given.items():
        region[axis] = int(first), int(stop)
    return region


def _named(given: str | Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The name, and the options that are given with it, if any."""
    options = {"name": given} if isinstance(given, str) else dict(given)
    return options.pop("name"), options


def filled(given: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """A value for every declared option."""
    declared = schema.get("properties", {})
    return {
        key: _plain(given.get(key, what.get("default")), what) for key, what in declared.items()
    }


def _tuned(chain: tuple[StepEntry, ...], one_of: OneOf | None) -> tuple[str, ...]:
    """Every step with a sweep, and every step that reads a product of such a step.

    The image does not count among the products. Chains of which one is taken are tuned, too.
    """
    tuned = [ONE_OF] if one_of else []
    made: set[str] = set()
    for entry in chain:
        if entry.sweeps or made.intersection(entry.step.reads):
            tuned.append(entry.id)
            made.update(set(entry.step.makes) - {registry.IMAGE})
    return tuple(tuned)
