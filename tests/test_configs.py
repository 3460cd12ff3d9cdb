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
SLICES = (
    "slices: 6, height: 192, width: 256, seed: 2, step: 20, tissue: cells, every: 3, centres: 2"
)
RESTORING = {
    "cryo": f"""{{{SLICES}, contrast: 0.1, polarity: both, charge: [streaks], radius: 8, tail: 40,
curtains: 0.05, shading_gain: 0.06, shading_offset: 0.05, flicker: 0.01, shot_noise: 0.05}}""",
    "resin": f"""{{{SLICES}, contrast: 0.2, polarity: bright, charge: [blobs], radius: 9,
curtains: 0.04, shading_gain: 0.04, shading_offset: 0.04, flicker: 0.05, shot_noise: 0.02}}""",
}
"""Whole restorations, each on a small stack of its kind; charged is slice 1."""


def test_there_are_configurations():
    assert {config.stem for config in CONFIGS} == {*SEARCHING, *FIXED, *CHOOSING, *RESTORING}


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


@pytest.mark.parametrize("name", ["cryo", pytest.param("resin", marks=pytest.mark.slow)])
def test_restores_a_small_stack_with_every_artefact(name, tmp_path):
    given = {"input.phantom": RESTORING[name], "input.pixel_size": "6", "flatten.order": "2"}
    if name == "resin":
        given |= {f"learn_charging.{each}": "2" for each in ("members", "rounds", "copies")}
    run = api.run(folder("configs") / f"{name}.yaml", output=tmp_path / "out", set=given, workers=1)
    chosen = [s["steps"] for s in run.record["searches"] if s["status"] == "chosen"]
    assert ["destripe"] in chosen
    assert ["denoise"] in chosen
    assert run.record["truth"]["rmse_after"] < 0.7 * run.record["truth"]["rmse_before"]
    assert "nm" in str(run.record["chain"])


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
