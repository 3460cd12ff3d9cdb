"""Texts for people: framed problems, the summary of a run, what is installed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any

from stackmend.errors import Problem
from stackmend.registry import Catalogue, Component, RegistryError, Step

_LINE = 120
"""Characters that are shown of a longer line."""


def framed(name: str, problems: Sequence[Problem], *, ran: bool | None) -> str:
    """Problems, each under its place in the file.

    ``ran`` is ``False`` where a run was asked for and nothing was done.
    """
    errors = sum(problem.severity == "error" for problem in problems)
    warnings = len(problems) - errors
    counts = [_counted(errors, "problem")] if errors else []
    counts += [_counted(warnings, "warning")] if warnings else []
    end = ", nothing was run" if ran is False else ""
    return "\n".join([f"{name}: {', '.join(counts)}{end}", "", *(_frame(name, problem) for problem in problems)])


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def _frame(name: str, problem: Problem) -> str:
    prefix = "warning: " if problem.severity == "warning" else ""
    message = _printable(prefix + problem.message)
    path = _printable(problem.path)
    if problem.line:
        head = f"{name}:{problem.line}:{problem.column}  {path}".rstrip()
        number = str(problem.line)
    else:
        head = f"command line  {path}"
        number = "$"
    if not problem.source.strip():
        return f"{head}\n  {message}"
    line, before = _cropped(_printable(problem.source), problem.column - 1)
    caret = " " * before + "^" * max(min(problem.length, len(line) - before), 1)
    return f"{head}\n  {number} | {line}\n  {' ' * len(number)} | {caret} {message}"


def _printable(text: str) -> str:
    """A text of somebody else's file, character for character, with nothing in it that a terminal would obey."""
    return "".join(character if character.isprintable() else " " for character in text)


def _cropped(line: str, before: int) -> tuple[str, int]:
    """The part of a long line around a place, and how many characters of it come before the place."""
    if len(line) <= _LINE:
        return line, before
    start = max(0, min(before - _LINE // 2, len(line) - _LINE))
    shown = line[start : start + _LINE]
    left, right = "... " * (start > 0), " ..." * (start + _LINE < len(line))
    return f"{left}{shown}{right}", before - start + len(left)


def summary(record: Mapping[str, Any], folder: str, stack: str) -> str:
    """What a run did, in a few lines."""
    rows: list[tuple[str, str]] = []
    shape = " x ".join(map(str, record["output"]["shape"]))
    rows.append(("restored", f"{shape} {record['output']['dtype']} from {record['input']['label']}"))
    for search in record["searches"]:
        rows.extend(_search_rows(search))
    if record["truth"]:
        before, after = record["truth"]["rmse_before"], record["truth"]["rmse_after"]
        change = f" by {abs(1 - after / before):.0%}" if before else ""
        verb = "fell" if after < before else "ROSE" if after > before else "did not change"
        rows.append(("error", f"against the truth {verb}{change}, from {before:.3f} to {after:.3f} grey levels (RMS)"))
    rows += [("warning", warning) for warning in record["warnings"]]
    seconds = record["times"]
    rows.append(("time", f"{seconds['search_s']:.1f} s search, {seconds['apply_s']:.1f} s application"))
    rows += [("stack", stack), ("record", f"{folder}/run.json")]
    return "\n".join(f"{label:<10} {text}" for label, text in rows)


def _search_rows(search: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if search["status"] != "chosen":
        yield "search", f"{search['combinations']} combinations: {search['reason']}"
        return
    chosen = ", ".join(f"{name} {value}" for name, value in search["chosen"].items())
    yield "chosen", f"{chosen}"
    held_out = [
        f"{v:.4f} (slice {n})" if isinstance(v, float) else f"{v} (slice {n})" for n, v in search["held_out"].items()
    ]
    beside = f"; held out: {', '.join(held_out)}" if held_out else ""
    yield "loss", f"{search['loss_of_choice']:.4f}, lowest of {search['combinations']}{beside}"


def listed(catalogue: Catalogue[Any]) -> str:
    """Every registered component in a line, the broken ones with the reason."""
    lines = []
    for name in catalogue.names():
        try:
            component = catalogue.get(name)
        except RegistryError as error:
            lines.append(f"{name:<20} UNUSABLE: {_printable(str(error))}")
            continue
        lines.append(f"{name:<20} {component.schema.get('description', '')} [{catalogue.origin(name)}]")
    return "\n".join(lines)


def explained(component: Component, origin: str) -> str:
    """All that a component says about itself."""
    lines = [f"{component.name}  ({component.kind} of {origin}, algorithm version {component.version})"]
    lines += ["", *wrap(str(component.schema.get("description", "")), 100)]
    if isinstance(component, Step):
        lines.append(f"scope: {component.scope}")
    lines += [f"reads: {', '.join(component.reads)}", f"makes: {', '.join(component.makes)}"]
    parameters = component.schema.get("properties", {})
    lines += ["", "parameters:" if parameters else "no parameters"]
    for name, declared in parameters.items():
        lines += [f"  {name}  {_type_of(declared)}, default {_yaml(declared.get('default'))}"]
        limits = f"It {declared['errorMessage']}." if "errorMessage" in declared else ""
        lines += [f"      {line}" for line in wrap(f"{declared.get('description', '')} {limits}".strip(), 92)]
    if component.references:
        lines += ["", "references:"]
        lines += [
            f"  {line}" for reference in component.references for line in wrap(reference, 96, subsequent_indent="  ")
        ]
    return "\n".join(lines)


def _type_of(declared: Mapping[str, Any]) -> str:
    kind = declared.get("type", "choice")
    text = " or ".join(kind) if isinstance(kind, list) else str(kind)
    unit = f" [{declared['unit']}]" if "unit" in declared else ""
    return text + unit + ("" if declared.get("sweepable", True) else ", cannot be swept")


def _yaml(value: Any) -> str:
    return "none" if value is None else json.dumps(value, ensure_ascii=False).strip('"')
