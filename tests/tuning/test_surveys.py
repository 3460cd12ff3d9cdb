"""Surveys look at each slice once, keep little, remember, and say what is wrong."""

from __future__ import annotations

import json
import weakref
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from stackmend.chain import Bound
from stackmend.errors import BadSlice, InputError, StepError
from stackmend.registry import IMAGE, Each, Stage, Step, Survey, Unsettled, Window
from stackmend.result.arrays import decoded, encoded
from stackmend.result.journal import Journal, Ledger
from stackmend.result.log import Log
from stackmend.stacks.interface import Reader
from stackmend.tuning.chains import ChannelChain
from stackmend.tuning.session import Session
from stackmend.tuning.survey import surveyed
from stackmend.workers.processes import Workers

COUNT = 40
READ: Counter[int] = Counter()
LOOKED: Counter[tuple[int, ...]] = Counter()
PREPARED: Counter[int] = Counter()


@dataclass(frozen=True, kw_only=True)
class Levels(Reader):
    """Slices of which each shows its number; ``edited`` are brighter, ``bad`` cannot be read."""

    edited: tuple[int, ...] = ()
    bad: tuple[int, ...] = ()
    constant: tuple[int, ...] = ()

    def read(self, index: int) -> NDArray[Any]:
        READ[index] += 1
        if index in self.bad:
            raise BadSlice(f"s{index}: is damaged")
        pixels = np.full((2, 3), index, np.uint8)
        if index not in self.constant:
            pixels[1] += 100
        if index in self.edited:
            pixels[0, 0] += 50
        return pixels


@pytest.fixture(autouse=True)
def nothing_done() -> None:
    for counter in (READ, LOOKED, PREPARED):
        counter.clear()


def shown(image: NDArray[Any]) -> int:
    """The number of a slice, whatever was edited in it."""
    return int(image[0, 1])


def level(image: NDArray[Any]) -> dict[str, Any]:
    LOOKED[(shown(image),)] += 1
    return {"first": float(image[0, 0]), "number": shown(image)}


def difference(first: NDArray[Any], second: NDArray[Any]) -> float:
    LOOKED[shown(first), shown(second)] += 1
    return float(second[0, 0] - first[0, 0])


def everything(records: Mapping[Any, Any]) -> list[Any]:
    return [[list(key) if isinstance(key, tuple) else key, records[key]] for key in records]


def middle(image: Window[Any]) -> Any:
    return image[image.centre]


def unchanged(image: Any, known: Any) -> Any:
    return image


def step(survey: Survey, *before: Stage, id: str = "look", **parameters: Any) -> Bound:
    stages = (*before, Stage(unchanged, makes=IMAGE))
    return Bound(Step(name=id, version=1, stages=stages, survey=survey), id, parameters)


SINGLE = Survey("known", level, everything)
PAIRED = Survey("known", difference, everything, pairs="reach")


def chain_of(*steps: Bound, tolerant: bool = False, count: int = COUNT, **how: Any) -> ChannelChain:
    names = tuple(f"s{number}" for number in range(count))
    shape, dtype = (count, 2, 3), np.dtype(np.uint8)
    reader = Levels(label="levels", shape=shape, dtype=dtype, names=names, **how)
    sees = any(stage.window for bound in steps for stage in bound.component.stages)
    return ChannelChain(reader, steps, windowed=sees, tolerant=tolerant)


def look(
    chain: ChannelChain,
    *,
    slices: Sequence[int] | None = None,
    optimization: Sequence[int] = (),
    journal: Path | None = None,
    workers: int = 1,
    listener: Callable[[str, Mapping[str, Any]], None] | None = None,
) -> ChannelChain:
    """The chain when all its surveys have settled; what is in the journal is known."""
    numbers = tuple(range(chain.reader.shape[0]) if slices is None else slices)
    entries = Journal(journal)
    job: Any = SimpleNamespace(slices=numbers, readers=(chain.reader,))
    log = Log(listener=listener)
    session = Session(job, log, Workers(workers), entries, entries.ledger())
    return surveyed(chain, session, optimization, upto=len(chain.steps))


def keys_of(chain: ChannelChain, product: str = "look.known") -> list[Any]:
    keys = [key for key, _ in chain.settled[product]]
    return [tuple(key) if isinstance(key, list) else key for key in keys]


