"""A slice that cannot be used stops the run, or is kept or skipped, and the record says so."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from kills import charged
from stackmend import api
from stackmend.errors import InputError
from stackmend.result.workspace import Workspace

CHAIN = [
    {"step": "standardize"},
    {"step": "find_charging", "inverse": True, "gf1_sigma": 30},
    {"step": "correct_charging", "gf2_sigma": 20, "rb_radius": 50},
    {"step": "destandardize"},
]


def write(
    folder: Path,
    on_bad_slice: str | None,
    *,
    format: str = "tiff-folder",
    chain: Any = CHAIN,
    **more: Any,
) -> Path:
    given = {"path": "stack", **({"on_bad_slice": on_bad_slice} if on_bad_slice else {})}
    content = {
        "protocol": 1,
        "input": given,
        "output": {"path": "out", "format": format},
        "chain": chain,
        **more,
    }
    file = folder / "protocol.yaml"
    file.write_text(json.dumps(content))
    return file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eight slices, of which number 2 is no TIFF file and number 5 has another shape."""
    stack(tmp_path, np.uint8)
    (tmp_path / "stack" / "s2.tif").write_bytes(b"not an image")
    tifffile.imwrite(tmp_path / "stack" / "s5.tif", np.zeros((5, 7), np.uint8))
    return tmp_path


def stack(folder: Path, dtype: Any) -> None:
    (folder / "stack").mkdir()
    for number, pixels in enumerate(charged(8).astype(dtype)):
        tifffile.imwrite(folder / "stack" / f"s{number}.tif", pixels)


