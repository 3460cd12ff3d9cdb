"""Formats of protocols: later ones refused, earlier ones migrated, what was released always read.

There is no earlier format yet; the tests put one into the registry, in which ``find_charging`` had
another name and ``input`` was called ``stack``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import stackmend
from commands import Main
from conftest import MakeStack
from stackmend import api, resources
from stackmend.errors import ProtocolError
from stackmend.preview.document import Document
from stackmend.protocol.editing import insert, put, remove
from stackmend.protocol.migration import MIGRATIONS, NEWEST, Migration, migrated
from stackmend.protocol.text import parse

PROTOCOLS = Path(__file__).parents[1] / "protocols"
RELEASED = sorted((PROTOCOLS / "released").glob("*.yaml"))
SAID = "stack is input, find_dark is find_charging with inverse"
OLD = """\
# Dark blobs.
protocol: 0  # the first try
stack: {phantom: {slices: 3, height: 96, width: 128}}   # synthetic
output: {path: result}
chain:
  - step: standardize   # a scale for each slice
  # what is dark
  - {step: find_dark, gf1_sigma: {sweep: [8, 12]}, min_area: 20}
  - {step: correct_charging, gf2_sigma: 8, gf3_sigma: 3}
  - step: destandardize
optimize: {slices: [1]}
"""


def to_first(text: str) -> str:
    """What the injected migration does."""
    data = parse(text).data
    text = put(remove(text, ("stack",)), ("input",), data["stack"])
    for index, item in enumerate(data["chain"]):
        if item.get("step") == "find_dark":
            text = put(text, ("chain", index, "step"), "find_charging")
            text = put(text, ("chain", index, "inverse"), True)
    return text


@pytest.fixture
def draft(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A protocol of format 0, while there is a way from it."""
    monkeypatch.setitem(MIGRATIONS, 0, Migration(SAID, to_first))
    file = tmp_path / "old.yaml"
    file.write_text(OLD, encoding="utf-8")
    yield file
    assert file.read_text(encoding="utf-8") == OLD


# What was released


@pytest.mark.parametrize("file", RELEASED, ids=lambda file: file.stem)
def test_what_was_released_is_read(file: Path) -> None:
    assert [each for each in api.check(file).draft.problems if each.severity == "error"] == []


def keys_of(data: Any) -> Iterator[str]:
    """Every key in some data."""
    if isinstance(data, dict):
        yield from data
    for each in data.values() if isinstance(data, dict) else data:
        if isinstance(each, dict | list):
            yield from keys_of(each)


