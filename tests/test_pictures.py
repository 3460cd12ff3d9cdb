"""Pictures of a run: they show what was applied, are small, and cost no result."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from stackmend import api
from stackmend.pictures import animation, collect, drawing, searches, shown
from stackmend.pictures.animation import Frame, animated, chosen_frames
from stackmend.pictures.drawing import Display, shrunk
from stackmend.pictures.searches import comparison, pictured_part, thumbnail_step, thumbnails
from stackmend.registry import IMAGE
from stackmend.result.journal import Journal, Ledger
from stackmend.result.log import Log
from stackmend.result.rows import SliceRow
from stackmend.tuning.session import Session
from stackmend.tuning.trial import Trial
from stackmend.tuning.tune import tune
from stackmend.workers.processes import Workers

Write = Callable[..., Path]


@pytest.fixture
def full_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures that are not shrunk, so that they can be compared pixel by pixel."""
    monkeypatch.setattr(searches, "PIXELS", 10**6)
    monkeypatch.setattr(searches, "SIDE", 10**4)


def tuned(file: Path, *, pictured: bool = False, **how: Any) -> tuple[Any, Any]:
    job = api.check(file, **how).job()
    session = Session(job, Log(), Workers(1), Journal(file.parent / "journal"), Ledger())
    return job, tune(session, picture_of=thumbnail_step if pictured else None)


def trial_of(tuning: Any) -> tuple[Trial, Any]:
    found = tuning.searches[0]
    return Trial(tuning.chains[0], found.entry, found.result.space), found


# What was tried


DESTRIPE = {"step": "destripe", "strength": {"sweep": [0.2, 0.4, 0.6, 0.8, 1]}}
DENOISE = {"step": "denoise", "h": {"sweep": [0.7, 1, 1.4]}, "reach": {"sweep": [0, 1]}}


@pytest.fixture
def noisy(tmp_path: Path) -> Path:
    """Curtains are searched first, noise last."""
    phantom = {"slices": 3, "height": 160, "width": 200, "noise": 0.05, "curtains": 0.05}
    content = {
        "protocol": 1,
        "input": {"phantom": phantom},
        "output": {"path": "out"},
        "chain": [DESTRIPE, DENOISE],
        "optimize": [
            {"steps": ["destripe"], "slices": [1], "loss": "stripe_isotropy"},
            {"steps": ["denoise"], "slices": [1], "loss": "j_invariance"},
        ],
    }
    file = tmp_path / "noisy.yaml"
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def test_where_pictures_cost_more_than_losses_few_are_made(noisy: Path) -> None:
    """Where a loss looks at few pixels, or pictures pass the steps of a later search."""
    result = api.show(api.run(noisy, workers=1).folder)
    for shown, search in zip(result.previews.searches, result.searches, strict=True):
        assert search.status == "chosen"
        assert shown["frames"] == len(shown["points"]) < search.combinations
        assert shown["compared"][1].loss_after == search.loss_of_choice
    assert [shown["middle"] for shown in result.previews.searches] == [False, True]


def test_the_middle_of_a_slice_is_what_is_restored_there(noisy: Path, full_size: None) -> None:
    _, tuning = tuned(noisy, pictured=True)
    found = tuning.searches[1]
    assert not found.result.pictures
    trial = Trial(tuning.chains[0], found.entry, found.result.space, found.common)
    best = found.result.choice.combination
    whole = thumbnails(trial, found, 1, [best], 1)[best]
    middle = thumbnails(pictured_part(trial), found, 1, [best], 1)[best]
    assert (whole.shape, middle.shape) == ((160, 200), (80, 100))
    assert np.median(np.abs(whole[40:120, 50:150].astype(int) - middle)) == 0