def rows(run: api.RunResult) -> list[dict[str, str]]:
    with (run.folder / "slices.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("say", [None, "stop"])
def test_stop_is_the_default(folder: Path, say: str | None) -> None:
    with pytest.raises(InputError, match=r"s2\.tif: is not a TIFF file"):
        api.run(write(folder, say), workers=1)
    assert not (folder / "out").exists()


@pytest.mark.parametrize("format", ["tiff-folder", "tiff"])
def test_the_good_slices_are_those_of_a_stack_without_bad_ones(folder: Path, format: str) -> None:
    run = api.run(write(folder, "skip", format=format), workers=2)
    good = [0, 1, 3, 4, 6, 7]
    for number in (2, 5):
        (folder / "stack" / f"s{number}.tif").unlink()
    alone = api.run(write(folder, None, format=format), output=folder / "alone", workers=1)
    assert [row["output_hash"] for row in rows(run) if row["status"] == "restored"] == [
        row["output_hash"] for row in rows(alone)
    ]
    assert run.stack is not None
    if format == "tiff-folder":
        assert sorted(file.name for file in run.stack.iterdir()) == [
            f"s{number}.tif" for number in good
        ]
    else:
        pixels = tifffile.imread(run.stack)
        assert np.array_equal(pixels[good], tifffile.imread(alone.stack))
        assert not pixels[[2, 5]].any()


def test_what_is_skipped_is_recorded(folder: Path) -> None:
    run = api.run(write(folder, "skip"), workers=2)
    skipped = {row["slice"]: row["reason"] for row in rows(run) if row["status"] == "skipped"}
    assert skipped.keys() == {"2", "5"}
    assert skipped["2"].startswith("s2.tif: is not a TIFF file that can be read")
    odd, usual = "5 x 7 uint8, minisblack", "96 x 128 uint8, minisblack"
    assert skipped["5"] == f"s5.tif: is {odd}, the others are {usual}; replace it"
    assert run.record is not None
    counts = {name: number for name, number in run.record["slices"].items() if number}
    assert counts == {"all": 8, "restored": 6, "skipped": 2}
    assert "2 of 8 slices are unusable and left out: 2, 5" in run.record["warnings"]


def test_what_cannot_be_read_is_kept_as_a_blank(folder: Path) -> None:
    run = api.run(write(folder, "keep"), workers=2)
    assert run.stack is not None
    assert [row["slice"] for row in rows(run) if row["status"] == "blank"] == ["2", "5"]
    for number in (2, 5):
        assert np.array_equal(
            tifffile.imread(run.stack / f"s{number}.tif"), np.zeros((96, 128), np.uint8)
        )
    assert run.record is not None
    assert "2 of 8 slices are unreadable and blank in the result: 2, 5" in run.record["warnings"]


@pytest.mark.parametrize("dtype", ["input", "uint8"])
def test_pixels_that_are_no_numbers_are_kept(tmp_path: Path, dtype: str) -> None:
    stack(tmp_path, np.float32)
    spoiled = charged(8)[3].astype(np.float32)
    spoiled[4, 5], spoiled[6, 7] = np.nan, np.inf
    tifffile.imwrite(tmp_path / "stack" / "s3.tif", spoiled)
    file = write(tmp_path, "keep")
    run = api.run(file, workers=2, set={"output.dtype": dtype})
    assert run.stack is not None
    kept = tifffile.imread(run.stack / "s3.tif")
    if dtype == "input":
        assert np.array_equal(kept, spoiled, equal_nan=True)
    else:
        assert (kept[4, 5], kept[6, 7]) == (0, 255)
        assert np.array_equal(
            np.delete(kept.ravel(), [4 * 128 + 5, 6 * 128 + 7]),
            np.delete(charged(8)[3].ravel(), [4 * 128 + 5, 6 * 128 + 7]),
        )
    assert rows(run)[3]["status"] == "kept"
    assert "2 pixels are NaN or infinite" in rows(run)[3]["reason"]


@pytest.mark.parametrize("say", ["keep", "skip"])
def test_a_slice_that_was_mended_is_restored_by_the_next_run(folder: Path, say: str) -> None:
    api.run(write(folder, say), workers=2)
    for number in (2, 5):
        tifffile.imwrite(folder / "stack" / f"s{number}.tif", charged(8)[number])
    run = api.run(write(folder, say), workers=2)
    assert run.record is not None
    counts = {name: number for name, number in run.record["slices"].items() if number}
    assert counts == {"all": 8, "kept_from_earlier": 6, "restored": 8}
    whole = api.run(write(folder, None), output=folder / "whole", workers=2)
    assert [row["output_hash"] for row in rows(run)] == [row["output_hash"] for row in rows(whole)]


@pytest.mark.parametrize("format", ["tiff-folder", "tiff"])
@pytest.mark.parametrize("say", ["keep", "skip"])
def test_what_is_still_bad_need_not_be_looked_at_twice(folder: Path, say: str, format: str) -> None:
    first = api.run(write(folder, say, format=format), workers=2)
    again = api.run(write(folder, say, format=format), workers=2)
    assert not again.changed
    assert again.record == first.record
    other = "skip" if say == "keep" else "keep"
    changed = api.run(write(folder, other, format=format), workers=2)
    assert changed.record is not None
    assert changed.record["slices"]["kept_from_earlier"] == 6
    assert {rows(changed)[number]["status"] for number in (2, 5)} == {
        "skipped" if other == "skip" else "blank"
    }
    assert changed.stack is not None
    assert format == "tiff" or (changed.stack / "s2.tif").exists() == (other == "keep")


@pytest.mark.parametrize("say", ["keep", "skip"])
def test_they_are_taken_over_with_the_good_ones(folder: Path, say: str) -> None:
    first = api.run(write(folder, say), workers=2)
    tifffile.imwrite(folder / "stack" / "s0.tif", charged(8)[1])
    run = api.run(write(folder, say), workers=2)
    assert run.record is not None
    assert run.record["slices"]["kept_from_earlier"] == 7
    assert [row["status"] for row in rows(run)] == [row["status"] for row in rows(first)]


@pytest.mark.parametrize("say", ["keep", "skip"])
def test_shards_can_be_joined_all_the_same(folder: Path, say: str) -> None:
    file = write(folder, say)
    for number in (1, 2):
        api.run(file, workers=1, shard=f"{number}/2")
    run = api.finish(file, workers=2)
    whole = api.run(file, output=folder / "whole", workers=2)
    kept = [{**row, "seconds": ""} for row in rows(run)]
    assert kept == [{**row, "seconds": ""} for row in rows(whole)]


@pytest.mark.parametrize("say", ["keep", "skip"])
def test_a_slice_that_goes_bad_leaves_no_old_pixels(folder: Path, say: str) -> None:
    for number in (2, 5):
        tifffile.imwrite(folder / "stack" / f"s{number}.tif", charged(8)[number])
    api.run(write(folder, say), workers=2)
    (folder / "stack" / "s4.tif").write_bytes(b"gone")
    run = api.run(write(folder, say), workers=2)
    assert run.stack is not None
    assert (run.stack / "s4.tif").exists() == (say == "keep")
    assert rows(run)[4]["status"] == ("blank" if say == "keep" else "skipped")


def test_statistics_of_the_whole_stack_leave_them_out(folder: Path) -> None:
    chain = [{"step": "standardize", "per": "stack"}, *CHAIN[1:]]
    run = api.run(write(folder, "skip", chain=chain), workers=2)
    for number in (2, 5):
        (folder / "stack" / f"s{number}.tif").unlink()
    alone = api.run(write(folder, None, chain=chain), output=folder / "alone", workers=1)
    hashes = [row["output_hash"] for row in rows(run) if row["output_hash"]]
    assert hashes == [row["output_hash"] for row in rows(alone)]


@pytest.mark.parametrize("say", ["keep", "skip"])
def test_nothing_can_be_chosen_on_a_bad_slice(folder: Path, say: str) -> None:
    chain = [CHAIN[0], {**CHAIN[1], "gf1_sigma": {"sweep": [20, 30]}}, *CHAIN[2:]]
    with pytest.raises(InputError, match=r"s2\.tif"):
        api.run(write(folder, say, chain=chain, optimize={"slices": [2]}), workers=1)


def test_a_slice_that_vanishes_stops_the_run_with_what_is_done_kept(folder: Path) -> None:
    for number in (2, 5):
        tifffile.imwrite(folder / "stack" / f"s{number}.tif", charged(8)[number])
    removed: list[Path] = []

    def remove(kind: str, _: Any) -> None:
        if kind == "application started":
            removed.append(folder / "stack" / "s7.tif")
            removed[0].unlink()

    with pytest.raises(InputError, match=r"s7\.tif"):
        api.run(write(folder, None), workers=1, listener=remove)
    assert any(Workspace(folder / "out").journal.glob("slices-*.jsonl"))
    tifffile.imwrite(removed[0], charged(8)[7])
    run = api.run(write(folder, None), workers=1)
    assert run.record is not None
    assert run.record["slices"]["kept_from_earlier"] >= 6


@pytest.mark.parametrize("format", ["tiff-folder", "tiff", "compressed"])
@pytest.mark.parametrize(("say", "status"), [("keep", "blank"), ("skip", "skipped")])
def test_a_slice_with_tags_that_goes_bad_during_the_run(
    tmp_path: Path, say: str, status: str, format: str
) -> None:
    (tmp_path / "stack").mkdir()
    for number, pixels in enumerate(charged(8)):
        tags = [(34682, 2, None, f"[Stage]\r\nStageZ={number}\r\n\0".encode(), True)]
        tifffile.imwrite(tmp_path / "stack" / f"s{number}.tif", pixels, extratags=tags)

    def damage(kind: str, _: Any) -> None:
        if kind == "application started":
            (tmp_path / "stack" / "s7.tif").write_bytes(b"no image any more")

    output = {"path": "out", "format": format}
    if format == "compressed":
        output |= {"format": "tiff", "compression": "zlib"}
    run = api.run(write(tmp_path, say, output=output), workers=1, listener=damage)
    assert [row["status"] for row in rows(run)] == ["restored"] * 7 + [status]


def test_where_no_slice_can_be_used_there_is_no_stack(tmp_path: Path) -> None:
    (tmp_path / "stack").mkdir()
    (tmp_path / "stack" / "s0.tif").write_bytes(b"no")
    with pytest.raises(InputError, match=r"s0\.tif: is not a TIFF file"):
        api.run(write(tmp_path, "skip"), workers=1)


def test_unknown_words_are_refused(folder: Path) -> None:
    problems = api.check(write(folder, "ignore")).draft.problems
    assert "must be stop, keep or skip" in [problem.message for problem in problems]