# What is looked at


@pytest.mark.parametrize("workers", [1, 3])
def test_every_slice_is_looked_at_and_read_once(workers: int) -> None:
    chain = look(chain_of(step(SINGLE)), workers=workers)
    expected = [[n, {"first": float(n), "number": n}] for n in range(COUNT)]
    assert chain.settled == {"look.known": expected}
    assert set(LOOKED.values()) == {1}
    assert set(READ.values()) == {1}


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("reach", [1, 2, 5, 60])
def test_every_pair_within_reach_is_looked_at_once(workers: int, reach: int) -> None:
    chain = look(chain_of(step(PAIRED, reach=reach)), workers=workers)
    pairs = [(a, b) for a in range(COUNT) for b in range(a + 1, min(a + reach + 1, COUNT))]
    assert keys_of(chain) == pairs
    assert Counter(pairs) == LOOKED


def test_how_far_apart_pairs_are_is_a_parameter_of_the_survey() -> None:
    assert PAIRED.parameters == ("reach",)
    assert step(PAIRED, reach=1).component.parameters == ("reach",)


def test_pairs_are_of_those_that_are_restored() -> None:
    chain = look(chain_of(step(PAIRED, reach=2)), slices=(30, 3, 5, 4))
    assert keys_of(chain) == [(3, 4), (3, 5), (4, 5), (4, 30), (5, 30)]
    assert set(READ) == {3, 4, 5, 30}


def test_a_survey_chooses_its_slices() -> None:
    seen: list[Any] = []

    def chosen(numbers: Sequence[int], optimization: Sequence[int]) -> Sequence[int]:
        seen.append((list(numbers), list(optimization)))
        return [*numbers[::10], *optimization]

    survey = Survey("known", level, everything, slices=chosen)
    chain = look(chain_of(step(survey)), slices=range(5, 30), optimization=(7, 38))
    assert keys_of(chain) == [5, 7, 15, 25, 38]
    assert seen[0] == (list(range(5, 30)), [7, 38])


def test_a_survey_may_ask_for_no_slice_beyond_the_stack() -> None:
    survey = Survey("known", level, everything, slices=lambda numbers, _: [0, 40, 41])
    with pytest.raises(
        StepError, match=r"^look: its survey asks for slice 40, 41 of a stack of 40"
    ):
        look(chain_of(step(survey)))


def test_a_choice_of_slices_that_fails_names_the_step() -> None:
    survey = Survey("known", level, everything, slices=lambda numbers, _: numbers[None])
    with pytest.raises(StepError, match=r"^look: its survey failed \(TypeError"):
        look(chain_of(step(survey)))


def test_what_is_not_needed_is_not_looked_at() -> None:
    survey = Survey("known", level, everything, needed=lambda *, per: per == "stack")
    bound = step(survey, per="slice")
    chain = look(ChannelChain(chain_of().reader, (bound,), {"look.known": None}))
    assert not LOOKED
    assert not READ
    assert chain.settled == {"look.known": None}


def test_surveys_at_one_place_share_one_reading() -> None:
    chain = chain_of(step(SINGLE), step(PAIRED, id="compare", reach=2))
    # The first hands the slice on as it is, but only its stages know that: they are two places.
    look(chain)
    assert min(READ.values()) == 2
    READ.clear()

    def counted(image: Any, known: Any) -> int:
        return int(image.sum())

    silent = Step(name="look", version=1, stages=(Stage(counted),), survey=SINGLE)
    chain = look(chain_of(Bound(silent, "look", {}), step(PAIRED, id="compare", reach=2)))
    # A share ends with the slices that its last ones are compared with, and the next begins there.
    assert Counter(range(COUNT)) + Counter((16, 17, 32, 33)) == READ
    assert set(chain.settled) == {"look.known", "compare.known"}


def test_a_second_survey_sees_what_the_first_has_made_of_the_slices() -> None:
    def doubled(image: Any, known: Any) -> Any:
        return image + np.float32(len(known))

    stages = (Stage(doubled, makes=IMAGE),)
    first = Step(name="first", version=1, stages=stages, survey=SINGLE)
    chain = look(chain_of(Bound(first, "first", {}), step(SINGLE), count=4))
    assert chain.settled["look.known"] == [
        [n, {"first": n + 4.0, "number": n + 4}] for n in range(4)
    ]