@pytest.mark.parametrize("pictured", [True, False])
def test_the_picture_of_the_chosen_combination_is_what_is_applied(
    cell: Path, protocol: Write, full_size: None, pictured: bool
) -> None:
    """Whether it was made while the search was at it, or afterwards."""
    job, tuning = tuned(protocol(), pictured=pictured)
    trial, found = trial_of(tuning)
    assert bool(found.result.pictures) == pictured
    small = thumbnails(trial, found, 1, found.result.combinations, 1)
    assert set(small) == set(found.result.combinations)
    applied = tuning.chains[0].consecutive().evaluate(1, (IMAGE,))[IMAGE]
    expected = Display(job.reader.read(1))(applied)
    assert np.array_equal(small[found.result.choice.combination], expected)
    assert sum(np.array_equal(each, expected) for each in small.values()) < len(small)


def test_every_other_picture_is_what_would_have_been_applied(
    cell: Path, protocol: Write, full_size: None
) -> None:
    job, tuning = tuned(protocol(), pictured=True)
    trial, found = trial_of(tuning)
    names = ("find_charging.gf1_sigma", "correct_charging.rb_radius")
    display = Display(job.reader.read(1))
    for combination, picture in thumbnails(trial, found, 1, found.result.combinations, 2).items():
        changes = dict(zip(names, map(str, combination), strict=True))
        _, others = tuned(protocol("other.yaml", optimize=None), set=changes)
        applied = others.chains[0].consecutive().evaluate(1, (IMAGE,))[IMAGE]
        assert np.array_equal(picture, display(applied))


def test_a_region_is_shown_as_the_search_saw_it(
    cell: Path, protocol: Write, full_size: None
) -> None:
    optimize = {
        "slices": [1],
        "region": {"y": [4, 44], "x": [0, 50]},
        "loss": {"name": "charging_histogram", "distance": 4},
    }
    _, tuning = tuned(protocol(optimize=optimize))
    trial, found = trial_of(tuning)
    small = thumbnails(trial, found, 1, found.result.combinations[:1], 1)
    assert next(iter(small.values())).shape == (40, 50)
    # The loss after, evaluated anew, is that of the search.
    assert comparison(trial, found, 1)["loss_after"] == found.result.choice.loss


def test_losses_before_and_after_are_over_the_same_mask(cell: Path, protocol: Write) -> None:
    _, tuning = tuned(protocol())
    trial, found = trial_of(tuning)
    compared = comparison(trial, found, 1)
    assert compared["loss_after"] == found.result.choice.loss
    assert compared["loss_before"] == found.loss_before > compared["loss_after"]
    assert comparison(trial, found, 2)["loss_after"] == found.held_out[2]
    histograms = compared["histograms"]
    assert histograms["regions"] == 1
    for name in ("region", "ring"):
        for moment in ("before", "after"):
            assert sum(histograms[f"{name}_{moment}"]) == pytest.approx(1, abs=1e-4)
    # The ring is clean: what corrects the region hardly touches it. The region comes closer to it.
    apart = [
        np.abs(np.subtract(histograms[f"region_{m}"], histograms[f"ring_{m}"])).sum()
        for m in ("before", "after")
    ]
    assert apart[1] < apart[0]


# Frames


def test_frames_are_spread_over_the_losses_with_some_always_in() -> None:
    losses = [float((7 * index) % 100) for index in range(100)]
    found = chosen_frames(losses, 10, [13, 50])
    ordered = [losses[index] for index in found]
    assert ordered == sorted(ordered)
    assert {13, 50} <= set(found)
    assert 10 <= len(found) <= 12
    assert (ordered[0], ordered[-1]) == (0, 99)
    assert chosen_frames([3, 1, 2], 250, []) == [1, 2, 0]


def test_an_animation_has_every_frame_and_the_value_in_it() -> None:
    frames = [
        Frame(np.full((60, 200), 40 * index, np.uint8), index / 2, "best" * (index == 0))
        for index in range(5)
    ]
    film = Image.open(BytesIO(animated(frames, width=480, quality=80)))
    assert film.n_frames == 5
    assert film.size == (200, 60 + animation.STRIP)
    for index in range(5):
        film.seek(index)
        grey = np.asarray(film.convert("L"))
        assert grey[:55, :].mean() == pytest.approx(40 * index, abs=4)
        assert grey[65:75, 8:60].max() > 150
    other = Image.open(
        BytesIO(animated([frames[0]._replace(loss=0.1234), *frames[1:]], width=480, quality=80))
    )
    film.seek(0)
    assert (
        np.abs(np.asarray(film.convert("L"), int) - np.asarray(other.convert("L"), int))[
            65:80, 8:90
        ].max()
        > 100
    )


