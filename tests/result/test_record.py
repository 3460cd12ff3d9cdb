"""The record: its schema, its data classes, and what is said of a damaged one."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints, is_typeddict

import numpy as np
import pytest
from jsonschema import Draft7Validator, ValidationError

from records import SEARCH, record_content, search_content
from stackmend import resources
from stackmend.errors import InputError
from stackmend.result import Record, open_result
from stackmend.result import record as parts
from stackmend.result.recovery_record import RecoveryRecord

SCHEMA = resources.schema("record")


def objects(schema: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema within a schema, with its place."""
    if isinstance(schema, dict):
        if "type" in schema or "enum" in schema or "const" in schema:
            yield place, schema
        for name, each in schema.items():
            yield from objects(each, f"{place}/{name}")


def of_class(kind: type) -> dict[str, Any]:
    """The part of the schema that describes a data class."""
    found = {
        parts.Record: SCHEMA,
        parts.StepRecord: SCHEMA["definitions"]["step"],
        parts.ParameterRecord: SCHEMA["definitions"]["parameter"],
        parts.SearchRecord: SCHEMA["definitions"]["search"],
        parts.MasksRecord: SCHEMA["properties"]["output"]["properties"]["masks"],
        parts.SecondRecord: SCHEMA["definitions"]["search"]["properties"]["also"],
        parts.GateRecord: SCHEMA["properties"]["gates"]["items"],
        RecoveryRecord: SCHEMA["properties"]["recovery"]["items"],
    }
    names = {
        parts.ProtocolRecord: "protocol",
        parts.InputRecord: "input",
        parts.OutputRecord: "output",
        parts.SliceCounts: "slices",
        parts.TruthRecord: "truth",
        parts.EnvironmentRecord: "environment",
        parts.Times: "times",
        parts.Estimate: "estimate",
    }
    found |= {each: SCHEMA["properties"][name] for each, name in names.items()}
    schema: dict[str, Any] = found[kind]
    return schema


KINDS = [
    kind
    for name, kind in vars(parts).items()
    if (dataclasses.is_dataclass(kind) or is_typeddict(kind)) and not name.startswith("_")
]


def test_the_schema_is_valid_and_allows_nothing_else() -> None:
    Draft7Validator.check_schema(SCHEMA)
    Draft7Validator(SCHEMA).validate(record_content(searches=[search_content()]))
    for changed in (
        record_content(more=1),
        record_content(searches=[search_content(more=1)]),
        {name: value for name, value in record_content().items() if name != "mask_of"},
    ):
        with pytest.raises(ValidationError):
            Draft7Validator(SCHEMA).validate(changed)


def test_everything_is_described_and_has_a_unit() -> None:
    for place, schema in objects(SCHEMA):
        if "/properties/" in place and not place.endswith(("/items", "/additionalProperties")):
            inside = place.rpartition("/properties/")[2]
            if "/" not in inside:
                assert schema.get("description", "").endswith("."), place
                if {"number", "integer"}.intersection(np.atleast_1d(schema.get("type", ""))):
                    assert "unit" in schema, place


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_schema_has_what_the_data_classes_have(kind: type) -> None:
    schema = of_class(kind)
    names = set(get_type_hints(kind))
    if kind is Record:
        names |= {"record", "status"}
    assert set(schema["properties"]) == set(schema["required"]) == names
    assert schema["additionalProperties"] is False


def test_what_is_written_is_what_is_read() -> None:
    held_out = {"2": 0.6, "5": "undefined"}
    content = record_content(searches=[search_content(held_out=held_out, region={"y": [0, 9]})])
    record = Record.from_json(content)
    assert record.to_json() == content
    assert record.searches[0].held_out == {2: 0.6, 5: "undefined"}
    assert record.searches[0].region == {"y": (0, 9)}


def changed(path: str, value: Any) -> dict[str, Any]:
    """A record of which one part is another; ``...`` takes it away."""
    content: Any = json.loads(json.dumps(record_content(searches=[search_content()])))
    place, *names = [int(name) if name.isdigit() else name for name in path.split(".")][::-1]
    inside = content
    for name in names[::-1]:
        inside = inside[name]
    if value is ...:
        del inside[place]
    else:
        inside[place] = value
    return dict(content)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("searches.0.tied", "many", 'searches[0].tied must be a whole number, got "many"'),
        ("searches.0.tied", True, "searches[0].tied must be a whole number, got true"),
        ("searches.0.held_out", {"2": None}, "searches[0].held_out.2 must be a text, got null"),
        ("searches.0.held_out", {"x": 1}, "searches[0].held_out.x is no number of a slice"),
        ("searches.0.on_edge", {"x": "upper"}, "searches[0]: x is chosen, but not in space"),
        ("searches.0.loss_of_choice", None, "searches[0]: loss_of_choice is missing"),
        ("input.shape", [4, 5], "input.shape must have 3 members, got 2"),
        ("input.notes", {}, "input.notes must be a list, got {}"),
        ("output", [], "output must be an object, got []"),
        ("times.apply_s", ..., "times.apply_s is missing"),
        ("replaced_chain", "no" * 40, f'replaced_chain must be true or false, got "{"no" * 28}...'),
    ],
)  # fmt: skip
def test_a_damaged_record_is_told_by_its_part(
    tmp_path: Path, path: str, value: Any, said: str
) -> None:
    (tmp_path / "run.json").write_text(json.dumps(changed(path, value)))
    with pytest.raises(InputError) as caught:
        open_result(tmp_path)
    file = tmp_path / "run.json"
    assert str(caught.value) == f"{file}: is damaged: {said}; run the protocol again"


def test_a_search_of_an_earlier_version_has_no_words() -> None:
    old = {name: value for name, value in SEARCH.items() if name not in ("finds", "advice")}
    content = record_content(searches=[old | {"slices_without_charging": []}])
    del content["mask_of"]
    record = Record.from_json(content)
    assert (record.mask_of, record.searches[0].finds) == (None, "")
