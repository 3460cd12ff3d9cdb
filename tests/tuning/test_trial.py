"""A search can be asked without a run, and answers what a run of it has done."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tifffile

import stackmend
from stackmend import api
from stackmend.chain import Bound, Node
from stackmend.errors import InputError, UsageError
from stackmend.kernels.rounding import to_dtype
from stackmend.registry import IMAGE, Loss, Stage, Step, Survey, Window
from stackmend.result.rows import LEAVE_IT_ALONE
from stackmend.stacks import open_stack
from stackmend.sweep import Axis, Space
from stackmend.tuning.chains import ChannelChain
from stackmend.tuning.trial import Trial

Write = Callable[..., Path]

CHAIN = [
    {"step": "standardize", "per": "stack"},
    {"step": "median_z", "radius": {"sweep": [0, 1]}, "threshold": 0.02},
    {"step": "find_charging", "inverse": True, "gf1_sigma": {"sweep": [8, 12]}, "min_area": 20},
    {
        "step": "correct_charging",
        "gf2_sigma": 8,
        "rb_radius": {"sweep": [5, 10]},
        "gf3_sigma": 3,
        "border": 4,
    },
    {"step": "median_z", "id": "last", "radius": 1, "threshold": 40},
    {"step": "destandardize"},
]
SWEPT = ("median_z.radius", "find_charging.gf1_sigma", "correct_charging.rb_radius")
LOSS = {"name": "charging_histogram", "distance": 4}
OPTIMIZE = {"slices": [1, 3], "validate": [2], "loss": LOSS}


@pytest.fixture
def file(cell: Path, protocol: Write) -> Path:
    return protocol(chain=CHAIN, optimize=OPTIMIZE, output=None)


def files(folder: Path) -> dict[str, bytes]:
    return {str(each): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def chosen_of(run: api.RunResult) -> dict[str, Any]:
    """What the search has chosen, by full name."""
    assert run.record is not None
    space = run.record["searches"][0]["chosen"]
    return {name: space[name.split(".")[1]] for name in SWEPT}


def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts what is computed from now on."""
    counted: Counter[str] = Counter()
    original = Node.compute

    def compute(self: Node, *given: Any) -> Any:
        counted[f"{self.owner} {self.stage.makes}"] += 1
        return original(self, *given)

    monkeypatch.setattr(Node, "compute", compute)
    return counted


# The same as a run


def test_it_answers_what_a_run_has_done(file: Path, tmp_path: Path) -> None:
    run = api.run(file, output=tmp_path / "out", workers=1)
    trial = stackmend.trial(file)
    with (run.folder / "losses.csv").open() as table:
        every = list(csv.DictReader(table))
    rows = [row for row in every if row["combination"] != LEAVE_IT_ALONE]
    assert (len(rows), len(every)) == (16, 18)
    for row in rows:
        numbers = {name: int(row[name.split(".")[1]]) for name in SWEPT}
        assert str(trial.loss(int(row["slice"]), numbers)) == row["loss"]

    chosen = chosen_of(run)
    assert run.record is not None
    search = run.record["searches"][0]
    before = [trial.loss_untouched(number, chosen) for number in (1, 3)]
    assert np.mean(before) == search["loss_before"]
    alone = [row["loss"] for row in every if row["combination"] == LEAVE_IT_ALONE]
    assert alone == list(map(str, before))
    assert run.stack is not None
    for number in range(4):
        applied = tifffile.imread(run.stack / f"slice{number}.tif")
        assert np.array_equal(to_dtype(trial.image(number, chosen), np.dtype("uint8"))[0], applied)


def test_a_region_is_what_is_searched(cell: Path, protocol: Write, tmp_path: Path) -> None:
    region = {"y": [4, 40], "x": [2, 60]}
    file = protocol(chain=CHAIN, optimize=OPTIMIZE | {"region": region})
    run = api.run(file, output=tmp_path / "out", workers=1)
    trial = stackmend.trial(file)
    chosen = chosen_of(run)
    assert run.record is not None
    losses = [trial.loss(number, chosen) for number in (1, 3)]
    assert np.mean(losses) == run.record["searches"][0]["loss_of_choice"]
    assert trial.image(1, chosen).shape == (36, 58)


def test_products_by_name(file: Path) -> None:
    trial = stackmend.trial(file)
    made = trial.products(1, {"find_charging.gf1_sigma": 12}, ("charging_mask", "initial_image"))
    assert made["charging_mask"].shape == made["initial_image"].shape == (48, 64)
    assert made["charging_mask"].dtype == bool
    assert made["charging_mask"].any()