# Pictures


def test_shrinking_takes_means_of_blocks() -> None:
    image = np.random.default_rng(1).integers(0, 256, (31, 45)).astype(np.uint8)
    expected = image[:28, :44].reshape(7, 4, 11, 4).mean(axis=(1, 3))
    assert shrunk(image, 4) == pytest.approx(expected, abs=1e-4)
    assert np.array_equal(shrunk(image, 1), image)
    assert shrunk(image, 40).shape == (31, 45)


def test_the_display_range_is_that_of_the_raw_slice() -> None:
    raw = np.linspace(100, 200, 10_000).reshape(100, 100)
    display = Display(raw)
    assert (display(np.array([[0, 150, 999]])) == [[0, 128, 255]]).all()
    assert np.array_equal(
        Display(np.full((5, 5), 7.0))(np.full((5, 5), 7.0)), np.zeros((5, 5), np.uint8)
    )


def test_a_picture_fits_its_size_whatever_it_shows() -> None:
    noise = Image.fromarray(np.random.default_rng(2).integers(0, 256, (600, 900)).astype(np.uint8))
    for size in (200_000, 50_000, 5_000):
        encoded = drawing.webp(noise, size)
        assert len(encoded) <= size
        picture = Image.open(BytesIO(encoded))
        assert picture.width / picture.height == pytest.approx(1.5, rel=0.05)


def test_a_difference_is_white_where_nothing_changed() -> None:
    colours = np.asarray(drawing.coloured(np.array([[-4, -2, 0, 2, 9]], np.float32), 4))[0].tolist()
    assert colours[2] == [247, 247, 247]
    assert colours[0] == [0, 114, 178]
    assert colours[4] == [213, 94, 0]


def test_an_outline_runs_along_the_mask_and_is_open_at_the_frame() -> None:
    mask = np.zeros((20, 30), bool)
    mask[5:12, 10:20] = True
    mask[16:, 25:] = True
    alpha = np.asarray(drawing.outlined(mask, 1).convert("P")) > 0
    ring = mask.copy()
    ring[6:11, 11:19] = False
    ring[17:, 26:] = False
    assert np.array_equal(alpha, ring)


# Which slices


def row(index: int, **values: Any) -> SliceRow:
    known: dict[str, Any] = dict.fromkeys(SliceRow.__dataclass_fields__)
    known |= {
        "slice": index,
        "name": f"s{index}",
        "status": "restored",
        "mask_area": 100,
        "changed_fraction": 0.1,
    }
    return SliceRow(**(known | values))


def test_the_slices_that_are_shown() -> None:
    rows = [row(index) for index in range(100)]
    rows[40] = row(40, mask_area=900)
    rows[70], rows[71] = row(70, changed_fraction=0.5), row(71, changed_fraction=0.4)
    why = shown.choose_shown(rows, [5, 6, 7, 8], {20: 0.5})
    assert why == {
        5: ["optimization"],
        6: ["optimization"],
        7: ["optimization"],
        20: ["held out"],
        40: ["worst: differs most from its neighbours"],
        70: ["most changed"],
        71: ["most changed"],
        55: ["in between"],
        85: ["in between"],
    }
    assert shown.choose_shown(rows, [5], {}, [9, 10])[9] == ["clean"]
    why = shown.choose_shown(rows, [5], {20: 0.5, 21: 0.9, 22: None, 70: 0.7})
    assert why[21] == ["held out", "worst: highest held-out loss"]
    assert 40 not in why
    assert len(shown.choose_shown(rows, range(100), dict.fromkeys(range(50), 1.0))) <= shown.SHOWN


