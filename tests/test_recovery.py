"""What becomes of known faults: half of them where half is taken, and why where nothing can be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from stackmend import api
from stackmend.chain import Bound
from stackmend.kernels.matched_charge import charge_like, charge_likeness
from stackmend.protocol.model import SliceSelection
from stackmend.registry import IMAGE, Recovery, Stage, Step, Window
from stackmend.restore.recovery import FIELDS, recovery
from stackmend.result.recovery_record import RecoveryRecord
from stackmend.result.rows import SliceRow, Status
from stackmend.runner import stories
from stackmend.tuning.chains import ChannelChain, Tuning
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


def halved_to_neighbours(image: Window[NDArray[np.float32]]):
    centre = image[image.centre]
    others = [each for place, each in enumerate(image) if place != image.centre]
    return ((centre + sum(others) / len(others)) / 2).astype(np.float32)


def harmed(image, *, ground):
    """Only what is 1.5 times the ground is halved; what is fainter is made stronger."""
    above = (image - ground) * (image > ground * 1.02)
    return (image + np.where(image > ground * 1.5, -above / 2, above)).astype(np.float32)


def outcome_of(
    stack: Stack,
    function: Callable[..., Any] = halved,
    *,
    window: int = 0,
    ground: float = GROUND,
    workers: int = 1,
    optimized: tuple[int, ...] = (),
    inverse: bool = False,
) -> RecoveryRecord:
    """The test on a chain of one step, which marks what is 1.3 times the ground."""
    mask = Stage(marked, mask_of="charging")
    stages = mask, Stage(function, makes=IMAGE, window=window)
    step = Step(name="halve", version=1, stages=stages, recovery=CHARGE)
    bound = Bound(step, "halve", {"inverse": inverse, "ground": ground})
    chain = ChannelChain(stack, (bound,), windowed=bool(window))
    height, width = stack.shape[1:]
    entries = [SimpleNamespace(slices=SliceSelection("", optimized))] if optimized else []
    job = SimpleNamespace(
        protocol=SimpleNamespace(optimize=entries),
        reader=stack,
        channels=(0,),
        window=(slice(0, height), slice(0, width)),
    )
    rows = []
    for number in range(3):
        area = int(marked(stack.read(number).astype(float), inverse=inverse, ground=ground).sum())
        status = Status.RESTORED if area else Status.NOTHING_FOUND
        rows.append(SliceRow(number, 0, f"s{number}", status, mask_area=area))
    session = SimpleNamespace(job=job, workers=Workers(workers))
    (record,) = recovery(session, Tuning((chain,)), rows)
    return replace(record, seconds=0)


@pytest.mark.parametrize(("dtype", "scale"), [("uint8", 1), ("uint16", 200), ("float32", 0.004)])
def test_half_is_half_for_every_type(dtype: str, scale: float) -> None:
    record = outcome_of(Stack(dtype, scale), ground=GROUND * scale)
    assert record.slices == (0, 1)
    assert record.fields == 2 * FIELDS
    assert record.taken == pytest.approx(0.5, abs=0.01)
    assert record.taken_least == pytest.approx(0.5, abs=0.02)
    assert record.taken_most == pytest.approx(0.5, abs=0.02)
    assert (record.clean_change, record.clean_changed) == (0, 0)


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
    assert record.taken == pytest.approx(-1, abs=0.05)
    assert "-100 %" in record.words


def test_workers_make_no_difference() -> None:
    assert outcome_of(Stack(), workers=1) == outcome_of(Stack(), workers=3)


def test_where_nothing_is_found_the_reason_is_said() -> None:
    stack = Stack()
    stack.pixels = np.minimum(stack.pixels, GROUND)
    record = outcome_of(stack, optimized=(1,))
    assert (record.slices, record.taken) == ((), None)
    assert record.skipped == {1: "no charge was found"}
    assert record.words == "not tested on known charge (slice 1: no charge was found)"
    assert outcome_of(stack).words == "not tested on known charge (no charge was found)"


def test_a_slice_without_room_is_skipped() -> None:
    stack = Stack(size=64)
    stack.pixels[0, 5:59, 5:59] = 180
    record = outcome_of(stack)
    assert record.slices == (1,)
    assert record.skipped == {0: "room for 0 px of known charge beside the mask, 500 are needed"}


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
    assert 0 <= found["taken_least"] < found["taken"] < found["taken_most"] <= 1

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
