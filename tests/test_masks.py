"""Masks that are kept: what they say, where they lie, and what becomes of them in later runs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from kills import CHAIN, contents, cut_off, facts, write_protocol
from stackmend import api
from stackmend.errors import OutputError, ProtocolError
from stackmend.forecast import costs
from stackmend.result.hashes import pixel_hash
from stackmend.stacks import open_stack
from stops import FORMATS, write_small_stack

COUNT = 3
KINDS = [kind for kind in FORMATS if "with" not in kind]
FAST = ("TIFF folder", "OME-Zarr")
SOME = [kind if kind in FAST else pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS]
ONE = [kind if kind in FAST[1:] else pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS]


@pytest.fixture(autouse=True)
def _plain_results(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make neither pictures nor pages, but where it is about these."""
    if "pictured" not in request.fixturenames:
        monkeypatch.setattr("stackmend.runner.stories.collect", lambda *_: None)
        monkeypatch.setattr("stackmend.runner.write_report", lambda _: None)


@pytest.fixture
def pictured() -> None:
    """With pictures and a page."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_small_stack(tmp_path, COUNT)
    return tmp_path


def masked(folder: Path, kind: str = "TIFF folder", **more: Any) -> Path:
    """A protocol that keeps the masks."""
    return write_protocol(
        folder, {**FORMATS[kind], "masks": True, **more.pop("output", {})}, **more
    )


def masks_of(run: api.RunResult) -> NDArray[np.bool_]:
    """``(C, Z, Y, X)``, held against what the record says of them."""
    assert run.masks is not None
    assert run.record is not None
    known = run.record["output"]["masks"]
    assert run.folder / known["path"] == run.masks
    stacks = []
    for reader in open_stack(run.masks):
        pages = np.stack([reader.read(number) for number in range(reader.shape[0])])
        assert str(pages.dtype) == known["dtype"] == "uint8"
        assert set(np.unique(pages)) <= {0, known["marked"]}
        stacks.append(pages > 0)
    return np.stack(stacks)


def heard_from(file: Path, **how: Any) -> tuple[api.RunResult, str, int]:
    """A run, all that it says, and how many slices it computes."""
    said: list[str] = []
    computed: list[Any] = []

    def listen(kind: str, fields: Any) -> None:
        said.append(str(fields.get("message", "")))
        computed.extend([fields] if kind == "slice" else [])

    run = api.run(file, workers=1, listener=listen, **how)
    return run, "\n".join(said), len(computed)


# What they say


@pytest.mark.parametrize("kind", SOME)
def test_masks_are_those_that_are_counted(folder: Path, kind: str) -> None:
    run = api.run(masked(folder, kind), workers=1)
    (masks,) = masks_of(run)
    for mask, row in zip(masks, facts(run.folder), strict=True):
        assert pixel_hash(mask) == row["mask_hash"]
        y, x = np.nonzero(mask)
        assert len(y) == int(row["mask_area"]) > 0
        assert [round(y.mean(), 3), round(x.mean(), 3)] == [float(row[f"mask_{n}"]) for n in "yx"]
    marked = {"OME-Zarr": 1, "OME-Zarr 0.4": 1}.get(kind, 255)
    assert run.record["output"]["masks"]["marked"] == marked
    assert run.masks.name == ("masks" if marked == 1 or kind == "TIFF folder" else "masks.tif")

    # The stack is what it is without them, and there is nothing to do any more.
    plain = api.run(
        write_protocol(folder, FORMATS[kind]), output=folder / "plain", workers=1
    ).folder
    own = {name: each for name, each in contents(run.folder).items() if "masks" not in name}
    own = {name: each for name, each in own.items() if "/labels/" not in name}
    assert own == contents(plain)
    assert not api.run(masked(folder, kind), workers=1).changed


def test_every_format_has_the_same_masks(folder: Path) -> None:
    runs = [api.run(masked(folder, kind), output=folder / kind, workers=1) for kind in KINDS]
    assert len({run.record["output"]["masks"]["pixel_hash"] for run in runs}) == 1
    # From one format to another they are taken over.
    shutil.move(runs[0].folder, folder / "out")
    run, _, computed = heard_from(masked(folder, "OME-Zarr"))
    assert computed == 0
    assert np.array_equal(masks_of(run), masks_of(runs[KINDS.index("OME-Zarr")]))
    assert not (run.folder / "masks").exists()


def test_masks_lie_over_the_slices_whatever_is_cut_or_set_apart(folder: Path) -> None:
    whole = masks_of(api.run(masked(folder), output=folder / "whole", workers=1))
    window = {"y": [4, 36], "x": [0, 40]}
    cropped = [{"step": "crop", **window}, *CHAIN]
    after = [*CHAIN, {"step": "crop", **window}]
    assert masks_of(api.run(masked(folder, chain=cropped), workers=1)).shape == (1, 3, 32, 40)
    cut = masks_of(api.run(masked(folder, chain=after), workers=1))
    assert np.array_equal(cut, whole[:, :, 4:36, :40])

    given = {"path": "stack", "data_bar": 7}
    run = api.run(masked(folder, input=given), output=folder / "bar", workers=1)
    with_bar = masks_of(run)
    assert with_bar.shape == whole.shape
    assert with_bar[:, :, :33].any()
    assert not with_bar[:, :, 33:].any()


def test_masks_have_the_size_of_a_pixel_and_no_tags_of_a_microscope(tmp_path: Path) -> None:
    write_small_stack(tmp_path, 2)
    note = (34682, 2, 0, "[User]\r\nof a microscope", False)
    for file in (tmp_path / "stack").iterdir():
        how: dict[str, Any] = {"resolution": (2e6, 2e6), "resolutionunit": "CENTIMETER"}
        how |= {"photometric": "miniswhite", "extratags": [note]}
        tifffile.imwrite(file, tifffile.imread(file), **how)
    for kind in KINDS:
        run = api.run(masked(tmp_path, kind), output=tmp_path / kind, workers=1)
        (stack,), (masks,) = open_stack(run.stack), open_stack(run.masks)
        assert masks.metadata.pixel_size == stack.metadata.pixel_size
        assert masks.metadata.pixel_size[1:] == (5, 5)
        assert (stack.photometric, masks.photometric) == ("miniswhite", "minisblack")
        assert [
            b"microscope" in b"".join(tag.value for tag in each.tags(1)) for each in (stack, masks)
        ] == [True, False]


@pytest.mark.parametrize("kind", ["TIFF", "OME-Zarr"])
def test_each_channel_has_its_masks(folder: Path, kind: str) -> None:
    first = np.stack([tifffile.imread(file) for file in sorted((folder / "stack").iterdir())])
    both = np.stack([first, first[:, ::-1]], axis=1)
    tifffile.imwrite(folder / "two.tif", both, imagej=True, metadata={"axes": "ZCYX"})
    run = api.run(masked(folder, kind, input={"path": "two.tif"}), workers=1)
    one, other = masks_of(run)
    assert one.any()
    assert np.array_equal(one.sum(), other.sum())
    assert not np.array_equal(one, other)
    areas = {(row["channel"], row["slice"]): int(row["mask_area"]) for row in facts(run.folder)}
    assert areas == {(str(c), str(z)): (one, other)[c][z].sum() for c in (0, 1) for z in range(3)}


def test_slices_that_pass_untouched_have_what_was_found_or_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = folder / "stack"
    tifffile.imwrite(stack / "s1.tif", np.full((40, 48), 7, np.uint8))
    (stack / "s3.tif").write_bytes(b"none")
    tifffile.imwrite(stack / "s4.tif", np.zeros((5, 7), np.uint8))
    monkeypatch.setattr("stackmend.restore.written.MOST_MASKED", 0.01)
    for kind, pages in (("keep", 5), ("skip", 3)):
        given = {"path": "stack", "on_bad_slice": kind}
        run = api.run(masked(folder, input=given), output=folder / kind, workers=1)
        (masks,) = masks_of(run)
        rows = facts(run.folder)
        bad = {"keep": ["blank", "blank"], "skip": ["skipped", "skipped"]}[kind]
        assert [row["status"] for row in rows] == ["overmasked", "constant", "overmasked", *bad]
        assert [bool(row["mask_hash"]) for row in rows] == [n < pages for n in range(5)]
        assert [mask.any() for mask in masks] == [True, False, True, False, False][:pages]
        assert not api.run(masked(folder, input=given), output=folder / kind, workers=1).changed


def test_a_chain_without_the_steps_that_search_found_nothing_for_marks_nothing(
    folder: Path,
) -> None:
    (folder / "stack" / "s0.tif").write_bytes((folder / "stack" / "s1.tif").read_bytes())
    level = np.random.default_rng(0).integers(100, 104, (40, 48)).astype(np.uint8)
    tifffile.imwrite(folder / "stack" / "s1.tif", level)
    optimize = {"slices": [1], "on_nothing_found": "skip"}
    sweep = {"step": "find_charging", "inverse": True, "gf1_sigma": {"sweep": [30, 40]}}
    chain = [CHAIN[0], {**sweep, "color_shift": 0.9}, *CHAIN[2:]]
    run = api.run(masked(folder, chain=chain, optimize=optimize), workers=1)
    assert run.record["skipped_steps"]
    assert not masks_of(run).any()


# Later runs


def test_masks_that_are_wanted_later_are_made_with_their_slices(folder: Path) -> None:
    plain = api.run(write_protocol(folder, {}), workers=1)
    assert plain.masks is None
    assert plain.record["output"]["masks"] is None
    run, said, computed = heard_from(masked(folder))
    assert computed == COUNT
    assert "there are no masks of them: 3 slices will be computed again" in said
    assert masks_of(run).any()


@pytest.mark.parametrize("kind", ONE)
def test_without_masks_the_same_slices_count(folder: Path, kind: str) -> None:
    before = api.run(masked(folder, kind), workers=1)
    assert masks_of(before).any()
    run, _, computed = heard_from(write_protocol(folder, FORMATS[kind]))
    assert (computed, run.changed, run.masks) == (0, True, None)
    assert not list(run.folder.glob("masks*"))
    assert not (run.folder / "stack.zarr" / "labels").exists()
    assert {row["mask_hash"] for row in facts(run.folder)} == {""}
    plain = api.run(write_protocol(folder, FORMATS[kind]), output=folder / "plain", workers=1)
    assert contents(run.folder) == contents(plain.folder)


@pytest.mark.parametrize("kind", ONE)
def test_an_unfinished_run_goes_on_with_masks_and_without(folder: Path, kind: str) -> None:
    plain, with_masks = FORMATS[kind], {**FORMATS[kind], "masks": True}
    wholes = {}
    for name, output in (("plain", plain), ("masks", with_masks)):
        wholes[name] = api.run(write_protocol(folder, output), output=folder / name, workers=1)
    cut_off(write_protocol(folder, with_masks), after=2)
    run, _, computed = heard_from(write_protocol(folder, plain))
    assert computed == COUNT - 2
    assert contents(run.folder) == contents(wholes["plain"].folder)
    shutil.rmtree(run.folder)

    # The other way round: what has no mask is made again, and nothing is lost by going back.
    cut_off(write_protocol(folder, plain), after=2)
    cut_off(write_protocol(folder, with_masks), after=1)
    run, _, computed = heard_from(write_protocol(folder, with_masks))
    assert computed == COUNT - 1
    assert contents(run.folder) == contents(wholes["masks"].folder)
    assert facts(run.folder) == facts(wholes["masks"].folder)
    shutil.rmtree(run.folder)
    cut_off(write_protocol(folder, plain), after=1)
    cut_off(write_protocol(folder, with_masks), after=1)
    run, _, computed = heard_from(write_protocol(folder, plain))
    assert computed < COUNT
    assert contents(run.folder) == contents(wholes["plain"].folder)


DAMAGES: dict[str, tuple[str, str]] = {
    "TIFF folder": ("masks/s1.tif", "masks/s2.tif"),
    "OME-Zarr": ("stack.zarr/labels/masks/0/c/1/0/0", "stack.zarr/labels/masks/0/c/2/0/0"),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_mask_that_is_changed_or_gone_is_made_again(folder: Path, kind: str) -> None:
    whole = api.run(masked(folder, kind), output=folder / "whole", workers=1)
    run = api.run(masked(folder, kind), workers=1)
    changed, gone = (run.folder / name for name in DAMAGES[kind])
    content = bytearray(changed.read_bytes())
    content[-1] ^= 1
    changed.write_bytes(content)
    run, said, computed = heard_from(masked(folder, kind))
    assert computed == 1
    assert "the input or the result has changed: 1 slice will be computed again" in said
    assert contents(run.folder) == contents(whole.folder)
    gone.unlink()
    assert heard_from(masked(folder, kind))[2] == 1
    assert contents(run.folder) == contents(whole.folder)
    assert not api.run(masked(folder, kind), workers=1).changed


def test_a_mask_that_vanishes_while_it_is_taken_over(folder: Path) -> None:
    """It lies under another writer's name then; nothing is published without it."""
    api.run(masked(folder), workers=1)

    def lose(kind: str, _: Any) -> None:
        if kind == "application started":
            (folder / "out" / "masks" / "s1.tif").unlink()

    with pytest.raises(OutputError, match=r"slice s1\.tif has vanished; run again"):
        api.run(masked(folder, "OME-Zarr"), workers=1, listener=lose)
    run, _, computed = heard_from(masked(folder, "OME-Zarr"))
    assert computed == 1
    assert masks_of(run).any()


