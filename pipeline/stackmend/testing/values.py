"""Parameters over their ranges, and several values at once as a search tries them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from jsonschema import Draft202012Validator

from stackmend.chain import ABSENT, Bound, Graph, compile_chain
from stackmend.errors import InputError, ProtocolError, StepError
from stackmend.registry import IMAGE, METHOD, Undefined
from stackmend.sweep.walk import distinct_work, walk
from stackmend.testing.content import content_of, is_finite
from stackmend.testing.contract import Broken, Rule
from stackmend.testing.images import REFUSE
from stackmend.testing.step_subject import StepSubject, Tried, is_refused

MOST_SWEPT = 3
"""Parameters that are swept together."""


def check_ranges(subject: StepSubject) -> None:
    """See that both ends of each range, and each choice, are worked with or refused."""
    for name, declared in subject.component.schema.get("properties", {}).items():
        if name == METHOD:
            continue
        for value in ends_of(declared):
            said = f"{name}: {value!r}"
            try:
                tried = subject.tried(**{name: value})
                (products,) = tried.evaluated([1])
            except ProtocolError:
                continue  # such as an upper limit below the lower one
            except (StepError, InputError) as error:
                if is_refused(error):
                    continue
                raise Broken(f"{said}: {error}; narrow the range, or {REFUSE}") from error
            if IMAGE in products and not is_finite(products[IMAGE]):
                raise Broken(f"{said}: makes pixels that are no numbers; narrow the range")


def ends_of(declared: Mapping[str, Any]) -> Iterator[Any]:
    """The ends of the range of a parameter, or all it can be."""
    if "enum" in declared:
        yield from declared["enum"][:8]
        return
    types = declared.get("type")
    if types == "boolean":
        yield from (False, True)
    for limit in ("minimum", "maximum"):
        if limit in declared and types != "array":
            yield declared[limit]


def check_sweep(subject: StepSubject) -> None:
    """See that values that are tried together give what each gives by itself."""
    usual = subject.usual
    swept = _swept(subject)
    target = IMAGE if IMAGE in usual.step.makes else usual.step.makes[-1]
    number = len(usual.numbers) // 2
    own = {name: each for name, each in usual.own.parameters.items() if name not in swept}
    by_name = {(usual.own.id, name): values for name, values in swept.items()}
    bound = Bound(usual.own.component, usual.own.id, own)
    graph = compile_chain([bound], given=usual.given_names, swept=by_name)
    combinations = list(product(*swept.values()))
    work = distinct_work(graph, combinations, target)
    answers = walk(work, _given(usual, graph, number))[target]
    for combination in combinations:
        chosen = dict(zip(swept, combination, strict=True))
        alone = _alone(usual, {**own, **chosen}, number, target)
        if content_of(answers[combination]) != content_of(alone):
            what = "a stage may depend on its own parameters alone, and together= on its own value"
            raise Broken(f"with {chosen} among others it makes something else; {what}")


def _swept(subject: StepSubject) -> dict[str, tuple[Any, ...]]:
    """Parameters that a search may try, each with its value and another one."""
    survey = subject.survey
    surveyed = survey.parameters if survey else ()
    found: dict[str, tuple[Any, ...]] = {}
    for name, declared in subject.component.schema.get("properties", {}).items():
        value = subject.own.parameters[name]
        fixed = name in surveyed or name == METHOD or declared.get("sweepable") is False
        other = None if fixed else another(declared, value)
        if other is not None and len(found) < MOST_SWEPT:
            found[name] = value, other
    return found


def another(declared: Mapping[str, Any], value: Any) -> Any:
    """Another value that a parameter may have, near the one that it has; ``None`` without any."""
    near: list[Any] = list(declared.get("enum", []))
    if isinstance(value, bool):
        near.append(not value)
    elif isinstance(value, int) and declared.get("type") == "integer":
        near += [value + 1, value - 1]
    elif isinstance(value, (int, float)):
        near += [1.5 * value, 0.5 * value, value + 1]
    fits = Draft202012Validator(declared)
    return next((each for each in near if each != value and fits.is_valid(each)), None)


def _given(tried: Tried, graph: Graph, number: int) -> dict[str, Any]:
    """What a graph is given for a slice, what lies beyond the stack left out."""
    given = dict(tried.given(number))
    for name, (made, offset) in graph.outside.items():
        there = number + offset in tried.numbers
        given[name] = tried.given(number + offset)[made] if there else ABSENT
    return given


def _alone(tried: Tried, values: Mapping[str, Any], number: int, target: str) -> Any:
    bound = Bound(tried.own.component, tried.own.id, values)
    graph = compile_chain([bound], given=tried.given_names)
    try:
        return graph.evaluate(_given(tried, graph, number), [target])[target]
    except StepError as error:
        if not is_refused(error):
            raise
        return Undefined("failed", str(error))


def _can_be_swept(subject: StepSubject) -> bool:
    return bool(_swept(subject))


RULES = (
    Rule("ends-of-ranges", check_ranges),
    Rule("swept-as-alone", check_sweep, _can_be_swept),
)
