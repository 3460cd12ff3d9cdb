"""Guards against harm: clean slices, leaving it alone, one mask for all, and plausibility."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import yaml
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, gaussian_filter, generate_binary_structure

import reference_data
import stackmend
from components import bound, evaluate
from stackmend import api
from stackmend.cli.summary import summary_of
from stackmend.errors import ProtocolError
from stackmend.kernels.regions import cityblock_distance
from stackmend.losses.common_histogram import common_regions, grey_range, loss
from stackmend.resources import config
from stackmend.result.journal import Journal
from stackmend.result.rows import LEAVE_IT_ALONE
from stackmend.stacks import open_stack
from stackmend.words import figure

LOSS = {"name": "charging_histogram", "distance": 4}
CHAIN: list[dict[str, Any]] = [
    {"step": "standardize"},
    {
        "step": "find_charging",
        "inverse": True,
        "gf1_sigma": {"sweep": [8, 12]},
        "color_shift": {"sweep": [0.02, 0.1]},
        "min_area": 20,
    },
    {"step": "correct_charging", "gf2_sigma": 8, "rb_radius": 10, "gf3_sigma": 3, "border": 4},
    {"step": "destandardize"},
]
"""With a threshold that tissue passes, and one that only charge passes."""

REFUSED = "every combination changes clean slices; nothing was applied"


@pytest.fixture
def write(tmp_path: Path, charged: Callable[..., Any]) -> Callable[..., Path]:
    """Writes a protocol for four charged slices and two clean ones, 4 and 5, of soft tissue."""
    tissue = gaussian_filter(np.random.default_rng(5).standard_normal((2, 48, 64)), (0, 3, 3))
    clean = 128 + 6 * tissue / tissue.std()
    clean[:, 0, 0], clean[:, -1, -1] = 0, 255
    (tmp_path / "cell").mkdir()
    for number, image in enumerate([*charged(), *clean.clip(0, 255).astype(np.uint8)]):
        tifffile.imwrite(tmp_path / "cell" / f"s{number}.tif", image)

    def write(chain: list[dict[str, Any]] | None = None, **optimize: Any) -> Path:
        given = {"input": {"path": "cell"}, "output": {"path": "out"}, "chain": chain or CHAIN}
        content = {"protocol": 1, **given, "optimize": {"slices": [1], "loss": LOSS, **optimize}}
        (tmp_path / "p.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
        return tmp_path / "p.yaml"

    return write


def losses(run: Any) -> list[dict[str, str]]:
    with (run.folder / "losses.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def without_search(file: Path) -> Path:
    content = yaml.safe_load(file.read_text())
    del content["optimize"]
    file.write_text(yaml.safe_dump(content))
    return file


def same(run: Any, stack: Path, number: int) -> bool:
    before, after = open_stack(stack)[0].read(number), open_stack(run.stack)[0].read(number)
    return bool(np.array_equal(before, after))


# Clean slices


def test_what_changes_clean_slices_is_out_and_the_rest_is_chosen_from(write, tmp_path):
    free = api.run(write(), output=tmp_path / "free", workers=1)
    assert free.record["searches"][0]["chosen"]["color_shift"] == 0.02
    run = api.run(write(clean=[4, {"slice": 0, "region": {"y": [36, 48]}}]), workers=1)
    (search,) = run.record["searches"]
    assert (search["status"], search["max_changed"], search["refused"]) == ("chosen", 0.001, 2)
    assert search["chosen"]["color_shift"] == 0.1
    assert search["clean"] == {"slice 4": 0.0, "slice 0, y 36 to 48": 0.0}
    assert same(run, tmp_path / "cell", 4)
    assert not same(run, tmp_path / "cell", 1)
    table = [row for row in losses(run) if row["combination"] != LEAVE_IT_ALONE]
    out = {row["color_shift"] for row in table if row["status"] == "refused"}
    assert out == {"0.02"}
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "how much of the charge is taken away is not known" in page  # slices are too small
    assert "Charging was found and reduced" not in page
    text = " ".join(re.sub(r"<[^>]*>", " ", page).split())
    assert "2 of 4 combinations were refused" in text
    assert "slice 0, y 36 to 48 0.000% 0.10% yes" in text
    lowest = min(float(row["loss"]) for row in table if row["status"] == "refused")
    worst = max(float(row["clean_changed"]) for row in table if float(row["loss"]) == lowest)
    assert f"the best has a loss of {lowest:.4f} , lower than that of the choice" in text
    assert f"it changes {worst:.2%} of a clean slice (0.10% allowed)" in text
    assert "as the refused combination would have restored it" in page


def test_the_shares_are_those_of_what_is_written(write, tmp_path):
    """By the tuned steps of every combination, by running it with them and without them.

    What the others do, of which one here changes all of a slice, does not count for them.
    """
    behind = [*CHAIN, {"step": "median_z"}]
    others = [each for each in behind if not each["step"].endswith("_charging")]
    plain = api.run(without_search(write(others)), output=tmp_path / "plain", workers=1)
    file = write(behind, clean=[5, {"slice": 4, "region": {"x": [10, 30]}}], max_changed=1)
    run = api.run(file, workers=1)
    for row in losses(run)[:-1]:
        sets = {f"find_charging.{name}": row[name] for name in ("gf1_sigma", "color_shift")}
        fixed = without_search(write([each | _values(each, sets) for each in behind]))
        alone = api.run(fixed, output=tmp_path / f"alone{row['combination']}", workers=1)
        changed = []
        for number, part in ((5, np.s_[:, :]), (4, np.s_[:, 10:30])):
            before = open_stack(plain.stack)[0].read(number)
            changed.append(np.mean((before != open_stack(alone.stack)[0].read(number))[part]))
        assert float(row["clean_changed"]) == max(changed)


def _values(step: dict[str, Any], sets: dict[str, str]) -> dict[str, float]:
    found = {}
    for name, value in sets.items():
        id, _, own = name.partition(".")
        if id == step["step"]:
            found[own] = float(value)
    return found


def test_where_all_are_refused_nothing_is_applied_and_that_is_said(write, tmp_path, main, capsys):
    file = write([*CHAIN[:1], CHAIN[1] | {"color_shift": {"sweep": [0.01, 0.02]}}, *CHAIN[2:]],
                 clean=[4])  # fmt: skip
    assert main("run", file) == 0
    said = capsys.readouterr()
    assert REFUSED in " ".join(said.out.split())
    assert REFUSED in said.err
    run = api.run(file)
    (search,) = run.record["searches"]
    assert (search["status"], search["reason"]) == ("refused", REFUSED)
    assert (search["chosen"], search["refused"]) == ({}, 4)
    assert min(search["clean"].values()) > 0.001
    assert run.record["skipped_steps"] == ["find_charging", "correct_charging"]
    assert run.record["input"]["pixel_hash"] == run.record["output"]["pixel_hash"]
    assert any(REFUSED in warning for warning in run.record["warnings"])
    assert f"E{REFUSED[1:]}" in (run.folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("optimize", [{}, {"strategy": {"name": "refine", "rounds": 1}}])
def test_a_resumed_search_asks_for_no_share_again(write, tmp_path, monkeypatch, optimize):
    file = write(clean=[4, 5], **optimize)
    whole = api.run(file, output=tmp_path / "whole", workers=2)

    def stop(kind: str, fields: Any) -> None:
        if kind == "progress" and fields["phase"] == "control" and fields["done"] > 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        api.run(file, workers=1, listener=stop)
    noted: list[Any] = []
    original = Journal.enter_loss

    def entered(journal: Journal, *line: Any) -> None:
        if journal.folder:  # what only holds them against the slices is not written
            noted.append(line)
        original(journal, *line)

    monkeypatch.setattr(Journal, "enter_loss", entered)
    run = api.run(file, workers=1)
    combinations, untouched = run.record["searches"][0]["combinations"], 1
    assert len(noted) == 2 * 3 * (combinations - 4) + untouched  # shares and losses
    noted.clear()
    assert (run.folder / "losses.csv").read_bytes() == (whole.folder / "losses.csv").read_bytes()
    plan = api.plan(file)
    assert [search.decided for search in plan.searches] == [True]
    assert not api.run(file, workers=1).changed
    assert not noted


@pytest.mark.parametrize(
    ("clean", "said"),
    [
        ([1], "slice 1 is also an optimization slice"),
        ([6], "has 6 slices, 0 to 5"),
        ([4, {"slice": 4}], "names slice 4 more than once"),
        ([{"slice": 4, "region": {"x": [0, 65]}}], "a restored slice has 64 columns"),
        ([{"slice": 4, "region": {"y": [9, 9]}}], "is empty"),
        ([{"region": {"y": [0, 9]}}], "slice"),
        ([-1], "must be the number of a slice"),
    ],
)
def test_clean_slices_that_cannot_be(write, clean, said):
    with pytest.raises(ProtocolError) as caught:
        api.run(write(clean=clean))
    assert said in str(caught.value.problems)


@reference_data.needs_reference
def test_the_published_search_is_refused_by_slices_without_charging(tmp_path):
    """Every one of its combinations changes more than a thousandth of one of three slices."""
    given = {"optimize.slices": "[10]", "optimize.clean": "[3, 5, 16]"}
    stack = reference_data.celegans()
    run = api.run(config("published-243"), input=stack, output=tmp_path / "out", set=given)
    (search,) = run.record["searches"]
    assert (search["status"], search["combinations"]) == ("refused", 243)
    assert all(same(run, stack, number) for number in range(21))


# Leave it alone


def test_to_leave_it_alone_is_a_candidate(write):
    run = api.run(write(slices=[1, 2]), workers=1)
    (search,) = run.record["searches"]
    alone = [row for row in losses(run) if row["combination"] == LEAVE_IT_ALONE]
    assert [row["slice"] for row in alone] == ["1", "2"]
    assert {float(row["mean_loss"]) for row in alone} == {search["loss_before"]}
    assert search["loss_of_choice"] < search["loss_before"]
    assert LEAVE_IT_ALONE in (run.folder / "report.html").read_text(encoding="utf-8")


def test_what_does_not_beat_it_is_not_applied(write):
    """What a narrow Gaussian leaves for the ball is noise, and taking it away helps nothing."""
    find = CHAIN[1] | {"color_shift": 0.05, "gf1_sigma": {"sweep": [8, 12]}}
    chain = [CHAIN[0], find, CHAIN[2] | {"gf2_sigma": 1}, CHAIN[3]]
    file = write(chain)
    run = api.run(file, workers=1)
    (search,) = run.record["searches"]
    assert search["status"] == "left_alone"
    assert "no combination beats leaving the slices alone" in search["reason"]
    assert search["loss_before"] is not None
    assert run.record["input"]["pixel_hash"] == run.record["output"]["pixel_hash"]
    assert [each.decided for each in api.plan(file).searches] == [True]


# One mask for all combinations


def test_the_reference_mask_does_not_depend_on_what_is_swept(write, tmp_path):
    common = {"name": "common_histogram", "distance": 4}
    trial = stackmend.trial(write(loss=common))
    values = [{("find_charging", "color_shift"): each} for each in (0.02, 0.1)]
    first, second = (trial.products(1, each, ("reference_mask",)) for each in values)
    assert np.array_equal(first["reference_mask"], second["reference_mask"])
    scaled = trial.products(1, None, ("initial_image",))["initial_image"]
    find = bound("find_charging", gf1_sigma=120, color_shift=0.1, inverse=True, min_area=20)
    mask = evaluate(scaled, find)["charging_mask"]
    expected = binary_dilation(mask, generate_binary_structure(2, 1), iterations=15)
    assert mask.any()
    assert np.array_equal(first["reference_mask"], expected)

    run = api.run(write(loss=common), workers=1)
    regions = common_regions(expected, regions=20, distance=4)
    by_hand = loss(scaled, regions, grey_range(scaled))
    assert run.record["searches"][0]["loss_before"] == by_hand


def test_the_mask_of_steps_that_are_not_tuned_stands_for_it(write):
    fixed = CHAIN[1] | {"gf1_sigma": 12, "color_shift": 0.1}
    tuned = CHAIN[2] | {"rb_radius": {"sweep": [5, 10]}}
    trial = stackmend.trial(write([CHAIN[0], fixed, tuned, CHAIN[3]], loss="common_histogram"))
    made = trial.products(1, None, ("charging_mask", "reference_mask"))
    assert np.array_equal(
        made["reference_mask"], cityblock_distance(made["charging_mask"], 15) <= 15
    )


# Plausibility


def test_masks_that_cover_too_much_are_warned_of(write):
    find = CHAIN[1] | {"gf1_sigma": 12, "color_shift": 0, "min_area": 0}
    run = api.run(without_search(write([CHAIN[0], find, *CHAIN[2:]])), workers=1)
    with (run.folder / "slices.csv").open(newline="", encoding="utf-8") as file:
        areas = [int(row["mask_area"]) for row in csv.DictReader(file)]
    wide = [area for area in areas if area > 0.15 * 48 * 64]
    assert wide
    said = f"more than 15 % of the pixels are masked in {len(wide)} of 6 slices"
    assert any(warning.startswith(said) for warning in run.record["warnings"])
    assert run.record["masked_share"] == sum(area > 0 for area in areas) / 6


def test_without_clean_slices_the_report_says_what_is_not_known(write):
    run = api.run(write(), workers=1)
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "whether tissue was harmed is not known: name clean slices under optimize.clean" in page
    assert "found and reduced" not in page


def test_what_becomes_darker_is_no_dark_charge(write, tmp_path):
    """With the polarity turned round after the search, the verdict has a doubt."""
    run = api.run(write(), workers=1)
    file = run.folder / "slices.csv"
    assert "was looked for, but under the mask" not in page_of(run)
    rows = slices(run)
    for row in rows[:2]:
        row["masked_change"] = "-3.5"
    with file.open("w", newline="", encoding="utf-8") as text:
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    api.report(run.folder)
    said = "Dark charging was looked for, but under the mask 2 slices (0, 1) became darker"
    assert said in page_of(run)


def test_of_a_stack_that_grew_nothing_is_searched_again(write):
    file = write(clean=[4])
    first = api.run(file, workers=1, set={"input.slices": "0:5"})
    assert "nothing searched again" not in summary_of(first.folder)
    grown = api.run(file, workers=1)
    assert grown.record["slices"]["kept_from_earlier"] == 5
    assert grown.record["searches"][0]["computed"] == 0
    assert "nothing searched again, " in summary_of(grown.folder)


def slices(run: Any) -> list[dict[str, str]]:
    with (run.folder / "slices.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def page_of(run: Any) -> str:
    return (run.folder / "report.html").read_text(encoding="utf-8")


def test_the_null_of_a_detector_is_told_where_it_finds_nothing(write, tmp_path):
    chain = [{"step": "find_streaks", "inverse": True}, {"step": "fill_streaks"}]
    run = api.run(without_search(write(chain)), workers=1)
    rows = slices(run)
    assert {row["status"] for row in rows} == {"nothing_found"}
    for row in rows:
        best, null = (float(row[f"find_streaks.{name}"]) for name in ("evidence", "null"))
        if null:
            assert float(row["find_streaks.times_null"]) == pytest.approx(best / null, rel=1e-3)
    words = run.record["chain"][0]["facts"]
    most = max(float(row["find_streaks.evidence"]) for row in rows)
    said = f"where nothing was found, there is at most: {words['evidence']} {figure(most)};"
    assert any(warning.startswith(said) for warning in run.record["warnings"])
    assert words["null"] in page_of(run)
    kept = api.run(tmp_path / "p.yaml", set={"input.slices": "0:6"}, workers=1)
    assert [row["find_streaks.null"] for row in slices(kept)] == [
        row["find_streaks.null"] for row in rows
    ]


# Masks of too much


FILLED: list[dict[str, Any]] = [
    {"step": "standardize"},
    {"step": "find_charging", "gf1_sigma": 30, "color_shift": 0.3, "min_area": 20},
    {"step": "correct_charging", "gf2_sigma": 8, "rb_radius": 3, "gf3_sigma": 3, "border": 4},
    {"step": "destandardize"},
]
"""A region with a bright rim is filled, whatever it holds."""


def ringed(height: int) -> NDArray[np.uint8]:
    """A slice of noise with a bright rim around a part of some height."""
    noise = np.random.default_rng(3).integers(0, 8, (60, 80))
    noise[5 : 5 + height, 10:70] += 200
    noise[8 : 2 + height, 13:67] -= 200
    return (noise + 20).astype(np.uint8)


def test_a_slice_of_which_too_much_is_masked_passes_untouched(tmp_path: Path) -> None:
    (tmp_path / "cell").mkdir()
    for number, height in enumerate((20, 50, 24)):
        tifffile.imwrite(tmp_path / "cell" / f"s{number}.tif", ringed(height))
    content = {"protocol": 1, "input": {"path": "cell"}, "output": {"path": "out"}, "chain": FILLED}
    (tmp_path / "p.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    run = api.run(tmp_path / "p.yaml", workers=1)
    rows = slices(run)
    assert [row["status"] for row in rows] == ["restored", "overmasked", "restored"]
    assert [int(row["mask_area"]) > 0.4 * 60 * 80 for row in rows] == [False, True, False]
    assert [same(run, tmp_path / "cell", number) for number in range(3)] == [False, True, False]
    assert run.record["slices"]["overmasked"] == 1
    said = "1 of 3 slices are left unchanged, with more than 40 % masked: 1"
    assert said in run.record["warnings"]
    assert [float(row["masked_change"]) == 0 for row in rows] == [False, True, False]


@pytest.mark.parametrize("clean", [[], [{"slice": 2, "region": {"y": [0, 2]}}]])
def test_a_combination_that_masks_too_much_is_out(tmp_path: Path, clean: list[Any]) -> None:
    """On the slice that it is chosen on, or on a clean one, even if nothing is changed there."""
    (tmp_path / "cell").mkdir()
    for number, height in enumerate((20, 20 if clean else 50, 50)):
        tifffile.imwrite(tmp_path / "cell" / f"s{number}.tif", ringed(height))
    swept = [FILLED[0], FILLED[1] | {"min_area": {"sweep": [20, 4500]}}, *FILLED[2:]]
    optimize = {"slices": [0, 1], "loss": LOSS, "on_nothing_found": "skip", "max_changed": 1}
    if clean:
        optimize["clean"] = clean
    content = {"protocol": 1, "input": {"path": "cell"}, "output": {"path": "out"}}
    content |= {"chain": swept, "optimize": optimize}
    (tmp_path / "p.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    run = api.run(tmp_path / "p.yaml", workers=1)
    (search,) = run.record["searches"]
    assert (search["status"], search["refused"], search["overmasked"]) == ("refused", 1, 1)
    why = "masks more than 40 % of a slice"
    assert search["reason"] == f"every combination that finds anything {why}; nothing was applied"
    table = [row for row in losses(run) if row["combination"] == "0"]
    assert {row["status"] for row in table} == {"refused"}
    assert (max(float(row["masked_share"]) for row in table) > 0.4) == (not clean)
    plan = api.plan(tmp_path / "p.yaml")
    assert plan.searches[0].known == plan.searches[0].needed
