"""Figures, losses, quick windows, lines and searches say what a run, or the whole slice, says."""

from __future__ import annotations

import csv
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from stackmend import api
from stackmend.errors import UsageError
from stackmend.preview import Cancelled, Event, Preview, SearchNews, State
from stackmend.result.rows import LEAVE_IT_ALONE

FIND = {
    "step": "find_charging",
    "inverse": True,
    "gf1_sigma": {"sweep": [8, 12]},
    "color_shift": {"sweep": [0.1, 0.9]},
    "min_area": 20,
}
CORRECT = {
    "step": "correct_charging",
    "gf2_sigma": 8,
    "rb_radius": {"sweep": [5, 10]},
    "gf3_sigma": 3,
    "border": 4,
}
CHAIN = [{"step": "standardize"}, FIND, CORRECT, {"step": "destandardize"}]
LOSS = {"name": "charging_histogram", "distance": 4}
OPTIMIZE = {"slices": [1, 3], "loss": LOSS}
FIRST = {"find_charging.gf1_sigma": 8, "find_charging.color_shift": 0.1}


@pytest.fixture
def preview() -> Iterator[Preview]:
    opened = Preview(memory=10**8)
    yield opened
    opened.close()


@pytest.fixture
def take(preview: Preview, cell: Path, tmp_path: Path) -> Callable[..., State]:
    def take(chain: Any = CHAIN, optimize: Any = OPTIMIZE, **how: Any) -> State:
        content = {"protocol": 1, "input": {"path": str(cell)}, "chain": chain}
        content |= {"optimize": optimize} if optimize else {}
        text = yaml.safe_dump(content, sort_keys=False)
        (tmp_path / "tuned.yaml").write_text(text)
        state = preview.take(text, base=tmp_path, name="tuned.yaml", **how)
        assert not [each for each in state.problems if each.severity == "error"]
        return state

    return take


def run_of(tmp_path: Path) -> tuple[api.RunResult, list[dict[str, str]]]:
    run = api.run(tmp_path / "tuned.yaml", output=tmp_path / "out", workers=1)
    with (run.folder / "losses.csv").open() as table:
        return run, list(csv.DictReader(table))


# A search


REGION = OPTIMIZE | {"region": {"y": [4, 40], "x": [2, 60]}}
CLEAN = OPTIMIZE | {"clean": [2], "max_changed": 0.01}
PROBES = OPTIMIZE | {"loss": "injection_error", "also": LOSS}


@pytest.mark.parametrize("optimize", [OPTIMIZE, REGION, CLEAN, PROBES])
def test_a_search_says_what_a_run_says(preview, take, tmp_path, optimize: Any) -> None:
    news: list[SearchNews] = []
    state = take(optimize=optimize)
    found = preview.search(state, 0, told=news.append)
    assert news[-1] == found
    assert found.finished
    run, rows = run_of(tmp_path)
    assert run.record is not None
    searched = run.record["searches"][0]
    rows = [row for row in rows if row["combination"] != LEAVE_IT_ALONE]
    assert len(rows) == sum(map(len, found.losses.values()))
    for row in rows:
        loss = found.losses[int(row["slice"])][int(row["combination"])]
        assert ("" if loss is None else str(loss)) == row["loss"]
    short = {name.split(".")[1]: value for name, value in (found.chosen or {}).items()}
    assert short == searched["chosen"]
    assert found.reason == searched["reason"]
    if found.chosen:
        assert found.untouched == searched["loss_before"]
    statuses = {row["status"] for row in rows if row["mean_loss"]}
    assert statuses <= {each.status for each in found.points} | {"nothing_found"}


