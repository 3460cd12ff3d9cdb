"""A bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from commands import (
    Clock,
    progress,
)
from stackmend.cli.terminal.phases import Phase
from stackmend.cli.terminal.progress import Bars, PlainLines, layout


@pytest.mark.parametrize("width", [20, 37, 60, 97, 200])
@pytest.mark.parametrize("name", ["apply", "search", "survey", "a_phase_of_tomorrow"])
def test_the_line_of_a_phase_fits(width: int, name: str) -> None:
    phase = Phase(progress(name, 0, 2000, megapixels=7.0), 0.0)
    for second in range(1, 60):
        phase.update(progress(name, 10 * second, 2000), float(second))
    label, bar, facts = layout(phase, 60.0, width)
    assert len(label) + 2 + bar + 2 + len(facts) <= width
    assert bar % 8 == 0
    assert facts.startswith("590 of 2000")
    assert ("left" in facts) is (width >= 60)
    assert ("MP/s" in facts) is (width >= 97)


def test_bars_leave_one_line_for_each_phase() -> None:
    clock, screen = Clock(), io.StringIO()
    console = Console(file=screen, force_terminal=True, width=90, color_system=None)
    with Bars(console, verbose=False, clock=clock) as bars:
        for number, phase in enumerate(["search", "search", "a_phase_of_tomorrow"]):
            for done in range(5):
                clock.now = 10.0 * number + done
                bars("progress", progress(phase, done, 4, unit="things"))
        bars("warning", {"message": "mind the \x1b[31mgap"})
    shown = screen.getvalue()
    assert shown.count("searching: 4 things, 4.0 s, 1 things/s") == 2
    assert "a phase of tomorrow: 4 things, 4.0 s, 1 things/s" in shown
    assert "stackmend: warning: mind the \\x1b[31mgap" in shown
    assert shown.rstrip().endswith("\x1b[?25h")  # the cursor is there again


def test_plain_lines_are_few(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    lines = PlainLines(verbose=False, clock=clock)
    for done in range(1001):  # quick: only the beginning is said
        clock.now = done / 1000
        lines("progress", progress("search", done, 1000))
    assert capsys.readouterr().err == "stackmend: searching, 1000 combinations\n"
    for done in range(1001):  # an hour
        clock.now = 10 + 3.6 * done
        lines("progress", progress("apply", done, 1000))
    shown = capsys.readouterr().err.splitlines()
    assert shown[0] == "stackmend: restoring, 1000 slices"
    assert len(shown) == 10
    assert shown[5] == "stackmend: restoring, 500 of 1000, 30 min 0 s left, 0.28 slices/s"
