"""Every shipped configuration is valid, and runs on a small stack."""

from __future__ import annotations

import pytest

from stackmend import api
from stackmend.resources import folder
from test_pixels import small_phantom

CONFIGS = sorted(folder("configs").glob("*.yaml"))


def test_there_are_configurations():
    assert {config.stem for config in CONFIGS} >= {"published-243", "bright", "quick", "demo"}


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.stem)
def test_is_valid_as_it_stands(config):
    findings = api.check(config)
    assert findings.draft.problems == ()
    assert config.read_text().startswith(
        "# yaml-language-server: $schema=../schemas/protocol.schema.json\n"
    )


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.stem)
def test_runs_small(config, tmp_path):
    phantom = small_phantom(config.stem)
    run = api.run(
        config,
        output=tmp_path / "out",
        set={"input.phantom": phantom, "optimize.slices": "[1]", "optimize.validate": "[2]"},
        workers=1,
    )
    assert run.record["output"]["shape"] == run.record["input"]["shape"]
    search = run.record["searches"][0]
    assert search["status"] == "chosen"
    assert search["combinations"] >= 8
    assert run.record["truth"]["rmse_after"] < run.record["truth"]["rmse_before"]