def test_one_of_several_chains(preview, take, tmp_path) -> None:
    strict = {**FIND, "color_shift": 0.3, "id": "strict"}
    ways = {"one_of": {"loose": [FIND, CORRECT], "strict": [strict, CORRECT | {"id": "other"}]}}
    optimize = {"slices": [1], "loss": "injection_error"}
    state = take([CHAIN[0], ways, CHAIN[-1]], optimize)
    found = preview.search(state, 0)
    run, _ = run_of(tmp_path)
    assert run.record is not None
    taken = [each for each in run.record["searches"] if each["status"] == "chosen"]
    assert [each["one_of"] for each in taken] == ([found.alternative] if found.chosen else [])
    assert {each.alternative for each in found.points} == {"loose", "strict"}


def test_a_point_is_shown_without_being_computed_again(preview, take, monkeypatch) -> None:
    found = preview.search(take(), 0)
    state = take(values=found.points[-1].values)
    computed = []
    from stackmend.chain import Node

    original = Node.compute

    def compute(self: Node, *given: Any) -> Any:
        computed.append(self.owner)
        return original(self, *given)

    monkeypatch.setattr(Node, "compute", compute)
    preview.products(state, 1, 0, ("after",))
    assert computed == ["destandardize"]


def test_a_search_that_finds_nothing_says_so(preview, take) -> None:
    nothing = [CHAIN[0], FIND | {"color_shift": 0.9}, *CHAIN[2:]]
    found = preview.search(take(nothing), 0)
    assert found.chosen is None
    assert "nothing" in found.reason or "no " in found.reason
    assert {each.status for each in found.points} == {"nothing_found"}


def test_a_search_can_be_stopped(preview, take) -> None:
    stopped = threading.Event()
    with pytest.raises(Cancelled):
        preview.search(take(), 0, told=lambda _: stopped.set(), cancelled=stopped.is_set)
    with pytest.raises(UsageError, match="has 1 searches, got 1"):
        preview.search(take(), 1)


# Figures


@pytest.mark.parametrize("optimize", [OPTIMIZE, REGION, PROBES])
def test_losses_here_are_those_of_a_run(preview, take, tmp_path, optimize: Any) -> None:
    state = take(optimize=optimize, values={"correct_charging.rb_radius": 10, **FIRST})
    found = preview.figures(state, 1, 0)
    assert found is not None
    _, rows = run_of(tmp_path)
    wanted = {"gf1_sigma": "8", "color_shift": "0.1", "rb_radius": "10", "slice": "1"}
    row = next(row for row in rows if wanted.items() <= row.items())
    assert str(found.losses[0].loss) == row["loss"]
    assert found.losses[0].untouched is not None


@pytest.mark.parametrize("steps", [None, ["find_charging", "correct_charging"]])
def test_values_that_are_fixed_have_the_loss_of_those_that_are_swept(preview, take, steps) -> None:
    fixed = {name.split(".")[1]: value for name, value in FIRST.items()}
    chain = [CHAIN[0], FIND | fixed, CORRECT | {"rb_radius": 10}, CHAIN[-1]]
    swept = preview.figures(take(values={**FIRST, "correct_charging.rb_radius": 10}), 1, 0)
    alone = preview.figures(take(chain, OPTIMIZE | ({"steps": steps} if steps else {})), 1, 0)
    assert swept is not None
    assert alone is not None
    assert swept.losses == alone.losses


def test_figures(preview, take) -> None:
    state = take()
    found = preview.figures(state, 1, 0)
    made = preview.products(state, 1, 0, ("before", "after", "mask"))
    assert found is not None
    assert found.status == "restored"
    assert found.changed == np.mean(made["before"] != made["after"])
    assert found.mask_area == np.count_nonzero(made["mask"])
    assert found.masked == np.mean(made["mask"])
    assert (found.low, found.high) == (made["before"].min(), made["before"].max())
    counts, _ = np.histogram(made["before"], 256, (found.low, found.high))
    assert sum(found.histogram_before) == sum(found.histogram_after) == made["before"].size
    assert np.abs(np.cumsum(found.histogram_before) - np.cumsum(counts)).max() <= 60
    assert found.mean_after == made["after"].mean()


