"""Problems of a protocol, each under its place in the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from stackmend.errors import Problem
from stackmend.words import count, counted, in_place, printable

_LINE = 120
"""Characters that are shown of a longer line."""
_MOST = 50
"""Problems that are shown; nobody reads more before mending these."""


def problems_text(name: str, problems: Sequence[Problem], *, ran: bool | None) -> str:
    """Problems, each with its line, a caret under its place, and what to do.

    ``ran`` is ``False`` where a run was asked for and nothing was done.
    """
    errors = sum(problem.severity == "error" for problem in problems)
    counts = [(errors, "problem"), (len(problems) - errors, "warning")]
    found = ", ".join(counted(number, what) for number, what in counts if number)
    end = ", nothing was run" if ran is False else ""
    frames = [_frame_text(name, problem) for problem in problems[:_MOST]]
    if len(problems) > _MOST:
        frames.append(f"and {count(len(problems) - _MOST)} more; mend these first")
    return "\n".join([printable(f"{name}: {found}{end}"), "", *frames])


def problem_facts(problems: Sequence[Problem]) -> dict[str, Any]:
    """Problems for programs: as many as people are shown, and how many there are."""
    facts = []
    for problem in problems[:_MOST]:
        source, _ = _crop(problem.source, max(problem.column - 1, 0))
        facts.append({**asdict(problem), "source": source})
    return {"problems": facts, "problem_count": len(problems)}


def _frame_text(name: str, problem: Problem) -> str:
    # A tab or a line break in somebody's text must not tear the frame apart.
    prefix = "warning: " if problem.severity == "warning" else ""
    message, path = printable(prefix + problem.message), printable(problem.path)
    head, number = f"command line  {path}", "$"
    if problem.line:
        place = f"{printable(name)}:{problem.line}:{problem.column}"
        head, number = f"{place}  {path}".rstrip(), str(problem.line)
    if not problem.source.strip():
        return f"{head}\n  {message}"

    line, before = _crop(problem.source, problem.column - 1)
    line = in_place(line)
    caret = " " * before + "^" * max(min(problem.length, len(line) - before), 1)
    return f"{head}\n  {number} | {line}\n  {' ' * len(number)} | {caret} {message}"


def _crop(line: str, before: int) -> tuple[str, int]:
    """The part of a long line around a place, and how many characters of it come before that."""
    if len(line) <= _LINE:
        return line, before
    start = max(0, min(before - _LINE // 2, len(line) - _LINE))
    left = "... " if start > 0 else ""
    right = " ..." if start + _LINE < len(line) else ""
    return f"{left}{line[start : start + _LINE]}{right}", before - start + len(left)
