"""Reading a result folder: finished, interrupted, damaged, or no result at all."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from stackmend import api
from stackmend.errors import InputError
from stackmend.report import write_report
from stackmend.report.landscape import number
from stackmend.result import open_result


def test_a_finished_result(shared: Path) -> None:
    source = open_result(shared)
    assert source.finished
    assert not source.interrupted_since
    assert len(source.slices) == 9
    untouched = 1
    assert len(source.losses) == 18 + untouched
    assert source.events[-1]["event"] == "finished"
    assert source.picture(source.previews.slices[0]["pictures"]["before"])
    # The record itself may be named, too.
    assert open_result(shared / "run.json") == source


@pytest.mark.parametrize("what", ["missing", "empty", "file"])
def test_what_is_no_result(tmp_path: Path, what: str) -> None:
    folder = tmp_path / "x"
    if what == "empty":
        folder.mkdir()
    if what == "file":
        folder.touch()
    with pytest.raises(InputError, match="give the output folder of stackmend run"):
        api.report(folder)
    assert not (folder / "report.html").exists()


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"record": "one"}'])
def test_a_damaged_record(result: Path, text: str) -> None:
    (result / "run.json").write_text(text)
    with pytest.raises(InputError, match=r"run\.json: is no record of a run"):
        api.report(result)


def test_a_record_of_a_later_version(result: Path) -> None:
    (result / "run.json").write_text('{"record": 99}')
    with pytest.raises(
        InputError, match="format 99, this stackmend knows 1; use the stackmend that made it"
    ):
        api.report(result)


def test_pictures_are_only_taken_from_their_folder(result: Path) -> None:
    """A record from somebody else must not put other files of mine into a page."""
    (result.parent / "secret.webp").write_bytes(b"secret")
    source = open_result(result)
    assert source.picture("../../secret.webp") is None
    assert source.picture(str(result.parent / "secret.webp")) is None


@pytest.mark.parametrize(
    "missing", ["losses.csv", "slices.csv", "log.jsonl", "previews", "previews/previews.json"]
)
def test_a_page_for_what_is_left_of_a_result(result: Path, missing: str) -> None:
    target = result / missing
    if target.is_dir():
        shutil.rmtree(target)
    else:
        target.unlink()
    page = write_report(result).read_text(encoding="utf-8")
    assert "Provenance" in page
    said = "previews has been edited" if "/" in missing else f"{missing} is gone"
    assert f"{said} since the run; run it again" in page


def test_a_record_without_what_later_versions_added(result: Path) -> None:
    record = json.loads((result / "run.json").read_text(encoding="utf-8"))
    for step in record["chain"]:
        del step["references"]
    for search in record["searches"]:
        for name in ("landmarks", "loss_references", "on_edge", "held_out", "finds"):
            search.pop(name)
    for name in ("truth", "chains", "mask_of", "skipped_steps", "replaced_chain", "warnings"):
        del record[name]
    (result / "run.json").write_text(json.dumps(record), encoding="utf-8")
    assert "Every combination" in write_report(result).read_text(encoding="utf-8")


def interrupted(result: Path, moment: str) -> None:
    """Begin the run of a result again, into the same folder, and break it off."""

    def interrupt(kind: str, _: object) -> None:
        if kind == moment:
            raise KeyboardInterrupt

    # Another output type makes it other work than the finished one.
    protocol = result.parent / "again.yaml"
    content = yaml.safe_load((result / "protocol.yaml").read_text(encoding="utf-8"))
    record = json.loads((result / "run.json").read_text(encoding="utf-8"))
    content["input"]["path"], content["output"]["path"] = record["input"]["path"], str(result)
    content["output"]["dtype"] = "float32"
    protocol.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(KeyboardInterrupt):
        api.run(protocol, workers=1, listener=interrupt)


def test_an_interrupted_run_over_an_earlier_result(result: Path) -> None:
    interrupted(result, "slice")
    source = open_result(result)
    assert source.finished
    assert source.interrupted_since
    page = api.report(result).read_text(encoding="utf-8")
    assert "A later run into the same folder was begun and is not finished" in page
    assert "Provenance" in page


@pytest.mark.parametrize(
    ("moment", "said"),
    [("search started", "no slice is restored yet"), ("slice", "of 9 slices are restored")],
)
def test_an_interrupted_run_alone(result: Path, moment: str, said: str) -> None:
    interrupted(result, moment)
    for name in ("run.json", "losses.csv", "slices.csv", "report.html", "losses.webp"):
        (result / name).unlink()
    for name in ("previews", "stack"):
        shutil.rmtree(result / name)
    page = api.report(result).read_text(encoding="utf-8")
    assert "This run is not finished" in page
    assert said in page
    assert "It was interrupted." in page
    assert "goes on where it stopped" in page
    assert ("Every combination" in page) == (moment == "slice")
    assert "Provenance" not in page
    # The page is in nobody's way: the run can go on, and its report takes the place of this one.
    finished = api.run(result.parent / "again.yaml", workers=1)
    assert "This run is not finished" not in (finished.folder / "report.html").read_text(
        encoding="utf-8"
    )


def test_cells_as_numbers() -> None:
    cells = ("1.5", "", "x", "nan", "inf", 2)
    assert [number(cell) for cell in cells] == [1.5, None, None, None, None, 2]