# What is a person's own


def problems(file: Path, **how: Any) -> list[str]:
    return [problem.message for problem in api.check(file, **how).draft.problems]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("TIFF folder", "masks/s0.tif"),
        ("TIFF", "masks.tif"),
        ("OME-Zarr", "stack.zarr/labels/masks/zarr.json"),
    ],
)
@pytest.mark.parametrize("wanted", [False, True])
def test_masks_that_no_run_has_made_are_not_deleted(
    folder: Path, kind: str, name: str, wanted: bool
) -> None:
    out = api.run(write_protocol(folder, FORMATS[kind]), workers=1).folder
    mine = out / name
    mine.parent.mkdir(parents=True, exist_ok=True)
    mine.write_bytes(b"mine")
    file = masked(folder, kind) if wanted else write_protocol(folder, FORMATS[kind])
    (message,) = problems(file)
    assert message.endswith("would be deleted with the earlier result; move it away first")
    with pytest.raises(ProtocolError):
        api.run(file, workers=1)
    assert mine.read_bytes() == b"mine"


def test_labels_beside_ours_are_not_deleted(folder: Path) -> None:
    out = api.run(masked(folder, "OME-Zarr"), workers=1).folder
    assert problems(masked(folder, "OME-Zarr")) == []
    cells = out / "stack.zarr" / "labels" / "cells"
    cells.mkdir()
    advice = "would be deleted with the earlier result; move it away first"
    assert problems(masked(folder, "OME-Zarr")) == [f"{cells} {advice}"]
    cells.rmdir()
    mine = out / "stack.zarr" / "labels" / "masks" / "notes.txt"
    mine.touch()
    assert problems(masked(folder, "OME-Zarr")) == [f"{mine} {advice}"]


