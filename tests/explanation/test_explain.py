"""``explain``: where every value came from, and what happened to a slice, in words."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import yaml

from commands import Main
from kills import CHARGING, NEIGHBOURS, write_protocol
from stackmend import api
from stackmend.errors import InputError, UsageError
from stops import write_small_stack

TEXT = """\
protocol: 1
input: {path: stack}
output: {path: out}
chain:
  - step: standardize
  - step: find_charging
    inverse: true
    color_shift: {sweep: [0.1, 0.001, 0.2]}
  - step: correct_charging
    gf2_sigma: {sweep: [15, 30]}
    rb_radius: 20
  - step: destandardize
optimize:
  slices: [0]
  validate: [1]
  clean: [{slice: 2, region: {y: [0, 4]}}]
  max_changed: 1
"""


def made(folder: Path, text: str, **how: Any) -> Path:
    write_small_stack(folder, 3)
    file = folder / "protocol.yaml"
    file.write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stackmend.runner.stories.collect", lambda *_: None)
        return api.run(file, workers=1, **how).folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explanation")
    return made(folder, TEXT, set={"find_charging.gf1_sigma": "30"})


def told(run: Path, slice: str | int | None = None) -> dict[str, str]:
    return {each.about: each.text for each in api.explain(run, slice)}


def test_every_value_of_the_record_is_explained(run: Path) -> None:
    said = told(run)
    for step in api.show(run).record.chain:
        assert said[step.id] == f"step {step.step}, version {step.version}, of stackmend"
        for name in step.parameters:
            assert f"{step.id}.{name}" in said


def test_where_a_value_came_from(run: Path) -> None:
    said = told(run)
    assert said["correct_charging.rb_radius"] == "20: line 11: rb_radius: 20"
    assert "--set find_charging.gf1_sigma=30" in said["find_charging.gf1_sigma"]
    assert "30: given on the command line" in said["find_charging.gf1_sigma"]
    assert said["find_charging.min_area"].startswith("50: the default of find_charging")
    chosen = api.show(run).record.searches[0].chosen["gf2_sigma"]
    where = "chosen by search 0, of the range in line 10: gf2_sigma: {sweep: [15, 30]}"
    assert said["correct_charging.gf2_sigma"] == f"{chosen}: {where}"


def test_lengths_are_told_both_ways(
    tmp_path: Path, main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    text = TEXT.replace("rb_radius: 20", "rb_radius: 100 nm").replace("[15, 30]", "[75 nm, 30]")
    folder = made(tmp_path, text, set={"input.pixel_size": "5"})
    said = told(folder)
    assert said["correct_charging.rb_radius"] == "20 px (100 nm): line 11: rb_radius: 100 nm"
    assert said["find_charging.min_area"].startswith("50 px² (1250 nm2): the default")
    chosen = api.show(folder).record.searches[0].chosen["gf2_sigma"]
    both = f"{chosen} px ({5 * chosen} nm)"
    assert said["correct_charging.gf2_sigma"].startswith(f"{both}: chosen by search 0")
    assert main("show", folder) == 0
    assert f"gf2_sigma {both}, of 15, 30" in capsys.readouterr().out


def test_what_a_search_took_and_what_it_did_not(run: Path) -> None:
    said, result = told(run), api.show(run)
    (search,) = result.record.searches
    assert said["search 0"].startswith("6 combinations on slice 0 by charging_histogram")
    assert f"loss {search.loss_of_choice:.4g}, lowest of 6" in said["search 0, choice"]
    means = {row.combination: row.mean_loss for row in result.losses if row.status == "ok"}
    means = {name: mean for name, mean in means.items() if isinstance(name, int)}
    assert sorted(filter(None, means.values()))[0] == search.loss_of_choice
    second = sorted(filter(None, means.values()))[1]
    assert f"loss {second:.4g}" in said["search 0, second best"]
    assert said["search 0, left alone"] == f"loss {search.loss_before:.4g}"
    assert said["search 0, held out"].startswith("slice 1: loss ")
    assert said["search 0, clean"].startswith("slice 2, y 0 to 4: ")
    assert said["search 0, out"].startswith("2 combinations: color_shift 0.001, gf2_sigma ")
    assert "gf2_sigma 15 (masks 41 % of slice 0)" in said["search 0, out"]


def test_what_happened_to_a_slice(run: Path) -> None:
    said = told(run, 0)
    row = api.show(run).slices[0]
    assert said == told(run, "s0.tif")
    assert said["slice 0"] == "s0.tif of stack, at place 0 of the stack"
    assert said["status"] == "restored"
    assert said["mask"].startswith(f"{row.mask_area} pixels, ")
    assert "brighter afterwards" in said["mask"]
    assert (said["input hash"], said["output hash"]) == (row.input_hash, row.output_hash)
    assert said["neighbours"] == "no other slice"
    assert said["search 0"].startswith("its values were chosen on this slice: loss ")
    assert told(run, 1)["search 0"].startswith("held out: loss ")
    assert told(run, 2)["search 0"].startswith("known to be clean (slice 2, y 0 to 4): ")


def test_neighbours_and_surveys_are_told(tmp_path: Path) -> None:
    write_small_stack(tmp_path, 5)
    run = api.run(write_protocol(tmp_path, {}, chain=NEIGHBOURS), workers=1).folder
    said = told(run, 1)
    assert said["neighbours"] == "slices 0, 2, 3 were looked at as well"
    assert any(text.startswith("for all slices: ") for text in said.values())
    (run / "surveys.json").write_text("[")
    assert told(run, 1)["surveys"] == "surveys.json cannot be read"


def test_what_was_left_out_and_a_bad_slice(tmp_path: Path) -> None:
    content = yaml.safe_load(TEXT)
    content["chain"][1]["color_shift"] = {"sweep": [0.98, 0.99]}
    content["optimize"] = {"slices": [0], "on_nothing_found": "skip"}
    content["input"]["on_bad_slice"] = "keep"
    write_small_stack(tmp_path, 3)
    (tmp_path / "stack" / "s2.tif").write_bytes(b"II*\0")
    file = tmp_path / "protocol.yaml"
    file.write_text(json.dumps(content))
    run = api.run(file, workers=1).folder
    said = told(run)
    assert said["search 0, choice"].startswith("nothing is taken: ")
    assert said["steps left out"].startswith("find_charging, correct_charging: left out")
    assert told(run, 2)["status"].startswith("unreadable and blank in the result: ")


def test_a_chain_of_several_channels(tmp_path: Path) -> None:
    write_small_stack(tmp_path, 2)
    images = [tifffile.imread(tmp_path / "stack" / f"s{number}.tif") for number in range(2)]
    both = np.array([[image, 255 - image] for image in images])
    tifffile.imwrite(tmp_path / "two.tif", both, imagej=True, metadata={"axes": "ZCYX"})
    chain = [{"step": "standardize"}, *CHARGING]
    given = {"path": "two.tif"}
    run = api.run(write_protocol(tmp_path, {}, chain=chain, input=given), workers=1).folder
    abouts = [each.about for each in api.explain(run, 1)]
    assert "slice 1 of channel 0" in abouts
    assert "slice 1 of channel 1" in abouts


def test_a_slice_that_is_not_there_and_a_run_that_is_none(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no slice 9; its slices are 3, from 0 to 2"):
        api.explain(run, 9)
    with pytest.raises(InputError):
        api.explain(tmp_path)


def test_the_command(
    main: Callable[..., int], run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main("explain", run) == 0
    assert "correct_charging.rb_radius: 20: line 11: rb_radius: 20\n" in capsys.readouterr().out
    assert main("explain", run, "0", "--format", "json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts[1] == {"about": "status", "fact": "restored", "text": "restored"}
    assert main("explain", run, "s9.tif") == 2