def test_where_a_loss_is_undefined_there_is_a_reason(preview, take) -> None:
    found = preview.figures(take(values={"find_charging.color_shift": 0.9}), 1, 0)
    assert found is not None
    assert found.losses[0].loss is None
    assert found.losses[0].reason


def test_figures_without_a_search(preview, take) -> None:
    plain = [{"step": "median_z", "threshold": 1}]
    found = preview.figures(take(plain, None), 1, 0)
    assert found is not None
    assert (found.losses, found.masked) == ((), None)


def test_a_line(preview, take) -> None:
    state = take()
    made = preview.products(state, 1, 0, ("before", "after", "mask"))
    line = preview.profile(state, 1, 0, (20, 5), (20, 60))
    assert np.array_equal(line.before, made["before"][20, 5:61])
    assert np.array_equal(line.after, made["after"][20, 5:61])
    assert np.array_equal(line.mask, made["mask"][20, 5:61])
    assert line.distances.tolist() == list(range(56))
    assert len(preview.profile(state, 1, 0, (3, 5), (40, 7)).before) == 38
    with pytest.raises(UsageError, match="stay inside"):
        preview.profile(state, 1, 0, (0, 0), (48, 3))


# A window, soon


def test_a_window_whose_stages_see_little_is_exact(preview, take, monkeypatch) -> None:
    monkeypatch.setattr("stackmend.preview.windows.MARGIN", 9)
    window = slice(14, 30), slice(20, 40)
    preview.products(take(values=FIRST), 1, 0, ("after",))
    for chain in (CHAIN, [*CHAIN, {"step": "crop", "y": [2, 46], "x": [5, None]}]):
        preview.products(take(chain, values=FIRST), 1, 0, ("after", "mask"))
        moved = take(chain, values={**FIRST, "correct_charging.rb_radius": 6})
        quick = preview.quick(moved, 1, 0, "background", window)
        assert quick is not None
        assert quick.shape == (16, 20)
        background = preview.products(moved, 1, 0, ("background",))["background"]
        crop = len(chain) > len(CHAIN)
        rows, columns = (
            slice(each.start + at * crop, each.stop + at * crop)
            for each, at in zip(window, (2, 5), strict=True)
        )
        assert np.abs(quick - background[rows, columns]).max() < 0.05


def test_what_is_known_is_cut_out(preview, take) -> None:
    state = take()
    window = slice(2, 20), slice(0, 30)
    made = preview.products(state, 1, 0, ("after", "mask"))
    for name in ("after", "mask"):
        quick = preview.quick(state, 1, 0, name, window)
        assert quick is None or np.array_equal(quick, made[name][window])


def test_what_sees_the_whole_slice_is_not_said_from_a_part(preview, take) -> None:
    """The grey range of a window is not that of the slice."""
    assert preview.quick(take(), 1, 0, "after", (slice(0, 4), slice(0, 4))) is None
    assert preview.quick(take(), 1, 0, "scale", (slice(0, 4), slice(0, 4))) is None


# In the background


def test_a_survey_is_made_once_and_told(preview, cell: Path, tmp_path: Path) -> None:
    told: list[Event] = []
    with_news = Preview(memory=10**8, say=told.append)
    text = (
        f"protocol: 1\ninput: {{path: {cell}}}\nchain:\n- {{step: standardize, per: stack}}\n"
        "- {step: median_z, threshold: THRESHOLD}\n- {step: destandardize}\n"
    )

    def after(threshold: float) -> Any:
        content = text.replace("THRESHOLD", str(threshold))
        state = with_news.take(content, base=tmp_path, name="tuned.yaml")
        return with_news.products(state, 1, 0, ("after",))["after"]

    state = with_news.take(text.replace("THRESHOLD", "1"), base=tmp_path, name="tuned.yaml")
    assert with_news.products(state, 1, 0, ("before",))["before"] is not None
    assert not told
    after(0.02)
    assert told[-1] == Event("survey", 4, 4)
    told.clear()
    after(0.5)
    assert not told
    with_news.close()


