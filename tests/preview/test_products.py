"""What the preview shows is what a run writes, bit for bit, and nothing is computed twice."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import yaml

from drifting import drifted, write_drifted
from stackmend import api, resources
from stackmend.chain import Node
from stackmend.errors import InputError, UsageError
from stackmend.preview import Cancelled, Preview, State
from stackmend.result.hashes import pixel_hash

MakeStack = Callable[..., Any]

FIND = {"step": "find_charging", "inverse": True, "gf1_sigma": 8, "min_area": 20}
CORRECT = {
    "step": "correct_charging",
    "gf2_sigma": 8,
    "rb_radius": 5,
    "gf3_sigma": 3,
    "border": 4,
}
CHAIN = [{"step": "standardize"}, FIND, CORRECT, {"step": "destandardize"}]
PER_STACK = [{"step": "standardize", "per": "stack"}, *CHAIN[1:]]
MEDIAN = [{"step": "median_z", "radius": 1, "threshold": 10}]
CROP = [*CHAIN, {"step": "crop", "z": [1, 4], "y": [4, 40], "x": [3, None]}]
LEARNT = [
    {"step": "learn_charging", "inverse": True},
    {"step": "find_learnt_charging"},
    {"step": "subtract_charge"},
]
SMALL = {"slices": 4, "height": 96, "width": 128, "every": 2}


@pytest.fixture
def preview() -> Iterator[Preview]:
    opened = Preview(memory=10**8)
    yield opened
    opened.close()


@pytest.fixture
def take(preview: Preview, tmp_path: Path) -> Callable[..., State]:
    """Examines a protocol that is given as data."""

    def take(chain: Any, *, input: Any = None, **more: Any) -> State:
        values = {name: more.pop(name, None) for name in ("values", "alternative")}
        content = {"protocol": 1, "input": input or {"path": "stack"}, "chain": chain, **more}
        text = yaml.safe_dump(content, sort_keys=False)
        given = {name: value for name, value in values.items() if value}
        return preview.take(text, base=tmp_path, name="tuned.yaml", **given)

    return take


@pytest.fixture
def stack(tmp_path: Path, charged: MakeStack) -> Callable[..., Path]:
    """Writes a charged stack, or another one, into the folder of the protocol."""

    def write(pixels: Any = None, **how: Any) -> Path:
        folder = tmp_path / "stack"
        folder.mkdir(exist_ok=True)
        for number, each in enumerate(charged(**how) if pixels is None else pixels):
            tifffile.imwrite(folder / f"slice{number}.tif", each)
        return folder

    return write


def rows_of(state: State, tmp_path: Path, **more: Any) -> list[dict[str, str]]:
    """The rows of a run of a text."""
    file = tmp_path / "tuned.yaml"
    file.write_text(state.text)
    run = api.run(file, output=tmp_path / "out", workers=1, **more)
    with (run.folder / "slices.csv").open() as table:
        return list(csv.DictReader(table))


def assert_same_as_run(preview: Preview, state: State, tmp_path: Path, **more: Any) -> set[str]:
    """Every slice of every channel is what a run writes; what became of them."""
    assert not [each for each in state.problems if each.severity == "error"]
    assert state.job is not None
    rows = rows_of(state, tmp_path, **more)
    assert len(rows) == len(state.job.places)
    for row in rows:
        channel = state.job.channels.index(int(row["channel"] or 0))
        made = preview.products(state, int(row["slice"]), channel, ("after", "mask", "before"))
        after = made["after"]
        assert (made["status"], made["reason"]) == (row["status"], row["reason"])
        assert ("" if after is None else pixel_hash(after)) == row["output_hash"]
        if row["mask_area"]:
            assert np.count_nonzero(made["mask"]) == int(row["mask_area"])
    return {row["status"] for row in rows}


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_every_type_of_pixels(take, stack, preview, tmp_path, dtype: str) -> None:
    stack(dtype=dtype)
    assert assert_same_as_run(preview, take(CHAIN), tmp_path) == {"restored"}


@pytest.mark.parametrize("chain", [PER_STACK, MEDIAN, CROP, [*PER_STACK, *MEDIAN, *CROP[-1:]]])
def test_every_kind_of_step(take, stack, preview, tmp_path, chain: Any) -> None:
    stack(count=5)
    assert_same_as_run(preview, take(chain), tmp_path)


def test_learnt_with_neighbours(take, preview, tmp_path) -> None:
    state = take(LEARNT, input={"phantom": SMALL | {"tissue": "cells", "charge": ["blobs"]}})
    assert_same_as_run(preview, state, tmp_path)


def test_slices_that_are_moved(take, preview, tmp_path) -> None:
    write_drifted(tmp_path, drifted(5))
    find = {"step": "estimate_alignment", "canvas": "union"}
    chain = [find, *PER_STACK, {"step": "apply_alignment"}]
    state = take(chain, input={"path": "cell.tif"})
    assert_same_as_run(preview, state, tmp_path)
    made = preview.products(state, 1, 0, ("before", "after"))
    assert made["before"].shape == made["after"].shape != drifted(5).shape[1:]


@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_another_type_is_written(take, stack, preview, tmp_path, dtype: str) -> None:
    stack(dtype="uint16")
    assert_same_as_run(preview, take(CHAIN, output={"dtype": dtype}), tmp_path)


def test_constant_and_overmasked_slices(take, stack, preview, tmp_path, charged) -> None:
    pixels = charged(4)
    pixels[1] = 7
    pixels[2] = 9
    pixels[3, :, 8:-8] = pixels[3, :, 8:-8] // 8
    stack(pixels)
    loose = [CHAIN[0], FIND | {"color_shift": 0.02, "gf1_sigma": 120}, *CHAIN[2:]]
    found = assert_same_as_run(preview, take(loose), tmp_path)
    assert "constant" in found
    found = assert_same_as_run(preview, take([*loose, *MEDIAN]), tmp_path)
    assert "constant" in found


def test_overmasked(take, stack, preview, tmp_path) -> None:
    y, x = np.mgrid[:48, :64]
    far = np.maximum(abs(y - 24) / 24, abs(x - 32) / 32)
    charged = (255 - 200 * (far < 0.8)).astype(np.uint8) - (x % 2).astype(np.uint8)
    stack([charged, charged, 55 + (x + y).astype(np.uint8)])
    chain = [CHAIN[0], FIND | {"gf1_sigma": 120, "color_shift": 0.05}, *CHAIN[2:]]
    state = take(chain)
    assert assert_same_as_run(preview, state, tmp_path) == {"overmasked", "nothing_found"}
    made = preview.products(state, 0, 0, ("before", "after", "mask"))
    assert np.array_equal(made["before"], made["after"])
    assert made["mask"].mean() > 0.4

    # Where there are other steps, they work all the same, and see what is written of neighbours.
    flat = {"step": "flatten", "method": "gaussian", "sigma": 8}
    for more in (MEDIAN, [flat], [*MEDIAN, flat]):
        state = take([*chain, *more])
        assert "overmasked" in assert_same_as_run(preview, state, tmp_path)
    made = preview.products(state, 0, 0, ("before", "after"))
    assert not np.array_equal(made["before"], made["after"])


@pytest.mark.parametrize("say", ["keep", "skip"])
@pytest.mark.parametrize("chain", [CHAIN, MEDIAN, CROP])
def test_bad_slices(take, stack, preview, tmp_path, say: str, chain: Any) -> None:
    folder = stack(count=5)
    (folder / "slice2.tif").write_bytes(b"not an image")
    tifffile.imwrite(folder / "slice3.tif", np.zeros((5, 7), np.uint8))
    state = take(chain, input={"path": "stack", "on_bad_slice": say})
    found = assert_same_as_run(preview, state, tmp_path)
    assert found & {"kept", "blank", "skipped"}


def test_rows_that_show_no_specimen(take, stack, preview, tmp_path) -> None:
    stack(count=3)
    state = take(CHAIN, input={"path": "stack", "data_bar": 6, "flip": "y"})
    assert_same_as_run(preview, state, tmp_path)
    made = preview.products(state, 1, 0, ("before", "after", "mask", "flattened"))
    assert made["before"].shape == made["after"].shape == made["mask"].shape == (48, 64)
    assert made["flattened"].shape == (42, 64)


def test_channels(take, preview, tmp_path, charged) -> None:
    stacks = np.stack([charged(3), charged(3, seed=2)], axis=1)
    tifffile.imwrite(tmp_path / "two.tif", stacks, imagej=True, metadata={"axes": "ZCYX"})
    state = take(CHAIN, input={"path": "two.tif"})
    assert len(state.chains) == 2
    assert_same_as_run(preview, state, tmp_path)
    state = take(CHAIN, input={"path": "two.tif", "channel": 1})
    assert_same_as_run(preview, state, tmp_path)


def test_an_alternative_and_values_that_are_swept(take, stack, preview, tmp_path) -> None:
    """What is on the screen is what a run of the same values writes."""
    stack()
    second = FIND | {"color_shift": 0.2}
    swept = {**FIND, "gf1_sigma": {"sweep": [8, 12]}}
    one_of = {"one_of": {"first": [swept, CORRECT], "second": [second, CORRECT]}}
    optimize = {"slices": [1], "loss": "injection_error"}
    chain = [CHAIN[0], one_of, CHAIN[-1]]
    for name, frozen in (
        ("first", [FIND | {"gf1_sigma": 10}, CORRECT]),
        ("second", [second, CORRECT]),
    ):
        values = {"find_charging.gf1_sigma": 10}
        shown = take(chain, optimize=optimize, alternative=name, values=values)
        assert shown.alternative == name
        alone = take([CHAIN[0], *frozen, CHAIN[-1]])
        for row in rows_of(alone, tmp_path):
            made = preview.products(shown, int(row["slice"]), 0, ("after",))
            assert pixel_hash(made["after"]) == row["output_hash"]


@pytest.mark.parametrize("name", ["demo", "published-243"])
def test_protocols_that_come_with_it(preview, tmp_path, name: str) -> None:
    content = yaml.safe_load(resources.config(name).read_text())
    content["input"] = {"phantom": SMALL | {"charge": ["blobs"]}}
    content.pop("optimize")
    for step in content["chain"]:
        for key, value in step.items():
            if isinstance(value, dict):
                step[key] = value["sweep"][1]
    state = preview.take(json.dumps(content), base=tmp_path, name="tuned.yaml")
    assert_same_as_run(preview, state, tmp_path)


# Nothing twice


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts what is computed from now on."""
    counted: Counter[str] = Counter()
    original = Node.compute

    def compute(self: Node, *given: Any) -> Any:
        counted[f"{self.owner}.{self.stage.makes}"] += 1
        return original(self, *given)

    monkeypatch.setattr(Node, "compute", compute)
    return counted