def test_names_may_be_texts_or_pairs(file: Path) -> None:
    trial = stackmend.trial(file)
    by_text = trial.loss(1, {"find_charging.gf1_sigma": 12, "correct_charging.rb_radius": 10})
    pairs = {("find_charging", "gf1_sigma"): 12, ("correct_charging", "rb_radius"): 10}
    assert by_text == trial.loss(1, pairs) != trial.loss(1)


def test_without_values_the_first_declared_are_taken(file: Path) -> None:
    trial = stackmend.trial(file)
    first = {
        "median_z.radius": 0,
        "find_charging.gf1_sigma": 8,
        "correct_charging.rb_radius": 5,
    }
    assert trial.loss(1) == trial.loss(1, first)


def test_values_need_not_be_declared(file: Path) -> None:
    """A tuner moves freely; only a window sees no more than the search declares."""
    trial = stackmend.trial(file)
    assert isinstance(trial.loss(1, {"correct_charging.rb_radius": 7}), float)


def test_another_input_and_other_values(file: Path, cell: Path, tmp_path: Path) -> None:
    cell.rename(tmp_path / "moved")
    moved = stackmend.trial(file, input=tmp_path / "moved", set={"find_charging.min_area": "30"})
    assert isinstance(moved.loss(1), float)


# What it computes


