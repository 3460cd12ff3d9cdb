"""Steps of several variants, of which the parameter ``method`` chooses one.

A variant is a step of its own in a file of its own, with its stages, its survey and its part of the
schema. ``family`` makes one step of them; ``in_use`` is what is left of it for one method, which
is an ordinary step, or for the several methods of a sweep.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from stackmend.registry.components import METHOD, Step
from stackmend.registry.stages import Stage


def family(
    *,
    name: str,
    version: int,
    variants: Sequence[Step],
    watch: str = "",
    schema: Mapping[str, Any] | None = None,
) -> Step:
    """A step of several variants, which are named as ``method`` is to choose them.

    ``watch`` is that of all which have none of their own.

    ``schema`` declares ``method`` and what variants share; built-in steps have it in
    ``schemas/steps/NAME.schema.json``, the parts of variants in
    ``schemas/steps/NAME/VARIANT.schema.json``.

    Raises
    ------
    TypeError
        If two variants have a survey each.
    """
    by_name = {variant.name: variant for variant in variants}
    whole = Step(name=name, version=version, stages=(), watch=watch, schema=schema or {})
    return _joined(whole, by_name)


def _joined(step: Step, variants: Mapping[str, Step]) -> Step:
    surveys = [variant.survey for variant in variants.values() if variant.survey]
    if len(surveys) > 1:
        raise TypeError(f"{step.name}: two variants have a survey; one of them may")
    stages: dict[int, Stage] = {}
    references: dict[str, None] = {}
    for variant in variants.values():
        stages |= {id(stage): stage for stage in variant.stages}
        references |= dict.fromkeys(variant.references)
    return replace(
        step,
        stages=tuple(stages.values()),
        variants=variants,
        survey=surveys[0] if surveys else None,
        references=tuple(references),
    )


def with_schemas(step: Step, parts: Mapping[str, Mapping[str, Any]]) -> Step:
    """The step with the schemas of its variants in its own.

    Raises
    ------
    ValueError
        If ``method`` does not choose among the variants, a part does not declare the parameters of
        its variant, or two declare the same one in different ways.
    """
    common = dict(step.schema.get("properties", {}))
    chosen = common.get(METHOD, {})
    if chosen.get("enum") != list(step.variants) or chosen.get("default") not in step.variants:
        raise ValueError(f"{METHOD} must have {list(step.variants)} as its enum, one as default")
    properties = dict(common)
    for name, part in parts.items():
        own = part.get("properties", {})
        if different := set(step.variants[name].parameters) ^ (set(own) | _shared(step, name)):
            raise ValueError(f"{name}: schema and stages differ in {', '.join(sorted(different))}")
        for parameter, declared in own.items():
            if properties.setdefault(parameter, declared) != declared:
                raise ValueError(f"{parameter} is declared twice, and not in the same way")
    described = {name: _described(step, name, each) for name, each in properties.items()}
    return replace(step, schema={**step.schema, "properties": described})


def _shared(step: Step, variant: str) -> set[str]:
    """What a variant takes of the parameters that the step itself declares."""
    return set(step.variants[variant].parameters) & set(step.schema.get("properties", {}))


def _described(step: Step, name: str, declared: Mapping[str, Any]) -> Mapping[str, Any]:
    """A declaration that says to which variants it belongs."""
    owners = owners_of(step, name)
    if name == METHOD or len(owners) == len(step.variants):
        return declared
    of = f"Of method {' and '.join(owners)}: "
    return {**declared, "description": of + declared.get("description", "")}


def owners_of(step: Step, parameter: str) -> list[str]:
    """Names of the variants that take a parameter."""
    return [name for name, each in step.variants.items() if parameter in each.parameters]


def methods_of(step: Step, given: Mapping[str, Any]) -> list[Any]:
    """The methods that an entry of a chain names, in a sweep or as a value; else the default."""
    method = given.get(METHOD, step.schema["properties"][METHOD].get("default"))
    if isinstance(method, Mapping):
        method = method.get("sweep")
    return list(method) if isinstance(method, (list, tuple)) else [method]


def in_use(step: Step, methods: Sequence[Any]) -> Step:
    """What is left of a step for some of its methods; those that it has not are passed over.

    A step without variants is left as it is. For one method the result is a step without variants.
    """
    left = {name: each for name, each in step.variants.items() if name in methods}
    if not left:
        return step
    if len(left) > 1:
        kept = _joined(step, left)
    else:
        [variant] = left.values()
        watch = variant.watch or step.watch
        kept = replace(variant, name=step.name, version=step.version, watch=watch)
    names = {METHOD, *kept.parameters}
    declared = step.schema.get("properties", {})
    properties = {name: each for name, each in declared.items() if name in names}
    return replace(kept, schema={**step.schema, "properties": properties})