def declared_by(schema: Any) -> Iterator[str]:
    """Every key that a schema has a name for."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
    for each in schema.values() if isinstance(schema, dict) else schema:
        if isinstance(each, dict | list):
            yield from declared_by(each)


def test_the_released_files_have_every_key() -> None:
    used: set[str] = set()
    for file in RELEASED:
        used.update(keys_of(yaml.safe_load(file.read_text(encoding="utf-8"))))
    schema = resources.schema("skeleton")
    declared = {*declared_by(schema), *resources.schema("phantom")["properties"]}
    assert declared <= used  # steps have versions of their own, and new ones come


def test_the_newest_format_is_that_of_the_schema() -> None:
    assert resources.schema("skeleton")["properties"]["protocol"]["enum"] == [NEWEST]
    assert set(MIGRATIONS) == set(range(1, NEWEST))


# Later formats


@pytest.mark.parametrize(
    ("requires", "command"),
    [
        ("", "pip install --upgrade stackmend"),
        ('requires: {stackmend: ">=7.2"}\n', "pip install 'stackmend>=7.2'"),
        ("requires: [stackmend]\n", "pip install --upgrade stackmend"),
        ("requires: {stackmend: [7]}\n", "pip install --upgrade stackmend"),
    ],
)
def test_a_later_format_is_refused_with_what_is_needed_and_nothing_else(
    tmp_path: Path, requires: str, command: str
) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(f"protocol: 2\n{requires}steps_of_tomorrow: [a, b]\n", encoding="utf-8")
    problems = api.check(file).draft.problems
    assert [(each.line, each.column, each.path) for each in problems] == [(1, 11, "protocol")]
    known = f"is format 2, and stackmend {stackmend.__version__} knows formats up to 1"
    assert problems[0].message == f"{known}; run: {command}"


@pytest.mark.parametrize("verb", ["run", "check", "plan", "migrate"])
def test_every_verb_refuses_it(
    tmp_path: Path, main: Main, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("protocol: 3\nchain: []\n", encoding="utf-8")
    assert main(verb, file) == ProtocolError.exit_status
    said = capsys.readouterr()
    assert "is format 3" in said.out + said.err
    assert list(tmp_path.iterdir()) == [file]


# Earlier formats


def test_an_earlier_one_without_a_way_is_no_protocol(tmp_path: Path, main: Main) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(OLD, encoding="utf-8")
    assert "must be 1" in api.check(file).draft.problems[0].message
    assert main("migrate", file) == ProtocolError.exit_status


def test_an_earlier_one_runs_as_it_is(draft: Path, tmp_path: Path) -> None:
    """And from its result, frozen and repeated, there come protocols of the newest."""
    problems = api.check(draft).draft.problems
    assert [each.severity for each in problems] == ["warning"]
    assert f"was format 0, read as 1: {SAID}" in problems[0].message
    run = api.run(draft, workers=1)
    assert (run.folder / "protocol.yaml").read_text(encoding="utf-8") == OLD
    assert run.record["protocol"]["text"] == OLD
    assert any(SAID in each for each in run.record["warnings"])
    effective = yaml.safe_load((run.folder / "effective.yaml").read_text(encoding="utf-8"))
    assert effective["protocol"] == NEWEST
    assert effective["chain"][1]["step"] == "find_charging"
    frozen = tmp_path / "frozen.yaml"
    text = api.freeze(run.folder, output=frozen)
    assert "# what is dark" in text
    assert api.check(frozen).draft.problems == ()
    again = api.run(frozen, output=tmp_path / "again", workers=1)
    assert again.record["output"]["pixel_hash"] == run.record["output"]["pixel_hash"]
    assert api.verify(run.folder).outcome == "identical"
    assert api.check(run.folder / "protocol.yaml").draft.protocol is not None
    made = api.bundle(draft, run.folder, output=tmp_path / "b.zip", size=64)
    assert api.prove(made).verification.outcome == "identical"


def test_migrate_writes_it_beside(
    draft: Path, main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    target = draft.with_name("old.migrated.yaml")
    assert main("migrate", draft) == 0
    said = capsys.readouterr().err
    assert f"wrote {target}" in said
    assert SAID in said
    text = target.read_text(encoding="utf-8")
    assert "# Dark blobs.\nprotocol: 1  # the first try\n" in text
    assert "# a scale for each slice\n  # what is dark\n" in text
    assert api.check(target).draft.problems == ()
    assert main("migrate", draft) == 8
    assert "there is such a file already" in capsys.readouterr().err
    assert main("migrate", target) == 0
    assert "is of the newest format already" in capsys.readouterr().out
    assert not target.with_name("old.migrated.migrated.yaml").exists()


def test_paths_in_it_lead_to_the_same_places(draft: Path, main: Main) -> None:
    (draft.parent / "elsewhere").mkdir()
    assert main("migrate", draft, "-o", draft.parent / "elsewhere" / "new.yaml") == 0
    data = yaml.safe_load((draft.parent / "elsewhere" / "new.yaml").read_text(encoding="utf-8"))
    assert data["output"]["path"] == "../result"


def test_what_cannot_be_changed_in_place_is_said(
    draft: Path, monkeypatch: pytest.MonkeyPatch, main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    stubborn = Migration("nothing", lambda text: insert(text, ("chain", 99), {"step": "crop"}))
    monkeypatch.setitem(MIGRATIONS, 0, stubborn)
    (problem,) = api.check(draft).draft.problems
    assert "cannot be brought to format 1" in problem.message
    assert main("migrate", draft) != 0
    assert "there is no such place" in capsys.readouterr().err


def test_a_search_on_an_array_takes_an_earlier_one(draft: Path, charged: MakeStack) -> None:
    found = stackmend.search(OLD, charged(3))
    assert found.protocol is not None
    data = yaml.safe_load(found.protocol)
    assert data["protocol"] == NEWEST
    assert data["chain"][1]["step"] == "find_charging"


def test_the_tuner_begins_with_the_newest(draft: Path) -> None:
    document = Document.opened(OLD, base=draft.parent, name=draft.name)
    assert document.data["protocol"] == NEWEST
    assert "# a scale for each slice" in document.text


def test_the_whole_way_over_several_formats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MIGRATIONS, -1, Migration("cells", lambda text: text))
    monkeypatch.setitem(MIGRATIONS, 0, Migration(SAID, to_first))
    found = migrated(OLD.replace("protocol: 0", "protocol: -1"))
    assert found is not None
    assert found.said == ("cells", SAID)
    assert parse(found.text).data == {**parse(to_first(OLD)).data, "protocol": NEWEST}
