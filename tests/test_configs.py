"""Every shipped configuration is valid, and runs on a small stack."""

from __future__ import annotations

import pytest

from stackmend import api
from stackmend.resources import folder
from test_pixels import small_phantom

CONFIGS = sorted(folder("configs").glob("*.yaml"))
FIXED = ("learnt", "streaks")  # models with their defaults, without a search
CHOOSING = ("choose",)  # between models
SEARCHING = ("bright", "demo", "published-243", "quick")


def test_there_are_configurations():
    assert {config.stem for config in CONFIGS} == {*SEARCHING, *FIXED, *CHOOSING}


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.stem)
def test_is_valid_as_it_stands(config):
    findings = api.check(config)
    assert findings.draft.problems == ()
    assert config.read_text().startswith(
        "# yaml-language-server: $schema=../schemas/protocol.schema.json\n"
    )


@pytest.mark.parametrize("name", SEARCHING)
def test_searches_on_a_small_stack(name, tmp_path):
    phantom = small_phantom(name)
    run = api.run(
        folder("configs") / f"{name}.yaml",
        output=tmp_path / "out",
        set={"input.phantom": phantom, "optimize.slices": "[1]", "optimize.validate": "[2]"},
        workers=1,
    )
    assert run.record["output"]["shape"] == run.record["input"]["shape"]
    search = run.record["searches"][0]
    assert search["status"] == "chosen"
    assert search["combinations"] >= 8
    assert run.record["truth"]["rmse_after"] < run.record["truth"]["rmse_before"]


@pytest.mark.parametrize("name", CHOOSING)
def test_chooses_on_a_small_stack(name, tmp_path):
    phantom = "{slices: 2, height: 192, width: 256, tissue: cells, charge: [streaks], every: 2}"
    given = {"input.phantom": phantom, "optimize.slices": "[1]", "optimize.clean": "[0]"}
    learning = {f"learn_charging.{name}": "2" for name in ("members", "rounds", "copies")}
    run = api.run(
        folder("configs") / f"{name}.yaml",
        output=tmp_path / "out",
        set={**given, **learning},
        workers=1,
    )
    assert [search["one_of"] for search in run.record["searches"]] == ["streaks", "learnt"]
    assert run.record["truth"]["rmse_after"] < 0.5 * run.record["truth"]["rmse_before"]


@pytest.mark.parametrize("name", FIXED)
def test_restores_a_small_stack(name, tmp_path):
    run = api.run(
        folder("configs") / f"{name}.yaml",
        output=tmp_path / "out",
        set={"input.phantom": "{slices: 3, height: 256, width: 256}"},
        workers=1,
    )
    assert run.record["searches"] == []
    assert run.record["truth"]["rmse_after"] < 0.8 * run.record["truth"]["rmse_before"]
