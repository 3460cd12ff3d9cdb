"""A bundle made of a run: its protocol with the chosen values, and a small test that it passes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from stackmend.bundles import archive, write_archive
from stackmend.bundles.content import FORMAT, hashes
from stackmend.errors import InputError, UsageError
from stackmend.protocol import assemble
from stackmend.protocol.editing import put, remove
from stackmend.protocol.loading import file_places
from stackmend.protocol.schema import optimize_entries
from stackmend.protocol.text import parse
from stackmend.report.citation import bibtex, references
from stackmend.result import Record, Result
from stackmend.result.environment import MOVING_PIXELS
from stackmend.runner.frozen import effective_text, envelope_of, frozen_protocol, requirements_of
from stackmend.sharing.testing import Sample, expected_result, sample_of

NOT_STATED = "Who has made this bundle has not stated a licence for it; ask before you give it on."
README = """{name}: a protocol of stackmend, for the restoration of FIB-SEM stacks, with a test.

    stackmend try {file}
    stackmend run {file} --input STACK --output RESULT

The first command proves it on this machine: it restores the small stack under test/input and
holds the pixels against test/expected. protocol.yaml has the values that were chosen,
searched.yaml the search that chose them; CITATION.bib is what to cite.
"""


def bundle_of(
    result: Result,
    protocol: Path,
    target: Path,
    *,
    license: str = "",
    author: str = "",
    phantom: bool = False,
    size: int = 512,
) -> Path:
    """Write a bundle of a run, and return its path.

    Parameters
    ----------
    result
        The run.
    protocol
        That was run, or what ``freeze`` has made of the run.
    target
        A new file.
    license, author
        Of the protocol, as they are to be told.
    phantom
        Whether the test is on a synthetic stack, where no data may leave the lab.
    size
        Rows and columns of the part of an optimization slice that the test is on.

    Raises
    ------
    InputError
        If the run is not finished, or its stack cannot be read.
    UsageError
        If the protocol is another one, or one protocol cannot say what was done.
    OutputError
        If there is such a file already, or it cannot be written.
    """
    record = result.record
    frozen = frozen_protocol(result, target.absolute().parent)
    _check_protocol(protocol, record, frozen)
    text, loaded = _with_own_files(_for_others(frozen, record), target.absolute().parent)
    searched, _ = _with_own_files(_for_others(_as_run(record), record), record.protocol["folder"])
    files: dict[str, bytes] = {
        archive.PROTOCOL: text.encode(),
        archive.SEARCHED: searched.encode(),
        archive.SCHEMA: _json(_schema(record)),
        archive.CITATION: bibtex(record).encode(),
        archive.LICENCE: f"{license or NOT_STATED}\n".encode(),
        archive.README: _readme(record, target).encode(),
        **loaded,
    }
    with TemporaryDirectory(prefix="stackmend-") as folder:
        own = Path(folder, "frozen.yaml")
        own.write_text(frozen_protocol(result, own.parent), encoding="utf-8")
        sample = sample_of(result, own, Path(folder, "input"), phantom=phantom, size=size)
        for name, content in loaded.items():
            beside = Path(folder, name)
            beside.parent.mkdir(exist_ok=True)
            beside.write_bytes(content)
        expected = expected_result(text, sample, Path(folder))
        for place, each in ((archive.INPUT, sample.folder), (archive.EXPECTED, expected)):
            for path in sorted(each.rglob("*")):
                if path.is_file():
                    files[place + path.relative_to(each).as_posix()] = path.read_bytes()
    said = _content(record, files, sample, license, author)
    write_archive(target, {**files, archive.CONTENT: _json(said)})
    return target


def _check_protocol(protocol: Path, record: Record, frozen: str) -> None:
    """See that a bundle says what was run."""
    try:
        given = protocol.read_bytes()
    except OSError as error:
        what = f"cannot be read ({error.strerror or error})"
        raise UsageError(f"{protocol}: {what}; give the protocol that was run") from error
    if given.decode("utf-8-sig", "replace") == record.protocol["text"]:
        return
    mine, theirs = parse(given.decode("utf-8-sig", "replace")).data, parse(frozen).data
    if isinstance(mine, dict) and mine.get("chain") == theirs["chain"]:
        return
    what = "is not the protocol of that run, nor what freeze makes of it"
    raise UsageError(f"{protocol}: {what}; give that one, or run this one first")


def _as_run(record: Record) -> str:
    return effective_text(record.protocol, Path(record.protocol["folder"]))


def _for_others(text: str, record: Record) -> str:
    """A protocol without what is of this lab alone, with what it needs and was tuned for."""
    data = parse(text).data
    for name in ("input", "output"):
        if isinstance(data.get(name), dict):
            kept = {key: each for key, each in data[name].items() if key not in _PLACES}
            text = put(text, (name,), kept) if kept else remove(text, (name,))
    for path, entry in optimize_entries(data):
        if "channel" in entry:
            text = remove(text, (*path, "channel"))
    text = put(text, ("envelope",), envelope_of(record))
    return put(text, ("requires",), requirements_of(record))


def _with_own_files(text: str, folder: str | Path) -> tuple[str, dict[str, bytes]]:
    """A protocol of a folder with the files that its steps read beside it, and these by name."""
    files: dict[str, bytes] = {}
    for number, (path, written) in enumerate(list(file_places(parse(text).data))):
        file = Path(folder, Path(written).expanduser())
        name = f"{archive.LOADED}{number}{file.suffix.lower()}"
        try:
            files[name] = file.read_bytes()
        except OSError as error:
            what = f"cannot be read ({error.strerror or error})"
            raise InputError(f"{file}: {what}; put it back, as the protocol needs it") from error
        text = put(text, path, name)
    return text, files


_PLACES = (
    *("path", "phantom", "dataset", "slices", "channel"),
    *("pixel_size", "spacing", "axes", "flip", "data_bar"),
)
"""Keys of input and output that say where something lies, or what it is like."""


def _packages(record: Record) -> dict[str, str]:
    """The packages that steps come from, and those that can move a pixel, with their versions."""
    names = dict.fromkeys((*requirements_of(record), *MOVING_PIXELS))
    return {name: metadata.version(name) for name in names}


def _schema(record: Record) -> dict[str, Any]:
    steps = dict.fromkeys(step.step for step in record.chain)
    losses = dict.fromkeys(search.loss for search in record.searches)
    return assemble(steps, losses)


def _content(
    record: Record, files: Mapping[str, bytes], sample: Sample, license: str, author: str
) -> dict[str, Any]:
    """What the bundle says of itself."""
    needs = _packages(record)
    return {
        "bundle": FORMAT,
        "name": record.name,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "author": author,
        "license": license,
        "needs": {**needs},
        "steps": {step.step: step.version for step in record.chain},
        "references": references(record),
        "envelope": envelope_of(record),
        "test": sample.said,
        "files": hashes(files),
    }


def _readme(record: Record, target: Path) -> str:
    return README.format(name=record.name, file=target.name)


def _json(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()
