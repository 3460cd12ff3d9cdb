"""What goes on during a run: bars on a terminal, plain lines elsewhere, JSON lines for programs."""

from __future__ import annotations

import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from time import monotonic
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from stackmend.cli.events import described
from stackmend.cli.phases import Phase
from stackmend.cli.streams import say
from stackmend.result import record
from stackmend.result.record import Listener
from stackmend.words import duration, unglue

_LABEL = 20
"""Columns of a phase's name, where there is room."""
_BAR = (8, 40)
"""Columns of the bar, at least and at most."""


@contextmanager
def listening(how: str) -> Iterator[Listener]:
    """A listener that shows what goes on: ``normal``, ``quiet``, ``verbose`` or ``json``."""
    if how == "quiet":
        yield _nothing
        return
    if how == "json":
        yield JsonLines()
        return
    console = Console(stderr=True, highlight=False)
    if sys.stderr.isatty() and not console.is_dumb_terminal:
        with Bars(console, verbose=how == "verbose") as bars:
            yield bars
    else:
        yield PlainLines(verbose=how == "verbose")


def _nothing(kind: str, fields: Mapping[str, Any]) -> None:
    """Show nothing: errors are printed when the run has ended."""


class JsonLines:
    """Every event as a line of JSON on standard output; progress at most once a second."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._last: tuple[str, float] | None = None

    def __call__(self, kind: str, fields: Mapping[str, Any]) -> None:
        if kind == "progress" and 0 < fields["done"] < fields["total"]:
            now = self._clock()
            if self._last and self._last[0] == fields["phase"] and now - self._last[1] < 1:
                return
            self._last = (fields["phase"], now)
        say_event(kind, fields)


def say_event(kind: str, fields: Mapping[str, Any]) -> None:
    """One line of JSON on standard output."""
    line = {"event": kind, "time": record.now(), **fields}
    say(json.dumps(line, default=record.plain, ensure_ascii=False), sys.stdout)


class _Follower(ABC):
    """Tells the phases of a run apart."""

    def __init__(self, *, verbose: bool, clock: Callable[[], float] = monotonic) -> None:
        self._verbose, self._clock = verbose, clock
        self._phase: Phase | None = None

    def __call__(self, kind: str, fields: Mapping[str, Any]) -> None:
        if kind == "progress":
            self._follow(fields)
            return
        if kind == "slice kept" and self._phase:
            self._phase.keep()
        if text := described(kind, fields, verbose=self._verbose):
            self._say(text, "yellow" if kind == "warning" else "")

    def _follow(self, fields: Mapping[str, Any]) -> None:
        now = self._clock()
        if self._phase is None or not self._phase.continues(fields):
            self._end()
            self._phase = Phase.begun(fields, now)
            self._begun(self._phase)
        self._phase.update(fields, now)
        self._moved(self._phase)

    def _end(self) -> None:
        if self._phase:
            phase, self._phase = self._phase, None
            self._ended(phase)

    @abstractmethod
    def _say(self, text: str, style: str = "") -> None: ...

    def _begun(self, phase: Phase) -> None:  # noqa: B027 - not every way of telling says this
        """A phase begins."""

    def _moved(self, phase: Phase) -> None:  # noqa: B027 - not every way of telling says this
        """It has come farther."""

    def _ended(self, phase: Phase) -> None:  # noqa: B027 - not every way of telling says this
        """It is over."""


class PlainLines(_Follower):
    """Lines on standard error: one where a phase begins, then at the most one for each tenth and each 30 s of it."""

    _shown: tuple[float, int] = (0.0, 0)

    def _say(self, text: str, style: str = "") -> None:
        say(f"stackmend: {unglue(text)}", sys.stderr)

    def _begun(self, phase: Phase) -> None:
        self._shown = (phase.started, 0)
        self._say(f"{phase.label}, {phase.position().split(' of ')[1]} {phase.unit}")

    def _moved(self, phase: Phase) -> None:
        seconds, units = phase.now - self._shown[0], phase.done - self._shown[1]
        if seconds < 30 or units < phase.total / 10 or phase.done >= phase.total:
            return
        self._shown = (phase.now, phase.done)
        left = phase.left(phase.now)
        facts = [
            phase.position().strip(),
            *phase.rates(),
            *([f"{duration(left)} left"] if left is not None else []),
        ]
        self._say(f"{phase.label}, {', '.join(facts)}")


class Bars(_Follower):
    """The phase that is at work as a bar in the last line; what is over, and every message, as a line above it."""

    def __init__(
        self, console: Console, *, verbose: bool, clock: Callable[[], float] = monotonic
    ) -> None:
        super().__init__(verbose=verbose, clock=clock)
        self._console = console
        self._live = Live(
            get_renderable=self._shown, console=console, transient=True, refresh_per_second=8
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._end()
            self._live.stop()

    def _say(self, text: str, style: str = "") -> None:
        with suppress(OSError):  # the terminal has gone, which is no reason to stop
            self._console.print(
                Text(unglue(f"stackmend: {text}"), style), soft_wrap=False, overflow="fold"
            )

    def _ended(self, phase: Phase) -> None:
        gap = max(_LABEL - len(phase.label), 0) if self._console.width >= 79 else 0
        style = "green" if phase.done >= phase.total else "yellow"
        text = Text.assemble((phase.label, style), " " * gap, "  ", unglue(phase.outcome()))
        with suppress(OSError):
            self._console.print(text, overflow="fold")

    def _shown(self) -> RenderableType:
        if self._phase is None:
            return Group()
        now = self._clock()
        # Room is left for the ^C that a terminal echoes: in the next line it would keep this one from being cleared.
        label, bar, facts = layout(self._phase, now, self._console.width - 3)
        line = Table.grid(padding=0)
        cells: list[RenderableType] = [Text(f"{label}  ", no_wrap=True)]
        if bar:
            cells += [ProgressBar(max(self._phase.total, 1), self._phase.done, width=bar), "  "]
        line.add_row(*cells, Text(facts, no_wrap=True, overflow="crop"))
        return line


def layout(phase: Phase, now: float, width: int) -> tuple[str, int, str]:
    """The name of a phase, the width of its bar and the figures beside it, in no more than so many columns.

    Where they do not all fit, megapixels go first, then the time so far, the rate, the bar, and the time left.
    """
    rates, left = [*phase.rates(), "", ""], phase.left(now)
    if width < 60:
        return _narrow(phase, left, width)
    label = f"{phase.label:<{_LABEL}}" if width >= 76 else phase.label
    facts = [
        phase.position(),
        f"{rates[0]:<{len(phase.unit) + 6}}",
        f"{rates[1]:<8}" if phase.megapixels else "",
        f"{duration(now - phase.started):>9}",
        f"{duration(left):>9} left" if left is not None else " " * 14,
    ]
    for dropped in ((), (2,), (2, 3), (1, 2, 3)):
        text = "  ".join(fact for index, fact in enumerate(facts) if fact and index not in dropped)
        bar = width - len(label) - len(text) - 4
        if bar >= _BAR[0]:
            return label, min(bar, _BAR[1]), unglue(text)
    return _narrow(phase, left, width)


def _narrow(phase: Phase, left: float | None, width: int) -> tuple[str, int, str]:
    position = phase.position().strip().replace(" of ", "/")
    label = phase.label[: max(width - len(position) - 2, 0)]
    room = width - len(label) - len(position) - 4
    ending = f"  {duration(left)} left" if left is not None else ""
    if len(ending) > room + 2:
        ending = ""
    bar = room - len(ending)
    return label, min(bar, _BAR[1]) if bar >= _BAR[0] else 0, unglue(position + ending)
