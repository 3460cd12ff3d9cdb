"""What a page can move, from the schemas of steps, losses and strategies."""

from __future__ import annotations

import json

import pytest

from stackmend import registry
from stackmend.preview.controls import search_controls, step_controls
from stackmend.preview.document import Document

TEXT = """\
protocol: 1
chain:
  - step: standardize
    percentiles: [0.5, 99.5]
  - {step: find_charging, id: dark, gf1_sigma: {sweep: [20, 40]}}
  - {step: correct_charging, rb_radius: {sweep: {from: 4, to: 8, count: 3}}, border: 7}
  - one_of:
      one: [{step: fill_streaks, strength: 0.5}]
      two: [{step: no_such_step}]
optimize:
  - slices: [3]
    loss: {name: common_histogram, regions: 5}
    also: injection_error
  - slices: [4]
    strategy: refine
"""


@pytest.fixture
def document(tmp_path):
    return Document(TEXT, tmp_path, values={"dark.gf1_sigma": 33})


def parameter(controls, name):
    return next(each for step in controls for each in step["parameters"] if each["name"] == name)


def test_controls_are_plain_data_for_every_parameter(document):
    controls = step_controls(document)
    assert json.loads(json.dumps(controls)) == controls
    first = controls[0]
    assert (first["step"], first["id"], first["index"]) == ("standardize", "standardize", 0)
    assert first["origin"].startswith("stackmend")
    declared = registry.steps().get("standardize").schema["properties"]
    assert [each["name"] for each in first["parameters"]] == list(declared)


def test_a_value_comes_from_the_text_the_screen_or_the_schema(document):
    controls = step_controls(document)
    sigma = parameter(controls, "gf1_sigma")
    assert (sigma["value"], sigma["sweep"], sigma["in_text"]) == (33, {"values": [20, 40]}, True)
    assert sigma["path"] == ["chain", 1, "gf1_sigma"]
    assert (sigma["exclusiveMinimum"], sigma["maximum"]) == (0, 10000)
    assert sigma["typical"] == [20, 120]
    radius = parameter(controls, "rb_radius")
    assert (radius["value"], radius["sweep"]) == (4, {"from": 4, "to": 8, "count": 3})
    shift = parameter(controls, "color_shift")
    assert (shift["value"], shift["sweep"], shift["in_text"]) == (0.1, None, False)


def test_kinds_of_values(document):
    controls = step_controls(document)
    kinds = {each["name"]: each["type"] for step in controls for each in step["parameters"]}
    assert kinds["inverse"] == "boolean"
    assert kinds["per"] == "choice"
    assert kinds["border"] == "integer"
    assert kinds["percentiles"] == "list"
    assert parameter(controls, "percentiles")["nullable"]
    assert parameter(controls, "per")["choices"] == ["slice", "stack"]
    assert not parameter(controls, "per")["sweepable"]
    assert parameter(controls, "gf2_sigma")["sweepable"]


def test_chains_of_which_one_is_taken_say_so(document):
    one, two = step_controls(document)[-2:]
    assert (one["alternative"], one["index"]) == ("one", 3)
    assert one["parameters"][0]["path"] == ["chain", 3, "one_of", "one", 0, "detail"]
    assert (two["alternative"], two["parameters"]) == ("two", [])
    assert "no_such_step" in two["problem"]


@pytest.mark.parametrize(
    ("sizes", "per_unit", "per_px"),
    [
        ((None, None, None), None, None),
        ((10, 5, 5), 5, [5, 5]),
        ((10, 4, 5), None, [4, 5]),
    ],
)
def test_lengths_in_nm(document, sizes, per_unit, per_px):
    controls = step_controls(document, sizes)
    sigma = parameter(controls, "gf1_sigma")
    assert (sigma["nm_per_unit"], sigma["nm_per_px"]) == (per_unit, per_px)
    assert parameter(controls, "color_shift")["nm_per_unit"] is None
    assert parameter(controls, "min_area")["nm_per_unit"] is None  # not a length


@pytest.mark.parametrize(
    ("sizes", "written", "shown"),
    [
        ((8, 4, 4), "200 nm", 50),
        ((8, 4, 4), "0.2 um", 50),
        ((8, 4, 4), "12 px", 12),
        ((8, 4, 4), "3 %", "3 %"),
        ((8, None, None), "200 nm", "200 nm"),
        ((8, 4, 4), "200 furlongs", "200 furlongs"),
    ],
)
def test_a_length_that_is_written_can_be_moved_in_pixels(document, sizes, written, shown):
    moved = document.with_text(document.text.replace("border: 7", f"border: {written}"))
    assert parameter(step_controls(moved, sizes), "border")["value"] == shown


def test_lengths_across_slices(tmp_path):
    document = Document("protocol: 1\nchain: [{step: median_z}]\n", tmp_path)
    assert parameter(step_controls(document, (10, 4, 5)), "radius")["nm_per_unit"] == 10


def test_losses_and_strategies(document):
    controls = search_controls(document)
    assert [(each["entry"], each["kind"], each["name"]) for each in controls] == [
        (0, "loss", "common_histogram"),
        (0, "also", "injection_error"),
        (0, "strategy", "grid"),
        (1, "loss", "charging_histogram"),
        (1, "also", None),
        (1, "strategy", "refine"),
    ]
    assert json.loads(json.dumps(controls)) == controls
    assert controls[0]["choices"] == [each.name for each in registry.losses().usable()]
    regions = controls[0]["parameters"][0]
    assert (regions["name"], regions["value"], regions["in_text"]) == ("regions", 5, True)
    assert regions["path"] == ["optimize", 0, "loss", "regions"]
    assert not regions["sweepable"]


def test_an_option_of_what_is_given_by_name_alone(document):
    found = document.with_value(("optimize", 1, "strategy", "rounds"), 2)
    assert "strategy: {name: refine, rounds: 2}" in found.text
    found = document.with_value(("optimize", 1, "loss", "regions"), 7)
    assert "loss: {name: charging_histogram, regions: 7}" in found.text
    found = document.with_value(("optimize", 0, "loss", "regions"), 7)
    assert "loss: {name: common_histogram, regions: 7}" in found.text


@pytest.mark.parametrize("text", ["", "chain: 5", "chain: [1, {step: [x]}, {one_of: 3}]", "a: ["])
def test_what_cannot_be_understood_is_left_out(tmp_path, text):
    document = Document(text, tmp_path)
    assert step_controls(document) == []
    assert search_controls(document) == []
