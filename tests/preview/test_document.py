"""A protocol that is being edited, and its history."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackmend.errors import UsageError
from stackmend.preview.controls import search_controls, step_controls
from stackmend.preview.document import Document, History, alternatives, full_name

TEXT = """\
protocol: 1
chain:
  - step: standardize  # scale
  - {step: find_charging, id: dark, gf1_sigma: 40}
  - one_of:
      one: [{step: fill_streaks, smooth: 3}]
      two: [{step: subtract_charge}]
optimize:
  slices: [3]  # typical
"""
SIGMA = ("chain", 1, "gf1_sigma")


@pytest.fixture
def document(tmp_path):
    return Document.opened(TEXT, base=tmp_path, name="p.yaml")


def test_a_sweep_keeps_what_is_on_the_screen(document):
    swept = document.with_sweep(SIGMA, [20, 80])
    assert swept.values == {"dark.gf1_sigma": 40}
    assert "gf1_sigma: {sweep: [20, 80]}" in swept.text
    moved = swept.with_current("dark.gf1_sigma", 55)
    assert moved.text == swept.text
    chosen = moved.with_value(SIGMA, 55)
    assert chosen.values == {}
    assert chosen.text == TEXT.replace("40", "55")
    assert swept.without(SIGMA).values == {}


def test_a_range_is_written_with_its_ends(document):
    found = document.with_sweep(SIGMA, {"from": 4, "to": 50, "count": 3, "scale": "log"})
    assert "{sweep: {from: 4, to: 50, count: 3, scale: log}}" in found.text


@pytest.mark.parametrize(
    ("changes", "old", "new"),
    [
        ({"slices": [5]}, "[3]", "[5]"),
        ({"clean": [1, {"slice": 2}]}, "typical\n", "typical\n  clean: [1, {slice: 2}]\n"),
        (
            {"region": {"y": [0, 9], "x": [1, 5]}},
            "typical\n",
            "typical\n  region: {y: [0, 9], x: [1, 5]}\n",
        ),
        ({"validate": None}, "[3]", "[3]"),
    ],
)
def test_a_search_gets_slices_and_regions(document, changes, old, new):
    found = document.with_search(0, changes)
    assert found.text == TEXT.replace(old, new)
    gone = found.with_search(0, dict.fromkeys(set(changes) - {"slices"}))
    assert "slices:" in gone.text
    assert set(gone.data["optimize"]) == {"slices"}


def test_searches_are_added_and_taken_away(document):
    none = document.with_search(0, None)
    assert "optimize" not in none.data
    assert none.with_search(0, None) == none
    found = none.with_search(0, {"slices": [3], "clean": None})
    assert "optimize:\n  slices: [3]\n" in found.text
    with pytest.raises(UsageError, match="there are 1 entries, got 1"):
        document.with_search(1, {"slices": [1]})


def test_alternatives_are_looked_at_by_name(document):
    assert alternatives(document.data) == ["one", "two"]
    assert document.with_alternative("two").alternative == "two"
    with pytest.raises(UsageError, match="there are one, two, got three"):
        document.with_alternative("three")


def test_parameters_have_full_names(document):
    assert full_name(document.data, SIGMA) == "dark.gf1_sigma"
    path = ("chain", 2, "one_of", "one", 0, "smooth")
    assert full_name(document.data, path) == "fill_streaks.smooth"
    assert full_name(document.data, ("optimize", "slices")) == ""
    assert full_name(document.data, ("chain", 9, "x")) == ""


def test_steps_are_inserted_and_removed(document):
    found = document.with_step(("chain", 1), {"step": "median_z"})
    assert [each.get("step") for each in found.data["chain"][:2]] == ["standardize", "median_z"]
    assert found.without(("chain", 1)) == document


def test_the_command_line_is_written_into_the_text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = TEXT + "input: {phantom: {}}  # for a try\n"
    found = Document.opened(
        text,
        base=tmp_path / "protocols",
        name="p.yaml",
        input=Path("data/cell"),
        output=tmp_path / "out",
        set={"dark.gf1_sigma": "{sweep: [1, 2]}", "optimize.slices": "4"},
    )
    assert found.data["input"] == {"path": "../data/cell"}
    assert found.data["output"] == {"path": str(tmp_path / "out")}
    assert "gf1_sigma: {sweep: [1, 2]}" in found.text
    assert "# for a try" in found.text
    with pytest.raises(UsageError, match="begins with no step"):
        Document.opened(TEXT, base=tmp_path, name="p.yaml", set={"nothing.x": "1"})


def test_history_goes_back_and_forth(document):
    history = History(document)
    moves = [document.with_value(SIGMA, value) for value in (41, 42, 43)]
    for move in moves:
        history.do(move, "drag 1")
    history.keep("A")
    history.do(document.with_text("x"))
    assert history.undo() == moves[-1]
    assert history.undo() == document
    assert not history.can_undo
    assert history.undo() == document
    assert history.redo() == moves[-1]
    assert history.can_redo
    history.do(moves[0])
    assert not history.can_redo
    assert history.take("A") == moves[-1]
    assert history.undo() == moves[0]
    with pytest.raises(UsageError, match="nothing is kept there"):
        history.take("B")


def test_a_text_that_cannot_be_read_can_only_be_typed(document):
    broken = document.with_text("chain: [")
    with pytest.raises(UsageError, match="correct the text first"):
        broken.with_value(SIGMA, 1)
    assert broken.with_text(TEXT) == document


SAMPLES = [
    (Path(__file__).parents[1] / "protocols" / "valid" / f"{name}.yaml").read_text(encoding="utf-8")
    for name in ("anchors", "one_of", "document_marks", "strategies")
]
PARTS = st.one_of(
    st.sampled_from(["chain", "optimize", "one_of", "loss", "slices", "step", "gf1_sigma", "x"]),
    st.integers(-1, 4),
    st.none(),
)


@given(st.sampled_from(SAMPLES), st.data())
@settings(max_examples=80)
def test_a_broken_text_and_odd_messages_are_refused_in_words(text, data):
    """Whatever was typed and whatever a page asks for: an edit, or a message."""
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(text)))
        cut = data.draw(st.integers(0, 3))
        text = text[:at] + data.draw(st.text("ab:-[]{}#&*?|'\"\n ", max_size=2)) + text[at + cut :]
    document = Document(text, Path())
    assert isinstance(step_controls(document), list)
    assert isinstance(search_controls(document), list)
    path = tuple(data.draw(st.lists(PARTS, max_size=5)))
    edits = (
        lambda: document.with_value(path, data.draw(st.sampled_from([1, "a", [2], {"y": [1]}]))),
        lambda: document.with_sweep(path, [1, 2]),
        lambda: document.without(path),
        lambda: document.with_step(path, {"step": "crop"}),
        lambda: document.with_search(0, {"slices": [1], "region": None}),
        lambda: document.with_search(1, None),
        lambda: document.with_alternative("one"),
    )
    with suppress(UsageError):
        assert data.draw(st.sampled_from(edits))().data is not None
