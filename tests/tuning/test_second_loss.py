"""A second loss: beside the first for every combination, and in its place where that has none."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from stackmend import api
from stackmend.errors import ProtocolError
from stackmend.result.journal import Journal
from stackmend.tuning.opinion import SecondOpinion

PHANTOM = {
    "slices": 3,
    "height": 96,
    "width": 160,
    "tissue": "cells",
    "contrast": 0.2,
    "charge": ["blobs"],
    "every": 2,
}
CHAIN: list[dict[str, Any]] = [
    {"step": "standardize"},
    {"step": "find_charging", "inverse": True, "gf1_sigma": 30, "color_shift": 0.2},
    {"step": "correct_charging", "gf2_sigma": {"sweep": [10, 20]}, "rb_radius": 50},
    {"step": "destandardize"},
]


def protocol(folder: Path, **given: Any) -> Path:
    folder.mkdir(exist_ok=True)
    optimize = {"slices": [1], "loss": "common_histogram", "also": "injection_error", **given}
    optimize = {name: value for name, value in optimize.items() if value is not None}
    content = {"protocol": 1, "input": {"phantom": PHANTOM}, "output": {"path": "out"}}
    (folder / "p.yaml").write_text(
        yaml.safe_dump({**content, "chain": CHAIN, "optimize": optimize})
    )
    return folder / "p.yaml"


def rows(run: Any) -> list[dict[str, str]]:
    with (run.folder / "losses.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def warnings_of(run: Any) -> str:
    lines = map(json.loads, (run.folder / "log.jsonl").read_text().splitlines())
    return "\n".join(line["message"] for line in lines if line["event"] == "warning")


def test_both_are_measured_journalled_and_told(tmp_path, monkeypatch, main, capsys):
    noted: list[Any] = []
    enter = Journal.enter_loss

    def count(self: Journal, search: str, values: Any, value: Any) -> None:
        noted.append(tuple(values))
        enter(self, search, values, value)

    monkeypatch.setattr(Journal, "enter_loss", count)
    both = api.run(protocol(tmp_path / "both"), workers=1)
    assert {("also", 10), ("also", 20), (10,), (20,)} <= set(noted)
    (search,) = both.record["searches"]
    also = {row["combination"]: float(row["also"]) for row in rows(both)}

    # Each of the two is what it is by itself.
    alone = api.run(protocol(tmp_path / "alone", loss="injection_error", also=None), workers=1)
    assert [also["0"], also["1"]] == [float(row["loss"]) for row in rows(alone)[:2]]
    plain = api.run(protocol(tmp_path / "plain", also=None), workers=2)
    assert [row["loss"] for row in rows(plain)] == [row["loss"] for row in rows(both)]
    assert "also" not in rows(plain)[0]
    assert plain.record["output"]["pixel_hash"] == both.record["output"]["pixel_hash"]

    # Record, summary and page say it.
    chosen = "01"[[10, 20].index(search["chosen"]["gf2_sigma"])]
    assert search["also"]["loss"] == "injection_error"
    assert search["also"]["of_choice"] == also[chosen]
    assert search["also"]["best"] == min(also["0"], also["1"])
    assert search["also"]["before"] == also["leave it alone"]
    assert search["beside"]["harm"] >= 0
    assert main("show", both.folder) == 0
    assert "injection_error" in capsys.readouterr().out
    assert "By injection_error the choice has" in (both.folder / "report.html").read_text()
    warned = "common_histogram and injection_error disagree" in warnings_of(both)
    assert warned == search["also"]["disagrees"]


def test_it_decides_where_the_first_has_no_value(tmp_path):
    # So far from the regions there are no surroundings to compare with.
    far = {"name": "common_histogram", "distance": 1000}
    file = protocol(tmp_path, loss=far)
    run = api.run(file, workers=1)
    (search,) = run.record["searches"]
    assert search["loss"] == "injection_error"
    assert search["status"] in ("chosen", "left_alone")
    assert "injection_error decides" in warnings_of(run)
    (planned,) = api.plan(file).searches
    assert planned.decided


@pytest.mark.parametrize(
    ("of_choice", "best", "before", "disagrees"),
    [(5, 5, 9, False), (5.4, 5, 9, False), (5.6, 5, 9, True), (5, 5, 4.9, True), (None, 5, 9, 0)],
)
def test_disagreement(of_choice, best, before, disagrees):
    opinion = SecondOpinion({0: before}, of_choice, (1,), best)
    assert opinion.disagrees == bool(disagrees)


def test_mistakes_are_told_at_their_place(tmp_path):
    with pytest.raises(ProtocolError, match=r"also.*common_histogram is the loss already"):
        api.run(protocol(tmp_path, also="common_histogram"), workers=1)
    with pytest.raises(ProtocolError, match="injection_eror"):
        api.run(protocol(tmp_path, also="injection_eror"), workers=1)
