"""The JSON Schema of a protocol, assembled from the document, the steps and the losses."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator

from stackmend import registry, resources
from stackmend.protocol import requirements
from stackmend.protocol.lengths import measure, with_lengths
from stackmend.protocol.model import ONE_OF
from stackmend.protocol.text import DataPath
from stackmend.protocol.variants import of_other_variants
from stackmend.protocol.wording import NAMING, Complaint, schema_error, suggestion

MOST_ERRORS = 1000
"""Errors of the schema that are looked at: after so many, the file is no protocol."""

LOSS_KEYS = ("loss", "also")
"""Keys of an optimize entry under which a loss is named."""


def assemble(step_names: Iterable[str], loss_names: Iterable[str]) -> dict[str, Any]:
    """The schema of protocols that use these steps and losses; all of them must be loadable."""
    schema = resources.schema("skeleton")
    definitions: dict[str, Any] = schema["definitions"]
    steps = [registry.steps().get(name) for name in step_names]
    losses = [registry.losses().get(name) for name in loss_names]

    item = definitions["step"]
    item["properties"]["step"]["enum"] = [step.name for step in steps]
    item["allOf"] = [
        _when("step", step.name, step.schema, _parameters(step, definitions)) for step in steps
    ]

    optimize = definitions["optimize"]["properties"]
    for key in LOSS_KEYS:
        optimize[key] |= _named("the name of a loss", {each.name: each.schema for each in losses})
    strategies = resources.schema_names("strategies")
    optimize["strategy"] |= _named(
        f"one of {', '.join(strategies)}",
        {name: resources.schema(f"strategies/{name}") for name in strategies},
    )
    schema["properties"]["input"]["properties"]["phantom"] = _phantom()
    return schema


def _phantom() -> dict[str, Any]:
    phantom = resources.schema("phantom")
    phantom.pop("$schema", None)
    phantom.setdefault("errorMessage", "must be a mapping; {} takes all defaults")
    return phantom


def _named(what: str, options: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The schema of a choice by name, or by a mapping of a name and the options that go with it."""
    names = {"type": "string", "enum": list(options), "errorMessage": f"must be {what}"}
    branches = []
    for name, schema in options.items():
        declared = schema.get("properties", {})
        properties = {option: with_lengths(each) for option, each in declared.items()}
        branches.append(_when("name", name, schema, properties))
    mapping = {"required": ["name"], "properties": {"name": names}, "allOf": branches}
    return {"if": {"type": "object"}, "then": mapping, "else": names}


def _when(
    key: str, name: str, schema: Mapping[str, Any], properties: Mapping[str, Any]
) -> dict[str, Any]:
    naming = dict.fromkeys(NAMING if key == "step" else ("name",), True)
    return {
        "if": {"properties": {key: {"const": name}}, "required": [key]},
        "then": {
            "title": name,
            "description": schema.get("description", ""),
            "properties": {**naming, **properties},
            "required": list(schema.get("required", [])),
            "additionalProperties": False,
        },
    }


def _parameters(step: registry.Step, definitions: dict[str, Any]) -> dict[str, Any]:
    properties = {}
    for name, declared in step.schema.get("properties", {}).items():
        value = copy.deepcopy(dict(declared))
        if value.pop("sweepable", True):
            definitions[f"{step.name}/{name}"] = with_lengths(value)
            properties[name] = _sweepable(value, f"#/definitions/{step.name}~1{name}")
        else:
            properties[name] = with_lengths(value)
    return properties


def _sweepable(value: Mapping[str, Any], reference: str) -> dict[str, Any]:
    one = {"$ref": reference}
    several = {
        "type": "array",
        "minItems": 1,
        "items": one,
        "errorMessage": "must be a list of at least one value",
    }
    if value.get("type") in ("number", "integer"):
        ends = {
            "type": "object",
            "required": ["from", "to", "count"],
            "additionalProperties": False,
            "properties": {
                "from": one,
                "to": one,
                "count": {
                    "type": "integer",
                    "minimum": 2,
                    "maximum": 1000,
                    "errorMessage": "must be from 2 to 1000",
                },
                "scale": {"enum": ["linear", "log"], "errorMessage": "must be linear or log"},
            },
            "errorMessage": "must be a list of values, or from, to and count",
        }
        several = {"if": {"type": "array"}, "then": several, "else": ends}
    described = {key: value[key] for key in ("description", "unit", "default") if key in value}
    return {
        **described,
        "if": {"type": "object"},
        "then": {
            "required": ["sweep"],
            "additionalProperties": False,
            "properties": {"sweep": several},
        },
        "else": one,
    }


