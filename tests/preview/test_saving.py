"""A protocol that was edited goes into a new file, which runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from stackmend import api
from stackmend.errors import OutputError, ProtocolError, UsageError
from stackmend.preview import Preview
from stackmend.preview.document import Document
from stackmend.preview.saving import save
from stackmend.protocol import examine
from stackmend.protocol.freezing import Origin
from stackmend.stacks import open_stack

TEXT = """\
# Mine.
protocol: 1
input: {path: ../data/cell}  # four slices
output: {path: results/a}
chain:
  - step: standardize
  - step: find_charging
    gf1_sigma: {sweep: [8, 12]}  # px
    color_shift: {sweep: {from: 0.1, to: 0.3, count: 3}}
  - {step: correct_charging, rb_radius: 5}
  - step: destandardize
optimize:
  slices: [1]
"""
NAME = "find_charging.gf1_sigma"


@pytest.fixture
def document(tmp_path):
    (tmp_path / "p").mkdir()
    return Document(TEXT, tmp_path / "p", values={NAME: 9})


def test_the_text_is_written_as_it_is(document, tmp_path):
    saved = save(document, "mine")
    assert saved.path == tmp_path / "p" / "mine.yaml"
    assert saved.command == f"stackmend run {saved.path}"
    assert saved.path.read_text(encoding="utf-8") == TEXT
    assert [each.name for each in saved.path.parent.iterdir()] == ["mine.yaml"]


def test_paths_lead_to_the_same_places_from_another_folder(document, tmp_path):
    (tmp_path / "a" / "b c").mkdir(parents=True)
    saved = save(document, "mine.yml", folder=Path("../a/b c"))
    text = saved.path.read_text(encoding="utf-8")
    assert "input: {path: ../../data/cell}  # four slices" in text
    assert "output: {path: ../../p/results/a}" in text
    found, before = examine(saved.path).protocol, Document(TEXT, document.base)
    assert found.input.path == (before.base / "../data/cell").resolve()
    assert found.output.path == before.base / "results" / "a"
    assert saved.command == f"stackmend run '{saved.path}'"


def test_what_the_command_line_gave_is_in_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("p", "q"):
        (tmp_path / name).mkdir()
    text = TEXT.replace("output: {path: results/a}\n", "")
    document = Document.opened(
        text, base=tmp_path / "p", name="p.yaml", input=Path("stack.tif"), set={NAME: "7"}
    )
    saved = save(document, "mine", folder=tmp_path / "q")
    data = yaml.safe_load(saved.path.read_text(encoding="utf-8"))
    assert data["input"]["path"] == "../stack.tif"
    assert data["chain"][1]["gf1_sigma"] == 7
    assert saved.command.endswith(f" --output {tmp_path / 'q' / 'results' / 'mine'}")


def test_line_breaks_stay(document):
    saved = save(document.with_text(TEXT.replace("\n", "\r\n")), "mine")
    assert saved.path.read_bytes() == TEXT.replace("\n", "\r\n").encode()


def test_values_on_the_screen_take_the_place_of_sweeps(document):
    origins = {
        NAME: Origin(9, [1], "charging_histogram", 0.25, 6),
        "find_charging.color_shift": Origin(0.2, [1], "charging_histogram", 0.25, 6),
    }
    saved = save(document, "mine", freeze=True, origins=origins)
    text = saved.path.read_text(encoding="utf-8")
    said = "chosen on slice 1 by charging_histogram 0.25, of 6 combinations"
    assert f"    # gf1_sigma: {said}\n    gf1_sigma: 9              " in text
    assert "    color_shift: 0.1\n" in text  # another value than the search has chosen
    assert "# optimize:\n#   slices: [1]\n" in text
    draft = examine(saved.path)
    assert draft.problems == ()
    assert draft.protocol.optimize == ()


def test_the_chain_that_is_looked_at_is_frozen(tmp_path):
    text = (
        "protocol: 1\n"
        "chain:\n"
        "- one_of:\n"
        "    one: [{step: find_streaks}, {step: fill_streaks, border: {sweep: [1, 2]}}]\n"
        "    two:\n"
        "    - step: find_streaks  # calm\n"
        "      ratio: {sweep: [1, 2]}\n"
        "    - {step: fill_streaks}\n"
        "optimize: {slices: [1], loss: common_histogram}\n"
    )
    document = Document(text, tmp_path, values={"find_streaks.ratio": 3})
    one = save(document, "one", freeze=True).path.read_text(encoding="utf-8")
    assert yaml.safe_load(one)["chain"][1] == {"step": "fill_streaks", "border": 1}
    two = save(document.with_alternative("two"), "two", freeze=True).path.read_text("utf-8")
    assert "chain:\n- step: find_streaks  # calm\n  ratio: 3\n- {step: fill_streaks}\n# Not" in two


def test_a_file_that_is_there_is_only_replaced_when_told(document):
    path = save(document, "mine").path
    other = document.with_text(TEXT.replace("Mine", "Other"))
    with pytest.raises(OutputError, match="there is such a file already"):
        save(other, "mine")
    assert path.read_text(encoding="utf-8") == TEXT
    save(other, "mine", replace=True)
    assert path.read_text(encoding="utf-8") == other.text


def test_only_a_sound_protocol_is_saved(document):
    with pytest.raises(ProtocolError, match="no step named nothing"):
        save(document.with_text(TEXT.replace("destandardize", "nothing")), "mine")
    assert list(document.base.iterdir()) == []


@pytest.mark.parametrize("name", ["", " ", "..", "a/b", "/tmp/x", "a\\b", "a\nb"])
def test_names_that_are_none_of_a_file(document, name):
    with pytest.raises(UsageError, match="must be that of a file"):
        save(document, name)


def test_folders_in_which_no_protocol_may_lie(document, tmp_path):
    cell = tmp_path / "data" / "cell"
    cell.mkdir(parents=True)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")
    for folder, message in (
        (cell, "is in the stack, which is never written to"),
        (tmp_path / "run", "is the result of a run"),
        (tmp_path / "none", "is no folder"),
    ):
        with pytest.raises(UsageError, match=message):
            save(document, "mine", folder=folder)


def test_a_run_of_what_was_frozen_makes_what_the_screen_shows(cell, tmp_path):
    text = TEXT.replace("../data/cell", "cell").replace("rb_radius: 5", "rb_radius: 5, border: 2")
    document = Document(text, tmp_path, values={NAME: 9, "find_charging.color_shift": 0.15})
    preview = Preview(memory=10**8)
    state = preview.take(
        document.text, base=document.base, name=document.name, values=document.values
    )
    shown = preview.products(state, 1, 0, ["after"])["after"]
    preview.close()
    saved = save(document, "mine", freeze=True)
    run = api.run(saved.path, workers=1)
    assert np.array_equal(open_stack(run.stack)[0].read(1), shown)
    assert not np.array_equal(open_stack(cell)[0].read(1), shown)
