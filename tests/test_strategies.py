"""Strategies: what they propose, always the same, and that they find what a grid cannot."""

from __future__ import annotations

import math

import numpy as np
import pytest

from stackmend.chain import Bound, compile_chain
from stackmend.registry import IMAGE, Loss, Stage, Step
from stackmend.sweep import Axis, SearchResult, Space, search, strategy

A, B, C = ("s", "a"), ("s", "b"), ("s", "c")
SPACE = Space(
    (
        Axis(A, (1.0, 10.0, 100.0), from_range=True, log=True),
        Axis(B, (2, 12, 22), from_range=True, whole=True),
        Axis(C, ("x", "y")),
    )
)


def searched(space: Space, name: str, workers: int = 1, **options) -> SearchResult:
    """Search a bowl whose lowest point, (30, 7, 'y'), is on no grid."""

    def bowl(image, *, a, b, c):
        return image + abs(math.log(a / 30)) + abs(b - 7) / 10 + (c != "y")

    step = Step(name="s", version=1, stages=(Stage(bowl, makes=IMAGE),))
    loss = Loss(
        name="value", version=1, stages=(Stage(lambda image: float(image[0, 0]), makes="loss"),)
    )
    graph = compile_chain([Bound(step, "s", {}), Bound(loss, "loss", {})], swept=space.parameters)
    given = {IMAGE: np.zeros((1, 1))}
    return search(
        graph, space, [0], lambda number: given, by=strategy(name, **options), workers=workers
    )


def test_grid_is_everything_in_the_declared_order():
    result = searched(SPACE, "grid")
    assert result.combinations == tuple(SPACE.grid())
    assert len(result.combinations) == 18
    assert result.choice.combination == (10.0, 2, "y")


def test_refine_starts_from_the_grid_and_goes_on_between_neighbours():
    result = searched(SPACE, "refine", rounds=4, budget=500)
    assert result.combinations[:18] == tuple(SPACE.grid())
    assert result.choice.loss < 0.4 * searched(SPACE, "grid").choice.loss
    a, b, c = result.choice.combination
    assert a == pytest.approx(30, rel=0.2)
    assert (b, c) == (7, "y")
    assert all(isinstance(each[1], int) for each in result.combinations), "whole numbers stay whole"
    assert all(1 <= each[0] <= 100 for each in result.combinations), (
        "never beyond the declared ends"
    )
    first_round = result.combinations[18]
    assert first_round in [
        (math.sqrt(10 * 100), 2, "y"),
        (float(f"{math.sqrt(1000):.6g}"), 2, "y"),
        (10.0, 7, "y"),
    ]


@pytest.mark.parametrize("budget", [0, 1, 5, 9])
def test_refine_keeps_its_budget(budget):
    assert len(searched(SPACE, "refine", rounds=10, budget=budget).combinations) == 18 + budget


def test_refine_stops_where_nothing_lies_between():
    space = Space(
        (Axis(A, (29.0, 30.0, 31.0)), Axis(B, (6, 7, 8), whole=True), Axis(C, ("x", "y")))
    )
    result = searched(space, "refine", rounds=2, budget=500)
    assert {each[1] for each in result.combinations} == {6, 7, 8}
    assert result.choice.loss == 0


def test_sample_draws_from_ranges_and_lists():
    result = searched(SPACE, "sample", count=300, seed=1)
    assert len(result.combinations) == 300
    a, b, c = zip(*result.combinations, strict=True)
    assert min(a) >= 1
    assert max(a) <= 100
    assert np.median(a) == pytest.approx(10, rel=0.4), "logarithmic"
    assert set(b) == set(range(2, 23))
    assert set(c) == {"x", "y"}
    assert result.choice.loss < searched(SPACE, "grid").choice.loss


def test_another_seed_draws_other_points():
    one, two = (searched(SPACE, "sample", count=20, seed=seed).combinations for seed in (1, 2))
    assert not set(one) & set(two)


def test_optuna_comes_closer_than_the_grid():
    pytest.importorskip("optuna")
    result = searched(SPACE, "optuna", count=60, seed=3, batch=10)
    assert len(result.combinations) == 60
    assert result.choice.loss < searched(SPACE, "grid").choice.loss


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("refine", {"rounds": 2, "budget": 100}),
        ("sample", {"count": 30, "seed": 0}),
        ("optuna", {"count": 15, "batch": 5, "seed": 0}),
    ],
)
def test_same_options_same_combinations(name, options):
    if name == "optuna":
        pytest.importorskip("optuna")
    one, two = (searched(SPACE, name, workers, **options) for workers in (1, 3))
    assert one.losses == two.losses
    assert one.combinations == two.combinations
