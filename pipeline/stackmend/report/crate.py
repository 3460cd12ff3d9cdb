"""A result folder as an RO-Crate: what was run on what, in the words of schema.org.

The profile is that of Process Run Crate 0.5 (Leo et al. 2024, 10.1371/journal.pone.0309210): the
run is an action whose instrument is stackmend, and whose result is the folder. All is taken from
the record; nothing is computed from pixels.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from stackmend.disk import remedy
from stackmend.errors import InputError, OutputError
from stackmend.report.citation import references
from stackmend.result import Record, Result, atomic, names, open_result
from stackmend.result.gate_record import fails, gate_text

Entity = dict[str, Any]

PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
_CONTEXT = [
    "https://w3id.org/ro/crate/1.1/context",
    "https://w3id.org/ro/terms/workflow-run/context",
]
_FORMATS = {
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".yaml": "application/yaml",
    ".csv": "text/csv",
    ".txt": "text/plain",
    ".html": "text/html",
    ".tif": "image/tiff",
    ".webp": "image/webp",
}
_WHAT = {
    names.RECORD: "the record of the run",
    names.PROTOCOL: "the protocol, as it was given",
    names.EFFECTIVE: "the protocol, with what the command line gave",
    names.LOSSES: "the loss of every combination of parameters",
    names.SLICES: "measures and hashes of every slice",
    names.SURVEYS: "what steps had to know of other slices",
    names.FINGERPRINTS: "quantiles and means of every restored slice, hashes of files",
    names.JOURNAL: "what is finished, with hashes",
    names.LOG: "events of the run",
    names.LOG_TEXT: "events of the run, to read",
    names.REPORT: "the report of the run",
    names.ANIMATION: "a slice through the loss",
    names.PREVIEWS: "small pictures for the report",
    **dict.fromkeys(names.MASK_STACKS, "what the steps have marked"),
}
NOT_STATED = "The owner of the data has not stated a licence."


def write_crate(folder: Path, *, license: str = "", author: str = "") -> Path:
    """Write the metadata of an RO-Crate into a result folder.

    Raises
    ------
    InputError
        If there is no finished result of a run.
    OutputError
        If it cannot be written.
    """
    result = open_result(folder)
    if result.record is None:
        what = "is not finished, and a crate is of a finished run"
        raise InputError(f"{result.folder}: {what}; run the protocol to its end first")
    target = result.folder / names.CRATE
    try:
        atomic.write_json(target, crate_of(result, result.record, license, author))
    except OSError as error:
        what = f"cannot be written ({error.strerror or error})"
        raise OutputError(f"{target}: {what}; {remedy(error)}") from error
    return target


def crate_of(result: Result, record: Record, license: str = "", author: str = "") -> Entity:
    """The metadata: JSON-LD, a flat list of entities that name each other."""
    parts = list(_parts(result.folder))
    people = [_entity("#author", "Person", name=author)] if author else []
    by = {"agent": _to("#author")} if author else {}
    licence = _licence(license)
    files = [
        _root(record, parts, licence["@id"], author),
        _entity(
            names.CRATE,
            "CreativeWork",
            about=_to("./"),
            conformsTo=_to("https://w3id.org/ro/crate/1.1"),
        ),
        _entity(PROFILE, "CreativeWork", name="Process Run Crate", version="0.5"),
        licence,
    ]
    run = [_action(record, by), *_instruments(record), _input(record), *_values(record)]
    return {"@context": _CONTEXT, "@graph": [*files, *parts, *run, *people, *_cited(record)]}


def _root(record: Record, parts: Sequence[Entity], licence: str, author: str) -> Entity:
    by = {"author": _to("#author")} if author else {}
    what = f"{record.output.shape[0]} slices of {record.input.label}, restored by stackmend"
    exceeded = [gate_text(gate) for gate in record.gates if fails(gate)]
    rejected = f" Rejected, as it exceeds limits: {'; '.join(exceeded)}." if exceeded else ""
    return _entity(
        "./",
        "Dataset",
        name=f"{record.name}: restored stack",
        description=f"{what}, with the record of the run.{rejected}",
        datePublished=_ended(record),
        license=_to(licence),
        conformsTo=_to(PROFILE),
        hasPart=[_to(part["@id"]) for part in parts],
        mentions=_to("#run"),
        identifier=f"sha256:{record.output.pixel_hash}",
        citation=[_to(each["@id"]) for each in _cited(record)],
        **by,
    )


def _parts(folder: Path) -> Iterator[Entity]:
    for name in names.PARTS:
        path = folder / name
        if name == names.CRATE or not path.exists():
            continue
        what = _WHAT.get(name, "the restored stack")
        if name.startswith(names.TRUTH):
            what = "the stack as it should be"
        if path.is_dir():
            yield _entity(f"{name}/", "Dataset", name=name, description=what)
            continue
        with path.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        kind = _FORMATS.get(path.suffix, "application/octet-stream")
        size = str(path.stat().st_size)
        more = {"encodingFormat": kind, "contentSize": size, "sha256": digest}
        yield _entity(name, "File", name=name, description=what, **more)


def _action(record: Record, by: Mapping[str, Entity]) -> Entity:
    stacks = [name for name in record.files if name in names.STACKS]
    made = [f"{name}/" if "." not in name or name.endswith(".zarr") else name for name in stacks]
    what = " ".join(record.environment["command"]) or "stackmend.run"
    values = [_to(each["@id"]) for each in _values(record)]
    return _entity(
        "#run",
        "CreateAction",
        name=f"Restoration of {record.input.label}",
        description=f"Command: {what}",
        startTime=record.times["started"],
        endTime=_ended(record),
        instrument=_to("#stackmend"),
        object=[_to("#input"), _to(names.PROTOCOL), *values],
        result=[_to(each) for each in (*made, names.RECORD, names.SLICES)],
        actionStatus="http://schema.org/CompletedActionStatus",
        **by,
    )


def _ended(record: Record) -> str:
    started = datetime.fromisoformat(record.times["started"])
    ended = started + timedelta(seconds=record.times["total_s"])
    return ended.replace(microsecond=0).isoformat()


def _instruments(record: Record) -> Iterator[Entity]:
    packages = record.environment["packages"]
    others = [name for name in packages if name != "stackmend"]
    yield _entity(
        "#stackmend",
        "SoftwareApplication",
        name="stackmend",
        description="Declarative, reproducible restoration of FIB-SEM image stacks.",
        version=packages.get("stackmend", ""),
        softwareRequirements=[_to(f"#{name}") for name in others],
    )
    for name in others:
        yield _entity(f"#{name}", "SoftwareApplication", name=name, version=packages[name])


def _input(record: Record) -> Entity:
    given = record.input
    return _entity(
        "#input",
        "Dataset",
        name=given.label,
        description=f"{' x '.join(map(str, given.shape))} px (z, y, x), {given.dtype}",
        identifier=f"sha256:{given.pixel_hash}",
    )


def _values(record: Record) -> Iterator[Entity]:
    for step in record.chain:
        for name, each in step.parameters.items():
            title = f"{step.id}.{name}"
            value = each["value"]
            text = value if isinstance(value, str | int | float | bool) else str(value)
            said = {"value": text, "description": each["origin"]}
            yield _entity(f"#{title}", "PropertyValue", name=title, **said)


def _licence(given: str) -> Entity:
    if given.startswith(("https://", "http://")):
        return _entity(given, "CreativeWork", name=given)
    return _entity("#licence", "CreativeWork", name="licence", description=given or NOT_STATED)


def _cited(record: Record) -> list[Entity]:
    found = []
    for number, reference in enumerate(references(record), start=1):
        found.append(_entity(f"#reference-{number}", "CreativeWork", name=reference))
    return found


def _entity(id: str, kind: str, **properties: Any) -> Entity:
    return {"@id": id, "@type": kind, **properties}


def _to(id: str) -> Entity:
    return {"@id": id}
