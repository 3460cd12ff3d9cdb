"""Several chains of which a search takes one, or none."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from stackmend import api, registry
from stackmend.errors import StepError, UsageError
from stackmend.registry import Stage
from stackmend.result.journal import Journal
from stackmend.stacks import open_phantom, open_stack

STREAKS = [{"step": "find_streaks", "inverse": True}, {"step": "fill_streaks"}]
LEARNT: list[dict[str, Any]] = [
    {"step": "learn_charging", "inverse": True, "members": 1, "rounds": 1, "copies": 3},
    {"step": "find_learnt_charging", "high": {"sweep": [20, 30, 45]}},
    {"step": "subtract_charge"},
]
PUBLISHED: list[dict[str, Any]] = [
    {"step": "standardize"},
    {"step": "find_charging", "inverse": True, "gf1_sigma": {"sweep": [30, 50]}},
    {"step": "correct_charging", "gf2_sigma": 30, "rb_radius": 50, "gf3_sigma": 4},
    {"step": "destandardize"},
]
FAST = {"streaks": STREAKS, "published": PUBLISHED}
SMALL = {"slices": 3, "height": 192, "width": 256, "tissue": "cells", "step": 1.5, "contrast": 0.2}
SMALLER = {**SMALL, "height": 160, "centres": 1, "charge": ["streaks"], "every": 2}


def protocol(folder: Path, chains: dict[str, Any], phantom: dict[str, Any], **given: Any) -> Path:
    optimize = {"slices": [1], "loss": "common_histogram", **given}
    content = {
        "protocol": 1,
        "input": {"phantom": phantom},
        "output": {"path": "out"},
        "chain": [{"one_of": chains}],
        "optimize": optimize,
    }
    folder.mkdir(exist_ok=True)
    (folder / "p.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return folder / "p.yaml"


@pytest.fixture(scope="module")
def fast(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A run that chooses between the fast chains."""
    return api.run(protocol(tmp_path_factory.mktemp("fast"), FAST, SMALLER), workers=1)