def test_a_stack_of_which_only_a_part_is_restored() -> None:
    """The optimization slice may lie outside of it."""
    rows = [row(index) for index in (10, 11, 12)]
    assert shown.choose_shown(rows, [3, 12], {}) == {
        2: ["optimization"],
        0: ["most changed"],
        1: ["most changed"],
    }


def test_the_deepest_change_and_the_part_around_it() -> None:
    difference = np.zeros((200, 300), np.float32)
    difference[100, 50] = 90  # one wild pixel is not deeper than a region
    difference[160:176, 240:256] = -20
    y, x = shown.deepest(difference)
    assert 160 <= y < 176
    assert 240 <= x < 256
    top, left = shown.window_around((y, x), difference.shape)
    assert (top.stop - top.start, left.stop - left.start) == (80, 120)
    assert (top.stop, left.stop) == (200, 300)
    assert shown.deepest(np.zeros((10, 20), np.float32)) == (5, 10)
    assert shown.window_around((1, 1), (3, 40)) == (slice(0, 3), slice(0, 40))


def test_pictures_of_a_slice_are_those_of_its_pixels(cell: Path, protocol: Write) -> None:
    result = api.run(protocol(), workers=1)
    content = json.loads((result.folder / "previews" / "previews.json").read_text(encoding="utf-8"))
    entry = next(each for each in content["slices"] if each["slice"] == 1)
    before, after = (
        tifffile.imread(cell / "slice1.tif"),
        tifffile.imread(result.stack / "slice1.tif"),
    )
    assert entry["display"] == [float(each) for each in np.percentile(before, (0.1, 99.9))]
    assert entry["largest_change"] == np.abs(after.astype(float) - before).max()
    profile = entry["profile"]
    part = slice(profile["start"], profile["start"] + len(profile["before"]))
    assert profile["before"] == before[profile["y"], part].tolist()
    assert profile["after"] == after[profile["y"], part].tolist()
    picture = np.asarray(
        Image.open(result.folder / "previews" / entry["pictures"]["after"]).convert("L"), float
    )
    assert picture == pytest.approx(Display(before)(after).astype(float), abs=40)
    assert picture.mean() == pytest.approx(Display(before)(after).mean(), abs=2)


def test_the_outline_is_of_all_that_any_step_finds(
    tmp_path: Path, charged: Callable[..., NDArray[Any]], protocol: Write
) -> None:
    (tmp_path / "cell").mkdir()
    tifffile.imwrite(tmp_path / "cell" / "s.tif", charged(1)[0])
    steps = [{"step": "standardize"}]
    for name, inverse in (("dark", True), ("bright", False)):
        find = {
            "step": "find_charging",
            "id": f"find_{name}",
            "inverse": inverse,
            "gf1_sigma": 12,
            "min_area": 20,
        }
        steps += [
            find | {"color_shift": 0.15},
            {"step": "correct_charging", "id": f"correct_{name}", "rb_radius": 10},
        ]
    result = api.run(protocol(chain=[*steps, {"step": "destandardize"}], optimize=None), workers=1)
    outline = (
        np.asarray(Image.open(result.folder / "previews" / "slice0_mask.png").convert("RGBA"))[
            ..., 3
        ]
        > 0
    )
    assert outline[10:32, 10:32].any(), "the dark blob"
    assert outline[16:38, 38:60].any(), "the bright blob"


def test_pictures_that_cannot_be_made_cost_no_result(
    cell: Path, protocol: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> bytes:
        raise ValueError("no film")

    monkeypatch.setattr(collect, "webp", fail)
    result = api.run(protocol(), workers=1)
    assert "the report has no pictures: ValueError: no film" in result.record["warnings"]
    assert len(list(result.stack.iterdir())) == 4
    page = api.report(result.folder).read_text(encoding="utf-8")
    assert "no film" in page
    assert "Every combination" in page


def test_levels_whose_sum_is_beyond_float32() -> None:
    image = np.full((8, 8), 3e38, dtype=np.float32)
    assert shrunk(image, 4).tolist() == [[np.float32(3e38)] * 2] * 2
