"""Sections across the slices: what was read and what was written, in the voxels' proportions."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from drifting import COUNT, HEIGHT, WIDTH, drifted, path, write_chain, write_drifted
from stackmend import api, registry
from stackmend.chain import Bound
from stackmend.errors import StepError
from stackmend.pictures import sections
from stackmend.pictures.sections import SectionLines, chosen_slices, sections_through
from stackmend.pictures.steps import StepPictures
from stackmend.registry import IMAGE, Each, Show, Stage, Step, Survey
from stackmend.report.sections import shown_sections
from stackmend.result import open_result
from stackmend.stacks import open_phantom
from stackmend.tuning.chains import ChannelChain

ALIGN = {"step": "align", "trend": "remove", "canvas": "union"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("sections")
    write_drifted(made)
    return made


@pytest.fixture(scope="module")
def aligned(folder: Path) -> api.RunResult:
    return api.run(write_chain(folder, ALIGN, name="aligned"), workers=1)


def pictures(result: api.RunResult) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (result.folder / "previews").glob("section*")}


def job_of(folder: Path, *chain: dict[str, Any], name: str, **more: Any) -> Any:
    return api.check(write_chain(folder, *chain, name=name, **more)).job()


def test_before_is_where_slices_were_read_and_after_where_they_are(aligned: api.RunResult) -> None:
    """In the frame of the restored slices: on the border of tissue, drift is seen before only."""
    source = open_result(aligned.folder)
    across, along = source.previews.sections
    assert (across["axis"], along["axis"]) == ("x", "y")
    assert (across["slices"], across["count"]) == ((0, COUNT - 1), COUNT)
    height, width = source.record.output.shape[1:]
    assert (across["at"], along["at"]) == (height // 2, width // 2)
    assert (across["start"], across["stop"]) == (0, width)
    rows: dict[str, Any] = {}
    for side in ("before", "after"):
        picture = Image.open(io.BytesIO(source.picture(across["pictures"][side]) or b""))
        grey = np.asarray(picture.convert("L").resize((width, COUNT)), dtype=np.float64)
        rows[side] = grey
    inside = slice(20, width - 20)
    jumps = {side: np.abs(np.diff(grey[:, inside], axis=0)).mean() for side, grey in rows.items()}
    assert jumps["after"] < jumps["before"] / 2


def test_the_lines_are_those_of_the_slices(folder: Path, aligned: api.RunResult) -> None:
    job = job_of(folder, {"step": "crop", "y": [10, 90], "x": [6, 130]}, name="cut")
    api.run(folder / "cut.yaml", workers=1)
    stack = drifted()
    found = sections_through(job, job.writer(), COUNT)
    assert [(each.axis, each.at) for each in found] == [("x", 40), ("y", 62)]
    reading = SectionLines(job, job.writer(), found)
    [(row, _), (column, _)] = reading.read([(3, 3)])[0]
    np.testing.assert_array_equal(row, stack[3, 50, 6:130])
    np.testing.assert_array_equal(column, stack[3, 10:90, 68])


def test_any_workers_make_the_same(folder: Path, aligned: api.RunResult) -> None:
    again = api.run(folder / "aligned.yaml", output=folder / "again", workers=2)
    assert len(pictures(aligned)) == 4
    assert pictures(again) == pictures(aligned)


def test_of_many_slices_some_are_read() -> None:
    few, many = chosen_slices(range(5, 20)), chosen_slices(range(1000))
    assert few[0] == (5, 0)
    assert len(few) == 15
    assert chosen_slices(range(3)) == []
    assert many[:3] == [(0, 0), (3, 3), (6, 6)]
    assert len(many) <= sections.MOST


def test_voxels_have_their_proportions(folder: Path) -> None:
    """Pixels of a line are taken together where slices are as high as several of them."""
    given = {"input": {"path": "cell.tif", "pixel_size": 4, "spacing": 12}}
    job = job_of(folder, {"step": "denoise", "reach": 0, "h": 1}, name="known", **given)
    across, along = sections_through(job, job.writer(), COUNT)
    assert (across.height, across.factor) == (3, 1)
    assert (across.start, across.stop) == (0, WIDTH)
    assert (along.start, along.stop) == (0, HEIGHT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sections, "WIDTH", 50)
        across, _ = sections_through(job, job.writer(), COUNT)
    assert (across.factor, across.height) == (3, 1)
    assert (across.stop - across.start) % 3 == 0


def test_the_report_says_what_is_seen(aligned: api.RunResult) -> None:
    first, second = shown_sections(open_result(aligned.folder))
    assert first["title"].startswith("XZ section, row y = ")
    assert second["title"].startswith("YZ section, column x = ")
    assert "as the size of a voxel is not known" in first["words"]
    page = (aligned.folder / "report.html").read_text(encoding="utf-8")
    assert 'id="sections"' in page
    assert first["pictures"]["after"] in page


def test_an_alignment_is_told_and_shown(aligned: api.RunResult) -> None:
    source = open_result(aligned.folder)
    [step] = source.record.chain
    far = np.hypot(*path().T)
    assert step.found.startswith("slices moved by ")
    assert float(step.found.split()[3]) == pytest.approx(far.mean(), abs=0.1)
    assert "pairs used; disagreement" in step.found
    shown = next(each for each in source.previews.steps if each["step"] == "align")
    titles = [part["title"] for part in shown["parts"]]
    assert titles[:2] == ["Corrected, and left", "Disagreement of the pairs"]
    corrected = shown["parts"][0]["plot"]
    assert corrected is not None
    (moved, left) = corrected["curves"].values()
    steps = np.hypot(*np.diff(path(), axis=0).T)
    np.testing.assert_allclose(moved[1:], steps, atol=0.15)
    assert max(left) < 0.2
    assert step.found.partition(";")[0][1:] in (aligned.folder / "report.html").read_text("utf-8")


def test_what_moves_together_is_told() -> None:
    shows = {show.title: show.made for show in registry.steps().get("align").shows}
    share = [{"share": 0.62, "shift": [0.0, 0.01]}, {"share": 0.3, "shift": [0.5, -0.2]}]
    plot = shows["What moves together"](Each({}, {"groups": share}))
    assert plot.labels == ["62 %", "30 %"]
    assert plot.note.startswith("62 % of the blocks were made to stand still")
    assert plot.note.endswith("30 % of the blocks move by y +0.5, x -0.2 px from slice to slice.")
    assert shows["What moves together"](Each({}, {"groups": [{**share[0], "share": 1}]})) is None


def test_of_places_from_a_file_there_is_less_to_show(folder: Path, aligned: api.RunResult) -> None:
    chain = {**ALIGN, "load": str(aligned.folder / "transforms.csv")}
    loaded = api.run(write_chain(folder, chain, name="loaded"), workers=1)
    source = open_result(loaded.folder)
    [step] = source.record.chain
    assert step.found.endswith(f"as {chain['load']} says")
    assert pictures(loaded) == pictures(aligned)
    shown = next(each for each in source.previews.steps if each["step"] == "align")
    assert shown["parts"] == ()


def test_a_show_that_fails_costs_the_others_nothing(tmp_path: Path) -> None:
    """It is another package's code: the error names the step."""

    def broken(settled: Any) -> None:
        raise KeyError("no such thing")

    show = Show("Broken", "Fails.", broken, of_survey=True)
    step = Step(
        name="odd",
        version=1,
        stages=(Stage(lambda image: image, makes=IMAGE),),
        survey=Survey("settled", lambda image: 1, lambda records: 1),
        shows=(show,),
    )
    reader = open_phantom({"slices": 2, "height": 64, "width": 80})
    chain = ChannelChain(reader, (Bound(step, "odd", {}),), settled={"odd.settled": 1})
    with pytest.raises(StepError, match="odd: KeyError"):
        StepPictures(chain, tmp_path).make(0, first=True)
    assert StepPictures(chain, tmp_path).make(0, first=False)["odd"]["parts"] == []
