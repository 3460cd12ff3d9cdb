"""Where too much of a slice is masked, its correction alone is refused: all other steps work."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

import stackmend
from components import bound
from stackmend import api
from stackmend.chain import CORRECTION_REFUSED, Bound, Consecutive, compile_chain, refusable
from stackmend.cli.summary import summary_of
from stackmend.pictures.steps import StepPictures
from stackmend.registry import IMAGE, Stage, Step
from stackmend.result.rows import REST_RESTORED
from stackmend.tuning.chains import ChannelChain
from test_guards import FILLED, ringed

Chain = list[dict[str, Any]]

HEIGHTS = 20, 24, 50, 22, 20
"""Of the ringed part of each slice; of the middle one more than 40 % is masked."""

MEDIAN: Chain = [{"step": "median_z", "radius": 1}]
FLAT: Chain = [{"step": "flatten", "method": "gaussian", "sigma": 12}]
NOISE: Chain = [{"step": "denoise", "h": 1, "reach": 1}]


@pytest.fixture
def stack(tmp_path: Path) -> NDArray[np.uint8]:
    """Slices with a ringed part, written into the folder ``cell`` as well."""
    pixels = np.stack([ringed(height) for height in HEIGHTS])
    written(tmp_path / "cell", pixels)
    return pixels


def written(folder: Path, pixels: NDArray[Any]) -> None:
    folder.mkdir()
    for number, each in enumerate(pixels):
        tifffile.imwrite(folder / f"s{number}.tif", each)


def run_of(folder: Path, chain: Chain, cell: str = "cell", **more: Any) -> api.RunResult:
    """A run of a chain, with a name of its own for every way that it is run."""
    content = {"protocol": 1, "input": {"path": cell}, "chain": chain, **more.pop("sections", {})}
    marks = any(step["step"] == "find_charging" for step in chain)
    content["output"] = {"dtype": "float32", "masks": marks}
    file = folder / "p.json"
    file.write_text(json.dumps(content))
    return api.run(file, output=folder / more.pop("output", "out"), **{"workers": 1, **more})


def pixels_of(run: api.RunResult) -> NDArray[Any]:
    return np.stack([tifffile.imread(each) for each in sorted((run.folder / "stack").iterdir())])


def rows_of(run: api.RunResult) -> list[dict[str, str]]:
    with (run.folder / "slices.csv").open() as table:
        return list(csv.DictReader(table))


@pytest.mark.parametrize("behind", [MEDIAN, FLAT, NOISE, [*NOISE, *MEDIAN]], ids=str)
def test_all_steps_behind_see_the_slice_as_it_is_written_without(
    tmp_path: Path, stack: NDArray[np.uint8], behind: Chain
) -> None:
    """It is as if the others worked on what a run of the correction alone has written."""
    alone = run_of(tmp_path, FILLED, output="alone")
    assert np.array_equal(pixels_of(alone)[2], stack[2])
    written(tmp_path / "corrected", pixels_of(alone))
    then = run_of(tmp_path, behind, "corrected", output="then")
    both = run_of(tmp_path, [*FILLED, *behind], output="both")
    assert np.array_equal(pixels_of(both), pixels_of(then))
    assert not np.array_equal(pixels_of(both)[2], stack[2])
    masks = [sorted((run.folder / "masks").iterdir()) for run in (alone, both)]
    assert [each.read_bytes() for each in masks[0]] == [each.read_bytes() for each in masks[1]]


def test_steps_before_keep_what_they_did(tmp_path: Path, stack: NDArray[np.uint8]) -> None:
    both = run_of(tmp_path, [*FLAT, *FILLED], output="both")
    flat = run_of(tmp_path, FLAT, output="flat")
    assert [row["status"] for row in rows_of(both)].count("overmasked") == 1
    assert np.array_equal(pixels_of(both)[2], pixels_of(flat)[2])
    assert not np.array_equal(pixels_of(both)[1], pixels_of(flat)[1])


def test_it_is_said(tmp_path: Path, stack: NDArray[np.uint8]) -> None:
    run = run_of(tmp_path, [*FILLED, *FLAT])
    found = [(row["status"], row["reason"]) for row in rows_of(run)]
    assert found[2] == ("overmasked", REST_RESTORED)
    assert {each for place, each in enumerate(found) if place != 2} == {("restored", "")}
    assert run.record is not None
    assert run.record["slices"]["overmasked"] == 1
    words = "restored by the other steps alone, with more than 40 % masked"
    assert f"1 of 5 slices are {words}: 2" in run.record["warnings"]
    assert f"1 {words}" in " ".join(summary_of(run.folder).split())
    assert words in " ".join((run.folder / "report.html").read_text().split())


@pytest.mark.parametrize("around", [1, 2])
def test_any_way_to_the_result_gives_the_same(
    tmp_path: Path, stack: NDArray[np.uint8], around: int
) -> None:
    chain = [*FILLED, {"step": "median_z", "radius": around}]
    whole = pixels_of(run_of(tmp_path, chain))
    assert np.array_equal(pixels_of(run_of(tmp_path, chain, output="two", workers=2)), whole)
    for number in (2, 1):
        run_of(tmp_path, chain, output="shards", shard=f"{number}/2")
    assert np.array_equal(
        pixels_of(api.run(tmp_path / "p.json", output=tmp_path / "shards")), whole
    )
    content = {"protocol": 1, "chain": chain, "output": {"dtype": "float32"}}
    assert np.array_equal(stackmend.apply(content, stack), whole)
    # Slice 2 decides about its neighbours, too, and what is finished is found finished.
    assert not run_of(tmp_path, chain).changed
    tifffile.imwrite(tmp_path / "cell" / "s2.tif", stack[0])
    again = run_of(tmp_path, chain)
    assert again.record is not None
    assert again.record["slices"]["kept_from_earlier"] == max(0, 4 - 2 * around)


def test_a_later_search_sees_it_so_and_is_not_blamed_for_masks(
    tmp_path: Path, stack: NDArray[np.uint8]
) -> None:
    """By what steps behind the tuned ones mask no combination is out, whatever is drawn."""
    swept = [{"step": "flatten", "method": "gaussian", "sigma": {"sweep": [8, 12]}}]
    optimize = {"steps": ["flatten"], "slices": [1, 3], "clean": [2], "max_changed": 1}
    sections = {"optimize": {**optimize, "loss": "flatness"}}
    for chain in ([*swept, *FILLED], [*FILLED, *swept]):
        run = run_of(tmp_path, chain, sections=sections)
        assert run.record is not None
        (search,) = run.record["searches"]
        assert search["overmasked"] == 0
        assert search["refused"] == 0


def test_the_report_shows_that_the_correction_took_nothing(
    tmp_path: Path, stack: NDArray[np.uint8]
) -> None:
    run_of(tmp_path, [*FILLED, *FLAT])
    job = api.check(tmp_path / "p.json", output=tmp_path / "other").job()
    pictures = StepPictures(
        ChannelChain.of(job.reader, job.protocol.chain, tolerant=False), tmp_path
    )
    taken = [pictures.make(number, first=False) for number in (1, 2)]
    assert [each["correct_charging"]["seen"]["rms"] > 0 for each in taken] == [True, False]
    assert all(each["flatten"]["seen"]["rms"] > 0 for each in taken)


def steps_of(chain: Chain) -> list[Bound]:
    named = [dict(each) for each in chain]
    return [bound(each.pop("step"), each.pop("id", None), **each) for each in named]


def test_what_belongs_to_a_correction() -> None:
    pair = {"standardize", "destandardize"}
    assert refusable(steps_of(FILLED)) == frozenset()
    assert refusable(steps_of([*FILLED, {"step": "crop"}])) == frozenset()
    assert refusable(steps_of(MEDIAN)) == frozenset()
    own = {each["step"] for each in FILLED} - pair
    assert refusable(steps_of([*FILLED, *MEDIAN])) == own
    learnt = [{"step": name} for name in ("learn_charging", "find_learnt_charging")]
    learnt.append({"step": "subtract_charge"})
    assert refusable(steps_of(learnt)) == frozenset()
    assert refusable(steps_of([*FLAT, *learnt])) == {each["step"] for each in learnt[1:]}


def marks(image: NDArray[np.float32], *, to: float) -> NDArray[np.bool_]:
    return image < to


def lifted(
    image: NDArray[np.float32], low_mask: NDArray[np.bool_], *, by: float
) -> NDArray[np.float32]:
    return image + np.float32(by) * low_mask


def doubled(image: NDArray[np.float32]) -> NDArray[np.float32]:
    return image * 2


FIND = Step(name="find", version=1, stages=(Stage(marks, makes="low_mask", mask_of="low"),))
LIFT = Step(name="lift", version=1, stages=(Stage(lifted, makes=IMAGE),))
DOUBLE = Step(name="double", version=1, stages=(Stage(doubled, makes=IMAGE),))


def two_rounds(*between: Bound) -> list[Bound]:
    """Two corrections, of 10 of 100 pixels and of what is below a level then."""
    return [
        Bound(FIND, "find", {"to": 10}),
        Bound(LIFT, "lift", {"by": 1000}),
        *between,
        Bound(FIND, "again", {"to": 60}),
        Bound(LIFT, "lift_again", {"by": 1000}),
        Bound(DOUBLE, "end", {}),
    ]


def made_by(steps: list[Bound], most: float) -> tuple[NDArray[np.float32], bool]:
    image = np.arange(100, dtype=np.float32).reshape(10, 10)
    graph = compile_chain(steps, most_masked=dict.fromkeys(refusable(steps), most))
    made = Consecutive(graph, lambda _: {IMAGE: image}).evaluate(0, (IMAGE, CORRECTION_REFUSED))
    return made[IMAGE].ravel(), made[CORRECTION_REFUSED]


def test_corrections_in_a_row_are_refused_together() -> None:
    plain = np.arange(100, dtype=np.float32)
    image, refused = made_by(two_rounds(), 0.5)  # 10 and 50 pixels, 60 in all
    assert refused
    assert np.array_equal(image, 2 * plain)
    image, refused = made_by(two_rounds(), 0.7)
    assert not refused
    assert np.array_equal(image, 2 * (plain + 1000 * (plain < 60)))


def test_what_an_earlier_correction_did_stays_where_other_steps_stand_between() -> None:
    plain = np.arange(100, dtype=np.float32)
    between = Bound(DOUBLE, "between", {})
    image, refused = made_by(two_rounds(between), 0.25)  # 10 pixels, then 20 others
    assert refused
    assert np.array_equal(image, 4 * (plain + 1000 * (plain < 10)))
    image, refused = made_by(two_rounds(between), 0.05)  # refused at first, so also then
    assert refused
    assert np.array_equal(image, 4 * plain)
