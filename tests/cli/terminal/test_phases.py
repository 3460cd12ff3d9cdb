"""Rates and times of a phase."""

from __future__ import annotations

import pytest

from commands import (
    progress,
)
from stackmend.cli.terminal.phases import Phase


def test_rate_and_time_left_leave_out_what_was_kept() -> None:
    phase = Phase(progress("apply", 0, 100, megapixels=2.0), 0.0)
    assert (phase.rate(), phase.left(0.0)) == (None, None)
    for done in range(1, 41):  # an earlier run has finished these
        phase.keep()
        phase.update(progress("apply", done, 100), 1.0)
    assert (phase.rate(), phase.left(1.0)) == (None, None)
    for second in range(1, 11):
        phase.update(progress("apply", 40 + 2 * second, 100), 1.0 + second)
    assert phase.rate() == phase.rate(whole=True) == 2
    assert phase.left(11.0) == 20
    assert phase.left(14.0) == 17  # it goes on while a slice is awaited
    assert phase.rates() == ["2 slices/s", "4 MP/s"]
    assert "stopped at 60 of 100 slices, 40 of them kept" in phase.outcome()


def test_a_slow_start_is_forgotten() -> None:
    phase = Phase(progress("apply", 0, 1000), 0.0)
    for second in range(100, 150):
        phase.update(progress("apply", second - 99, 1000), float(second))
    assert phase.rate() == 1
    assert phase.rate(whole=True) == pytest.approx(50 / 149)