def test_a_survey_behind_a_window_sees_the_window() -> None:
    def mean(image: Window[Any]) -> Any:
        return np.mean(np.stack(image), axis=0)

    chain = look(chain_of(step(SINGLE, Stage(mean, makes=IMAGE, window=1)), count=5))
    assert [record["first"] for _, record in chain.settled["look.known"]] == [0, 1, 2, 3, 4]
    means = Step(name="mean", version=1, stages=(Stage(mean, makes=IMAGE, window=1),))
    READ.clear()
    chain = look(chain_of(Bound(means, "mean", {}), step(SINGLE), count=5))
    assert [record["first"] for _, record in chain.settled["look.known"]] == [0.5, 1, 2, 3, 3.5]
    assert set(READ.values()) == {1}


# What is prepared of a slice


def brightened(image: NDArray[Any], mask: Any = None, other: Any = None, *, by: int) -> Any:
    PREPARED[shown(image)] += 1
    return {"number": shown(image), "by": by, "mask": mask, "other": other}


def beside(first: Any, second: Any) -> list[Any]:
    return [first["number"], second["number"], first["by"], second["mask"], second["other"]]


PREPARING = Survey("known", beside, everything, pairs="reach", prepare=brightened)


def made(name: str, value: Any) -> Bound:
    stage = Stage(lambda image: value, makes=name)
    return Bound(Step(name=name, version=1, stages=(stage,)), name, {})


def silent(id: str, survey: Survey, **parameters: Any) -> Bound:
    def number(image: Any, known: Any) -> int:
        return shown(image)

    return Bound(Step(name=id, version=1, stages=(Stage(number),), survey=survey), id, parameters)


@pytest.mark.parametrize("workers", [1, 3])
def test_a_slice_is_prepared_once_for_all_its_pairs(workers: int) -> None:
    chain = look(chain_of(step(PREPARING, reach=3, by=7)), workers=workers)
    pairs = [(a, b) for a in range(COUNT) for b in range(a + 1, min(a + 4, COUNT))]
    assert chain.settled["look.known"] == [[[*p], [*p, 7, None, None]] for p in pairs]
    # Those that a share ends with are those that the next one begins with.
    assert Counter(range(COUNT)) + Counter((16, 17, 18, 32, 33, 34)) == PREPARED
    assert PREPARED == READ


def test_surveys_share_what_they_prepare_in_the_same_way() -> None:
    same = silent("first", PREPARING, reach=2, by=7), silent("second", PREPARING, reach=1, by=7)
    look(chain_of(*same, count=8))
    assert Counter(range(8)) == PREPARED == READ
    PREPARED.clear()
    other = silent("first", PREPARING, reach=2, by=7), silent("second", PREPARING, reach=1, by=8)
    chain = look(chain_of(*other, silent("third", PAIRED, reach=1), count=8))
    assert set(PREPARED.values()) == {2}
    assert [record[2] for _, record in chain.settled["second.known"]] == [8] * 7
    assert [record for _, record in chain.settled["third.known"]] == [1.0] * 7


def test_what_is_prepared_may_read_what_is_made_before() -> None:
    assert PREPARING.reads == (IMAGE, "mask", "other")
    assert PREPARING.needs == (IMAGE,)

    def seen(*before: Bound) -> Any:
        chain = look(chain_of(*before, silent("look", PREPARING, reach=1, by=7), count=2))
        return chain.settled["look.known"][0][1][3:]

    assert seen() == [None, None]
    assert seen(made("mask", 3)) == [3, None]
    assert seen(made("other", 4)) == [None, 4]
    assert seen(made("other", 4), made("mask", 3)) == [3, 4]


def test_a_survey_that_reads_what_another_settles_looks_after_it() -> None:
    def told(known: Any) -> int:
        return len(known)

    first = Step(name="first", version=1, stages=(Stage(told, makes="mask"),), survey=SINGLE)
    steps = Bound(first, "first", {}), silent("look", PREPARING, reach=1, by=7)
    chain = look(chain_of(*steps, silent("third", SINGLE), count=3))
    assert [record[3] for _, record in chain.settled["look.known"]] == [3, 3]
    assert set(READ.values()) == {2}, "the third looks with the first"


