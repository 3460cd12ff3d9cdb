"""Texts for people: framed problems, and what is installed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

from stackmend.errors import Problem
from stackmend.registry import Catalogue, Component, RegistryError, Step
from stackmend.words import counted, printable

_LINE = 120
"""Characters that are shown of a longer line."""


def framed(name: str, problems: Sequence[Problem], *, ran: bool | None) -> str:
    """Problems, each under its place in the file.

    ``ran`` is ``False`` where a run was asked for and nothing was done.
    """
    errors = sum(problem.severity == "error" for problem in problems)
    warnings = len(problems) - errors
    counts = [counted(errors, "problem")] if errors else []
    counts += [counted(warnings, "warning")] if warnings else []
    end = ", nothing was run" if ran is False else ""
    name = printable(name)
    return "\n".join(
        [f"{name}: {', '.join(counts)}{end}", "", *(_frame(name, problem) for problem in problems)]
    )


def _frame(name: str, problem: Problem) -> str:
    prefix = "warning: " if problem.severity == "warning" else ""
    message = printable(prefix + problem.message)
    path = printable(problem.path)
    if problem.line:
        head = f"{name}:{problem.line}:{problem.column}  {path}".rstrip()
        number = str(problem.line)
    else:
        head = f"command line  {path}"
        number = "$"
    if not problem.source.strip():
        return f"{head}\n  {message}"
    line, before = _cropped(printable(problem.source), problem.column - 1)
    caret = " " * before + "^" * max(min(problem.length, len(line) - before), 1)
    return f"{head}\n  {number} | {line}\n  {' ' * len(number)} | {caret} {message}"


def _cropped(line: str, before: int) -> tuple[str, int]:
    """The part of a long line around a place, and how many characters of it come before the place."""
    if len(line) <= _LINE:
        return line, before
    start = max(0, min(before - _LINE // 2, len(line) - _LINE))
    shown = line[start : start + _LINE]
    left, right = "... " * (start > 0), " ..." * (start + _LINE < len(line))
    return f"{left}{shown}{right}", before - start + len(left)


def listed(catalogue: Catalogue[Any]) -> str:
    """Every registered component in a line, the broken ones with the reason."""
    lines = []
    for name in catalogue.names():
        try:
            component = catalogue.get(name)
        except RegistryError as error:
            lines.append(f"{name:<20} UNUSABLE: {printable(str(error))}")
            continue
        lines.append(
            f"{name:<20} {component.schema.get('description', '')} [{catalogue.origin(name)}]"
        )
    return "\n".join(lines)


def explained(component: Component, origin: str) -> str:
    """All that a component says about itself."""
    lines = [
        f"{component.name}  ({component.kind} of {origin}, algorithm version {component.version})"
    ]
    lines += ["", *wrap(str(component.schema.get("description", "")), 100)]
    if isinstance(component, Step):
        lines.append(f"scope: {component.scope}")
    lines += [f"reads: {', '.join(component.reads)}", f"makes: {', '.join(component.makes)}"]
    parameters = component.schema.get("properties", {})
    lines += ["", "parameters:" if parameters else "no parameters"]
    for name, declared in parameters.items():
        lines += [f"  {name}  {_type_of(declared)}, default {_yaml(declared.get('default'))}"]
        limits = f"It {declared['errorMessage']}." if "errorMessage" in declared else ""
        lines += [
            f"      {line}"
            for line in wrap(f"{declared.get('description', '')} {limits}".strip(), 92)
        ]
    if component.references:
        lines += ["", "references:"]
        lines += [
            f"  {line}"
            for reference in component.references
            for line in wrap(reference, 96, subsequent_indent="  ")
        ]
    return "\n".join(lines)


def _type_of(declared: Mapping[str, Any]) -> str:
    kind = declared.get("type", "choice")
    text = " or ".join(kind) if isinstance(kind, list) else str(kind)
    unit = f" [{declared['unit']}]" if "unit" in declared else ""
    return text + unit + ("" if declared.get("sweepable", True) else ", cannot be swept")


def _yaml(value: Any) -> str:
    return "none" if value is None else json.dumps(value, ensure_ascii=False).strip('"')
