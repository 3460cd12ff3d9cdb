"""A look at a stack: what is seen, what is decided, and that the protocol does what it says."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import yaml
from scipy import ndimage

from reference_data import FOLDER, celegans, needs_reference, yeast
from stackmend import api
from stackmend.errors import InputError
from stackmend.looking import look
from stackmend.looking.decision import choice, sample
from stackmend.looking.models import Finding
from stackmend.stacks import open_phantom, open_stack

Stack = np.ndarray[Any, Any]


def written(folder: Path, pixels: Stack) -> tuple[Path, str, list[str]]:
    """A stack on disk, the protocol for it (in a file beside it), and what was said."""
    path, said = folder / "stack.tif", []
    tifffile.imwrite(path, pixels, photometric="minisblack")
    text = api.init(path, progress=said.append)
    (folder / "protocol.yaml").write_text(text, encoding="utf-8")
    return path, text, said


def restored(folder: Path) -> Stack:
    """The stack as the protocol in that folder leaves it."""
    api.run(
        folder / "protocol.yaml", output=folder / "out", set={"output.format": "tiff"}, workers=1
    )
    return tifffile.imread(folder / "out" / "stack.tif")


def steps(text: str) -> list[str]:
    return [entry["step"] for entry in yaml.safe_load(text)["chain"]]


def tissue(count: int, shape: tuple[int, int] = (256, 320)) -> Stack:
    """Slices with dark membranes that move from slice to slice, 8 bit."""
    random = np.random.default_rng(0)
    rough = ndimage.gaussian_filter(random.standard_normal((count + 12, *shape)), (4, 9, 9))
    membranes = np.exp(-((rough / rough.std() / 0.12) ** 2))[6:-6]
    grain = ndimage.gaussian_filter(random.standard_normal((count, *shape)), (0, 1.2, 1.2))
    return np.clip(np.rint(125 - 45 * membranes + 12 * grain / grain.std()), 0, 255)


def blobs(shape: tuple[int, int] = (256, 320)) -> Stack:
    y, x = np.indices(shape)
    return 60 * np.exp(-((y - 80) ** 2 + (x - 90) ** 2) / (2 * 13**2))


@pytest.mark.parametrize("polarity", ["dark", "bright"])
def test_streaks_are_seen_with_their_polarity(tmp_path, polarity):
    phantom = open_phantom({"slices": 3, "polarity": polarity})
    _, text, said = written(tmp_path, np.stack([phantom.read(index) for index in range(3)]))
    protocol = yaml.safe_load(text)
    assert protocol["chain"] == [
        {"step": "find_streaks", "inverse": polarity == "dark"},
        {"step": "fill_streaks"},
    ]
    assert said[-1].startswith(f"{polarity} charge on 3 of 3 slices, ")
    assert f"{polarity} charge on 3 of 3 slices, " in text
    assert text.startswith("# yaml-language-server: $schema=")


def test_deep_data_get_one_unit(tmp_path):
    phantom = open_phantom({"slices": 2})
    pixels = np.stack([phantom.read(index) for index in range(2)]).astype(np.uint16) * 200 + 900
    _, text, _ = written(tmp_path, pixels)
    find = yaml.safe_load(text)["chain"][0]
    assert find["step"] == "find_streaks"
    below, above = np.percentile(pixels, [0.1, 99.9])
    assert find["unit"] == pytest.approx((above - below) / 200, rel=0.05)
    assert np.count_nonzero(restored(tmp_path) != pixels) > 0.01 * pixels.size


def test_blobs_are_learnt_and_taken_off(tmp_path):
    truth = tissue(4)
    pixels = truth.copy()
    pixels[[1, 3]] -= blobs()
    pixels = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    _, text, _ = written(tmp_path, pixels)
    assert steps(text) == ["learn_charging", "find_learnt_charging", "subtract_charge"]
    assert yaml.safe_load(text)["chain"][0]["inverse"] is True
    assert "Nothing was found on slices 0, 2." in text
    last = "  - step: subtract_charge\n"
    searched = text.replace(last, f"{last}    strength: {{sweep: [0.85, 1.0]}}\n")
    optimize = ["optimize:", "  slices: [1, 3]", "  clean: [0, 2]"]
    for line in (*optimize, "  loss: common_histogram", "  also: injection_error"):
        assert f"# {line}\n" in text
        searched = searched.replace(f"# {line}\n", f"{line}\n")
    (tmp_path / "searched.yaml").write_text(searched, encoding="utf-8")
    assert api.check(tmp_path / "searched.yaml").draft.problems == ()
    charged = blobs() > 8
    before, after = (
        np.sqrt(np.mean((each[1] - truth[1])[charged] ** 2))
        for each in (pixels, restored(tmp_path))
    )
    assert after < 0.5 * before


def test_a_clean_stack_is_left_alone(tmp_path):
    pixels = tissue(3).astype(np.uint8)
    _, text, said = written(tmp_path, pixels)
    assert steps(text) == ["crop"]
    assert (
        said[-1]
        == "nothing looks charged (3 slices looked at); the protocol leaves the stack alone"
    )
    assert "nothing looks charged" in text
    assert np.array_equal(restored(tmp_path), pixels)


@pytest.mark.parametrize("pixels", [
    np.full((2, 40, 50), 7, np.uint8),
    np.zeros((1, 1, 1), np.float32),
    np.random.default_rng(0).normal(0, 1, (2, 70, 300)).astype(np.float32),
    np.full((3, 256, 256), 7, np.int16),
])  # fmt: skip
def test_odd_stacks_get_a_protocol_that_is_valid(tmp_path, pixels):
    _, text, _ = written(tmp_path, pixels)
    assert steps(text) == ["crop"]
    assert api.check(tmp_path / "protocol.yaml").draft.problems == ()


def test_the_comments_say_what_was_seen(tmp_path):
    pixels = tissue(2, (120, 200)).astype(np.uint8)
    pixels[:, -20:] = 0
    pixels[:, 5:95:30, 5:195:60] = 255
    path, text, _ = written(tmp_path, pixels)
    assert "# Stack: 2 x 120 x 200 uint8, of unknown pixel size." in text
    assert "the last 20 rows of every slice" in text
    assert "{step: crop, y: [0, 100]} cuts them off" in text
    assert "# Odd pixels" in text
    assert "too small to learn from" in text
    seen = look(open_stack(path), lambda _: None).tissue
    above = pixels[:, :100]
    assert seen.highest == np.mean(above == 255)
    assert seen.lowest == np.mean(above == 0)
    assert seen.odd == pytest.approx(3 * 4 / (100 * 200), rel=0.1)


@pytest.mark.parametrize("paper", [0, 230])
def test_a_written_data_bar_is_no_tissue(tmp_path, paper):
    pixels = tissue(2).astype(np.uint8)
    bar = np.full((34, 320), paper, np.uint8)
    bar[0] = 255 - paper
    letters = np.random.default_rng(3).random((12, 280)) < 0.3
    bar[11:23, 20:300][letters] = 255 - paper
    pixels[:, -34:] = bar
    path, text, _ = written(tmp_path, pixels)
    assert look(open_stack(path), lambda _: None).tissue.bar == 34
    assert "the last 34 rows of every slice" in text
    assert "{step: crop, y: [0, 222]}" in text
    assert steps(text) == ["crop"]


def test_a_bad_slice_is_passed_over(tmp_path):
    pixels = tissue(3).astype(np.float32)
    pixels[1, 5, 6] = np.nan
    _, text, said = written(tmp_path, pixels)
    assert any(each.startswith("passed over: ") for each in said)
    assert "# Passed over: slice 1, " in text
    assert yaml.safe_load(text)["input"]["on_bad_slice"] == "keep"
    assert np.array_equal(restored(tmp_path), pixels, equal_nan=True)


def test_of_bad_slices_alone_nothing_can_be_said(tmp_path):
    with pytest.raises(InputError, match="NaN"):
        written(tmp_path, np.full((2, 70, 80), np.nan, np.float32))


@pytest.mark.slow
def test_the_same_stack_gets_the_same_text(tmp_path):
    _, text, _ = written(tmp_path, tissue(2).astype(np.uint8))
    assert api.init(tmp_path / "stack.tif") == text


def test_slices_are_spread_over_the_stack():
    assert sample(1) == (0,)
    assert sample(12) == tuple(range(12))
    assert sample(60) == (0, 5, 11, 16, 21, 27, 32, 38, 43, 48, 54, 59)


def test_the_choice_between_findings():
    streaks = Finding("streaks", True, {0: 0.0, 1: 0.01})
    more = Finding("streaks", False, {0: 0.02, 1: 0.01})
    learnt = Finding("learnt", True, {0: 0.1, 1: 0.1})
    nothing = Finding("streaks", True, {0: 0.0, 1: 0.0004})
    assert choice([streaks, more]) == more
    assert choice([streaks, nothing, learnt]) == streaks
    assert choice([nothing, learnt]) == learnt
    assert choice([nothing]) is None
    assert (
        choice([nothing, Finding("learnt", True, {0: 0.3}, trouble="more than can be believed")])
        is None
    )
    assert more.charged == (0, 1)


def reference_stack(name: str) -> Stack:
    if str(FOLDER / "reference") not in sys.path:
        sys.path.append(str(FOLDER / "reference"))
    import charging_phantoms

    if name == "story":
        return np.stack(charging_phantoms.story())
    files = sorted((FOLDER / "data" / "fibsem_clean").glob("*.png"))
    from PIL import Image

    return np.stack([np.asarray(Image.open(file).convert("L")) for file in files])


@needs_reference
@pytest.mark.slow
def test_clean_references_look_uncharged(tmp_path):
    _, text, said = written(tmp_path, reference_stack("clean"))
    assert steps(text) == ["crop"]
    assert said[-1].startswith("nothing looks charged")
    assert steps(api.init(celegans())) == ["crop"]


@needs_reference
def test_the_yeast_slice_has_dark_streaks():
    chain = yaml.safe_load(api.init(yeast()))["chain"]
    assert chain == [{"step": "find_streaks", "inverse": True}, {"step": "fill_streaks"}]


@pytest.mark.slow
@needs_reference
def test_the_story_ends_well(tmp_path):
    pixels, truth = reference_stack("story")
    _, text, _ = written(tmp_path, pixels)
    assert steps(text)[0] == "learn_charging"
    charged = np.arange(60) % 3 == 0
    errors = [
        np.sqrt(np.mean((stack.astype(float) - truth) ** 2, axis=(1, 2)))
        for stack in (pixels, restored(tmp_path))
    ]
    before, after = errors
    assert before[charged].mean() > 11
    assert after[charged].mean() < 7.5
    assert after[~charged].mean() < before[~charged].mean() + 0.1