def test_a_survey_that_reads_what_is_not_there_is_refused_by_its_step() -> None:
    def needy(image: Any, mask: Any) -> Any:
        return image

    survey = Survey("known", level, everything, prepare=needy)
    assert survey.needs == (IMAGE, "mask")
    assert step(survey).component.reads == (IMAGE, "mask")


def test_what_fails_while_it_is_prepared_names_step_and_slice() -> None:
    def broken(image: NDArray[Any]) -> Any:
        raise ValueError("no")

    survey = Survey("known", beside, everything, pairs=1, prepare=broken)
    with pytest.raises(StepError, match=r"^slice 0 \(s0\): look: broken failed \(ValueError: no\)"):
        look(chain_of(step(survey)))


def test_what_is_known_need_not_be_prepared(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    first = look(chain_of(step(PREPARING, reach=2, by=7)), journal=journal)
    PREPARED.clear()
    again = look(chain_of(step(PREPARING, reach=2, by=7), edited=(9,)), journal=journal)
    assert again.settled == first.settled
    assert set(PREPARED) == {7, 8, 9, 10, 11}


# Slices that cannot be used


def test_bad_slices_are_gone_without_where_that_is_tolerated() -> None:
    chain = look(chain_of(step(PAIRED, reach=1), bad=(1, 4), tolerant=True, count=6))
    assert keys_of(chain) == [(2, 3)]
    with pytest.raises(InputError, match="s1: is damaged"):
        look(chain_of(step(PAIRED, reach=1), bad=(1, 4), count=6))


def test_constant_slices_are_compared_with_none_but_are_part_of_the_stack() -> None:
    chain = look(chain_of(step(PAIRED, reach=1), constant=(2,), count=5))
    assert keys_of(chain) == [(0, 1), (3, 4)]
    alone = look(chain_of(step(SINGLE), constant=(2,), count=5))
    assert keys_of(alone) == [0, 1, 2, 3, 4]

    # Whether later steps see neighbours says nothing about what is there before them.
    later = Step(name="later", version=1, stages=(Stage(middle, makes=IMAGE, window=1),))
    behind = look(chain_of(step(SINGLE), Bound(later, "later", {}), constant=(2,), count=5))
    assert behind.settled == alone.settled


@pytest.mark.parametrize(
    ("survey", "message"),
    [
        (SINGLE, "look: must look at slices first, and none can be used, got 0, 1, 2; "),
        (PAIRED, "look: must compare slices first, and no two can be used, got 0, 1, 2; "),
    ],
)
def test_where_nothing_can_be_used_it_is_said(survey: Survey, message: str) -> None:
    reach = {"reach": 1} if survey is PAIRED else {}
    chain = chain_of(step(survey, **reach), bad=(0, 1, 2), tolerant=True, count=3)
    with pytest.raises(InputError) as caught:
        look(chain)
    assert str(caught.value) == message + "mend or add slices, or leave this step out"


def test_one_slice_has_no_pair() -> None:
    with pytest.raises(InputError, match="no two can be used, got 0; mend or add"):
        look(chain_of(step(PAIRED, reach=1), count=1))


# What goes wrong


def test_a_survey_that_cannot_settle_names_its_step() -> None:
    def settle(records: Any) -> Any:
        raise Unsettled("slices 3 and 4 contradict each other; leave one out")

    with pytest.raises(InputError, match=r"^look: slices 3 and 4 contradict"):
        look(chain_of(step(Survey("known", level, settle))))


def test_what_fails_names_the_step_and_the_slices() -> None:
    def failing(first: Any, second: Any) -> Any:
        raise ZeroDivisionError("by zero")

    message = r"^look: failing failed on slice 0 and 1 \(ZeroDivisionError: by zero\)"
    with pytest.raises(StepError, match=message):
        look(chain_of(step(Survey("known", failing, everything, pairs=1))))

    def settle(records: Any) -> Any:
        return records[None]

    with pytest.raises(StepError, match=r"^look: its survey failed \(KeyError: None\)"):
        look(chain_of(step(Survey("known", level, settle))))


@pytest.mark.parametrize("what", [object(), np.array([object()]), {1: {2}}])
def test_only_plain_data_is_known(what: Any) -> None:
    record = Survey("known", lambda image: what, everything)
    with pytest.raises(StepError, match=r"^look: <lambda> failed on slice 0 \(TypeError"):
        look(chain_of(step(record)))
    settled = Survey("known", level, lambda records: what)
    with pytest.raises(StepError, match=r"^look: its survey failed \(TypeError"):
        look(chain_of(step(settled)))


def test_a_step_before_that_fails_names_the_slice() -> None:
    def failing(image: Any) -> Any:
        raise ZeroDivisionError("by zero")

    before = Step(name="before", version=1, stages=(Stage(failing, makes=IMAGE),))
    with pytest.raises(StepError, match=r"^slice 0 \(s0\): before: failing failed"):
        look(chain_of(Bound(before, "before", {}), step(SINGLE)))


# Memory


@pytest.mark.parametrize("reach", [1, 2, 5])
def test_no_more_images_are_alive_than_between_the_two_of_a_pair(reach: int) -> None:
    alive: weakref.WeakSet[Any] = weakref.WeakSet()
    most = 0

    class Tracked(np.ndarray):
        __hash__ = object.__hash__  # type: ignore[assignment]

    def tracked(image: Any) -> Any:
        nonlocal most
        made = image.copy().view(Tracked)
        alive.add(made)
        most = max(most, len(alive))
        return made

    before = Step(name="before", version=1, stages=(Stage(tracked, makes=IMAGE),))
    look(chain_of(Bound(before, "before", {}), step(PAIRED, reach=reach), count=20))
    assert most == reach + 1

    # Of slices that are prepared, the image is let go, and no more of the others are held.
    survey = Survey("known", difference, everything, pairs="reach", prepare=tracked)
    most = 0
    look(chain_of(step(survey, reach=reach), count=20))
    assert most == reach + 1


# What is known already


class Stopped(Exception):
    pass


def stop_after(count: int) -> Callable[[str, Mapping[str, Any]], None]:
    def listen(kind: str, fields: Mapping[str, Any]) -> None:
        if kind == "progress" and fields["done"] == count:
            raise Stopped

    return listen


@pytest.mark.parametrize("survey", [SINGLE, PAIRED], ids=["single", "paired"])
def test_what_was_looked_at_before_an_interruption_is_known(survey: Survey, tmp_path: Path) -> None:
    reach = {"reach": 2} if survey is PAIRED else {}
    chain = chain_of(step(survey, **reach))
    whole = look(chain)
    every = Counter(LOOKED)
    LOOKED.clear()
    with pytest.raises(Stopped):
        look(chain, journal=tmp_path / "journal", listener=stop_after(20))
    entered = Journal(tmp_path / "journal").ledger().looks
    known = {key for each in entered.values() for key in each}
    assert len(known) == 20
    LOOKED.clear()
    again = look(chain, journal=tmp_path / "journal")
    assert again.settled == whole.settled
    assert set(LOOKED) == set(every) - known
    LOOKED.clear()
    look(chain, journal=tmp_path / "journal")
    assert not LOOKED


def test_only_a_changed_slice_is_looked_at_again(tmp_path: Path) -> None:
    look(chain_of(step(SINGLE)), journal=tmp_path)
    pair = step(PAIRED, id="compare", reach=2)
    look(chain_of(pair), journal=tmp_path)
    LOOKED.clear()
    chain = look(chain_of(step(SINGLE), edited=(7,)), journal=tmp_path)
    assert LOOKED == {(7,): 1}
    assert chain.settled["look.known"][7] == [7, {"first": 57.0, "number": 7}]
    LOOKED.clear()
    look(chain_of(pair, edited=(7,)), journal=tmp_path)
    assert set(LOOKED) == {(5, 7), (6, 7), (7, 8), (7, 9)}


def test_behind_a_window_all_in_its_reach_are_looked_at_again(tmp_path: Path) -> None:
    before = Step(name="before", version=1, stages=(Stage(middle, makes=IMAGE, window=2),))
    steps = (Bound(before, "before", {}), step(SINGLE))
    look(chain_of(*steps), journal=tmp_path)
    LOOKED.clear()
    look(chain_of(*steps, edited=(7,)), journal=tmp_path)
    assert set(LOOKED) == {(5,), (6,), (7,), (8,), (9,)}


def test_other_parameters_are_another_survey(tmp_path: Path) -> None:
    look(chain_of(step(PAIRED, reach=1)), journal=tmp_path)
    LOOKED.clear()
    look(chain_of(step(PAIRED, reach=2), count=3), journal=tmp_path)
    assert set(LOOKED) == {(0, 1), (0, 2), (1, 2)}


def test_channels_do_not_forget_each_other(tmp_path: Path) -> None:
    first, second = chain_of(step(SINGLE)), chain_of(step(SINGLE), edited=tuple(range(COUNT)))
    for chain in (first, second):
        look(chain, journal=tmp_path)
    LOOKED.clear()
    for chain in (first, second):
        look(chain, journal=tmp_path)
    assert not LOOKED


# What is settled


VALUES = {
    "float": 0.1 + 0.2,
    "tiny": 5e-324,
    "negative zero": -0.0,
    "float32": np.float32(0.1),
    "whole": 2**70,
    "truth": True,
    "nothing": None,
    "nowhere": float("inf"),
    "text": "µm",
    "pair": (1, 2.5),
    "array": np.arange(6, dtype=np.float32).reshape(2, 3) / 7,
    "complex": np.array([1 + 2j, np.nan]),
    "no axes": np.array(0.3),
    "empty": np.zeros((0, 4), np.int16),
}


def same(first: Any, second: Any) -> None:
    assert json.dumps(encoded(first)) == json.dumps(encoded(second))


@pytest.mark.parametrize("name", VALUES)
def test_what_is_settled_is_what_comes_back_from_its_file(name: str) -> None:
    value = VALUES[name]
    back = decoded(json.loads(json.dumps(encoded(value), allow_nan=False)))
    same(back, value)
    if isinstance(value, np.ndarray):
        assert (back.dtype, back.shape) == (value.dtype, value.shape)
        assert back.tobytes() == value.tobytes()
    one = look(chain_of(step(Survey("known", level, lambda records: value))))
    same(one.settled["look.known"], value)
    each = look(chain_of(step(Survey("known", level, lambda records: Each({3: value})))))
    assert list(each.settled["look.known"].values) == [3]
    same(each.given_for(3)["look.known"], value)
    assert each.given_for(4) == {"look.known": None}


def test_a_record_is_the_same_whether_it_was_just_made_or_is_known(tmp_path: Path) -> None:
    """A float32, a tuple and a number as key would differ in type, so in what they come to."""

    def record(image: Any) -> Any:
        return {"level": np.float32(image[0, 0]) / np.float32(3), "size": (2, 3), 1: 2}

    def settle(records: Any) -> Any:
        return [repr(records[number]) for number in records]

    chain = chain_of(step(Survey("known", record, settle)))
    fresh, known = look(chain, journal=tmp_path), look(chain, journal=tmp_path)
    assert fresh.settled == known.settled


def test_a_ledger_reads_its_own_lines(tmp_path: Path) -> None:
    look(chain_of(step(SINGLE)), journal=tmp_path)
    ledger = Journal(tmp_path).ledger()
    (tmp_path / "one.jsonl").write_text("".join(ledger.lines()))
    assert Ledger().read([tmp_path / "one.jsonl"]).looks == ledger.looks


# What a slice depends on


def test_a_slice_depends_on_what_was_settled_for_all_that_it_sees() -> None:
    before = Step(name="before", version=1, stages=(Stage(middle, makes=IMAGE, window=1),))
    behind = Step(name="behind", version=1, stages=(Stage(middle, makes=IMAGE, window=2),))
    chain = chain_of(Bound(before, "before", {}), step(SINGLE), Bound(behind, "behind", {}))

    def hash_with(**edited: int) -> str:
        pixels = {n: f"p{n}" for n in range(COUNT)} | {edited.get("pixels", 0): "edited"}
        values = dict.fromkeys(range(COUNT), 1.0) | {edited.get("value", 0): 2.0}
        known = chain.with_settled({"look.known": Each(values)})
        return known.reach_hash(10, pixels.__getitem__)

    same = hash_with()
    assert {n for n in range(1, COUNT) if hash_with(value=n) != same} == {8, 9, 10, 11, 12}
    seen = {7, 8, 9, 11, 12, 13}  # its own pixels are in a hash of their own
    assert {n for n in range(1, COUNT) if hash_with(pixels=n) != same} == seen
