"""The phases of a run: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from stackmend.cli.options import Follow
from stackmend.cli.terminal.events import JsonLines
from stackmend.cli.terminal.phases import Phase
from stackmend.cli.terminal.streams import message_line, say
from stackmend.result.events import event_text
from stackmend.words import count, duration

if TYPE_CHECKING:
    from stackmend.result.log import Listener


@contextmanager
def listener_for(how: Follow) -> Iterator[Listener]:
    """A listener that shows what goes on."""
    console = Console(stderr=True, highlight=False)
    if how == "quiet":
        yield Follower()
    elif how == "json":
        yield JsonLines()
    elif sys.stderr.isatty() and not console.is_dumb_terminal:
        with Bars(console, verbose=how == "verbose") as bars:
            yield bars
    else:
        yield PlainLines(verbose=how == "verbose")


class Follower:
    """Tells the phases of a run apart. Its kinds show them; it is silent itself."""

    def __init__(self, *, verbose: bool = False, clock: Callable[[], float] = monotonic) -> None:
        self._verbose, self._clock = verbose, clock
        self._phase: Phase | None = None

    def __call__(self, kind: str, fields: Mapping[str, Any]) -> None:
        if kind == "progress":
            self._follow(fields)
            return
        if kind == "slice kept" and self._phase:
            self._phase.keep()
        if text := event_text(kind, fields, verbose=self._verbose):
            self._say(text, "yellow" if kind == "warning" else "")

    def _follow(self, fields: Mapping[str, Any]) -> None:
        now = self._clock()
        if self._phase is None or not self._phase.continues(fields):
            self._leave()
            self._phase = Phase(fields, now)
        self._phase.update(fields, now)
        self._show(self._phase)

    def _leave(self) -> None:
        phase, self._phase = self._phase, None
        if phase:
            self._end(phase)

    def _say(self, text: str, style: str = "") -> None:
        """Show a message."""

    def _show(self, phase: Phase) -> None:
        """Show how far a phase has come."""

    def _end(self, phase: Phase) -> None:
        """Show that it is over."""


class PlainLines(Follower):
    """Lines on standard error: one for each phase, at most one more for each tenth and 30 s."""

    _last: tuple[Phase | None, float, int] = (None, 0.0, 0)

    def _say(self, text: str, style: str = "") -> None:
        say(message_line(text), sys.stderr)

    def _show(self, phase: Phase) -> None:
        shown, then, before = self._last
        due = phase.now - then >= 30 and phase.done - before >= phase.total / 10
        if phase is not shown:
            unit = phase.unit.removesuffix("s") if phase.total == 1 else phase.unit
            self._say(f"{phase.label}, {count(phase.total)} {unit}")
        elif due and phase.done < phase.total:
            self._say(", ".join([phase.label, *phase.facts(phase.now)]))
        else:
            return
        self._last = phase, phase.now, phase.done


class Bars(Follower):
    """The phase at work as a bar in the last line; above it what is over, and every message."""

    def __init__(
        self, console: Console, *, verbose: bool, clock: Callable[[], float] = monotonic
    ) -> None:
        super().__init__(verbose=verbose, clock=clock)
        self._console = console
        self._live = Live(
            get_renderable=self._line, console=console, transient=True, refresh_per_second=8
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._leave()
            self._live.stop()

    def _say(self, text: str, style: str = "") -> None:
        self._print(message_line(text), style)

    def _end(self, phase: Phase) -> None:
        self._print(f"{phase.label}: {phase.outcome()}", "")

    def _print(self, line: str, style: str) -> None:
        with suppress(OSError):  # the terminal has gone, which is no reason to stop
            self._console.print(Text(line, style), overflow="fold")

    def _line(self) -> RenderableType:
        if self._phase is None:
            return Group()
        # Room is left for the ^C that a terminal echoes: in the next line it would keep this
        # one from being cleared.
        label, bar, facts = layout(self._phase, self._clock(), self._console.width - 3)
        line = Table.grid(padding=(0, 2, 0, 0))
        shape = ProgressBar(max(self._phase.total, 1), self._phase.done, width=max(bar, 1))
        line.add_row(label, shape if bar else "", Text(facts))
        return line


def layout(phase: Phase, now: float, width: int) -> tuple[str, int, str]:
    """The label of a phase, the width of its bar and the facts beside it, in so many columns.

    Where there is no room for all facts, the last go first; the bar goes before the time left.
    """
    facts = [*phase.facts(now), duration(now - phase.started)]
    for number in range(len(facts), 0, -1):
        text = "  ".join(facts[:number])
        room = width - len(phase.label) - len(text) - 4
        if room >= 8 or (number <= 2 and room >= 0):
            return phase.label, min(room // 8 * 8, 40), text
    return phase.label[: max(width - len(text) - 4, 0)], 0, text
