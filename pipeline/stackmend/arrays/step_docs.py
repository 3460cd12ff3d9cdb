"""The docstring of a step's function, in the form of numpydoc, made from what the step declares."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from textwrap import indent, wrap
from typing import Any

from stackmend.arrays.step_example import example
from stackmend.arrays.step_shape import (
    FOUND,
    products_read,
    reads_image,
    returned,
    sees_others,
)
from stackmend.registry import IMAGE, Component, Step, steps

WIDTH = 79

FEW = 9
"""So many choices are not named any more: they are beyond a line."""
_KINDS = {"number": "float", "integer": "int", "boolean": "bool", "string": "str", "array": "list"}


def documentation(step: Step) -> str:
    """All that a step says about itself."""
    summary = _sentence(str(step.schema.get("description", "")) or step.name)
    origin = steps().origin(step.name)
    about = f"Step ``{step.name}``, version {step.version}, of {origin}."
    parts = [
        _wrapped(summary),
        _wrapped(" ".join([about, *_remarks(step)])),
        _section("Parameters", [*_inputs(step), *_parameters(step)]),
        _section("Returns", [_returns(step)]),
        _section("Raises", _raises()),
        _references(step.references),
        _section("Examples", ["\n".join(example(step))]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _remarks(step: Step) -> Iterable[str]:
    if step.needs:
        makers = [each.name for each in steps().usable() if each.opens in step.needs]
        yield f"The image must be on the {' and '.join(step.needs)} that {_or(makers)} makes."
    if sees_others(step):
        yield "It may need to know other slices: then a stack must be given, not one slice."


def _inputs(step: Step) -> Iterable[str]:
    if reads_image(step):
        what = (
            "One slice, or a stack, whose slices are taken one by one; or what an earlier step "
            "has returned. Never written to; computed with as float32."
        )
        yield _entry("image : (Y, X) or (Z, Y, X) array of real numbers", what)
    if products := products_read(step):
        what = (
            f"What earlier steps have returned, from which {_and(products)} are taken; of several "
            "with the same the last counts. They can be given by name instead."
        )
        yield _entry(f"*{FOUND}", what)
    for name in products_read(step):
        makers = _makers(name)
        yield _entry(f"{name} : optional", f"What {_or(makers)} has found; see ``found``.")


def _parameters(step: Step) -> Iterable[str]:
    for name, declared in step.schema.get("properties", {}).items():
        words = [_kind(declared)]
        if "unit" in declared:
            words.append(str(declared["unit"]))
        if "default" in declared:
            words.append(f"default {declared['default']!r}")
        limits = str(declared.get("errorMessage", ""))
        said = [
            _sentence(str(declared.get("description", ""))),
            _sentence(limits and f"It {limits}"),
        ]
        yield _entry(f"{name} : {', '.join(words)}", " ".join(filter(None, said)))


def _kind(declared: Mapping[str, Any]) -> str:
    if len(declared.get("enum", ())) in range(1, FEW):
        return "{" + ", ".join(map(repr, declared["enum"])) + "}"
    kinds = declared.get("type", "object")
    every = [kinds] if isinstance(kinds, str) else list(kinds)
    return " or ".join(_KINDS.get(kind, "None" if kind == "null" else str(kind)) for kind in every)


def _returns(step: Step) -> str:
    given = returned(step)
    said = _made(step)
    if given.alone and given.names == (IMAGE,):
        return _entry("image : array of float32", f"Of the axes of the image. {said[IMAGE]}")
    if given.alone:
        (name,) = given.names
        of_stack = "Of a stack, arrays are stacked, and what is no array comes slice by slice."
        return _entry(name, f"{said[name]} {of_stack}")
    lines = ["With these attributes, of a stack one for each slice:", ""]
    for name in given.names:
        lines += [name, *indent(_wrapped(said[name], 8), "    ").split("\n")]
    return "StepResult\n" + indent("\n".join(lines), "    ")


def _made(step: Component) -> dict[str, str]:
    """What the products of a step are, in the words of the functions that make them."""
    found: dict[str, str] = {}
    for stage in step.stages:
        doc = (inspect.getdoc(stage.function) or stage.makes).split("\n\n")[0]
        found[stage.makes] = _sentence(" ".join(doc.split()))
    return found


def _raises() -> Iterable[str]:
    yield _entry("UnknownParameter", "A TypeError: what has no place here, or is missing.")
    yield _entry("WrongValue", "A ValueError: what cannot be, all of it at once.")
    yield _entry("StepError", "If a slice cannot be computed.")


def _references(references: Iterable[str]) -> str:
    entries: list[str] = []
    for number, each in enumerate(references, start=1):
        lines = wrap(each, WIDTH - 10)
        entries.append(f".. [{number}] " + "\n   ".join(lines))
    return _section("References", entries)


def _makers(product: str) -> list[str]:
    return [each.name for each in steps().usable() if product in each.makes]


def _section(title: str, entries: Iterable[str]) -> str:
    body = "\n".join(entries)
    return f"{title}\n{'-' * len(title)}\n{body}" if body else ""


def _entry(head: str, text: str) -> str:
    return f"{head}\n{indent(_wrapped(text, 4), '    ')}"


def _wrapped(text: str, margin: int = 0) -> str:
    return "\n".join(wrap(text, WIDTH - margin, break_long_words=False, break_on_hyphens=False))


def _sentence(text: str) -> str:
    text = text.strip()
    return text if not text or text.endswith((".", "?")) else f"{text}."


def _and(names: Iterable[str]) -> str:
    return " and ".join(names)


def _or(names: Iterable[str]) -> str:
    return " or ".join(names) or "a step"
