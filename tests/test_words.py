"""Numbers and durations as a person reads them."""

from __future__ import annotations

import pytest

from stackmend.words import duration, figure


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0.00 s"), (0.54, "0.54 s"), (0.999, "1.0 s"), (4.24, "4.2 s"), (9.97, "10 s"),
     (59.7, "1 min 0 s"), (200, "3 min 20 s"), (3599.8, "1 h 0 min"), (4320, "1 h 12 min"),
     (108300, "30 h 5 min")],
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0123, "0.012"), (3.42, "3.4"), (9.96, "10"), (148.3, "148")]
)
def test_figures(value: float, text: str) -> None:
    assert figure(value) == text
    assert figure(1234567.0) == "1 234 567"