def rows(run: Any) -> list[dict[str, str]]:
    with (run.folder / "losses.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def outcome(run: Any) -> dict[str, str]:
    return {search["one_of"]: search["status"] for search in run.record["searches"]}


@pytest.mark.parametrize(
    ("charge", "taken"), [(["streaks"], "streaks"), (["rings"], "learnt"), ([], None)]
)
def test_takes_the_model_that_fits(charge, taken, tmp_path):
    kind = {"charge": charge, "every": 2} if charge else {"polarity": "none"}
    chains = {"streaks": STREAKS, "learnt": LEARNT}
    run = api.run(protocol(tmp_path, chains, {**SMALL, **kind}, clean=[0, 2]), workers=1)
    applied = [step["id"] for step in run.record["chain"]]
    assert applied == ([step["step"] for step in chains[taken]] if taken else [])
    assert [name for name, status in outcome(run).items() if status == "chosen"] == (
        [taken] if taken else []
    )
    truth = run.record["truth"]
    if taken:
        assert truth["rmse_after"] < 0.4 * truth["rmse_before"]
        others = [each for each in run.record["searches"] if each["one_of"] != taken]
        assert all(each["reason"] for each in others)
        assert f"{taken} is taken" in " ".join(read_log(run, "note"))
    else:
        assert run.record["skipped_steps"] == ["one_of"]
        for number in range(3):
            before = open_phantom({**SMALL, **kind}).read(number)
            assert np.array_equal(open_stack(run.stack)[0].read(number), before)


def read_log(run: Any, event: str) -> list[str]:
    lines = map(json.loads, (run.folder / "log.jsonl").read_text().splitlines())
    return [line.get("message", "") for line in lines if line["event"] == event]


def test_all_are_compared_over_one_mask(fast):
    before = {search["loss_before"] for search in fast.record["searches"]}
    assert len(before) == 1
    alone = [row["loss"] for row in rows(fast) if row["combination"] == "leave it alone"]
    assert len(set(alone)) == 1
    assert (fast.folder / "report.html").read_text().count("One of several chains") == 2


def test_workers_do_not_matter(tmp_path):
    one, *others = (
        api.run(protocol(tmp_path / str(workers), FAST, SMALLER, clean=[0]), workers=workers)
        for workers in (1, 7)
    )
    for more in others:
        assert (one.folder / "losses.csv").read_bytes() == (more.folder / "losses.csv").read_bytes()
        assert one.record["output"]["pixel_hash"] == more.record["output"]["pixel_hash"]


def test_goes_on_between_two_chains(fast, tmp_path, monkeypatch):
    file = protocol(tmp_path / "cut", FAST, SMALLER)
    searches: list[Any] = []

    def interrupt(kind: str, fields: Any) -> None:
        if kind == "search started":
            searches.append(fields)
            if len(searches) == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        api.run(file, workers=1, listener=interrupt)
    noted: list[Any] = []
    enter = Journal.enter_loss

    def count(self: Journal, search: str, values: Any, value: Any) -> None:
        noted.append(tuple(values))
        enter(self, search, values, value)

    monkeypatch.setattr(Journal, "enter_loss", count)
    run = api.run(file, workers=1)
    assert () not in noted  # the one combination of streaks
    losses = [values for values in noted if "masked_share" not in values]
    assert len(losses) == 2 + 1  # two of the published chain, and its slice left alone
    assert (run.folder / "losses.csv").read_bytes() == (fast.folder / "losses.csv").read_bytes()
    plan = api.plan(file)
    assert [(each.one_of, each.decided) for each in plan.searches] == [
        ("streaks", True),
        ("published", True),
    ]
    assert plan.done["finished"] == 3


def test_what_a_step_refuses_costs_that_combination_only(tmp_path, monkeypatch):
    mask = find_refusing(monkeypatch, 50)
    run = api.run(protocol(tmp_path, FAST, SMALLER), workers=1)
    assert mask
    (published,) = [each for each in run.record["searches"] if each["one_of"] == "published"]
    ((reason, count),) = published["failed"].items()
    assert "will not work at 50" in reason
    assert count == 1
    (out,) = [row for row in rows(run) if row.get("gf1_sigma") == "50"]
    assert (out["status"], out["loss"]) == ("failed", "")
    assert "will not work at 50" in out["reason"]
    assert reason.split("(")[0] in (run.folder / "report.html").read_text()


def test_a_chain_that_refuses_is_out_with_its_reason(tmp_path, monkeypatch):
    find_refusing(monkeypatch, 30, 50, 120)
    run = api.run(protocol(tmp_path, FAST, SMALLER), workers=1)
    assert outcome(run) == {"streaks": "chosen", "published": "failed"}


def test_a_search_in_which_a_step_refuses_everything_ends_with_that(tmp_path, monkeypatch):
    find_refusing(monkeypatch, 30, 50)
    file = protocol(tmp_path, FAST, SMALLER)
    content = yaml.safe_load(file.read_text())
    content |= {"chain": PUBLISHED, "optimize": {"slices": [1]}}
    file.write_text(yaml.safe_dump(content))
    with pytest.raises(StepError, match=r"no combination can be computed .*will not work at 30"):
        api.run(file, workers=1)


def find_refusing(monkeypatch: pytest.MonkeyPatch, *values: float) -> Any:
    """Let find_charging refuse some values of gf1_sigma."""
    step = registry.steps().get("find_charging")
    function = step.stages[0].function

    def flattened(image: Any, *, gf1_sigma: float) -> Any:
        if gf1_sigma in values:
            raise ValueError(f"will not work at {gf1_sigma:g}")
        return function(image, gf1_sigma=gf1_sigma)

    changed = replace(step, stages=(Stage(flattened), *step.stages[1:]))
    monkeypatch.setitem(registry.steps()._loaded, "find_charging", changed)
    return changed


def test_values_from_the_command_line_reach_into_the_chains(tmp_path):
    file = protocol(tmp_path, FAST, SMALLER)
    found = api.check(file, set={"find_charging.gf1_sigma": "0"}).draft.problems
    assert [each.path for each in found] == ["chain[0].one_of.published[1].gf1_sigma"]
    twice = protocol(tmp_path, {"dark": STREAKS, "again": STREAKS}, SMALLER)
    with pytest.raises(UsageError, match=r"chain\[0\].one_of.dark\[0\], chain\[0\].one_of.again"):
        api.check(twice, set={"find_streaks.ratio": "2"})


def test_a_search_is_asked_of_one_of_the_chains(fast, tmp_path):
    file = protocol(tmp_path, FAST, SMALLER)
    trial = api.trial(file, one_of="published")
    (row,) = [row for row in rows(fast) if row.get("gf1_sigma") == "30"]
    assert trial.loss(1, {"find_charging.gf1_sigma": 30}) == float(row["loss"])
    with pytest.raises(UsageError, match="streaks, published, got no name"):
        api.trial(file)
