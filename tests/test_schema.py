"""The assembled JSON Schema: valid, complete, and the same for editors and for the program."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from stackmend import registry, resources
from stackmend.protocol import assemble
from stackmend.protocol.text import parse
from test_protocol_files import INVALID, VALID

BUILT_IN_STEPS = [
    name for name in registry.steps().names() if registry.steps().origin(name) == "stackmend"
]
BUILT_IN_LOSSES = [
    name for name in registry.losses().names() if registry.losses().origin(name) == "stackmend"
]
SCHEMA = assemble(BUILT_IN_STEPS, BUILT_IN_LOSSES)

DIMENSIONAL = ("sigma", "radius", "area", "border", "distance", "shift", "percentiles")


def parameters():
    components = [registry.steps().get(name) for name in BUILT_IN_STEPS]
    components += [registry.losses().get(name) for name in BUILT_IN_LOSSES]
    for component in components:
        for name, declared in component.schema["properties"].items():
            yield pytest.param(component, name, declared, id=f"{component.name}.{name}")
    phantom = resources.schema("phantom")
    for name, declared in phantom["properties"].items():
        yield pytest.param(None, name, declared, id=f"phantom.{name}")


@pytest.mark.parametrize("validator", [Draft7Validator, Draft202012Validator])
def test_schema_is_valid(validator):
    validator.check_schema(SCHEMA)


def test_schema_is_plain_json():
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


@pytest.mark.parametrize(
    "file", [*VALID, *INVALID], ids=lambda file: f"{file.parent.name}-{file.stem}"
)
def test_drafts_agree(file):
    data = parse(file.read_text(encoding="utf-8")).data
    verdicts = {
        validator(SCHEMA).is_valid(data) for validator in (Draft7Validator, Draft202012Validator)
    }
    assert len(verdicts) == 1
    if file in VALID:
        assert verdicts == {True}


@pytest.mark.parametrize(("component", "name", "declared"), [*parameters()])
def test_parameter_is_documented(component, name, declared):
    assert declared["description"].endswith((".", ")"))
    assert declared["errorMessage"].startswith("must be ")
    assert component is None or 3 < len(declared["title"]) <= 32
    required = component.schema.get("required", []) if component else []
    assert "default" in declared or name in required
    if any(word in name for word in DIMENSIONAL):
        assert declared["unit"]


def test_every_choice_of_the_document_is_explained():
    def walk(schema, path):
        for name, declared in schema.get("properties", {}).items():
            if isinstance(declared, dict) and "$ref" not in declared:
                assert declared.get("description"), f"{path}.{name} has no description"
                walk(declared, f"{path}.{name}")

    document = resources.schema("skeleton")
    walk(document, "document")
    walk(document["definitions"]["optimize"], "optimize")


def test_file_for_editors_is_fresh():
    """Made by ``stackmend schema`` where no steps of other packages are installed."""
    file = Path(resources.folder("schemas")) / "protocol.schema.json"
    assert (
        file.read_text(encoding="utf-8") == json.dumps(SCHEMA, indent=2, ensure_ascii=False) + "\n"
    )
