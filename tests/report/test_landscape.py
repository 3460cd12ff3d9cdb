"""A search by its parameters: minima over the others, groups of many values, advice at edges."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from jsonschema import Draft202012Validator

from records import PROTOCOL, record, search_content
from stackmend.protocol.build import is_whole
from stackmend.registry import steps
from stackmend.report import loss_plots, page_plots, plot_data
from stackmend.report.advice import edges
from stackmend.report.drawing import style
from stackmend.report.landscape import FEW, PAIRS, Search, Trial, loss_of, searches, short
from stackmend.result import Result
from stackmend.result.decoding import decode
from stackmend.result.record import SearchRecord
from stackmend.result.rows import LossRow
from stackmend.runner.searched import _limits


def grid(found: Any = None, **axes: list[Any]) -> Search:
    """A grid whose losses are random, but known."""
    random = np.random.default_rng(8)
    combinations = itertools.product(*axes.values())
    trials = [
        Trial(i, tuple(map(str, c)), float(random.uniform(0, 2)))
        for i, c in enumerate(combinations)
    ]
    best = min(trials, key=loss_of).index
    full = {"space": {name: [] for name in axes}, "chosen": {}, **(found or {})}
    content = search_content(landmarks={"global minimum": best}, **full)
    return Search(0, decode(SearchRecord, content), tuple(axes), tuple(trials))


def test_the_lowest_over_the_others() -> None:
    search = grid(a=[10, 2, 50], b=[1, 2], c=["x", "y"])
    losses = np.array([loss_of(trial) for trial in search.trials]).reshape(3, 2, 2)
    # By size, not by declaration: 2, 10, 50.
    assert search.axis("a").labels == ("2", "10", "50")
    best = {key[0]: loss_of(trial) for key, trial in search.lowest("a").items()}
    assert best == dict(zip((1, 0, 2), losses.min(axis=(1, 2)), strict=True))
    pairs = {key: loss_of(trial) for key, trial in search.lowest("b", "c").items()}
    assert pairs == {(b, c): losses[:, b, c].min() for b in range(2) for c in range(2)}


def test_many_values_are_grouped() -> None:
    search = grid(a=list(range(100)), b=[True])
    assert len(search.axis("a").labels) == FEW
    assert sorted(search.axis("a").group.values()) == [index * FEW // 100 for index in range(100)]
    assert len(search.lowest("a")) == FEW
    assert search.swept == ["a"]
    assert search.pairs == []


def test_the_pairs_with_the_largest_effect_are_kept_in_order() -> None:
    search = grid(**{name: [1, 2] for name in "abcdefg"})
    kept = search.pairs
    assert len(kept) == PAIRS
    every = list(itertools.combinations("abcdefg", 2))
    assert kept == [pair for pair in every if pair in kept]
    least = min(search.effect(*pair) for pair in kept)
    assert all(search.effect(*pair) <= least for pair in every if pair not in kept)


def test_a_large_search_is_drawn_without_its_valleys_being_lost() -> None:
    search = grid(a=list(range(100)), b=list(range(60)))
    shown = plot_data.drawn(search)
    assert len(shown) <= plot_data.DRAWN + 4
    assert search.chosen in shown
    lowest = sorted(search.trials, key=loss_of)[:3]
    assert all(any(abs(each.index - trial.index) < 5 for each in shown) for trial in lowest)
    around = plot_data.around_minimum(search)
    assert search.chosen in around
    assert len(around) < len(shown)


def test_every_plot_can_be_drawn_for_odd_searches() -> None:
    one = grid(a=[1])
    without_values = Search(0, None, ("a",), (Trial(0, ("1",), None), Trial(1, ("2",), 1.0)))
    with style():
        for search in (one, without_values, grid(a=["x", "y"], b=list(range(40)))):
            shown = plot_data.drawn(search)
            _, places = page_plots.loss_graph(search, shown)
            assert len(places) == len(search.scored)
            assert all(0 < x < 1 and 0 < y < 1 for x, y in places)
            loss_plots.loss_graph(search, shown).draw_without_rendering()
            for name in search.names:
                assert "NaN" not in page_plots.marginal(search, name)
                loss_plots.marginal(search, name).draw_without_rendering()
            for pair in search.pairs:
                assert "NaN" not in page_plots.heat_map(search, pair)
                loss_plots.heat_map(search, pair).draw_without_rendering()


def test_the_table_of_losses_is_read_search_by_search() -> None:
    rows = [
        LossRow(search, 0, number, combination, values, 1.0, mean)
        for search, number, combination, values, mean in [
            (0, 3, 0, {"a": "1"}, 0.5),
            (0, 3, 1, {"a": "2"}, None),
            (0, 4, 0, {"a": "1"}, 0.5),
            (0, 4, 1, {"a": "2"}, None),
            (1, 3, 0, {"b": "x"}, 0.7),
        ]
    ]
    first, second = searches(Result(Path(), losses=rows))
    assert (first.names, second.names) == (("a",), ("b",))
    assert first.trials == (Trial(0, ("1",), 0.5), Trial(1, ("2",), None))
    assert second.scored == [Trial(0, ("x",), 0.7)]
    assert first.record is None
    assert first.chosen == first.trials[0]


def advised(
    declared: list[float], chosen: float, end: str, origin: str = "chosen by search (line 2)"
) -> Any:
    found = {"space": {"sigma": declared}, "chosen": {"sigma": chosen}, "on_edge": {"sigma": end}}
    step = {"id": "find", "step": "find", "package": "stackmend", "version": 1}
    step["parameters"] = {"sigma": {"value": chosen, "origin": origin}}
    protocol = PROTOCOL | {"text": "chain:\n    sigma: {sweep: [40, 80]}  # mine\n"}
    run = Result(Path(), record(chain=[step], protocol=protocol))
    (advice,) = edges(grid(found, sigma=declared), run)
    return advice


@pytest.mark.parametrize(
    ("declared", "end", "wider"),
    [
        ([40, 80, 120], "lower", "[20, 40, 80, 120]"),
        ([40, 80, 120], "upper", "[40, 80, 120, 160]"),
        ([0.2, 0.05, 0.1], "lower", "[0.025, 0.05, 0.1, 0.2]"),
        ([-2, 1, 4], "lower", "[-5, -2, 1, 4]"),
        ([1, 2, 4], "lower", "[0.5, 1, 2, 4]"),
    ],
)
def test_the_line_to_change_at_an_edge(declared: list[float], end: str, wider: str) -> None:
    advice = advised(declared, min(declared) if end == "lower" else max(declared), end)
    assert (advice.line, advice.present) == (2, "sigma: {sweep: [40, 80]}  # mine")
    assert advice.suggestion == f"sigma: {{sweep: {wider}}}"


def test_an_edge_that_came_from_the_command_line_has_no_line() -> None:
    advice = advised([1, 2, 3], 3, "upper", "chosen by search (command line)")
    assert (advice.line, advice.present) == (None, "")


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (None, "none"), ("0.10", "0.1"), (3.0, "3"), (1 / 3, "0.333333"), ("x", "x")],
)
def test_values_as_a_person_writes_them(value: Any, text: str) -> None:
    assert short(value) == text


def numeric_parameters() -> Iterator[Any]:
    """Every number of a built-in step that can be swept."""
    for step in steps().names():
        if steps().origin(step) == "stackmend":
            for name, declared in steps().get(step).schema["properties"].items():
                numeric = {"number", "integer"} & set(np.atleast_1d(declared.get("type", "")))
                # Beyond a list nothing is advised, nor beyond the only two values that there are.
                two = declared.get("type") == "integer" and declared["maximum"] == 1
                listed = two or "enum" in declared
                if numeric and declared.get("sweepable", True) and not listed:
                    yield pytest.param(declared, id=f"{step}.{name}")


@pytest.mark.parametrize("end", ["lower", "upper"])
@pytest.mark.parametrize("declared", [*numeric_parameters()])
def test_what_is_advised_at_an_edge_is_allowed(declared: dict[str, Any], end: str) -> None:
    low = declared.get("minimum", declared.get("exclusiveMinimum", 0) + 0.5)
    high, whole = declared["maximum"], is_whole(declared)
    cuts = ((0, 0.1, 1), (0, 0.5, 1), (0.001, 0.01, 0.02), (0.3, 0.5, 0.7), (0.97, 0.98, 0.99))
    advised = 0
    for shares in cuts:
        values = [low + share * (high - low) for share in shares]
        values = sorted({round(each) for each in values} if whole else values)
        chosen = values[0] if end == "lower" else values[-1]
        facts = {"space": {"p": values}, "chosen": {"p": chosen}, "on_edge": {"p": end}}
        facts |= {"limits": {"p": _limits(declared, values)}, "whole": ["p"] if whole else []}
        for advice in edges(grid(facts, p=values), Result(Path(), record())):
            assert advice.suggestion or chosen in (low, high)
            if advice.suggestion:
                advised += 1
                wider = [float(each) for each in yaml.safe_load(advice.suggestion)["p"]["sweep"]]
                assert set(map(float, map(short, values))) < set(wider)
                assert all(Draft202012Validator(declared).is_valid(value) for value in wider)
    assert advised


def test_at_a_limit_there_is_nothing_beyond() -> None:
    facts = {"space": {"p": [1, 2, 9]}, "chosen": {"p": 1}, "on_edge": {"p": "lower"}}
    open_end = facts | {"limits": {"p": {"exclusiveMinimum": 1}}}
    for limited in (facts | {"limits": {"p": {"minimum": 1}}}, open_end):
        (advice,) = edges(grid(limited, p=[1, 2, 9]), Result(Path(), record()))
        assert advice.suggestion == ""


def test_below_zero_nothing_is_advised() -> None:
    found = {"space": {"sigma": [0, 1, 2]}, "chosen": {"sigma": 0}, "on_edge": {"sigma": "lower"}}
    assert list(edges(grid(found, sigma=[0, 1, 2]), Result(Path(), record()))) == []
