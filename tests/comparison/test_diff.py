"""``diff``: every difference of two runs is named, with whether it can move pixels."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from kills import CHAIN, write_protocol
from stackmend import api
from stackmend.api import Comparison
from stackmend.errors import InputError
from stackmend.result.environment import environment
from stops import write_small_stack
from tampered import record

SWEEP: dict[str, Any] = {"gf2_sigma": {"sweep": [15, 30]}}
OPTIMIZE = {"slices": [0], "validate": [1]}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stack and a result with a search, ``first``."""
    folder = tmp_path_factory.mktemp("diff")
    write_small_stack(folder, 3)
    run(folder, "first")
    return folder


def run(folder: Path, name: str, output: dict[str, Any] | None = None, **how: Any) -> Path:
    how = {"optimize": OPTIMIZE, **SWEEP, **how}
    how = {name: each for name, each in how.items() if each is not None}
    file = write_protocol(folder, output or {}, **how)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stackmend.runner.stories.collect", lambda *_: None)
        return api.run(file, output=folder / name, workers=1).folder


def compared(place: Path, tmp_path: Path, **how: Any) -> Comparison:
    """The first result beside another of the same stack."""
    shutil.copytree(place / "stack", tmp_path / "stack")
    return api.diff(place / "first", run(tmp_path, "second", **how))


def found(comparison: Comparison) -> dict[str, str]:
    """What differs, and whether that can move pixels."""
    return {f"{each.section}: {each.what}": each.moves.value for each in comparison.differences}


CAN, CANNOT, OUTCOME = "can move pixels", "cannot move pixels", "outcome"


def test_the_same_once_more_is_no_difference(place: Path, tmp_path: Path) -> None:
    comparison = compared(place, tmp_path)
    assert not comparison.differences
    assert comparison.same_pixels
    assert comparison.beside.keys() >= {"started", "input"}
    assert not api.diff(place / "first", place / "first").beside


def test_another_value_and_what_comes_of_it(place: Path, tmp_path: Path) -> None:
    chain = [each | ({"gf1_sigma": 20} if "gf1_sigma" in each else {}) for each in CHAIN]
    comparison = compared(place, tmp_path, chain=chain)
    said = found(comparison)
    assert said["parameters: find_charging.gf1_sigma"] == CAN
    assert said["protocol: line 1"] == CANNOT
    assert said["pixels: slice 0"] == OUTCOME
    assert any(name.startswith("losses: search 0, slice 0: ") for name in said)
    before, after = (
        tifffile.imread(folder / "stack" / "s0.tif").astype(int)
        for folder in (place / "first", tmp_path / "second")
    )
    (pixels,) = (each for each in comparison.differences if each.what == "slice 0")
    count, most = np.count_nonzero(before != after), np.abs(before - after).max()
    assert pixels.note.startswith(f"{count} px by {most} grey level")


def test_another_search_with_the_same_choice_moves_nothing(place: Path, tmp_path: Path) -> None:
    comparison = compared(place, tmp_path, gf2_sigma={"sweep": [30, 15]})
    said = found(comparison)
    assert said.pop("search: space of search 0") == CANNOT
    assert comparison.same_pixels
    assert CAN not in said.values()


def test_another_origin_of_the_same_value_moves_nothing(place: Path, tmp_path: Path) -> None:
    comparison = compared(place, tmp_path, gf2_sigma=15, optimize=None)
    said = found(comparison)
    assert said["parameters: origin of correct_charging.gf2_sigma"] == CANNOT
    assert comparison.same_pixels


def test_formats_cannot_move_pixels_and_types_can(place: Path, tmp_path: Path) -> None:
    comparison = compared(place, tmp_path, output={"format": "tiff", "dtype": "float32"})
    said = found(comparison)
    assert said["output: format"] == CANNOT
    assert said["output: dtype"] == CAN
    assert not comparison.same_pixels


def test_another_input_is_named_by_its_slices(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "stack", tmp_path / "stack")
    image = tifffile.imread(tmp_path / "stack" / "s2.tif")
    tifffile.imwrite(tmp_path / "stack" / "s2.tif", image ^ 1)
    comparison = api.diff(place / "first", run(tmp_path, "second"))
    (input,) = (each for each in comparison.differences if each.section == "input")
    assert input.note == "other in 1 slice: 2"
    assert input.moves == CAN
    assert [each.what for each in comparison.differences if each.section == "pixels"] == ["slice 2"]


def test_other_steps_and_slices(place: Path, tmp_path: Path) -> None:
    comparison = compared(place, tmp_path, chain=[*CHAIN[:1], *CHAIN[3:]], optimize=None)
    said = found(comparison)
    assert said["steps: steps"] == CAN
    shutil.rmtree(tmp_path / "stack")
    few = {"path": "stack", "slices": [0, 1]}
    comparison = compared(place, tmp_path, input=few)
    said = found(comparison)
    assert said["input: slices"] == CAN
    assert said["pixels: slice 2"] == OUTCOME


VERSIONS = {
    "environment.packages.numpy": CAN,
    "environment.packages.tifffile": CANNOT,
    "environment.python": CANNOT,
    "environment.processor": CAN,
    "chain.1.version": CAN,
}


@pytest.mark.parametrize("path", VERSIONS)
def test_versions_are_told_apart_by_whether_they_move_pixels(
    place: Path, tmp_path: Path, path: str
) -> None:
    other = Path(shutil.copytree(place / "first", tmp_path / "other"))
    record(path, 99 if path.endswith(".version") else "99", other, sealed=True)
    (difference,) = api.diff(place / "first", other).differences
    assert difference.moves == VERSIONS[path]


def test_every_package_of_the_record_is_compared() -> None:
    assert "numpy" in environment(1)["packages"]


def test_without_stacks_fingerprints_say_how_much(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "stack", tmp_path / "stack")
    chain = [each | ({"gf1_sigma": 20} if "gf1_sigma" in each else {}) for each in CHAIN]
    other = run(tmp_path, "second", chain=chain)
    shutil.rmtree(other / "stack")
    comparison = api.diff(place / "first", other)
    pixels = [each for each in comparison.differences if each.section == "pixels"]
    assert pixels
    for each in pixels:
        assert re.fullmatch("by .* grey levels? at least", each.note)


def test_the_command(
    main: Callable[..., int], place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = place / "first"
    assert main("diff", first, first) == 0
    assert "no difference, the same pixels" in capsys.readouterr().out
    other = Path(shutil.copytree(first, tmp_path / "other"))
    record("environment.packages.numpy", "99", other, sealed=True)
    assert main("diff", first, other) == 7
    text = capsys.readouterr().out
    assert "1 difference, the same pixels\ncan move pixels:\n  versions: numpy: " in text
    assert main("diff", first, other, "--format", "json") == 7
    facts = json.loads(capsys.readouterr().out)
    assert (facts["can_move_pixels"], facts["status"], facts["same_pixels"]) == (1, 7, True)
    assert main("diff", first, tmp_path) == 4
    with pytest.raises(InputError):
        api.diff(tmp_path, first)
