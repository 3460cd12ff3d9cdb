"""Values of a step's parameters that are given by themselves, held against its schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from stackmend.errors import UnknownParameter, WrongValue
from stackmend.protocol.build import filled
from stackmend.protocol.loading import loaded_files
from stackmend.protocol.nodes import MAX_NUMBER
from stackmend.protocol.text import spell
from stackmend.protocol.variants import of_other_variants
from stackmend.protocol.wording import schema_error
from stackmend.registry import Step, in_use, methods_of


def parameters_of(step: Step, given: Mapping[str, Any]) -> dict[str, Any]:
    """A value for every parameter of a step: those given, and defaults for the others.

    Raises
    ------
    UnknownParameter, WrongValue
        With everything that is wrong; the first where a name is not that of a parameter.
    """
    plain = {name: _plain(value) for name, value in given.items()}
    foreign = list(of_other_variants(step, plain))
    if foreign:
        said = "; ".join(f"{name} {message}" for name, message in foreign)
        raise UnknownParameter(f"{step.name}: {said}")
    if step.variants:
        step = in_use(step, methods_of(step, plain))
    unknown: list[str] = []
    wrong = [*_not_finite(plain)]
    for path, message, is_key in _complaints(step, plain):
        name = spell(path[1:])
        if is_key:
            unknown.append(f"{name}: {message}")
        elif len(path) > 1 and path[1] in plain:
            wrong.append(f"{name} {message}, got {_at(plain, path[1:])!r}")
        else:
            unknown.append(message)
    if unknown:
        raise UnknownParameter(f"{step.name}: {'; '.join([*unknown, *wrong])}")
    if not wrong and step.refuse is not None:
        refused = step.refuse(filled(plain, step.schema)).items()
        wrong = [f"{name}: {message}, got {plain.get(name)!r}" for name, message in refused]
    files, unreadable = loaded_files(step, plain, Path(), {})
    wrong += [f"{name} {message}, got {plain[name]!r}" for name, message in unreadable.items()]
    if wrong:
        raise WrongValue(f"{step.name}: {'; '.join(wrong)}")
    return {**filled(plain, step.schema), **files}


def _complaints(step: Step, given: Mapping[str, Any]) -> Iterator[tuple[Any, str, bool]]:
    """What the schema of a step has to say, with the name of the step first in each path."""
    own = {
        "title": step.name,
        "properties": step.schema.get("properties", {}),
        "required": step.schema.get("required", []),
        "additionalProperties": False,
    }
    schema = {"properties": {step.name: own}}
    for error in Draft202012Validator(schema).iter_errors({step.name: dict(given)}):
        yield from schema_error(error)


def _plain(value: Any) -> Any:
    """A value as YAML has it: a number of NumPy as one of Python, a tuple or an array as a list."""
    if hasattr(value, "tolist"):
        return value.tolist()
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def _not_finite(given: Mapping[str, Any]) -> Iterator[str]:
    for name, value in given.items():
        for each in value if isinstance(value, list) else (value,):
            if isinstance(each, (int, float)) and not abs(each) <= MAX_NUMBER:
                yield f"{name} is no finite number of a usable size, got {each!r}"


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        value = value[part]
    return value
