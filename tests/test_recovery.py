"""What becomes of known faults: half of them where half is taken, and why where nothing can be."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

import reference_data
from stackmend import api, registry
from stackmend.chain import Bound
from stackmend.kernels.fault_places import Piece, Place, outlook
from stackmend.kernels.matched_charge import charge_like, charge_likeness
from stackmend.protocol.model import SliceSelection
from stackmend.registry import IMAGE, Recovery, Stage, Step, Window
from stackmend.restore.recovery import recovery, restorations
from stackmend.restore.recovery_outcome import FEWEST_PLACES
from stackmend.restore.recovery_steps import StepsUnderTest
from stackmend.result.recovery_record import RecoveryRecord
from stackmend.result.rows import SliceRow, Status
from stackmend.runner import stories
from stackmend.stacks import open_stack
from stackmend.tuning.chains import ChannelChain, Tuning
from stackmend.tuning.tune import untuned
from stackmend.workers.processes import Workers

GROUND = 100
CHARGE = Recovery("charge", charge_likeness, charge_like)


class Stack:
    """Level slices with a rectangle of charge in the first and a spot in each."""

    def __init__(self, dtype: str = "uint8", scale: float = 1, size: int = 160) -> None:
        stack = np.full((3, size, size), GROUND, float)
        stack[:, 0, 0] -= 1
        stack[0, 20:60, 30:70] += 80
        self.pixels = (stack * scale).astype(dtype)
        self.shape, self.dtype = stack.shape, self.pixels.dtype

    def read(self, number: int) -> NDArray[Any]:
        return self.pixels[number]


def marked(image, *, inverse, ground):
    return (image < ground * 0.7) if inverse else (image > ground * 1.3)


def halved(image, *, ground):
    away = (image - ground) * (abs(image - ground) > ground * 0.02)
    return (image - away / 2).astype(np.float32)


def halved_where_marked(image, *, ground):
    return np.where(image > ground * 1.3, (image + ground) / 2, image).astype(np.float32)


def halved_to_neighbours(image: Window[NDArray[np.float32]]):
    centre = image[image.centre]
    others = [each for place, each in enumerate(image) if place != image.centre]
    return ((centre + sum(others) / len(others)) / 2).astype(np.float32)


def harmed(image, *, ground):
    """Only what is 1.5 times the ground is halved; what is fainter is made stronger."""
    above = (image - ground) * (image > ground * 1.02)
    return (image + np.where(image > ground * 1.5, -above / 2, above)).astype(np.float32)


def outcome_of(stack: Stack, function: Callable[..., Any] = halved, **given: Any) -> RecoveryRecord:
    """The only test on such a chain."""
    (record,) = outcomes_of(stack, function, **given)
    return replace(record, seconds=0)


def outcomes_of(
    stack: Stack,
    function: Callable[..., Any] = halved,
    *,
    window: int = 0,
    ground: float = GROUND,
    workers: int = 1,
    optimized: tuple[int, ...] = (),
    inverse: bool = False,
    declared: Recovery | None = CHARGE,
    before: tuple[Bound, ...] = (),
    behind: tuple[Bound, ...] = (),
) -> tuple[RecoveryRecord, ...]:
    """The test on a chain of one step, which marks what is 1.3 times the ground, and others."""
    mask = Stage(marked, mask_of="charging")
    stages = mask, Stage(function, makes=IMAGE, window=window)
    step = Step(name="halve", version=1, stages=stages, recovery=declared)
    bound = Bound(step, "halve", {"inverse": inverse, "ground": ground})
    chain = ChannelChain(stack, (*before, bound, *behind), windowed=bool(window))
    height, width = stack.shape[1:]
    entries = [SimpleNamespace(slices=SliceSelection("", optimized), clean=())] if optimized else []
    job = SimpleNamespace(
        protocol=SimpleNamespace(optimize=entries),
        reader=stack,
        channels=(0,),
        slices=(0, 1, 2),
        window=(slice(0, height), slice(0, width)),
    )
    rows = []
    for number in range(3):
        area = int(marked(stack.read(number).astype(float), inverse=inverse, ground=ground).sum())
        status = Status.RESTORED if area else Status.NOTHING_FOUND
        rows.append(SliceRow(number, 0, f"s{number}", status, mask_area=area))
    session = SimpleNamespace(job=job, workers=Workers(workers))
    return recovery(session, Tuning((chain,)), rows)


@pytest.mark.parametrize(("dtype", "scale"), [("uint8", 1), ("uint16", 200), ("float32", 0.004)])
def test_half_is_half_for_every_type(dtype: str, scale: float) -> None:
    record = outcome_of(Stack(dtype, scale), ground=GROUND * scale)
    assert (record.slices, record.reason) == ((0, 1), "")
    assert record.places >= FEWEST_PLACES
    assert record.taken == pytest.approx(0.5, abs=0.01)
    assert record.taken_least == pytest.approx(0.5, abs=0.02)
    assert record.taken_most == pytest.approx(0.5, abs=0.02)
    assert (record.clean_change, record.clean_changed) == (0, 0)
    assert record.words.startswith("of a known charge of this kind, 50 % (from 50 to 50 % over ")
    assert record.words.endswith("clean tissue is changed by 0 grey levels, 0 % of its pixels")


def test_neighbours_are_as_they_are() -> None:
    record = outcome_of(Stack(), halved_to_neighbours, window=1)
    assert record.taken == pytest.approx(0.5, abs=0.01)


def test_dark_charge_is_taken_from_a_dark_slice() -> None:
    stack = Stack()
    stack.pixels = 2 * GROUND - stack.pixels
    record = outcome_of(stack, inverse=True)
    assert record.taken == pytest.approx(0.5, abs=0.01)


def test_more_than_was_added_is_less_than_nothing_taken() -> None:
    record = outcome_of(Stack(), harmed)
    assert record.taken is not None
    assert record.taken_least == pytest.approx(-1, abs=0.05)


def test_workers_make_no_difference() -> None:
    assert outcome_of(Stack(), workers=1) == outcome_of(Stack(), workers=3)


def test_where_nothing_is_found_nothing_was_taken_away() -> None:
    stack = Stack()
    stack.pixels = np.minimum(stack.pixels, GROUND)
    for optimized in ((), (1,)):
        record = outcome_of(stack, optimized=optimized)
        assert (record.slices, record.taken, record.reason) == ((), None, "")
        assert record.words.endswith(
            "in the slices that were looked at, halve found none that counts"
        )


def test_without_room_nothing_is_stated() -> None:
    stack = Stack(size=64)
    stack.pixels[:, 5:59, 5:59] = 180
    record = outcome_of(stack)
    assert record.taken is None
    room = "beside what is marked there is room for 0 places of 0 px in all"
    assert record.words == f"how much of the charge is taken away is not known: {room}"


def test_what_is_no_stronger_than_tissue_may_be_tissue() -> None:
    """Unless slices without a mask say that it is not."""
    wave = 27 * np.sin(np.arange(160) / 6)
    stack = Stack()
    stack.pixels = (stack.pixels * 0.6 + 60 + wave).clip(0, 255).astype(np.uint8)
    stack.pixels[1:] = stack.pixels[0]
    record = outcome_of(stack, halved_where_marked, ground=114)
    assert record.taken is None
    assert record.reason.endswith("is no stronger than the tissue's own structures")
    stack.pixels[2] = stack.pixels[2].clip(0, 140)
    assert "no stronger" not in outcome_of(stack, halved_where_marked, ground=114).reason


def other(id: str, function: Callable[..., Any]) -> Bound:
    """A step that is not about charge."""
    return Bound(Step(name=id, version=1, stages=(Stage(function, makes=IMAGE),)), id, {})


def levelled(image):
    """Every pixel answers to charge anywhere: the mean becomes the ground."""
    return (image - image.mean() + GROUND).astype(np.float32)


def mirrored(image):
    return image[::-1].copy()


def test_only_what_steps_against_charge_do_is_their_doing() -> None:
    """Not what others do before them and behind them, nor how these answer to known charge."""
    level, mirror = other("level", levelled), other("mirror", mirrored)
    alone = outcome_of(Stack(), halved_where_marked)
    record = outcome_of(Stack(), halved_where_marked, before=(level,), behind=(mirror,))
    assert (alone.steps, record.steps) == ((), ("halve",))
    assert record.taken == pytest.approx(alone.taken, abs=0.1)
    assert record.clean_change == pytest.approx(0, abs=0.01)
    assert " is taken away by halve; they change clean tissue by " in record.words
    behind = outcome_of(Stack(), halved_where_marked, behind=(mirror,))
    assert replace(behind, steps=()) == alone


CHARGE_STEPS = {
    "streaks": ("find_streaks", "fill_streaks"),
    "learnt": ("learn_charging", "find_learnt_charging", "subtract_charge"),
    "published": ("standardize", "find_charging", "correct_charging", "destandardize"),
}


def groups_of(*names: str) -> dict[str, tuple[str, ...]]:
    """The steps that are tested on the faults of each that declares some, by their names."""
    found = {}
    window = slice(0, 160), slice(0, 160)
    chain = ChannelChain(Stack(), chain_of(*names))
    for each in chain.steps:
        if each.component.recovery:
            found[each.id] = StepsUnderTest.around(chain, each, window).ids
    return found


def chain_of(*names: str) -> tuple[Bound, ...]:
    return tuple(Bound(registry.steps().get(name.rstrip("2")), name, {}) for name in names)


@pytest.mark.parametrize("kind", CHARGE_STEPS)
def test_the_steps_that_work_together_are_tested(kind: str) -> None:
    own = CHARGE_STEPS[kind]
    assert set(groups_of(*own).values()) == {own}
    assert set(groups_of("flatten", "destripe", *own, "denoise").values()) == {own}


def test_steps_against_two_kinds_of_charge_are_tested_together_where_they_follow_each_other() -> (
    None
):
    one, two = CHARGE_STEPS["streaks"], ("find_streaks2", "fill_streaks2")
    assert set(groups_of("flatten", *one, *two, "denoise").values()) == {(*one, *two)}
    assert groups_of(*one, "denoise", *two) == {one[0]: one, two[0]: two}
    assert groups_of(one[0], "destripe", one[1]) == {one[0]: (one[0], "destripe", one[1])}


def test_charge_is_looked_for_where_it_is_though_others_were_searched_elsewhere() -> None:
    """Slices without it may have been searched against curtains."""
    assert outcome_of(Stack(), optimized=(1,)) == outcome_of(Stack())


def test_steps_that_declare_no_known_fault_are_not_tested() -> None:
    assert outcomes_of(Stack(), declared=None) == ()


def outlook_from(*places: Place) -> Any:
    """The outlook for one piece of strength 4 and 400 px."""
    return outlook([Piece(4.0, 400, 800.0, 6400.0)], places)


def test_places_count_as_they_are_like_what_was_found() -> None:
    like = Place(4.0, 400, 5.0, 900, 100.0, 4.0)
    unlike = Place(1.0, 40, 5.0, 900, 100.0, 81.0)
    missed = Place(0.0, 0, 5.0, 900, 100.0, 100.0)
    assert outlook_from(like, unlike, unlike).taken == pytest.approx(0.8)
    assert outlook_from(like, missed).found == pytest.approx(0.5)
    assert outlook_from(like, missed, missed, missed).taken == 0
    assert outlook_from(missed, missed) is None


SLOW = pytest.mark.slow

# Cases of the reference whose truth is known: the chain of one slice of theirs.

WORSE = {
    "medulla40-wide-15-dark": {"color_shift": 0.1},
    "medulla44-wide-30-bright": {"color_shift": 0.2},
    "worm08-blob-30-dark": {"color_shift": 0.05, "gf1_sigma": 40},
}


def phantom_case(name: str, folder: Path) -> tuple[Any, Any, bool]:
    """Charged and clean slice of a case, the charged one also as a file of its own."""
    monkey = pytest.MonkeyPatch()
    with monkey.context() as patch:
        patch.syspath_prepend(str(reference_data.FOLDER / "reference"))
        phantoms = importlib.import_module("charging_phantoms")
    charged, clean, charge, inverse = phantoms.phantom(name)
    (folder / "in").mkdir()
    tifffile.imwrite(folder / "in" / "s0.tif", charged)
    return clean.astype(float), charge, inverse


def restored_by(
    chain: list[dict[str, Any]], folder: Path, protocol: Callable[..., Path]
) -> tuple[NDArray[Any], RecoveryRecord]:
    """The only slice of a folder, restored, and the test on it."""
    file = protocol(input={"path": str(folder / "in")}, chain=chain, optimize=None)
    job = api.check(file).job(written=False)
    tuning = untuned(job)
    after = tuning.chains[0].consecutive().evaluate(0, (IMAGE,))[IMAGE]
    session = SimpleNamespace(job=job, workers=Workers(1))
    row = SliceRow(0, 0, "s0", Status.RESTORED, mask_area=1)
    (record,) = recovery(session, tuning, [row])
    return after.astype(float), record


@pytest.mark.parametrize(("chain", "count"), [("charging", 10), ("none", 0)])
def test_plans_know_how_many_slices_it_restores(
    chain: str, count: int, spots: Path, protocol: Callable[..., Path]
) -> None:
    steps = CHAIN if chain == "charging" else [{"step": "median_z"}]
    job = api.check(protocol(chain=steps, optimize=None)).job(written=False)
    assert restorations(job, untuned(job).chains) == count


@reference_data.needs_reference
@pytest.mark.parametrize("name", WORSE)
def test_nothing_good_is_said_where_the_truth_got_worse(
    name: str, tmp_path: Path, protocol: Callable[..., Path]
) -> None:
    clean, _, inverse = phantom_case(name, tmp_path)
    find = {"step": "find_charging", "inverse": inverse, "gf1_sigma": 120, **WORSE[name]}
    correct = {"step": "correct_charging", "gf2_sigma": 120, "rb_radius": 2, "gf3_sigma": 4}
    chain = [{"step": "standardize"}, find, correct, {"step": "destandardize"}]
    after, record = restored_by(chain, tmp_path, protocol)
    before = open_stack(tmp_path / "in")[0].read(0).astype(float)
    assert np.square(after - clean).mean() > np.square(before - clean).mean()
    assert record.taken is None or record.taken < 0.5


@reference_data.needs_reference
@pytest.mark.parametrize(
    "name", ["yeastR-tail-100-dark", pytest.param("medulla40-tail-90-bright", marks=SLOW)]
)
def test_what_is_said_of_streaks_is_near_the_truth(
    name: str, tmp_path: Path, protocol: Callable[..., Path]
) -> None:
    clean, charge, inverse = phantom_case(name, tmp_path)
    chain = [{"step": "find_streaks", "inverse": inverse}, {"step": "fill_streaks"}]
    after, record = restored_by(chain, tmp_path, protocol)
    before = open_stack(tmp_path / "in")[0].read(0).astype(float)
    error, was = (np.square(each - clean)[charge > 8].mean() ** 0.5 for each in (after, before))
    assert record.taken == pytest.approx(1 - error / was, abs=0.15)


@pytest.fixture
def spots(tmp_path: Path) -> Path:
    """A folder of four slices with noise; two of them have bright spots."""
    random, (y, x) = np.random.default_rng(3), np.mgrid[:160, :200]
    (tmp_path / "cell").mkdir()
    for number in range(4):
        image = 100 + random.normal(0, 4, (160, 200))
        if number < 2:
            image += 90 * np.exp(-((y - 50) ** 2 + (x - 60 - 4 * number) ** 2) / 300)
        tifffile.imwrite(tmp_path / "cell" / f"s{number}.tif", image.clip(0, 255).astype(np.uint8))
    return tmp_path / "cell"


CHAIN = [
    {"step": "standardize"},
    {"step": "find_charging", "inverse": False, "gf1_sigma": 30, "color_shift": 0.3},
    {"step": "correct_charging", "gf2_sigma": 30, "rb_radius": 30, "gf3_sigma": 2},
    {"step": "destandardize"},
]


def test_a_run_says_it_once(
    spots: Path,
    protocol: Callable[..., Path],
    main: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = protocol(chain=CHAIN, optimize=None)
    first = api.run(file, workers=2)
    assert first.record is not None
    (found,) = first.record["recovery"]
    assert found["slices"] == [0, 1, 2]
    assert 0 <= found["taken_least"] <= found["taken"] <= found["taken_most"] <= 1

    headline = RecoveryRecord(**found).words
    assert main("show", first.folder) == 0
    assert headline[:40] in " ".join(capsys.readouterr().out.split())
    page = (first.folder / "report.html").read_text(encoding="utf-8")
    assert page.index(headline[1:]) < page.index('<dl class="facts">')

    calls: list[Any] = []
    monkeypatch.setattr(stories, "recovery", lambda *given: calls.append(given) or ())
    again = api.run(file, workers=2)
    assert (again.changed, calls) == (False, [])
    assert again.record == first.record


def test_shards_leave_it_to_the_end(spots: Path, protocol: Callable[..., Path]) -> None:
    whole = api.run(protocol(chain=CHAIN, optimize=None), workers=1).record
    file = protocol(chain=CHAIN, optimize=None, output={"path": "parts"})
    for shard in ("1/2", "2/2"):
        api.run(file, shard=shard, workers=1)
    joined = api.finish(file, workers=1).record
    assert whole is not None
    assert joined is not None
    for record in (joined, whole):
        assert record["recovery"][0].pop("seconds") > 0
    assert joined["recovery"] == whole["recovery"]
