"""Events in words and as lines of JSON."""

from __future__ import annotations

import json

import pytest

from commands import (
    Clock,
    progress,
)
from stackmend.cli.terminal.events import JsonLines
from stackmend.result.events import event_text, log_line


def test_events_for_programs_are_throttled(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    lines = JsonLines(clock)
    for done in range(1001):
        clock.now = done / 100
        lines("progress", progress("apply", done, 1000))
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(events) == 12
    assert [events[0]["done"], events[-1]["done"]] == [0, 1000]
    assert all({"event", "time", "phase", "total"} <= event.keys() for event in events)


def test_verbose_describes_what_it_does_not_know() -> None:
    assert (
        event_text("moon rises", {"phase": "full\x07"}, verbose=True)
        == "moon rises: phase full\x07"
    )
    assert event_text("moon rises", {}, verbose=False) is None


def test_a_line_of_the_log_for_people() -> None:
    fields = {"error": "StepError", "message": "lost its \x1b[31mfooting", "traceback": ["long"]}
    assert log_line("12:00", "stopped", fields) == (
        "12:00 stopped by StepError: lost its \\x1b[31mfooting\n"
    )
    assert log_line("12:00", "note", {"message": "two\nlines"}) == "12:00 two lines\n"
    assert log_line("12:00", "finished", {"seconds": 3}) == "12:00 finished\n"
