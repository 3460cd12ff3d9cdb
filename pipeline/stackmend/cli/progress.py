"""Progress on a terminal, with the time left; elsewhere only notes, one a line."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from stackmend.record import Listener

_PHASES = {"survey": "looking at the stack", "search": "searching", "apply": "restoring"}


@contextmanager
def listening(*, quiet: bool) -> Iterator[Listener]:
    """A listener that shows what goes on, for as long as it goes on."""
    console = Console(stderr=True, quiet=quiet)
    if quiet or not sys.stderr.isatty():
        yield _Plain(quiet)
        return
    columns = (
        TextColumn("{task.description:>20}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        yield _Bars(progress)


class _Plain:
    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet

    def __call__(self, kind: str, fields: Mapping[str, Any]) -> None:
        if kind == "note" and not self._quiet:
            with suppress(BrokenPipeError):  # nobody is listening, which is no reason to stop
                print(f"stackmend: {fields['message']}", file=sys.stderr)


class _Bars:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, kind: str, fields: Mapping[str, Any]) -> None:
        if kind == "note":
            self._progress.console.print(f"stackmend: {fields['message']}", markup=False, highlight=False)
        if kind != "progress":
            return
        phase, done, total = fields["phase"], fields["done"], fields["total"]
        if phase not in self._tasks:
            self._tasks[phase] = self._progress.add_task(_PHASES.get(phase, phase), total=total)
        self._progress.update(self._tasks[phase], completed=done, total=total)
