"""Slices find their places, are brought there once, and what is known of them goes along."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import stackmend
from drifting import COUNT, HEIGHT, WIDTH, drifted, path, write_chain, write_drifted
from stackmend import api, steps
from stackmend.errors import InputError, ProtocolError, StepError, WrongValue
from stackmend.kernels.slice_transform import SliceTransform
from stackmend.kernels.transform_files import for_slices, read_transforms
from stackmend.registry import Window
from stackmend.steps.destripe import robust

ALIGN = {"step": "align", "trend": "remove"}
FIND = {**ALIGN, "step": "estimate_alignment"}
MOVE = {"step": "apply_alignment"}
CHARGE = [
    {"step": "standardize", "per": "stack"},
    {"step": "find_charging", "inverse": True, "gf1_sigma": 8, "min_area": 20},
    {"step": "correct_charging", "gf2_sigma": 8, "rb_radius": 5, "gf3_sigma": 3, "border": 4},
    {"step": "destandardize"},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("drifting")
    write_drifted(made)
    return made


@pytest.fixture(scope="module")
def aligned(folder: Path) -> api.RunResult:
    return run(folder, ALIGN, name="aligned")


def run(folder: Path, *chain: dict[str, Any], name: str, **more: Any) -> api.RunResult:
    how = {key: more.pop(key) for key in ("workers", "set", "target") if key in more}
    file = write_chain(folder, *chain, name=name, **more)
    given = {"workers": how.get("workers", 1), "set": how.get("set")}
    return api.run(file, output=how.get("target"), **given)


def applied(*chain: dict[str, Any]) -> Any:
    """What a run writes, without its other files."""
    return stackmend.apply({"protocol": 1, "chain": list(chain)}, drifted(), workers=1)


def pixels(result: api.RunResult, stack: str = "stack") -> Any:
    return np.stack([tifffile.imread(each) for each in sorted((result.folder / stack).iterdir())])


def hash_of(result: api.RunResult) -> str:
    assert result.record is not None
    return str(result.record["output"]["pixel_hash"])


def rows(result: api.RunResult, name: str = "slices.csv") -> list[dict[str, str]]:
    with (result.folder / name).open() as table:
        return list(csv.DictReader(table))


def shifts(result: api.RunResult) -> Any:
    return np.array([[float(row["y"]), float(row["x"])] for row in rows(result, "transforms.csv")])


# What comes of it


def test_slices_are_brought_together(aligned: api.RunResult) -> None:
    assert np.abs(shifts(aligned) - path()).max() < 0.1
    inner = pixels(aligned)[:, 12:-12, 12:-12].astype(float)
    before = drifted()[:, 12:-12, 12:-12].astype(float)
    assert inner.std(axis=0).mean() < 0.5 * before.std(axis=0).mean()
    assert {row["changed_fraction"] for row in rows(aligned)} == {"0.0"}
    moved = [[float(row[f"align.{axis}"]) for axis in "yx"] for row in rows(aligned)]
    assert np.abs(np.array(moved) - shifts(aligned)).max() < 1e-5


def test_found_at_one_place_and_taken_at_another(aligned: api.RunResult) -> None:
    assert np.array_equal(applied(FIND, MOVE), pixels(aligned))


def test_a_crop_between_takes_them_along(aligned: api.RunResult) -> None:
    crop = {"step": "crop", "y": [10, -9], "x": [7, 100]}
    between, behind = applied(FIND, crop, MOVE), applied(ALIGN, crop)
    assert np.array_equal(behind, pixels(aligned)[:, 10:-9, 7:100])
    # What lies beyond the crop cannot be seen, and splines feel that a little farther in.
    assert np.abs(between[:, 16:-16, 16:-16].astype(int) - behind[:, 16:-16, 16:-16]).max() <= 1


@pytest.mark.parametrize("canvas", ["union", pytest.param("intersection", marks=pytest.mark.slow)])
def test_another_extent(folder: Path, aligned: api.RunResult, canvas: str) -> None:
    chain = [{**FIND, "canvas": canvas}, *CHARGE, {**MOVE, "fill": "edge"}]
    found = run(folder, *chain, name=canvas, output={"path": canvas, "masks": True})
    assert found.record is not None
    z, y, x = found.record["output"]["origin"]
    count, height, width = found.record["output"]["shape"]
    extent = np.ptp(path(), axis=0)
    larger = np.array([height - HEIGHT, width - WIDTH])
    assert (z, count) == (0, COUNT)
    assert np.abs(larger - (extent if canvas == "union" else -extent)).max() < 2
    assert pixels(found).shape == pixels(found, "masks").shape == (count, height, width)
    assert api.verify(found.folder).findings == []

    # Where both show something, it is the same.
    same = applied(FIND, *CHARGE, {**MOVE, "fill": "edge"})
    first = max(y, 0), max(x, 0)
    stop = min(y + height, HEIGHT), min(x + width, WIDTH)
    part = np.s_[:, first[0] - y : stop[0] - y, first[1] - x : stop[1] - x]
    here = np.s_[:, first[0] : stop[0], first[1] : stop[1]]
    assert np.array_equal(pixels(found)[part], same[here])
    again = api.run(folder / f"{canvas}.yaml", workers=1)
    assert again.record == found.record


@pytest.mark.slow
def test_a_plan_knows_another_extent(tmp_path: Path) -> None:
    write_drifted(tmp_path)
    run(tmp_path, {**ALIGN, "canvas": "union"}, name="union")
    done = api.plan(tmp_path / "union.yaml").done
    assert (done["undecided"], done["again"]) == (COUNT, {})


def test_slices_that_pass_untouched_are_moved_as_well(folder: Path, tmp_path: Path) -> None:
    stack = drifted()
    stack[3] = 77
    stack[5, 20:90, 20:120] = 0
    write_drifted(tmp_path, stack)
    chain = [{**FIND, "canvas": "union", "missing": "interpolate"}, *CHARGE, MOVE]
    found = run(tmp_path, *chain, name="untouched")
    assert found.record is not None
    assert (pixels(found)[3] == 77).all()
    status = [row["status"] for row in rows(found)]
    assert status[3] == "constant"
    plain = run(tmp_path, chain[0], MOVE, name="plain")
    for number, each in enumerate(status):
        if each == "overmasked":
            assert np.array_equal(pixels(found)[number], pixels(plain)[number])
    assert any("no pair says where slices 3" in each for each in found.record["warnings"])


def test_masks_go_along(folder: Path) -> None:
    moved = run(folder, FIND, *CHARGE, MOVE, name="moved", output={"path": "moved", "masks": True})
    scaled = steps.standardize(drifted(), per="stack")
    parameters = {name: each for name, each in CHARGE[1].items() if name != "step"}
    marked = steps.find_charging(scaled, **parameters)["charging_mask"]
    places = np.rint(path()).astype(int)
    for number, (y, x) in enumerate(places):
        before = np.roll(marked[number], (-y, -x), (0, 1))[20:-20, 20:-20]
        after = pixels(moved, "masks")[number][20:-20, 20:-20] > 0
        assert np.mean(before ^ after) <= 0.1 * np.mean(before | after) + 0.001


def test_clean_slices_are_compared_in_their_places(folder: Path) -> None:
    find = {**CHARGE[1], "color_shift": {"sweep": [0.9, 0.95]}}
    chain = [FIND, CHARGE[0], find, *CHARGE[2:], MOVE]
    optimize = {"slices": [2], "clean": [5], "on_nothing_found": "skip"}
    searched = run(folder, *chain, name="clean", optimize=optimize)
    assert searched.record is not None
    assert list(searched.record["searches"][0]["clean"].values()) == [0.0]


# The same however it is computed


def test_one_hash_for_workers_shards_and_dask(folder: Path, tmp_path: Path) -> None:
    import dask.array

    chain = [{**FIND, "canvas": "union"}, *CHARGE, MOVE]
    whole = run(folder, *chain, name="whole")
    other = run(folder, *chain, name="whole", workers=7, target=tmp_path / "7")
    assert hash_of(other) == hash_of(whole)
    assert rows(other, "transforms.csv") == rows(whole, "transforms.csv")
    for number in (2, 1):
        api.run(folder / "whole.yaml", output=tmp_path / "s", workers=1, shard=f"{number}/2")
    assert hash_of(api.finish(folder / "whole.yaml", output=tmp_path / "s")) == hash_of(whole)
    made = stackmend.apply(folder / "whole.yaml", drifted())
    assert np.array_equal(made, pixels(whole))
    lazy = stackmend.apply(folder / "whole.yaml", dask.array.from_array(drifted(), (3, -1, -1)))
    assert np.array_equal(np.asarray(lazy), made)


def test_channels_share_their_places(tmp_path: Path) -> None:
    stack = drifted()
    other = np.random.default_rng(1).integers(0, 255, stack.shape, np.uint8)
    write_drifted(tmp_path, np.stack([stack, other], axis=1))
    both = run(tmp_path, ALIGN, name="both")
    write_drifted(tmp_path, stack)
    one = run(tmp_path, ALIGN, name="one")
    assert rows(both, "transforms.csv") == rows(one, "transforms.csv")
    first = [row["output_hash"] for row in rows(both) if row["channel"] == "0"]
    assert first == [row["output_hash"] for row in rows(one)]


# Files of transforms


@pytest.mark.parametrize("name", ["transforms.csv", "transforms.json"])
def test_saved_by_one_run_and_loaded_by_another(
    folder: Path, aligned: api.RunResult, name: str
) -> None:
    loaded = run(folder, {**ALIGN, "load": f"of_aligned/{name}"}, name="loaded")
    assert hash_of(loaded) == hash_of(aligned)
    assert loaded.record is not None
    assert "file" in loaded.record["chain"][0]["parameters"]["load"]
    assert api.verify(loaded.folder).findings == []
    # Wherever the protocol comes to lie, it leads to the file.
    assert hash_of(api.run(loaded.folder / "effective.yaml", output=folder / "e")) == hash_of(
        loaded
    )
    # A part of the stack, with the places of all of it.
    part = run(folder, *loaded_chain(name), name="part", set={"input.slices": '"4:8"'})
    assert np.array_equal(pixels(part), pixels(aligned)[4:8])


def loaded_chain(name: str) -> list[dict[str, Any]]:
    return [{**ALIGN, "load": f"of_aligned/{name}"}]


def test_a_changed_file_is_other_work(folder: Path, aligned: api.RunResult) -> None:
    file = folder / "mine.csv"
    file.write_text((aligned.folder / "transforms.csv").read_text())
    first = run(folder, {**ALIGN, "load": "mine.csv"}, name="mine")
    text = file.read_text().replace("0,1.0,0.0,0.0,", "0,1.0,0.0,5.0,", 1)
    file.write_text(text)
    second = run(folder, {**ALIGN, "load": "mine.csv"}, name="mine")
    assert hash_of(second) != hash_of(first)
    assert np.array_equal(pixels(second)[1:], pixels(aligned)[1:])


def test_found_on_smaller_pixels() -> None:
    stack = drifted().astype(np.float32)
    binned = stack.reshape(COUNT, HEIGHT // 2, 2, WIDTH // 2, 2).mean(axis=(2, 4))
    found = steps.estimate_alignment(binned, trend="remove")["transform"]
    loaded = {
        "numbers": list(range(COUNT)),
        "matrices": np.stack([each.matrix for each in found]),
        "shape": list(binned.shape[1:]),
        "form": "",
    }
    fine = for_slices(loaded, stack.shape[1:], [2, 2])
    assert np.abs(fine[:, :, 2] - path()).max() < 0.1
    with pytest.raises(ValueError, match="is for slices of 56 x 68 px, and these have 112 x 136"):
        for_slices(loaded, stack.shape[1:], None)


def test_files_of_other_programs(tmp_path: Path) -> None:
    turned = np.array([[0.9, -0.1, 3.0], [0.2, 1.1, -2.0]])
    xy = np.array([[1.1, 0.2, -2.0], [-0.1, 0.9, 3.0], [0, 0, 1]])
    np.save(tmp_path / "a.npy", np.stack([np.eye(3), xy]))
    np.savetxt(tmp_path / "a.txt", np.concatenate([np.eye(3), xy]))
    for name in ("a.npy", "a.txt"):
        found = read_transforms((tmp_path / name).read_bytes(), name)
        assert np.allclose(for_slices(found, (9, 9), None)[1], turned)
    # IMOD: forward, about the middle, y upwards; a shift to the right and up.
    found = read_transforms(b"1 0 0 1 0 0\n1 0 0 1 2.5 1.5\n", "a.xf")
    assert np.allclose(for_slices(found, (9, 9), None)[1], [[1, 0, 1.5], [0, 1, -2.5]])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.tif", b"", "must end with .csv, .json, .npy, .txt, .xf, got a.tif"),
        ("a.csv", b"slice,yy\n0,1", "holds no transforms that can be read"),
        ("a.csv", b"", "must have finite numbers for one slice or more"),
        ("a.json", b"{}", "holds no transforms that can be read"),
        ("a.xf", b"1 0 0 1 nan 0", "must have finite numbers for one slice or more"),
        ("a.npy", b"\x93NUMPY", "holds no transforms that can be read"),
    ],
)
def test_what_is_no_file_of_transforms(name: str, content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_transforms(content, name)


def test_json_says_what_it_is(aligned: api.RunResult) -> None:
    said = json.loads((aligned.folder / "transforms.json").read_text())
    assert said["shape"] == [HEIGHT, WIDTH]
    assert said["model"] == "translation"
    assert "maps aligned coordinates (y, x)" in said["convention"]
    assert len(said["slices"]) == COUNT
    assert aligned.record is not None
    assert said["input_hash"] == aligned.record["input"]["pixel_hash"]
    assert "transforms.json" in aligned.record["files"]


# What is refused


@pytest.mark.parametrize(
    ("chain", "message"),
    [
        ([FIND], "nothing comes of it: add affine or align or apply_alignment behind it"),
        ([MOVE], "which no step before it makes; put estimate_alignment before it"),
        ([ALIGN, {**ALIGN, "id": "more"}], "interpolates the slices again, as align before it"),
        (
            [FIND, ALIGN],
            "does not take what estimate_alignment has found; put affine or apply_alignment",
        ),
        ([{**ALIGN, "load": "none.csv"}], "cannot be read .No such file"),
        ([{**ALIGN, "model": "euclidean", "subpixel": False}], "take true, or model: translation"),
    ],
)
def test_what_is_said_before(folder: Path, chain: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ProtocolError, match=message):
        run(folder, *chain, name="wrong")


def test_no_step_moves_pixels_among_tuned_ones(folder: Path) -> None:
    find = {**CHARGE[1], "color_shift": {"sweep": [0.1, 0.2]}}
    correct = {**CHARGE[2], "border": {"sweep": [2, 4]}}
    chain = [FIND, CHARGE[0], find, MOVE, correct, CHARGE[3]]
    with pytest.raises(ProtocolError, match=r"moves pixels among steps that are tuned together"):
        run(folder, *chain, name="wrong", optimize={"slices": [2]})


def test_a_part_cut_out_has_no_other_extent(folder: Path) -> None:
    crop, union = {"step": "crop", "y": [10, 90]}, {"canvas": "union"}
    with pytest.raises(StepError, match=r"^crop: .* crop before their places are found"):
        run(folder, {**FIND, **union}, crop, MOVE, name="wrong")
    with pytest.raises(StepError, match=r"^crop: cannot cut slices that have got another extent"):
        run(folder, {**ALIGN, **union}, crop, name="wrong")


def test_slices_without_a_place(tmp_path: Path) -> None:
    stack = drifted()
    stack[4] = np.random.default_rng(9).integers(0, 255, stack[4].shape)
    write_drifted(tmp_path, stack)
    with pytest.raises(InputError, match=r"^align: .*4"):
        run(tmp_path, ALIGN, name="gap")
    bridged = run(tmp_path, {**ALIGN, "missing": "interpolate"}, name="gap")
    found = rows(bridged, "transforms.csv")
    assert [row["status"] for row in found].count("") == COUNT - 1
    assert found[4]["status"]
    middle = (shifts(bridged)[3] + shifts(bridged)[5]) / 2
    assert np.abs(shifts(bridged)[4] - middle).max() < 0.01
    assert bridged.record is not None
    assert any("pairs of slices are left out" in each for each in bridged.record["warnings"])


def test_a_file_for_other_slices(folder: Path, aligned: api.RunResult) -> None:
    lines = (aligned.folder / "transforms.csv").read_text().splitlines()
    (folder / "short.csv").write_text("\n".join(lines[:-2]))
    with pytest.raises(InputError, match=r"^align: short.csv has no transform of slice 6, 7"):
        run(folder, {**ALIGN, "load": "short.csv"}, name="wrong")
    other = (aligned.folder / "transforms.csv").read_text().replace(f",{HEIGHT},", ",200,")
    (folder / "other.csv").write_text(other)
    with pytest.raises(InputError, match=r"is for slices of 200 x 136 px, and these have 112"):
        run(folder, {**ALIGN, "load": "other.csv"}, name="wrong")
    with pytest.raises(WrongValue, match=r"align: load cannot be read"):
        steps.align(drifted(), load=str(folder / "gone.csv"))


def test_whole_pixels_are_not_interpolated() -> None:
    found = applied({**ALIGN, "subpixel": False})
    stack, places = drifted(), np.floor(path() + 0.5).astype(int)
    for number, (y, x) in enumerate(places):
        expected = np.roll(stack[number], (-y, -x), (0, 1))[8:-8, 8:-8]
        assert np.array_equal(found[number][8:-8, 8:-8], expected)


# What else looks at neighbours


def test_denoise_looks_at_neighbours_in_their_places(aligned: api.RunResult) -> None:
    denoise = {"step": "denoise", "reach": 1, "noise": [0, 9], "distance": 1}
    moved, blind = applied(FIND, denoise, MOVE), applied(denoise, ALIGN)
    truth = pixels(aligned).mean(axis=0)
    inner = np.s_[:, 14:-14, 14:-14]
    errors = [np.sqrt(np.mean((each - truth)[inner] ** 2)) for each in (moved, blind)]
    assert errors[0] < errors[1]


def test_destripe_looks_at_neighbours_in_their_places() -> None:
    still = [*map(SliceTransform, [np.eye(2, 3)] * 3, [(64, 64)] * 3)]
    moved = [
        replace(each, matrix=np.array([[1.0, 0, n], [0, 1, 0]])) for n, each in enumerate(still)
    ]
    tissue = drifted()[0, :64, :64].astype(np.float32)
    slices = [np.roll(tissue, number, 0) for number in range(3)]
    bands = Window([{} for _ in range(3)], 1)
    found = {}
    for name, transforms in (("still", still), ("moved", moved)):
        given = Window(slices, 1), Window(slices, 1), bands, Window([{0: None}] * 3, 1)
        seen = robust.beside(*given, transform=Window(transforms, 1), neighbours=1)
        assert seen is not None
        found[name] = np.abs(seen.difference[4:-4]).max()
    assert found["still"] > 1
    assert found["moved"] < 1e-3