def shown(preview: Preview, state: State, number: int = 1) -> Any:
    return preview.products(state, number, 0, ("after", "mask"))["after"]


def test_only_what_depends_on_a_moved_value_is_computed(take, stack, preview, computed) -> None:
    stack()
    first = shown(preview, take(CHAIN))
    computed.clear()
    moved = take([*CHAIN[:2], CORRECT | {"gf3_sigma": 5}, CHAIN[3]])
    assert not np.array_equal(shown(preview, moved), first)
    late = {"correct_charging.background", "correct_charging.image", "destandardize.image"}
    assert computed == dict.fromkeys(late, 1)
    computed.clear()
    assert np.array_equal(shown(preview, take(CHAIN)), first)  # undo
    assert not computed


def test_a_step_that_is_added_begins_with_what_is_there(take, stack, preview, computed) -> None:
    stack()
    shown(preview, take(CHAIN[:2] + CHAIN[3:]))
    computed.clear()
    shown(preview, take(CHAIN))
    assert not [name for name in computed if name.startswith(("standardize", "find_charging"))]


def test_neighbouring_slices_share(take, stack, preview, computed) -> None:
    stack(count=5)
    state = take([*CHAIN, *MEDIAN])
    shown(preview, state, 1)
    computed.clear()
    shown(preview, state, 2)
    assert computed["find_charging.flattened"] == 1