def test_what_does_not_depend_on_a_late_parameter_is_not_computed_again(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = stackmend.trial(file)
    trial.loss(1)
    counted = calls(monkeypatch)
    trial.loss(1)
    assert not counted
    trial.loss(1, {"correct_charging.rb_radius": 10})
    early = {"standardize", "median_z", "find_charging"}
    assert not early & {name.split()[0] for name in counted}
    assert counted["correct_charging image"] == 1
    assert set(counted.values()) == {1}
    counted.clear()
    trial.loss(1, {"find_charging.gf1_sigma": 12})
    assert not {"standardize", "median_z"} & {name.split()[0] for name in counted}
    assert counted["find_charging charging_mask"] == 1


def test_the_image_and_the_loss_share_what_they_can(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last step sees neighbours, which the loss does not need; the slice itself is shared."""
    trial = stackmend.trial(file)
    counted = calls(monkeypatch)
    trial.image(1)
    assert counted["correct_charging image"] == 3
    assert counted["last image"] == 1
    counted.clear()
    trial.loss(1)
    assert {name.split()[0] for name in counted} == {"loss"}
    counted.clear()
    trial.image(1)
    assert not counted


def test_what_leads_to_something_known_may_be_forgotten(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = stackmend.trial(file)
    trial.memory.limit = 48 * 64 * 4 + 2000
    loss = trial.loss(1)
    counted = calls(monkeypatch)
    assert trial.loss(1) == loss
    assert not counted
    assert trial.loss(1, {"correct_charging.rb_radius": 10}) != loss
    assert counted["median_z image"] == 1


# What cannot be answered


@pytest.mark.parametrize("name", ["find_charging.sigma", "gf1_sigma", ("nobody", "gf1_sigma")])
def test_unknown_parameters(file: Path, name: Any) -> None:
    trial = stackmend.trial(file)
    swept = r"median_z\.radius, find_charging\.gf1_sigma, correct_charging\.rb_radius"
    with pytest.raises(UsageError, match=rf"^values: this search sweeps {swept}, got .*sigma; "):
        trial.loss(1, {name: 8})


def test_unknown_products(file: Path) -> None:
    trial = stackmend.trial(file)
    with pytest.raises(UsageError, match=r"^products: there are image, .*, got mask; "):
        trial.products(1, None, ("image", "mask"))


@pytest.mark.parametrize("number", [-1, 4])
def test_unknown_slices(file: Path, number: int) -> None:
    trial = stackmend.trial(file)
    with pytest.raises(UsageError, match=rf"^slice: there are 0 to 3, got {number}; choose one"):
        trial.image(number)


def test_unknown_searches(file: Path) -> None:
    for search in (-1, 1):
        with pytest.raises(
            UsageError, match=rf"^search: the protocol has 1 searches, got {search}"
        ):
            stackmend.trial(file, search=search)


def test_unusable_slices(file: Path, cell: Path) -> None:
    image = tifffile.imread(cell / "slice1.tif")
    tifffile.imwrite(cell / "slice1.tif", np.full_like(image, 7))
    (cell / "slice3.tif").write_bytes(b"no image")
    trial = stackmend.trial(file, set={"input.on_bad_slice": "keep"})
    loss: Any = trial.loss(1)
    assert loss.reason == "the slice is constant"
    assert trial.loss_untouched(1) == loss
    assert np.array_equal(trial.image(1), np.full_like(image, 7))
    with pytest.raises(InputError, match=r"slice3\.tif"):
        trial.loss(3)
    assert isinstance(trial.loss(2), float)  # between the two


# Several searches


def test_a_second_search_works_on_what_the_first_chooses(
    cell: Path, protocol: Write, tmp_path: Path
) -> None:
    one = {"steps": ["find_charging"], "slices": [1], "loss": LOSS}
    two = {"steps": ["correct_charging"], "slices": [1, 2], "loss": LOSS}
    chain = [CHAIN[0], *CHAIN[2:]]
    file = protocol(chain=chain, optimize=[one, two])
    run = api.run(file, output=tmp_path / "out", workers=1)
    trial = stackmend.trial(file, search=1)
    values = {bound.id: bound.parameters for bound in trial.chain.steps}
    assert run.record is not None
    first, second = run.record["searches"]
    assert values["find_charging"]["gf1_sigma"] == first["chosen"]["gf1_sigma"]
    chosen = {"correct_charging.rb_radius": second["chosen"]["rb_radius"]}
    losses = [trial.loss(number, chosen) for number in (1, 2)]
    assert np.mean(losses) == second["loss_of_choice"]


def test_a_search_that_is_left_out_cannot_be_asked(cell: Path, protocol: Write) -> None:
    nothing = CHAIN[2] | {"color_shift": 0.9}
    one = {
        "steps": ["find_charging"],
        "slices": [1],
        "loss": LOSS,
        "on_nothing_found": "skip",
    }
    two = {"steps": ["correct_charging"], "slices": [1], "loss": LOSS}
    chain = [CHAIN[0], nothing, *CHAIN[3:]]
    file = protocol(chain=chain, optimize=[one, two])
    assert isinstance(stackmend.trial(file), Trial)
    with pytest.raises(
        UsageError, match=r"^search 1: correct_charging are left out, as an earlier"
    ):
        stackmend.trial(file, search=1)


def test_nothing_is_written(file: Path, tmp_path: Path) -> None:
    before = files(tmp_path)
    trial = stackmend.trial(file)
    trial.loss(1)
    trial.loss_untouched(1)
    trial.image(2)
    assert files(tmp_path) == before


# Steps of other people


def test_an_absent_neighbour_is_absent_with_all_that_is_given_for_it(cell: Path) -> None:
    """A window holds as many values of a survey as slices, whether it was needed or not."""

    def counted(image: Window[Any], known: Window[Any], *, gain: int) -> Any:
        assert len(image) == len(known)
        return image[image.centre] * np.float32(gain * len(known))

    def loss(image: Any) -> float:
        return float(image.mean())

    survey = Survey("known", loss, len, needed=lambda: False)
    stages = (Stage(counted, makes=IMAGE, window=1),)
    step = Step(name="count", version=1, stages=stages, survey=survey)
    chain = ChannelChain(
        open_stack(cell)[0], (Bound(step, "count", {}),), {"count.known": None}, windowed=True
    )
    judged = SimpleNamespace(
        loss=Loss(name="mean", version=1, stages=(Stage(loss),)), parameters={}
    )
    entry: Any = SimpleNamespace(steps=["count"], own_steps=(), loss=judged, also=None, region={})
    trial = Trial(chain, entry, Space((Axis(("count", "gain"), (1, 2)),)))
    means = [chain.reader.read(number).mean() for number in range(4)]
    for number, seen in enumerate((2, 3, 3, 2)):
        expected = pytest.approx(2 * seen * means[number], rel=1e-5)
        assert trial.loss(number, {"count.gain": 2}) == expected
        applied = chain.with_values({("count", "gain"): 2}).consecutive()
        made = applied.evaluate(number, (IMAGE,))[IMAGE]
        assert np.array_equal(trial.image(number, {"count.gain": 2}), made)


def test_a_loss_may_see_neighbours(cell: Path) -> None:
    def darker(image: Any, *, gain: int) -> Any:
        return image * np.float32(1 / gain)

    def loss(image: Window[Any]) -> float:
        return float(np.ptp([each.mean() for each in image]))

    step = Step(name="darker", version=1, stages=(Stage(darker, makes=IMAGE),))
    chain = ChannelChain(open_stack(cell)[0], (Bound(step, "darker", {}),))
    component = Loss(name="unsteady", version=1, stages=(Stage(loss, window=1),))
    judged = SimpleNamespace(loss=component, parameters={})
    entry: Any = SimpleNamespace(steps=["darker"], own_steps=(), loss=judged, also=None, region={})
    trial = Trial(chain, entry, Space((Axis(("darker", "gain"), (1, 2)),)))
    for number in (0, 2):
        untouched = trial.loss_untouched(number, {"darker.gain": 2})
        assert untouched == trial.loss(number, {"darker.gain": 1})
        assert trial.loss(number, {"darker.gain": 2}) == pytest.approx(untouched / 2)