def test_a_survey_that_nobody_waits_for_is_no_hindrance(preview, take) -> None:
    chain = [{"step": "standardize", "per": "stack"}, *CHAIN[1:]]
    with pytest.raises(Cancelled):
        preview.products(take(chain), 1, 0, ("after",), cancelled=lambda: True)
    other = [{"step": "standardize", "per": "stack", "percentiles": [1, 99]}, *CHAIN[1:]]
    assert preview.products(take(other), 1, 0, ("after",))["status"] == "restored"
    assert preview.products(take(chain), 1, 0, ("after",))["status"] == "restored"


def test_reading_ahead_gives_way(preview, take) -> None:
    state = take()
    preview.products(state, 1, 0, ("after",))
    for number in (1, 2, 1):
        preview.read_ahead(state, number, 0)
    first = preview.products(state, 2, 0, ("after",))["after"]
    assert np.array_equal(preview.products(state, 2, 0, ("after",))["after"], first)


def test_many_threads_ask_at_once(preview, take) -> None:
    """Each gets what it would get alone."""
    states = [take(values={"correct_charging.rb_radius": each}) for each in (5, 7, 9)]
    alone = Preview(memory=10**8)
    wanted = [alone.products(state, 1, 0, ("after",))["after"] for state in states]
    wrong: list[int] = []

    def ask(place: int) -> None:
        made = preview.products(states[place], 1, 0, ("after",))["after"]
        if not np.array_equal(made, wanted[place]):
            wrong.append(place)

    threads = [threading.Thread(target=ask, args=(place % 3,)) for place in range(12)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not wrong


# Memory


@pytest.mark.parametrize("limit", [0, 100_000])
def test_a_small_memory_holds_its_bound_and_changes_nothing(take, preview, limit: int) -> None:
    small = Preview(memory=limit)
    random = np.random.default_rng(1)
    for _ in range(12):
        values = {"correct_charging.rb_radius": int(random.integers(2, 12))}
        state = take(values={**FIRST, **values})
        number = int(random.integers(0, 4))
        made = small.products(state, number, 0, ("after",))["after"]
        assert small.memory.size <= limit
        assert np.array_equal(made, preview.products(state, number, 0, ("after",))["after"])


@pytest.mark.slow
def test_two_hundred_moves_of_a_large_slice_stay_within_the_bound(tmp_path: Path) -> None:
    psutil = pytest.importorskip("psutil")
    size = {"slices": 3, "height": 3000, "width": 4000}
    limit = 1_500_000_000
    preview = Preview(memory=limit)
    random = np.random.default_rng(1)
    before, most = psutil.Process().memory_info().rss, 0
    for _ in range(200):
        find = FIND | {"gf1_sigma": int(random.integers(20, 60)), "color_shift": 0.1}
        correct = CORRECT | {
            "rb_radius": int(random.integers(2, 20)),
            "gf3_sigma": int(random.integers(2, 20)),
        }
        content = {"protocol": 1, "input": {"phantom": size}}
        content["chain"] = [CHAIN[0], find, correct, CHAIN[-1]]
        state = preview.take(yaml.safe_dump(content), base=tmp_path, name="tuned.yaml")
        preview.products(state, int(random.integers(0, 3)), 0, ("after", "mask"))
        assert preview.memory.size <= limit
        most = max(most, psutil.Process().memory_info().rss - before)
    # What one question holds while it works comes on top: a dozen results of 48 MB.
    assert most < limit + 1_000_000_000
    preview.close()


def test_an_entry_that_chooses_nothing_is_not_searched(take, preview) -> None:
    for steps in ({}, {"steps": ["median_z"]}):
        state = take([CHAIN[0], {"step": "median_z"}, CHAIN[-1]], OPTIMIZE | steps)
        found = preview.figures(state, 1, 0)
        assert [each.loss for each in found.losses] == [None]
        assert "no step marks anything" in found.losses[0].reason
    with pytest.raises(UsageError, match="there is nothing to choose"):
        preview.search(state, 0)
