"""The JSON Schema of a protocol, assembled from the document and the parameters of steps and losses."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from stackmend import registry, resources
from stackmend.protocol.text import Path

_NAMING = ("step", "id")

Complaint = tuple[Path, str, bool]
"""Path, message, and whether it is the key rather than the value that is wrong."""


def assemble(step_names: Iterable[str], loss_names: Iterable[str]) -> dict[str, Any]:
    """The schema of protocols that use these steps and losses; all of them must be loadable."""
    schema = resources.schema("document")
    definitions: dict[str, Any] = schema["definitions"]
    steps = [registry.steps().get(name) for name in step_names]
    losses = [registry.losses().get(name) for name in loss_names]

    item = schema["properties"]["chain"]["items"]
    item["properties"]["step"]["enum"] = [step.name for step in steps]
    item["allOf"] = [_when("step", step, _parameters(step, definitions, sweeps=True)) for step in steps]

    loss = definitions["optimize"]["properties"]["loss"]
    names = {"type": "string", "enum": [loss.name for loss in losses], "errorMessage": "must be the name of a loss"}
    loss["if"] = {"type": "object"}
    loss["then"] = {
        "required": ["name"],
        "properties": {"name": names},
        "allOf": [_when("name", each, _parameters(each, definitions, sweeps=False)) for each in losses],
    }
    loss["else"] = names

    schema["properties"]["input"]["properties"]["phantom"] = _phantom()
    return schema


def _phantom() -> dict[str, Any]:
    phantom = resources.schema("phantom")
    phantom.pop("$schema", None)
    phantom.setdefault("errorMessage", "must be a mapping; {} takes all defaults")
    return phantom


def _when(key: str, component: registry.Component, properties: dict[str, Any]) -> dict[str, Any]:
    naming = dict.fromkeys(_NAMING if key == "step" else ("name",), True)
    return {
        "if": {"properties": {key: {"const": component.name}}, "required": [key]},
        "then": {
            "title": component.name,
            "description": component.schema.get("description", ""),
            "properties": {**naming, **properties},
            "required": list(component.schema.get("required", [])),
            "additionalProperties": False,
        },
    }


def _parameters(component: registry.Component, definitions: dict[str, Any], *, sweeps: bool) -> dict[str, Any]:
    properties = {}
    for name, declared in component.schema.get("properties", {}).items():
        value = copy.deepcopy(dict(declared))
        if sweeps and value.pop("sweepable", True):
            definitions[f"{component.name}/{name}"] = value
            value = _sweepable(value, f"#/definitions/{component.name}~1{name}")
        properties[name] = value
    return properties


def _sweepable(value: Mapping[str, Any], reference: str) -> dict[str, Any]:
    one = {"$ref": reference}
    several = {"type": "array", "minItems": 1, "items": one, "errorMessage": "must be a list of at least one value"}
    if value.get("type") in ("number", "integer"):
        ends = {
            "type": "object",
            "required": ["from", "to", "count"],
            "additionalProperties": False,
            "properties": {
                "from": one,
                "to": one,
                "count": {"type": "integer", "minimum": 2, "maximum": 1000, "errorMessage": "must be from 2 to 1000"},
                "scale": {"enum": ["linear", "log"], "errorMessage": "must be linear or log"},
            },
            "errorMessage": "must be a list of values, or from, to and count",
        }
        several = {"if": {"type": "array"}, "then": several, "else": ends}
    described = {key: value[key] for key in ("description", "unit", "default") if key in value}
    return {
        **described,
        "if": {"type": "object"},
        "then": {"required": ["sweep"], "additionalProperties": False, "properties": {"sweep": several}},
        "else": one,
    }


def complaints(data: Any) -> list[Complaint]:
    """Everything that the schema has to say against the data of a protocol."""
    found: list[Complaint] = []
    steps = _loadable(registry.steps(), _named_steps(data), found)
    losses = _loadable(registry.losses(), _named_losses(data), found)
    schema = assemble(steps, losses)
    # Unknown names were reported above, with the reason; the schema would only say that they are not in its list.
    del schema["properties"]["chain"]["items"]["properties"]["step"]["enum"]
    del schema["definitions"]["optimize"]["properties"]["loss"]["else"]["enum"]
    errors = Draft202012Validator(schema).iter_errors(data)
    for error in sorted(errors, key=lambda e: (len(e.absolute_path), e.validator != "type")):
        for complaint in _worded(error):
            if complaint[0] not in {path for path, _, _ in found}:
                found.append(complaint)
    found.extend(_logarithms(data, {path for path, _, _ in found}))
    return found


def _logarithms(data: Any, faulty: set[Path]) -> Iterator[Complaint]:
    """Complaints about logarithmic ranges that begin or end at 0 or below."""
    for path, chain in _chains(data):
        for index, item in enumerate(chain if isinstance(chain, list) else []):
            for name, value in item.items() if isinstance(item, dict) else ():
                sweep = value.get("sweep") if isinstance(value, dict) else None
                if not isinstance(sweep, dict) or sweep.get("scale") != "log":
                    continue
                for end in ("from", "to"):
                    where: Path = (*path, index, name, "sweep", end)
                    if where not in faulty and isinstance(sweep.get(end), (int, float)) and sweep[end] <= 0:
                        yield where, "must be above 0 on a logarithmic scale", False


def _loadable(catalogue: Any, named: Iterable[tuple[Path, str]], found: list[Complaint]) -> list[str]:
    usable = []
    for path, name in named:
        reason = catalogue.reason_unusable(name)
        if reason is None:
            usable.append(name)
        else:
            found.append((path, reason + _suggestion(name, catalogue.names()), False))
    return list(dict.fromkeys(usable))


def _named_steps(data: Any) -> Iterator[tuple[Path, str]]:
    for path, chain in _chains(data):
        for index, item in enumerate(chain if isinstance(chain, list) else []):
            if isinstance(item, dict) and isinstance(item.get("step"), str):
                yield (*path, index, "step"), item["step"]


def _chains(data: Any) -> Iterator[tuple[Path, Any]]:
    if isinstance(data, dict):
        yield ("chain",), data.get("chain")
        for path, entry in optimize_entries(data):
            instead = entry.get("on_nothing_found")
            if isinstance(instead, dict):
                yield (*path, "on_nothing_found", "instead"), instead.get("instead")


def _named_losses(data: Any) -> Iterator[tuple[Path, str]]:
    for path, entry in optimize_entries(data):
        loss = entry.get("loss")
        if isinstance(loss, str):
            yield (*path, "loss"), loss
        elif isinstance(loss, dict) and isinstance(loss.get("name"), str):
            yield (*path, "loss", "name"), loss["name"]


def optimize_entries(data: Mapping[str, Any]) -> list[tuple[Path, dict[str, Any]]]:
    """The entries of ``optimize``, which may be one mapping or a list of them, each with its path."""
    optimize = data.get("optimize") if isinstance(data, Mapping) else None
    if isinstance(optimize, list):
        pairs = [(("optimize", index), entry) for index, entry in enumerate(optimize)]
        return [(path, entry) for path, entry in pairs if isinstance(entry, dict)]
    return [(("optimize",), optimize)] if isinstance(optimize, dict) else []


def _worded(error: ValidationError) -> Iterator[Complaint]:
    path: Path = tuple(error.absolute_path)
    schema: Any = error.schema
    instance: Any = error.instance
    if error.validator == "additionalProperties":
        known = [name for name in schema["properties"] if name not in _NAMING]
        owner = schema.get("title")
        for name in instance:
            if name not in schema["properties"]:
                what = f"{owner} has no such parameter" if owner else "no such key here"
                yield (*path, name), what + _suggestion(name, known), True
    elif error.validator == "required":
        for name in schema["required"]:
            if name not in instance:
                yield (*path, name), f"{name} is missing; add it", False
    elif isinstance(instance, dict) and "sweep" in instance and schema.get("sweepable") is False:
        yield path, "cannot be swept; give one value", False
    elif error.validator == "type" and not path:
        yield path, "a protocol is a mapping of keys and values; 'stackmend init' prints one to start from", False
    else:
        yield path, str(schema.get("errorMessage", error.message)), False


def _suggestion(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; known: {', '.join(known)}" if 0 < len(known) <= 12 else ""
