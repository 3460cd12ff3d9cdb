"""A run that is followed from beginning to end: its events, how to go on after one, its outcome."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stackmend import interrupts, words
from stackmend.cli.options import Follow, Options
from stackmend.cli.problems import problem_facts
from stackmend.cli.terminal.streams import say
from stackmend.errors import (
    INTERRUPTED,
    InputError,
    OutputError,
    ProtocolError,
    StackmendError,
    StepError,
    WorkerLost,
)

if TYPE_CHECKING:
    from stackmend.result.log import Listener


@dataclass
class Follower:
    """A listener that shows what goes on, and remembers what it has shown."""

    show: Listener
    begun: bool = False
    warned: list[str] = field(default_factory=list)

    def __call__(self, kind: str, fields: Mapping[str, Any]) -> None:
        """Take an event."""
        self.begun = self.begun or kind == "started"
        if kind == "warning":
            self.warned.append(fields["message"])
        self.show(kind, fields)


@contextmanager
def follow(options: Options) -> Iterator[Follower]:
    """A listener that shows what goes on as the options want it.

    An error that ends a run which has begun is told how to go on, and so is an interruption.
    """
    follower = None
    try:
        from stackmend.cli.terminal.progress import listener_for

        with interrupts.as_interruption(), listener_for(options.follow) as show:
            follower = Follower(show)
            yield follower
    except (StackmendError, KeyboardInterrupt) as error:
        begun = follower is not None and follower.begun
        goes_on = begun and isinstance(error, InputError | StepError | OutputError | WorkerLost)
        if goes_on or isinstance(error, KeyboardInterrupt):
            error.add_note(f"continue with: {options.command}")
        if options.follow == "json":
            from stackmend.cli.terminal.events import say_event

            say_event("error", _error_facts(error))
        raise


def _error_facts(error: StackmendError | KeyboardInterrupt) -> dict[str, Any]:
    """An error for programs."""
    facts = {"status": INTERRUPTED, "class": type(error).__name__, "message": "interrupted"}
    if isinstance(error, StackmendError):
        facts |= {"status": error.exit_status, "message": str(error)}
    if isinstance(error, ProtocolError):
        facts |= problem_facts(error.problems)
    return {**facts, "notes": getattr(error, "__notes__", [])}


def say_outcome(folder: Path, follow: Follow, follower: Follower) -> None:
    """Print the outcome of a run: its summary, or its facts for programs.

    What a terminal shows already is not said on it again.
    """
    from stackmend import api
    from stackmend.cli.summary import slice_facts, stack_paths, summary_of
    from stackmend.cli.terminal.events import say_event

    if follow == "json":
        result = api.show(folder)
        record = result.record.to_json()
        kept = ("name", "input", "output", "searches", "truth", "warnings", "times")
        stacks = [words.short_path(path) for path in stack_paths(folder)]
        facts = {"folder": words.short_path(folder), "stack": stacks}
        facts |= {name: record[name] for name in kept}
        say_event("result", {**facts, "slices": slice_facts(result)})
    elif follow != "quiet":
        one_terminal = sys.stdout.isatty() and sys.stderr.isatty()
        say(summary_of(folder, shown=follower.warned if one_terminal else ()), sys.stdout)
