"""Scales, ticks and the room of text: for every range and every name."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackmend.report.scales import (
    Scale,
    fitted,
    left_of,
    name_ticks,
    number_ticks,
    span,
    ticks,
    width,
)

LONG = "a name of a parameter that nobody can read"
NAMES = [
    "<b>&\"'",
    "\N{GRINNING FACE}" * 20,
    "שם ארוך מאוד של פרמטר",
    "漢字" * 20,
    LONG,
    "é" * 40,
    "",
]


@pytest.mark.parametrize(
    ("low", "high", "count", "labels"),
    [
        (0, 1, 5, ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (1.03, 1.99, 5, ["1.2", "1.4", "1.6", "1.8"]),
        (-3, 3, 3, ["\N{MINUS SIGN}2", "0", "2"]),
        (0, 0.09, 4, ["0", "0.025", "0.050", "0.075"]),
        (0, 2_100_000, 3, ["0", "1e6", "2e6"]),
        (0, 2.1e-7, 3, ["0", "1e\N{MINUS SIGN}7", "2e\N{MINUS SIGN}7"]),
        (4.65, 4.95, 3, ["4.7", "4.8", "4.9"]),
        (4.71, 4.89, 3, ["4.75", "4.80", "4.85"]),
        (100_000, 100_001, 2, ["100000.0", "100000.5", "100001.0"]),
    ],
)
def test_ticks_are_round_and_short(low: float, high: float, count: int, labels: list[str]) -> None:
    assert [label for _, label in ticks(low, high, count)] == labels


def test_ticks_of_whole_numbers() -> None:
    assert [label for _, label in ticks(-0.2, 2.2, 8, whole=True)] == ["0", "1", "2"]
    assert [label for _, label in ticks(0, 25, 8, whole=True)] == ["0", "5", "10", "15", "20", "25"]


@given(
    st.floats(-1e12, 1e12),
    st.floats(1e-6, 1e12),
    st.integers(1, 10),
    st.booleans(),
)
def test_ticks_lie_within_and_are_told_apart(
    low: float, length: float, count: int, whole: bool
) -> None:
    ends = span([low, low + length])
    found = ticks(*ends, count, whole=whole)
    assert len(found) <= max(count + 1, 4)
    assert len(found) >= 2 or count < 3 or whole
    room = 1e-6 * (ends[1] - ends[0])
    assert all(ends[0] - room <= place <= ends[1] + room for place, _ in found)
    labels = [label for _, label in found]
    assert len(set(labels)) == len(labels)
    for place, label in found:
        assert float(label.replace("\N{MINUS SIGN}", "-")) == pytest.approx(
            place, abs=(ends[1] - ends[0]) / count / 2
        )


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], (-0.05, 1.05)),
        ([math.nan, math.inf], (-0.05, 1.05)),
        ([0.0, 0.0], (-0.5, 0.5)),
        ([20.0], (19.0, 21.0)),
        ([-20.0, -20.0, math.nan], (-21.0, -19.0)),
        ([0.0, 10.0], (-0.5, 10.5)),
    ],
)
def test_a_range_always_has_a_length(values: list[float], expected: tuple[float, float]) -> None:
    assert span(values) == pytest.approx(expected)


def test_a_scale_runs_either_way() -> None:
    assert Scale(0, 10, 100, 200)(5) == 150
    assert Scale(0, 10, 200, 100)(2.5) == 175


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("room", [15.0, 60.0, 1000.0])
def test_a_name_is_cut_to_its_room(name: str, room: float) -> None:
    short = fitted(name, room)
    assert width(short) <= room
    assert short == name or (short.endswith("…") and name.startswith(short[:-1]))
    assert short == name or width(name) > room


def test_labels_along_an_axis_do_not_touch() -> None:
    for names in (["1", "2", "3"], [str(1000 * i) for i in range(12)], NAMES, [LONG]):
        found, room = name_ticks(names, Scale(0, len(names), 40, 210))
        assert found[0] == (0, names[0])
        slot = 170 / len(names)
        taken = [min(width(name), room) for _, name in found]
        for (place, _), (after, _), a, b in zip(found, found[1:], taken, taken[1:], strict=False):
            assert (after - place) * slot >= (a + b) / 2
    upright, _ = name_ticks(list("abcdefghijkl"), Scale(0, 12, 60, 0), upright=True)
    assert [name for _, name in upright] == ["a", "d", "g", "j"]


@pytest.mark.parametrize("high", [1.0, 25.0, 5000.0, 123456.7])
def test_numbers_along_an_axis_do_not_touch(high: float) -> None:
    for length in (45, 90, 300):
        found = number_ticks(Scale(0, high, 0, length))
        assert found
        assert sum(width(label) for _, label in found) <= max(length, width(found[0][1]))


def test_room_to_the_left() -> None:
    assert left_of([], titled=False) < left_of(["100"], titled=False)
    assert left_of([LONG], titled=True, room=60) < 90