@pytest.mark.parametrize("lost", ["run.json", "journal.jsonl"])
def test_our_masks_are_known_by_the_record_or_the_journal(folder: Path, lost: str) -> None:
    out = api.run(masked(folder), workers=1).folder
    (out / lost).unlink()
    run = api.run(masked(folder), workers=1)
    assert run.changed
    assert masks_of(run).any()
    (out / "run.json").write_text('{"record": 1, "output": 7}')
    (out / "journal.jsonl").unlink()
    (message,) = problems(masked(folder))
    assert message.startswith(f"{out / 'masks'} would be deleted")


def test_a_stack_of_masks_is_no_input_for_the_run_that_replaces_it(folder: Path) -> None:
    api.run(masked(folder), workers=1)
    found = problems(masked(folder, input={"path": "out/masks"}))
    assert "the input stack is the result in this folder; choose another folder" in found


# What is said of them


def test_what_is_said_before_and_after(
    pictured: None, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stackmend.cli.plan import plan_text
    from stackmend.cli.summary import summary_text

    monkeypatch.setattr(costs, "run_in_fresh_process", lambda function, *given: function(*given))
    file = masked(folder)
    pages = COUNT * 40 * 48
    plan = api.plan(file, workers=1)
    assert "masks" in [line.split()[0] for line in plan_text(plan, 200).splitlines()]
    assert plan.need.disk_bytes == 2 * pages
    assert api.plan(write_protocol(folder, {}), workers=1).need.disk_bytes == pages
    masked(folder)
    run = api.run(file, workers=1)
    lines = [line.split() for line in summary_text(api.show(run.folder), 200).splitlines()]
    (shown,) = [line for line in lines if line and line[0] == "masks"]
    assert shown[-1].endswith("out/masks")
    assert api.plan(file, workers=1).earlier_bytes > 2 * pages
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert '<a href="masks">masks</a>' in page
    api.run(write_protocol(folder, {}), workers=1)
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert 'href="masks"' not in page
    assert "Masks are not stored with the stack" in page


def test_check_asks_for_the_room_of_masks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = COUNT * 40 * 48
    usage = shutil.disk_usage(folder)._replace(free=room)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert api.check(write_protocol(folder, {})).output_error is None
    assert "make room" in str(api.check(masked(folder)).output_error)


def test_one_chain_with_masks_is_enough(folder: Path) -> None:
    """Where a search takes another one, nothing is marked."""
    quiet = [{"step": "standardize"}, {"step": "destandardize"}]
    file = masked(folder, chain=quiet)
    (message,) = problems(file)
    assert message.startswith("no step of the chain makes a mask; add ")
    content = json.loads(file.read_text())
    content["chain"] = [{"one_of": {"none": quiet, "some": CHAIN}}]
    file.write_text(json.dumps(content))
    assert not [each for each in problems(file) if "mask;" in each]
