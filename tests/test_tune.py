"""Tuning: several searches in a row, regions, surveys, and what happens when nothing is found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackmend import api, registry
from stackmend.chain import Bound
from stackmend.kernels.rounding import to_dtype
from stackmend.tuning.outcome import _readers

STANDARDIZE = {"step": "standardize"}
FIND = {"step": "find_charging", "inverse": True, "gf1_sigma": {"sweep": [20, 40]}}
CORRECT = {"step": "correct_charging", "rb_radius": {"sweep": [10, 50]}, "gf3_sigma": 2}
DESTANDARDIZE = {"step": "destandardize"}
CHAIN = [STANDARDIZE, FIND, CORRECT, DESTANDARDIZE]
NOTHING = FIND | {"color_shift": 0.9}


@pytest.fixture
def run(tmp_path: Path):
    """Run a protocol on a small phantom."""

    def run(
        chain: list[Any], optimize: Any, phantom: dict[str, Any] | None = None, **output: Any
    ) -> dict[str, Any]:
        file = tmp_path / "protocol.yaml"
        size = {"slices": 3, "height": 120, "width": 160} | (phantom or {})
        content = {
            "protocol": 1,
            "input": {"phantom": size},
            "output": {"path": "out", **output},
            "chain": chain,
        }
        file.write_text(json.dumps(content | ({"optimize": optimize} if optimize else {})))
        return dict(api.run(file, workers=1).record)

    return run


def values(record: dict[str, Any]) -> dict[str, Any]:
    return {
        f"{step['id']}.{name}": parameter["value"]
        for step in record["chain"]
        for name, parameter in step["parameters"].items()
    }


def test_a_second_search_works_on_what_the_first_has_chosen(run):
    one = {"steps": ["find_charging"], "slices": [1]}
    two = {"steps": ["correct_charging"], "slices": [1, 2]}
    record = run(CHAIN, [one, two])
    first, second = record["searches"]
    assert first["space"].keys() == {"gf1_sigma"}
    assert second["space"].keys() == {"rb_radius"}
    assert values(record)["find_charging.gf1_sigma"] == first["chosen"]["gf1_sigma"]
    assert values(record)["correct_charging.rb_radius"] == second["chosen"]["rb_radius"]
    # The same choice of the first, written as a value, gives the second the same losses.
    fixed = [
        STANDARDIZE,
        FIND | {"gf1_sigma": first["chosen"]["gf1_sigma"]},
        CORRECT,
        DESTANDARDIZE,
    ]
    alone = run(fixed, {"slices": [1, 2]})
    assert alone["searches"][0]["loss_of_choice"] == second["loss_of_choice"]
    assert alone["output"]["pixel_hash"] == record["output"]["pixel_hash"]


def test_a_region_is_cut_after_the_whole_slice_was_standardised(run):
    whole = run(CHAIN, {"slices": [1]})
    everything = run(CHAIN, {"slices": [1], "region": {"y": [0, 120], "x": [0, 160]}})
    assert everything["searches"][0]["loss_of_choice"] == whole["searches"][0]["loss_of_choice"]
    part = run(CHAIN, {"slices": [1], "region": {"y": [10, 110]}})
    assert part["searches"][0]["loss_of_choice"] != whole["searches"][0]["loss_of_choice"]
    # Evaluated behind destandardize, with the scale cut too, the loss (which scales by itself) is
    # almost the same.
    steps = ["find_charging", "correct_charging", "destandardize"]
    behind = run(CHAIN, {"slices": [1], "region": {"y": [10, 110]}, "steps": steps})
    close = pytest.approx(part["searches"][0]["loss_of_choice"], abs=0.05)
    assert behind["searches"][0]["loss_of_choice"] == close


def test_steps_without_a_sweep_may_be_named(run):
    named = ["standardize", "find_charging", "correct_charging"]
    assert values(run(CHAIN, {"slices": [1], "steps": named})) == values(
        run(CHAIN, {"slices": [1]})
    )


def test_the_whole_stack_can_give_the_scale(run):
    chain = [STANDARDIZE | {"per": "stack", "percentiles": [0.5, 99.5]}, *CHAIN[1:]]
    record = run(chain, {"slices": [1]})
    assert record["searches"][0]["status"] == "chosen"
    assert record["truth"]["rmse_after"] < record["truth"]["rmse_before"]


def test_what_cannot_work_without_a_skipped_step_is_skipped_too(run):
    one = {"steps": ["find_charging"], "slices": [1], "on_nothing_found": "skip"}
    two = {"steps": ["correct_charging"], "slices": [1]}
    record = run([STANDARDIZE, NOTHING, CORRECT, DESTANDARDIZE], [one, two])
    assert record["skipped_steps"] == ["find_charging", "correct_charging"]
    assert [step["id"] for step in record["chain"]] == ["standardize", "destandardize"]
    assert record["input"]["pixel_hash"] == record["output"]["pixel_hash"]


def test_what_only_served_a_skipped_step_is_skipped_too(run):
    """Else a mask would be told of, and counted, about which nothing is done."""
    correct = CORRECT | {"gf2_sigma": {"sweep": [10, 20]}}
    entry = {"steps": ["correct_charging"], "slices": [1], "on_nothing_found": "skip"}
    nothing = NOTHING | {"gf1_sigma": 20}
    record = run([STANDARDIZE, nothing, correct | {"rb_radius": 10}, DESTANDARDIZE], entry)
    assert record["skipped_steps"] == ["find_charging", "correct_charging"]
    assert not record["mask_of"]


def test_a_step_that_others_need_is_not_skipped():
    streaks, fill = registry.steps().get("find_streaks"), registry.steps().get("fill_streaks")
    steps = [Bound(streaks, "dark", {}), Bound(fill, "fill_dark", {})]
    steps += [Bound(streaks, "bright", {}), Bound(fill, "fill_bright", {})]
    assert _readers(steps[0], steps[1:]) == {"fill_dark"}
    assert _readers(steps[2], steps[3:]) == {"fill_bright"}
    assert _readers(steps[0], [steps[1], *steps[1:]]) == {"fill_dark"}


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_skipping_returns_every_pixel(run, dtype):
    record = run(
        [STANDARDIZE, NOTHING, CORRECT, DESTANDARDIZE],
        {"slices": [1], "on_nothing_found": "skip"},
        {"dtype": dtype},
    )
    assert record["input"]["pixel_hash"] == record["output"]["pixel_hash"]


def test_another_chain_instead(run):
    instead = {
        "instead": [
            STANDARDIZE,
            {"step": "global_decharge", "inverse": True, "gf1_sigma": 20},
            DESTANDARDIZE,
        ]
    }
    record = run(
        [STANDARDIZE, NOTHING, CORRECT, DESTANDARDIZE], {"slices": [1], "on_nothing_found": instead}
    )
    assert record["replaced_chain"]
    assert [step["id"] for step in record["chain"]] == [
        "standardize",
        "global_decharge",
        "destandardize",
    ]
    assert values(record)["global_decharge.gf1_sigma"] == 20
    assert record["input"]["pixel_hash"] != record["output"]["pixel_hash"]
    assert any("instead" in warning for warning in record["warnings"])


@pytest.mark.parametrize(
    "strategy", [{"name": "refine", "rounds": 1}, {"name": "sample", "count": 5, "seed": 3}]
)
def test_strategies_are_recorded(run, strategy):
    record = run(CHAIN, {"slices": [1], "strategy": strategy})
    search = record["searches"][0]
    assert strategy.items() <= search["strategy"].items()
    assert search["status"] == "chosen"
    assert search["combinations"] == {"refine": 7, "sample": 4}[strategy["name"]]


@settings(max_examples=30)
@given(
    st.lists(st.floats(-1000, 70000, width=32), min_size=1, max_size=30),
    st.sampled_from(["uint8", "uint16"]),
)
def test_whole_numbers_are_rounded_and_saturated_and_counted(levels, dtype):
    image = np.array([levels], dtype=np.float32)
    pixels, clipped = to_dtype(image, np.dtype(dtype))
    top = np.iinfo(dtype).max
    expected = [min(max(round(float(level)), 0), top) for level in image[0]]
    assert pixels.tolist() == [expected]
    assert clipped == sum(not 0 <= round(float(level)) <= top for level in image[0])
