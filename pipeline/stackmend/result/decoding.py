"""JSON as the types that are declared for it; what does not fit is named by its place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints, is_typeddict

T = TypeVar("T")

_WORDS: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    NoneType: "nothing",
    tuple: "a list",
    Mapping: "an object",
}


class DoesNotFitError(ValueError):
    """A value is not what is declared in its place; the message names it, and what was there."""

    def __init__(self, where: str, kind: Any, value: Any) -> None:
        text = json.dumps(value, ensure_ascii=False, default=str)
        shown = text if len(text) <= 60 else f"{text[:57]}..."
        super().__init__(f"{where or 'all'} must be {_WORDS[kind]}, got {shown}")


def decode(kind: type[T], content: Any) -> T:
    """The content of a JSON file as a data class, whose parts are such classes or typed mappings.

    What the class does not know is left out; fields that have a default may be missing.

    Raises
    ------
    ValueError
        If something is missing or is not of its type, with its place.
    """
    decoded: T = _decoded(kind, content, "")
    return decoded


def _decoded(kind: Any, value: Any, where: str) -> Any:
    if kind is Any:
        return value
    if is_dataclass(kind) or is_typeddict(kind):
        return _object(kind, value, where)
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return _one_of(parts, value, where)
    if origin is tuple:
        return _list(parts, value, where)
    if origin is Mapping:
        return _mapping(parts, value, where)
    return _plain(kind, value, where)


def _object(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise DoesNotFitError(where, Mapping, value)
    optional, found = _optional(kind), {}
    for name, declared in _declared(kind).items():
        place = f"{where}.{name}" if where else name
        if name in value:
            found[name] = _decoded(declared, value[name], place)
        elif name not in optional:
            raise ValueError(f"{place} is missing")
    try:
        return kind(**found)
    except ValueError as error:
        raise ValueError(f"{where or 'all'}: {error}") from error


@cache
def _declared(kind: Any) -> Mapping[str, Any]:
    """The types of the fields of a class, or of the keys of a mapping."""
    return get_type_hints(kind)


def _optional(kind: Any) -> set[str]:
    """The fields of a class that have a default, or the keys that a mapping may lack."""
    if is_typeddict(kind):
        return set(kind.__optional_keys__)
    declared = fields(kind) if is_dataclass(kind) else ()
    return {
        field.name
        for field in declared
        if field.default is not MISSING or field.default_factory is not MISSING
    }


def _one_of(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and NoneType in kinds:
        return None
    others = [kind for kind in kinds if kind is not NoneType]
    # Of several, the last has the word: what it says is what is told.
    for kind in others[:-1]:
        try:
            return _decoded(kind, value, where)
        except ValueError:
            continue
    return _decoded(others[-1], value, where)


def _list(kinds: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise DoesNotFitError(where, tuple, value)
    if kinds[-1] is ...:
        kinds = kinds[:1] * len(value)
    if len(kinds) != len(value):
        raise ValueError(f"{where} must have {len(kinds)} members, got {len(value)}")
    found = []
    for index, (kind, each) in enumerate(zip(kinds, value, strict=True)):
        found.append(_decoded(kind, each, f"{where}[{index}]"))
    return tuple(found)


def _mapping(kinds: tuple[Any, ...], value: Any, where: str) -> dict[Any, Any]:
    if not isinstance(value, dict):
        raise DoesNotFitError(where, Mapping, value)
    (key, kind), found = kinds, {}
    for name, each in value.items():
        place = f"{where}.{name}"
        try:
            known = key(name)
        except ValueError as error:
            raise ValueError(f"{place} is no number of a slice") from error
        found[known] = _decoded(kind, each, place)
    return found


def _plain(kind: Any, value: Any, where: str) -> Any:
    fits = isinstance(value, (int, float) if kind is float else kind)
    if not fits or (isinstance(value, bool) and kind is not bool):
        raise DoesNotFitError(where, kind, value)
    return value