def complaints(data: Any, faulty: Iterable[DataPath] = ()) -> list[Complaint]:
    """What the schema has to say against the data, but for the paths known as faulty."""
    known = set(faulty)
    found: list[Complaint] = []

    def add(complaint: Complaint) -> None:
        if complaint[0] not in known:
            known.add(complaint[0])
            found.append(complaint)

    steps = _loadable(registry.steps(), _named_steps(data), add)
    losses = _loadable(registry.losses(), _named_losses(data), add)
    schema = assemble(steps, losses)
    # Unknown names were reported above, with the reason; the schema would only say that they are
    # not in its list.
    del schema["definitions"]["step"]["properties"]["step"]["enum"]
    for key in LOSS_KEYS:
        del schema["definitions"]["optimize"]["properties"][key]["else"]["enum"]
    errors = islice(Draft202012Validator(schema).iter_errors(data), MOST_ERRORS)
    for error in sorted(errors, key=lambda e: (len(e.absolute_path), e.validator != "type")):
        for complaint in schema_error(error):
            add(complaint)
    for complaint in (*requirements.complaints(data), *_ranges(data), *_variants(data)):
        add(complaint)
    return found


def _variants(data: Any) -> Iterator[Complaint]:
    """Complaints about parameters of variants that a step does not have here."""
    for path, item in chain_items(data):
        name = item.get("step")
        if isinstance(name, str) and registry.steps().reason_unusable(name) is None:
            step = registry.steps().get(name)
            for name, message in of_other_variants(step, item):
                yield (*path, name), message, True


def _ranges(data: Any) -> Iterator[Complaint]:
    """Complaints about ranges whose ends have different units, or lie at 0 or below for a log."""
    for path, item in chain_items(data):
        for name, value in item.items():
            sweep = value.get("sweep") if isinstance(value, dict) else None
            if not isinstance(sweep, dict):
                continue
            ends = {end: measure(sweep.get(end)) for end in ("from", "to")}
            if len({unit for _, unit in filter(None, ends.values())}) > 1:
                what = "must have the same unit as from, so that there are values between"
                yield (*path, name, "sweep", "to"), what, False
            if sweep.get("scale") != "log":
                continue
            for end, measured in ends.items():
                if measured and measured[0] <= 0:
                    what = "must be above 0 on a logarithmic scale"
                    yield (*path, name, "sweep", end), what, False


def _loadable(
    catalogue: registry.Catalogue[Any],
    named: Iterable[tuple[DataPath, str]],
    add: Callable[[Complaint], None],
) -> list[str]:
    usable = []
    for path, name in named:
        reason = catalogue.reason_unusable(name)
        if reason is None:
            usable.append(name)
        else:
            unknown = name not in catalogue.names()
            add((path, reason + (suggestion(name, catalogue.names()) if unknown else ""), False))
    return list(dict.fromkeys(usable))


def _named_steps(data: Any) -> Iterator[tuple[DataPath, str]]:
    for path, item in chain_items(data):
        if isinstance(item.get("step"), str):
            yield (*path, "step"), item["step"]


def chain_items(data: Any) -> Iterator[tuple[DataPath, dict[str, Any]]]:
    """The steps of every chain in the data, also under instead and one_of, if they are mappings."""
    chains: list[tuple[DataPath, Any]] = []
    if isinstance(data, dict):
        chains += one_of_chains(data.get("chain"))
        chains.append((("chain",), data.get("chain")))
        for path, entry in optimize_entries(data):
            instead = entry.get("on_nothing_found")
            if isinstance(instead, dict):
                chains.append(((*path, "on_nothing_found", "instead"), instead.get("instead")))
    for path, chain in chains:
        for index, item in enumerate(chain if isinstance(chain, list) else []):
            if isinstance(item, dict):
                yield (*path, index), item


def one_of_chains(chain: Any) -> Iterator[tuple[DataPath, Any]]:
    """The chains of which one is taken, each with its path, as far as they can be understood."""
    for index, item in enumerate(chain if isinstance(chain, list) else []):
        several = item.get(ONE_OF) if isinstance(item, dict) else None
        for name, steps in several.items() if isinstance(several, dict) else ():
            yield ("chain", index, ONE_OF, name), steps


def _named_losses(data: Any) -> Iterator[tuple[DataPath, str]]:
    for path, entry in optimize_entries(data):
        for key in LOSS_KEYS:
            loss = entry.get(key)
            if isinstance(loss, str):
                yield (*path, key), loss
            elif isinstance(loss, dict) and isinstance(loss.get("name"), str):
                yield (*path, key, "name"), loss["name"]


def optimize_entries(data: Mapping[str, Any]) -> list[tuple[DataPath, dict[str, Any]]]:
    """The entries of ``optimize``, one mapping or a list of them, each with its path."""
    optimize = data.get("optimize") if isinstance(data, Mapping) else None
    if isinstance(optimize, list):
        pairs = [(("optimize", index), entry) for index, entry in enumerate(optimize)]
        return [(path, entry) for path, entry in pairs if isinstance(entry, dict)]
    return [(("optimize",), optimize)] if isinstance(optimize, dict) else []