def test_a_number_is_no_other_type(take, stack, preview, computed) -> None:
    """A step may tell 8 from 8.0, so they are not the same question."""
    stack()
    shown(preview, take([CHAIN[0], FIND | {"gf1_sigma": 8}, *CHAIN[2:]]))
    computed.clear()
    shown(preview, take([CHAIN[0], FIND | {"gf1_sigma": 8.0}, *CHAIN[2:]]))
    assert computed["find_charging.flattened"] == 1


# What cannot be shown


def test_a_state_with_errors_has_problems_and_shows_nothing(take, stack, preview) -> None:
    stack()
    state = take([CHAIN[0], FIND | {"gf1_sigma": -3}, CHAIN[-1]])
    assert state.job is None
    assert "gf1_sigma" in state.problems[0].path
    with pytest.raises(UsageError, match="has errors"):
        preview.products(state, 0, 0, ("after",))
    assert preview.product_names(state) == []


@pytest.mark.parametrize("value", [-3, "wide", None, [1]])
def test_a_value_that_a_step_does_not_take(take, stack, preview, value: Any) -> None:
    """It is examined as if it stood in the file."""
    stack()
    swept = [CHAIN[0], FIND | {"gf1_sigma": {"sweep": [8, 12]}}, *CHAIN[2:]]
    optimize = {"slices": [1], "loss": {"name": "charging_histogram", "distance": 4}}
    state = take(swept, optimize=optimize, values={"find_charging.gf1_sigma": value})
    if value is None:  # nothing is said of it
        assert state.values["find_charging.gf1_sigma"] == 8
        return
    assert state.job is None
    assert state.problems[0].path == "chain[1].gf1_sigma"


