"""A result as an RO-Crate: what it names is there, and every entity is named by another."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stackmend import api
from stackmend.errors import InputError, Rejected


def entities(folder: Path, **given: str) -> dict[str, dict[str, Any]]:
    file = api.crate(folder, **given)
    assert file == folder / "ro-crate-metadata.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    found = {entity["@id"]: entity for entity in content["@graph"]}
    assert len(found) == len(content["@graph"])
    return found


def named(value: Any) -> Iterator[str]:
    """The entities that a property names."""
    if isinstance(value, list):
        for each in value:
            yield from named(each)
    elif isinstance(value, dict):
        yield value["@id"]


def test_every_entity_is_described_and_linked(result: Path) -> None:
    found = entities(result, author="A. Person")
    linked = set()
    for entity in found.values():
        for value in entity.values():
            linked.update(named(value))
    linked.discard("https://w3id.org/ro/crate/1.1")  # the specification itself
    assert linked <= set(found)
    # All but the descriptor can be reached from the root.
    assert set(found) - linked == {"ro-crate-metadata.json"}
    assert found["ro-crate-metadata.json"]["about"] == {"@id": "./"}


def test_the_parts_are_those_of_the_folder(result: Path) -> None:
    found = entities(result)
    parts = [part["@id"] for part in found["./"]["hasPart"]]
    assert {"stack/", "run.json", "protocol.yaml", "report.html", "previews/"} <= set(parts)
    for id in parts:
        path = result / id
        assert path.exists()
        if found[id]["@type"] == "File":
            assert found[id]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
            assert found[id]["contentSize"] == str(path.stat().st_size)


def test_the_action_is_the_run(result: Path) -> None:
    found = entities(result)
    record = json.loads((result / "run.json").read_text(encoding="utf-8"))
    action = found[found["./"]["mentions"]["@id"]]
    assert action["@type"] == "CreateAction"
    assert (
        found[action["instrument"]["@id"]]["version"]
        == record["environment"]["packages"]["stackmend"]
    )
    assert action["startTime"] == record["times"]["started"]
    assert {"@id": "stack/"} in action["result"]
    assert found["#input"]["identifier"] == f"sha256:{record['input']['pixel_hash']}"
    chosen = record["searches"][0]["chosen"]
    for name, value in chosen.items():
        [id] = [id for id in found if id.endswith(f".{name}")]
        assert found[id]["value"] == value
    assert "author" not in found["./"]


@pytest.mark.parametrize(
    ("given", "id", "said"),
    [
        ("", "#licence", "has not stated"),
        ("CC-BY-4.0", "#licence", "CC-BY-4.0"),
        ("https://example.org/licence", "https://example.org/licence", ""),
    ],
)
def test_the_licence_is_that_of_the_owner(result: Path, given: str, id: str, said: str) -> None:
    found = entities(result, license=given)
    assert found["./"]["license"] == {"@id": id}
    assert said in found[id].get("description", "")


def test_a_crate_is_no_alteration_and_goes_with_the_result(result: Path) -> None:
    entities(result)
    assert not api.show(result).altered
    with pytest.raises(InputError, match="no result of a run"):
        api.crate(result / "stack")


@pytest.mark.parametrize("format", ["tiff-folder", "tiff", "ome-zarr"])
def test_results_of_all_formats_and_with_masks(
    cell: Path, protocol: Any, tmp_path: Path, format: str
) -> None:
    output = {"path": str(tmp_path / "out"), "format": format, "masks": True}
    file = protocol(output=output, gates={"changed_fraction": 0.0})
    with pytest.raises(Rejected):
        api.run(file, workers=1)
    found = entities(tmp_path / "out.rejected")
    parts = {each["@id"]: found[each["@id"]] for each in found["./"]["hasPart"]}
    described = [id for id, each in parts.items() if each["description"] == "the restored stack"]
    assert len(described) == 1
    assert described[0].startswith("stack")
    assert all(each["description"] for each in parts.values())
    assert "Rejected, as it exceeds limits: changed_fraction is" in found["./"]["description"]
