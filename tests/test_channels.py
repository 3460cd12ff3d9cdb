"""Each channel is restored by itself, with one choice of parameters or with its own."""

from __future__ import annotations

import csv
import json
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from kills import charged
from stackmend import api

CHAIN = [
    {"step": "standardize"},
    {"step": "find_charging", "inverse": True, "gf1_sigma": {"sweep": [15, 30]}},
    {"step": "correct_charging", "gf2_sigma": 20, "rb_radius": {"sweep": [5, 50]}},
    {"step": "destandardize"},
]


def channels() -> NDArray[np.uint8]:
    """``(Z, C, Y, X)``: a charged channel, its mirror image at other levels, and a quiet one."""
    first = charged(4)
    noise = np.random.default_rng(1).normal(0, 2, first.shape)
    quiet = (np.linspace(60, 160, first.shape[-1]) + noise).astype(np.uint8)
    return np.stack((first, first[:, ::-1, ::-1] // 2, quiet), axis=1)


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    tifffile.imwrite(tmp_path / "cell.tif", channels(), imagej=True, metadata={"axes": "ZCYX"})
    for number in range(3):
        one = np.ascontiguousarray(channels()[:, number])
        tifffile.imwrite(
            tmp_path / f"channel{number}.tif",
            one,
            photometric="minisblack",
            metadata={"axes": "ZYX"},
        )
    return tmp_path


def write(
    folder: Path,
    *,
    chain: Any = CHAIN,
    given: Any = None,
    optimize: Any = None,
    format: str = "tiff",
) -> Path:
    content: dict[str, Any] = {
        "protocol": 1,
        "input": {"path": "cell.tif", **(given or {})},
        "chain": chain,
    }
    content["output"] = {"path": "out", "format": format}
    if chain is CHAIN:
        content["optimize"] = {"slices": [1], "validate": [2], **(optimize or {})}
    file = folder / "protocol.yaml"
    file.write_text(json.dumps(content))
    return file


def alone(folder: Path, number: int, **chosen: str) -> NDArray[Any]:
    """A channel restored as a stack of its own, with given values."""
    values = {
        "find_charging.gf1_sigma": chosen["gf1_sigma"],
        "correct_charging.rb_radius": chosen["rb_radius"],
    }
    chain = [
        {key: 1 if isinstance(value, dict) else value for key, value in step.items()}
        for step in CHAIN
    ]
    file = write(folder, chain=chain)
    run = api.run(
        file,
        input=folder / f"channel{number}.tif",
        output=folder / f"alone{number}",
        set=values,
        workers=1,
    )
    pixels: NDArray[Any] = tifffile.imread(run.stack)
    return pixels


def test_all_are_restored_with_what_is_chosen_on_the_first(stack: Path) -> None:
    run = api.run(write(stack), workers=2)
    assert run.record is not None
    chosen = {name: str(value) for name, value in run.record["searches"][0]["chosen"].items()}
    assert run.record["searches"][0]["channel"] == 0
    pixels = tifffile.imread(run.stack)
    with tifffile.TiffFile(run.stack) as tif:
        assert (tif.series[0].axes, tif.series[0].shape) == ("ZCYX", (4, 3, 96, 128))
    for number in range(3):
        assert np.array_equal(pixels[:, number], alone(stack, number, **chosen))
    with (run.folder / "slices.csv").open() as file:
        rows = [(row["slice"], row["channel"]) for row in csv.DictReader(file)]
    assert rows == list(product("0123", "012"))
    assert run.record["chains"] is None


def test_each_with_its_own_choice(stack: Path) -> None:
    run = api.run(write(stack, given={"channel": [0, 1]}, optimize={"channel": "each"}), workers=2)
    assert run.record is not None
    searches = run.record["searches"]
    assert [search["channel"] for search in searches] == [0, 1]
    pixels = tifffile.imread(run.stack)
    assert pixels.shape == (4, 2, 96, 128)
    for number, search in enumerate(searches):
        chosen = {name: str(value) for name, value in search["chosen"].items()}
        assert np.array_equal(pixels[:, number], alone(stack, number, **chosen))
    with (run.folder / "losses.csv").open() as file:
        assert {row["channel"] for row in csv.DictReader(file)} == {"0", "1"}
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    for number in (0, 1):
        assert f"Chosen for find_charging, correct_charging, channel {number}" in page
    assert "Pictures are of the first channel." in page


def test_what_is_chosen_on_another(stack: Path) -> None:
    run = api.run(write(stack, optimize={"channel": 1}), workers=1)
    assert run.record is not None
    chosen = {name: str(value) for name, value in run.record["searches"][0]["chosen"].items()}
    assert run.record["searches"][0]["channel"] == 1
    assert np.array_equal(tifffile.imread(run.stack)[:, 0], alone(stack, 0, **chosen))


def test_one_channel_alone(stack: Path) -> None:
    run = api.run(write(stack, given={"channel": 1}), workers=1)
    assert run.record is not None
    chosen = {name: str(value) for name, value in run.record["searches"][0]["chosen"].items()}
    assert run.record["input"]["channels"] == [1]
    assert np.array_equal(tifffile.imread(run.stack), alone(stack, 1, **chosen))


def test_a_folder_has_a_file_for_each_channel_of_a_slice(stack: Path) -> None:
    run = api.run(
        write(stack, given={"channel": [2, 0]}, optimize={"channel": 0}, format="tiff-folder"),
        workers=2,
    )
    assert run.stack is not None
    names = sorted(file.name for file in run.stack.iterdir())
    assert names == [f"cell_{z:04d}_c{c}.tif" for z, c in product(range(4), range(2))]
    quiet = [tifffile.imread(run.stack / f"cell_{z:04d}_c0.tif") for z in range(4)]
    assert np.array_equal(quiet, channels()[:, 2])


def test_where_only_one_channel_has_charging_the_other_is_left_as_it_is(stack: Path) -> None:
    given, optimize = {"channel": [0, 2]}, {"channel": "each", "on_nothing_found": "skip"}
    run = api.run(write(stack, given=given, optimize=optimize), workers=2)
    assert run.record is not None
    pixels = tifffile.imread(run.stack)
    assert np.array_equal(pixels[:, 1], channels()[:, 2])
    assert not np.array_equal(pixels[:, 0], channels()[:, 0])
    assert [[step["step"] for step in run.record["chains"][number]] for number in ("0", "2")] == [
        ["standardize", "find_charging", "correct_charging", "destandardize"],
        ["standardize", "destandardize"],
    ]


def test_an_interrupted_run_keeps_the_channels_apart(stack: Path) -> None:
    whole = api.run(write(stack), output=stack / "whole", workers=1)
    count = 0

    def stop(kind: str, _: Any) -> None:
        nonlocal count
        count += kind == "slice"
        if count == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        api.run(write(stack), workers=1, listener=stop)
    run = api.run(write(stack), workers=2)
    assert np.array_equal(tifffile.imread(run.stack), tifffile.imread(whole.stack))
    assert run.record is not None
    assert whole.record is not None
    assert run.record["output"] == whole.record["output"]
    assert run.record["slices"]["kept_from_earlier"] >= 5


@pytest.mark.parametrize(
    ("given", "optimize", "path", "message"),
    [
        ({"channel": 3}, {}, "input.channel", "cell.tif has 3 channels, 0 to 2"),
        ({"channel": [0, 5]}, {}, "input.channel[1]", "cell.tif has 3 channels, 0 to 2"),
        ({"channel": [1, 1]}, {}, "input.channel", "names 1 more than once; keep one"),
        ({"channel": []}, {}, "input.channel", "must name at least one channel"),
        (
            {"channel": [0, 1]},
            {"channel": 2},
            "optimize.channel",
            "channel 2 is not restored; see input.channel",
        ),
        ({}, {"channel": 7}, "optimize.channel", "cell.tif has 3 channels, 0 to 2"),
        (
            {},
            {"channel": "all"},
            "optimize.channel",
            "must be each, or the number of a channel, counted from 0",
        ),
    ],
)
def test_what_is_refused(stack: Path, given: Any, optimize: Any, path: str, message: str) -> None:
    problems = api.check(write(stack, given=given, optimize=optimize)).draft.problems
    assert [(problem.path, problem.message) for problem in problems] == [(path, message)]