def test_what_is_shown_cannot_be_written_to(take, stack, preview) -> None:
    stack()
    names = ("before", "after", "mask", "flattened")
    made = preview.products(take(CHAIN), 1, 0, names)
    assert not any(made[name].flags.writeable for name in names)


@pytest.mark.parametrize("text", ["", "{", "protocol: [", "- 1", "protocol: 2", "\x00"])
def test_no_text_raises(preview, tmp_path, text: str) -> None:
    state = preview.take(text, base=tmp_path, name="tuned.yaml")
    assert state.job is None
    assert state.problems


def test_a_stack_that_vanishes_and_comes_back(take, stack, preview, tmp_path) -> None:
    folder = stack()
    state = take(CHAIN)
    first = shown(preview, state)
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=r"slice2\.tif"):
        shown(preview, state, 2)
    gone = take(CHAIN)
    assert gone.job is None
    assert "there is no such file or folder" in gone.problems[0].message
    (tmp_path / "elsewhere").rename(folder)
    back = take(CHAIN)
    assert np.array_equal(shown(preview, back), first)


def test_a_slice_that_changes_on_disk_is_another_one(take, stack, preview, tmp_path) -> None:
    folder = stack()
    first = shown(preview, take(CHAIN))
    (folder / "slice1.tif").unlink()
    tifffile.imwrite(folder / "slice1.tif", tifffile.imread(folder / "slice2.tif"))
    assert not np.array_equal(shown(preview, take(CHAIN)), first)


def test_cancelled_between_two_stages(take, stack, preview, computed) -> None:
    stack()
    state = take(CHAIN)
    asked = iter([False, False, True])
    with pytest.raises(Cancelled):
        preview.products(state, 1, 0, ("after",), cancelled=lambda: next(asked))
    assert sum(computed.values()) == 2
    shown(preview, state)
    assert set(computed.values()) == {1}


@pytest.mark.parametrize(
    ("number", "channel", "name"), [(9, 0, "after"), (0, 3, "after"), (0, 0, "x")]
)
def test_unknown_slices_channels_and_products(take, stack, preview, number, channel, name) -> None:
    stack()
    state = take(CHAIN)
    with pytest.raises(UsageError, match="choose"):
        preview.products(state, number, channel, (name,))
