"""What a step or a loss says about itself: its schema, its documentation, what it makes."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from types import UnionType
from typing import Any, Protocol, Union, get_args, get_origin, get_type_hints

from jsonschema import Draft202012Validator

from stackmend.registry import LOSS, METHOD, Component, Loss, Step
from stackmend.testing.contract import Broken, Rule

_TYPES = {
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "string": (str,),
    "array": (list, tuple),
    "null": (type(None),),
}
"""What a value in a protocol may be in a signature."""


class Declared(Protocol):
    """A step or a loss that is tried."""

    @property
    def component(self) -> Component:
        """What it declares."""
        ...


def check_declaration(subject: Declared) -> None:
    """See that version, stages and products make sense."""
    component = subject.component
    if component.version < 1:
        raise Broken(f"version is {component.version}; count from 1, raise it as pixels change")
    if len({stage.makes for stage in component.stages}) < len(component.stages):
        raise Broken("two stages make the same product; give one another name with makes=")
    last = component.stages[-1].makes
    if isinstance(component, Loss) and last != LOSS:
        raise Broken(f"the last stage makes {last}; it must make {LOSS}")
    for stage in component.stages:
        for product in stage.facts:
            if not product.isidentifier():
                raise Broken(f"{product} in facts is no name; take letters, digits and _")


def check_documentation(subject: Declared) -> None:
    """See that its module and all of its functions say what they do."""
    for function in _functions(subject.component):
        module = sys.modules[function.__module__]
        if not module.__doc__:
            raise Broken(f"{module.__name__} has no docstring; say in a line what it does")
        if not inspect.getdoc(function):
            what = "say what it returns, of which shape and unit"
            raise Broken(f"{function.__name__} has no docstring; {what}")


def check_schema(subject: Declared) -> None:
    """See that the schema declares the parameters of the signatures, with defaults that pass."""
    component = subject.component
    declared = component.schema.get("properties", {})
    taken = set(component.parameters) | ({METHOD} & set(declared))
    if different := sorted(set(declared) ^ taken):
        what = "declare each keyword-only parameter of the stages, and nothing else"
        raise Broken(f"schema and signatures differ in {', '.join(different)}; {what}")
    if component.schema.get("additionalProperties") is not False:
        raise Broken('its schema lets any key pass; add "additionalProperties": False')
    if not component.schema.get("description"):
        raise Broken('its schema has no "description"; say in a sentence what it does')
    hints = _annotations(component)
    for name, what in declared.items():
        if "default" not in what and name not in component.schema.get("required", []):
            raise Broken(f"{name} has no default and is not required; give one or the other")
        if "default" in what:
            for error in Draft202012Validator(what).iter_errors(what["default"]):
                raise Broken(f"the default of {name} does not pass its own schema: {error.message}")
        if name in hints:
            _check_annotation(name, what, hints[name])


def check_parameters(subject: Declared) -> None:
    """See that people are told of each parameter what it is, in which unit and range."""
    for name, what in subject.component.schema.get("properties", {}).items():
        if not what.get("description", "").endswith((".", ")")):
            raise Broken(f"{name} has no description; say in a sentence what it does")
        if not what.get("errorMessage", "").startswith("must "):
            raise Broken(f'{name} has no errorMessage; end the sentence "it ...": "must be ..."')
        if "enum" in what:
            continue
        types = _types_of(what)
        if "number" in types and not what.get("unit"):
            raise Broken(f'{name} has no "unit"; for instance px, grey levels, ratio')
        if types & {"number", "integer"} and not _has_range(what):
            raise Broken(f"{name} has no range; add minimum and maximum")


def _has_range(declared: Mapping[str, Any]) -> bool:
    low = {"minimum", "exclusiveMinimum"} & declared.keys()
    high = {"maximum", "exclusiveMaximum"} & declared.keys()
    return bool(low and high)


def _types_of(declared: Mapping[str, Any]) -> set[str]:
    types = declared.get("type", ())
    return {types} if isinstance(types, str) else set(types)


def _check_annotation(name: str, declared: Mapping[str, Any], annotation: Any) -> None:
    """Hold the type in a signature to that in the schema, where both are plain."""
    values = declared.get("enum", [])
    allowed = {type(value) for value in values}
    for type_name in _types_of(declared) if not values else ():
        allowed |= set(_TYPES[type_name])
    is_union = get_origin(annotation) in (Union, UnionType)
    written = set(get_args(annotation)) if is_union else {annotation}
    known = {each for types in _TYPES.values() for each in types}
    if not allowed or not written <= known:  # such as Sequence[float], or Literal
        return
    if float in written:
        written.add(int)
    if missing := sorted(each.__name__ for each in allowed - written):
        what = "make the annotation, or the type in the schema, say the same"
        raise Broken(f"{name} may be {' or '.join(missing)}, which its function denies; {what}")


def _annotations(component: Component) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for stage in component.stages:
        try:
            hints = get_type_hints(stage.function)
        except NameError:  # named for type checkers alone
            continue
        for name in stage.parameters:
            if name in hints and name not in stage.together:
                found[name] = hints[name]
    return found


def _functions(component: Component) -> Iterator[Callable[..., Any]]:
    for stage in component.stages:
        yield stage.function
    if isinstance(component, Step) and component.survey:
        survey = component.survey
        functions = (survey.look, survey.settle, survey.needed, survey.slices)
        yield from (each for each in functions if each is not None)


RULES: tuple[Rule[Any], ...] = (
    Rule("declaration", check_declaration),
    Rule("documentation", check_documentation),
    Rule("schema-equals-signature", check_schema),
    Rule("parameters-are-told", check_parameters),
)
"""What is asked of steps and of losses."""
