"""The tables: written and read back, and what is said of damaged ones."""

from __future__ import annotations

import csv
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records import record_content
from stackmend.errors import InputError
from stackmend.result import open_result
from stackmend.result.atomic import write_json, write_table
from stackmend.result.rows import LossRow, SliceRow, Status, slices_by_words

FINITE = st.floats(allow_nan=False, allow_infinity=False)
ROWS = st.builds(
    SliceRow,
    slice=st.integers(0, 10**6),
    channel=st.integers(0, 9),
    name=st.text(st.characters(exclude_categories=("C", "Z"))),
    status=st.sampled_from(Status),
    mask_area=st.none() | st.integers(0, 10**9),
    mask_y=st.none() | FINITE,
    mean_before=st.none() | FINITE,
    clipped=st.integers(0, 10**9),
    seconds=FINITE,
    reason=st.text(st.characters(exclude_categories=("C", "Z"))),
)


@given(row=ROWS)
def test_a_slice_survives_its_table_and_its_journal(row: SliceRow) -> None:
    cells = {name: str(value) for name, value in row.to_csv().items()}
    assert SliceRow.from_csv(cells) == row
    assert SliceRow.from_json({each.name: getattr(row, each.name) for each in fields(row)}) == row


def test_the_losses_of_two_searches_share_a_table(tmp_path: Path) -> None:
    rows = [
        LossRow(0, 0, 3, 0, {"sigma": 1.5}, 0.25, 0.5),
        LossRow(0, 0, 3, 1, {"sigma": 2.5}, status="undefined"),
        LossRow(1, 2, 4, 0, {"find.sigma": True}, 1e-9, 1e-9),
    ]
    write_table(tmp_path / "losses.csv", [row.to_csv() for row in rows])
    with (tmp_path / "losses.csv").open(newline="", encoding="utf-8") as file:
        found = [LossRow.from_csv(row) for row in csv.DictReader(file)]
    assert [row.values for row in found] == [
        {"sigma": "1.5"},
        {"sigma": "2.5"},
        {"find.sigma": "True"},
    ]
    assert [(row.loss, row.mean_loss, row.status) for row in found] == [
        (0.25, 0.5, "ok"),
        (None, None, "undefined"),
        (1e-9, 1e-9, "ok"),
    ]
    assert [(row.search, row.channel, row.slice, row.combination) for row in found] == [
        (0, 0, 3, 0),
        (0, 0, 3, 1),
        (1, 2, 4, 0),
    ]


def test_every_status_has_words() -> None:
    assert all(status.words for status in Status)
    assert {status for status in Status if status.unusable} == {"kept", "blank", "skipped"}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("slices.csv", "slice,channel,name,status\n0,0,a,well\n", "line 2: status must be one of "),
        ("slices.csv", "slice,channel,name\n0,0,a\n", "line 2: status is missing"),
        (
            "slices.csv",
            "slice,channel,name,status,mask_area\n0,0,a,restored,1\n1,0,b,restored,much\n",
            "line 3: mask_area must be a number, got much",
        ),
        ("losses.csv", "search,slice\n0,1\n", "line 2: channel must be a number, got None"),
        ("previews/previews.json", '{"slices": 1}', "slices must be a list, got 1"),
    ],
)
def test_a_damaged_table_is_told_by_its_line(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    (tmp_path / "previews").mkdir()
    write_json(tmp_path / "run.json", record_content())
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        open_result(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / name}: is damaged: {said}")
    assert str(caught.value).endswith("; run the protocol again")


def test_slices_without_findings_that_other_steps_changed_are_told_apart() -> None:
    rows = [
        SliceRow(0, 0, "a", Status.NOTHING_FOUND, changed_fraction=0.9),
        SliceRow(1, 0, "b", Status.RESTORED, changed_fraction=0.9),
        SliceRow(2, 0, "c", Status.NOTHING_FOUND, changed_fraction=0.0),
    ]
    other = "without findings, but changed by other steps"
    assert slices_by_words(rows) == {other: [0], "without findings": [2]}
